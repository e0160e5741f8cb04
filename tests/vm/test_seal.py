# SPDX-License-Identifier: GPL-2.0-or-later
"""Sealed Images: what kexec_file_load has loaded checks and repairs itself."""

import json
import os
import subprocess

import pytest

from lib import guest
from lib.guest import Machine

BLOCK = 4096
# That of the machine the tests run on.
HOST_COMMAND = os.environ.get("CRASHRES_HOST_COMMAND")
PLAIN = Machine("small")
VHE = Machine("EL2 with VHE", machine="virt,gic-version=3,virtualization=on")
NVHE = Machine("EL2 without VHE", machine="virt,gic-version=3,virtualization=on",
               cpu="cortex-a72")

pytestmark = pytest.mark.parametrize("kernel", ["small"], indirect=True)

LOAD = "kexec -s -p --reuse-cmdline --initrd=/boot/initrd /boot/sealed"


def seal(running, *options, console="--root=/"):
    words = ["crashres seal --kernel=/boot/Image --initrd=/boot/initrd -o /boot/sealed", console]
    running.check("chmod 755 /bin/crashres; " + " ".join([*words, *options]))


def region(running):
    iomem = guest.parse_iomem(running.check("cat /proc/iomem"))
    return max(guest.find_ranges(iomem, "Crash kernel"))


def find(running, data):
    """Where in the crash region these bytes are, which start a page."""
    first, end = region(running)
    for address in range(first, end, 4 << 20):
        memory = running.peek(address, min(4 << 20, end - address))
        at = memory.find(data)
        if at >= 0 and at % BLOCK == 0:
            return address + at
    raise AssertionError("not in the crash region")


def report(running):
    status, output = running.run("crashres report --json")
    return status, json.loads(output)


@pytest.mark.parametrize("machine", [PLAIN, VHE, NVHE], ids=lambda machine: machine.name)
def test_intact(lab, kernel, machine):
    with lab.boot(kernel, machine, {"bin/crashres": lab.read_crashres()}) as running:
        seal(running)
        assert running.run(LOAD) == (0, "")
        running.panic()
        running.wait_for(r"^crashres: purgatory: \d+ blocks intact, \d+ ms: starting the kernel$", 60)
        running.wait_ready("capture")
        status, found = report(running)
        assert (status, found["outcome"], found["mmu"]) == (0, "intact", True)



def test_the_machine_that_seals_is_not_in_the_image(lab, kernel):
    """Point 2.7: the Image may be for other machines, with another device at this UART's address."""
    with lab.boot(kernel, PLAIN, {"bin/crashres": lab.read_crashres()}) as running:
        seal(running, console="")
        assert running.run(LOAD) == (0, "")
        running.panic()
        running.wait_ready("capture")
        assert "crashres: purgatory:" not in running.serial
        assert report(running)[1]["outcome"] == "intact"


def test_a_serial_port_that_is_named_is_this_machines(lab, kernel):
    with lab.boot(kernel, PLAIN, {"bin/crashres": lab.read_crashres()}) as running:
        seal(running, console="--serial=ttyAMA0")
        assert running.run(LOAD) == (0, "")
        running.panic()
        running.wait_for(r"^crashres: purgatory: \d+ blocks intact, \d+ ms: starting the kernel$", 60)


# Where in the file it is, how much is overwritten, and of that what purgatory sees.
@pytest.mark.parametrize("what, offset, size", [
    ("kernel", 0x123456, 64), ("kernel", 0x100000, 3 * BLOCK), ("initrd", 0x100010, 64),
], ids=["kernel", "three pages of the kernel", "initrd"])
def test_damage_is_repaired_and_reported(lab, kernel, what, offset, size):
    data = kernel.read_bytes() if what == "kernel" else lab.make_capture_initrd()
    with lab.boot(kernel, PLAIN, {"bin/crashres": lab.read_crashres()}) as running:
        seal(running)
        assert running.run(LOAD) == (0, "")
        start = find(running, data[:BLOCK])
        assert running.peek(start + offset, size) == data[offset:offset + size]
        bad = bytes(byte ^ 0xff for byte in data[offset:offset + size])
        running.poke(start + offset, bad)
        running.panic()
        blocks = (offset + size - 1) // BLOCK - offset // BLOCK + 1
        running.wait_for(rf"^crashres: purgatory: {what} damaged at offset {offset:#x}, found "
                         rf"{bad[:16].hex()}; {blocks} of \d+ blocks damaged, {blocks} repaired, "
                         r"\d+ ms: starting the kernel$", 60)
        running.wait_ready("capture")
        status, found = report(running)
        assert (status, found["outcome"]) == (1, "repaired")
        assert found["damage"] == [{"segment": what, "offset": offset, "blocks": blocks,
                                    "repaired": blocks, "found": bad[:16].hex()}]


def test_beyond_parity_the_policy_decides(lab, kernel):
    data = kernel.read_bytes()
    with lab.boot(kernel, PLAIN, {"bin/crashres": lab.read_crashres()}) as running:
        seal(running, "--repair=off")
        assert running.run(LOAD) == (0, "")
        running.poke(find(running, data[:BLOCK]) + 0x123000, bytes(64))
        running.panic()
        running.wait_for(r"^crashres: purgatory: kernel damaged at offset 0x123000, found 0{32}; 1 of "
                         r"\d+ blocks damaged, 0 repaired, \d+ ms: resetting$", 60)
        assert running.wait_exit(30) == "guest-reset"


def test_another_initrd_is_refused(lab, kernel):
    """Point 1.7. Bare-metal tests show what purgatory does about it at the panic (test_sealed.py)."""
    with lab.boot(kernel, PLAIN, {"bin/crashres": lab.read_crashres()}) as running:
        seal(running)
        running.check("cp /boot/initrd /boot/other; printf x >> /boot/other")
        size = int(running.check("stat -c %s /boot/initrd"))
        assert running.run(LOAD.replace("--initrd=/boot/initrd", "--initrd=/boot/other")) == (
            1, "kexec: /boot/sealed: is sealed with another initrd than /boot/other: the size is "
               f"{size} bytes, not {size + 1}")
        assert running.run("kexec -S") == (0, "")


def test_it_boots_as_a_plain_kernel(lab, kernel, tmp_path):
    """From any loader that knows arm64 Images, with another initrd where none was sealed."""
    sealed = tmp_path / "sealed"
    subprocess.run([HOST_COMMAND, "seal", f"--kernel={kernel}", "-o", sealed], check=True)
    with lab.boot(sealed, PLAIN) as running:
        running.check("test -e /boot/Image")
