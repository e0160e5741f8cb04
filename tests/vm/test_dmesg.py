# SPDX-License-Identifier: GPL-2.0-or-later
"""vmcore-dmesg on real dumps prints the same log as makedumpfile or kexec-tools."""

import json
import re

import pytest

from conftest import VMCORE_DMESG
from lib.guest import Machine

pytestmark = pytest.mark.skipif(not VMCORE_DMESG, reason="CRASHRES_VMCORE_DMESG does not name a "
                                "static arm64 program to test")

DEVICE_TREE = Machine("device tree, EL1")
# This CPU has 48-bit addresses. A kernel for 52-bit addresses has another memory layout on it.
CORTEX_A72 = Machine("cortex-a72", cpu="cortex-a72")
MATRIX = [("6.1", DEVICE_TREE), ("6.12", DEVICE_TREE), ("6.12", CORTEX_A72),
          ("6.12-16k", DEVICE_TREE), ("newest", DEVICE_TREE), ("small", DEVICE_TREE)]

# The message of makedumpfile 1.7.2 and 1.7.8 for 52-bit addresses and pages of 4 or 16 KiB.
TOO_WIDE = r"PAGE SIZE 0x[14]000 and VA Bits 52 not supported"

PANIC = "Kernel panic - not syncing: sysrq triggered crash"

# A record for the log with several lines and with bytes that are not text. cat writes all of it
# with one write(), so it is one record; the shell's printf would write each line separately.
ODD = r"printf '<4>odd: one\ntwo \351 \033[1m three\\x41 \303\251' > /odd && cat /odd > /dev/kmsg"
ODD_LINES = rb"] odd: one" + b"\n" + rb"two \xe9 \x1b[1m three\x41 \xc3\xa9" + b"\n"


def remove_indentation(text):
    """Returns the log without indentation, because only makedumpfile indents continuation lines."""
    return re.sub(rb"[ \t]+", b" ", re.sub(rb"(?m)^[ \t]+|[ \t]+$", b"", text))


def read_reference_log(capture, info):
    """Returns the log that makedumpfile prints, or kexec-tools if makedumpfile refuses the dump."""
    status, output = capture.run("makedumpfile --dump-dmesg /proc/vmcore /theirs 2>&1", 300)
    too_wide = info["NUMBER(VA_BITS)"] == "52" and info["PAGESIZE"] != "65536"
    assert status == too_wide and bool(re.search(TOO_WIDE, output)) == too_wide, output
    if too_wide:
        capture.check("peer-vmcore-dmesg /proc/vmcore > /theirs", 300)
    return capture.read("/theirs")


@pytest.mark.parametrize("kernel, machine", MATRIX, indirect=["kernel"],
                         ids=[f"{kernel}: {machine.name}" for kernel, machine in MATRIX])
def test_the_log_equals_that_of_makedumpfile_or_kexec_tools(lab, kernel, machine):
    with lab.boot(kernel, machine) as running:
        lines = running.check("dmesg").splitlines()
        running.check(ODD)
        # Set the clock: makedumpfile refuses a dump with a crash time of 0 seconds.
        running.check("date -s @1750000000")
        running.check("kexec -p --reuse-cmdline --initrd=/boot/initrd /boot/Image")
        running.panic()
        running.wait_ready("capture")
        running.check("vmcore-dmesg -o /ours /proc/vmcore", 300)
        ours = running.read("/ours")
        theirs = read_reference_log(running, check_info(running))
        assert remove_indentation(ours) == remove_indentation(theirs)
        assert ODD_LINES in remove_indentation(ours)
        check_against_kernel(ours.decode(), lines)
        check_command(running, ours)
        check_json(running, ours.decode())


@pytest.mark.parametrize("kernel", ["small"], indirect=True)
def test_records_without_text_are_printed_as_by_kexec_tools(lab, kernel):
    with lab.boot(kernel, DEVICE_TREE) as running:
        running.check("echo before > /dev/kmsg; echo > /dev/kmsg; echo behind > /dev/kmsg")
        running.check("kexec -p --reuse-cmdline --initrd=/boot/initrd /boot/Image")
        running.panic()
        running.wait_ready("capture")
        running.check("vmcore-dmesg -o /ours /proc/vmcore", 300)
        running.check("peer-vmcore-dmesg /proc/vmcore > /theirs && cmp /ours /theirs", 300)
        assert re.search(rb"\] before\n\[ *[0-9.]+\] \n\[ *[0-9.]+\] behind\n",
                         running.read("/ours"))


def check_against_kernel(log, lines):
    """Checks that the log has all lines of dmesg before the panic, and the panic."""
    assert len(lines) > 100
    for line in lines:
        assert line in log, line
    assert PANIC in log


def check_command(capture, ours):
    assert capture.check("stat -c %a /ours") == "600"
    capture.check("vmcore-dmesg /proc/vmcore > /standard && cmp /standard /ours", 300)
    # The capture kernel has little memory, so vmcore-dmesg must work with 2 MiB of address space.
    capture.check("(ulimit -v 2048 && vmcore-dmesg /proc/vmcore > /limited) && cmp /limited /ours")
    status, output = capture.run("vmcore-dmesg /proc/vmcore 2>&1 > /dev/full")
    assert (status, output) == (
        54, "vmcore-dmesg: standard output: cannot write: No space left on device")


def check_json(capture, log):
    capture.check("vmcore-dmesg --json -o /json /proc/vmcore", 300)
    records = [json.loads(line) for line in capture.read("/json").decode().splitlines()]
    assert [record["seq"] for record in records] == list(range(len(records)))
    assert all(record["level"] in range(8) for record in records)
    panic, = [record for record in records if record["text"].endswith(PANIC)]
    assert panic["level"] == 0 and re.fullmatch(r"[TC]\d+", panic["caller"])
    odd, = [record for record in records if record["text"].startswith("odd: ")]
    assert odd["text"] == "odd: one\ntwo \ufffd \x1b[1m three\\x41 é"
    assert odd["level"] == 4 and odd["facility"] == 1
    assert len(log.splitlines()) >= len(records)


def check_info(capture):
    capture.check("vmcore-dmesg --info --json -o /info.json /proc/vmcore")
    capture.check("vmcore-dmesg --info -o /info /proc/vmcore")
    info = json.loads(capture.read("/info.json"))
    assert 1750000000 <= int(info["CRASHTIME"]) < 1750001000
    assert info["OSRELEASE"] == capture.check("uname -r")
    assert "".join(f"{key}={value}\n" for key, value in info.items()) == \
        capture.read("/info").decode()
    return info
