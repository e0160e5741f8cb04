# SPDX-License-Identifier: GPL-2.0-or-later
"""Damage to a loaded crash kernel before a panic: purgatory repairs and reports it, or resets."""

import re

import pytest

from lib import guest
from lib.guest import Machine

BLOCK = 4096
VHE = Machine("EL2 with VHE", machine="virt,gic-version=3,virtualization=on")
NVHE = Machine("EL2 without VHE", machine="virt,gic-version=3,virtualization=on",
               cpu="cortex-a72")
PLAIN = Machine("plain")

# Segment -> offset in bytes: kernel code, the middle of the initrd, the first bytes of the DTB and of
# elfcorehdr
PLACES = {"kernel": 0x123456, "initrd": 0x200010, "dtb": 0x8, "elfcorehdr": 0x0}


def load(running, *options):
    """Loads the crash kernel. Returns its plan: name -> [(first, end)]."""
    status, output = running.run("kexec -d -p --reuse-cmdline --initrd=/boot/initrd "
                                 f"{' '.join(options)} /boot/Image")
    assert status == 0, output
    return guest.parse_plan(output)


def damage(running, address, size=64):
    """Inverts all bits of some bytes in physical memory. Returns the new bytes."""
    bad = bytes(byte ^ 0xff for byte in running.peek(address, size))
    running.poke(address, bad)
    return bad


def make_pattern(name, offset, bad, damaged, repaired, ending):
    """Returns a pattern for the console line of purgatory. bad: the damaged bytes."""
    return (rf"^crashres: purgatory: {name} damaged at offset {offset:#x}, found "
            rf"{bad[:16].hex()}; {damaged} of \d+ blocks damaged, {repaired} repaired, \d+ ms: "
            rf"{ending}$")


@pytest.mark.parametrize("kernel", ["6.12"], indirect=True)
@pytest.mark.parametrize("name, machine, options", [
    ("kernel", PLAIN, ()), ("kernel", PLAIN, ("--purgatory-mmu=off",)), ("initrd", VHE, ()),
    ("dtb", NVHE, ()), ("elfcorehdr", PLAIN, ()),
], ids=["kernel", "kernel, MMU off", "initrd at EL2 with VHE", "dtb at EL2 without VHE",
        "elfcorehdr"])
def test_damage_is_repaired_and_reported(lab, kernel, name, machine, options):
    with lab.boot(kernel, machine) as running:
        plan = load(running, *options)
        offset = PLACES[name]
        bad = damage(running, plan[name][0][0] + offset)
        running.panic()
        running.wait_for(make_pattern(name, offset, bad, 1, 1, "starting the kernel"), 60)
        running.wait_ready("capture")
        status, found = running.read_report()
        assert status == 1
        assert found["outcome"] == "repaired"
        assert found["exception_level"] == (2 if "virtualization" in machine.machine else 1)
        assert found["vhe"] == (machine is VHE)
        assert found["mmu"] == (not options)
        assert found["sha256"] == "instructions"
        assert (found["damaged"], found["repaired"], found["damage_count"]) == (1, 1, 1)
        assert found["damage"] == [{"segment": name, "offset": offset, "blocks": 1,
                                    "repaired": 1, "found": bad[:16].hex()}]


@pytest.mark.parametrize("kernel", ["6.1"], indirect=True)
def test_a_long_burst_is_repaired(lab, kernel):
    """The burst is as long as the parity permits, and starts and ends inside a block."""
    with lab.boot(kernel) as running:
        plan = load(running)
        [(parity, parity_end)] = plan["parity"]
        [(initrd, initrd_end)] = plan["initrd"]
        size = parity_end - parity - BLOCK
        assert size > 1 << 20 and initrd + 100 + size < initrd_end
        bad = damage(running, initrd + 100, size)
        running.panic()
        blocks = size // BLOCK + 1
        running.wait_for(make_pattern("initrd", 100, bad, blocks, blocks, "starting the kernel"), 60)
        running.wait_ready("capture")
        status, found = running.read_report()
        assert status == 1
        assert found["damage"] == [{"segment": "initrd", "offset": 100, "blocks": blocks,
                                    "repaired": blocks, "found": bad[:16].hex()}]


@pytest.mark.parametrize("kernel", ["6.12"], indirect=True)
@pytest.mark.parametrize("mmu", ["on", "off"])
def test_damage_that_cannot_be_repaired_resets_the_machine(lab, kernel, mmu):
    with lab.boot(kernel) as running:
        plan = load(running, f"--purgatory-mmu={mmu}", "--repair=off")
        assert "parity" not in plan
        bad = damage(running, plan["kernel"][0][0] + 0x123000)
        running.panic()
        running.wait_for(make_pattern("kernel", 0x123000, bad, 1, 0, "resetting"), 60)
        assert running.wait_exit(30) == "guest-reset"
        assert not re.search(r"^guest: ready: capture", running.serial, re.MULTILINE)


@pytest.mark.parametrize("kernel", ["6.1"], indirect=True)
def test_a_damaged_kernel_is_started_with_on_damage_boot(lab, kernel):
    with lab.boot(kernel) as running:
        plan = load(running, "--on-damage=boot", "--repair=off")
        # The last bytes of the initrd are padding of its archive, so the capture kernel boots.
        offset = plan["initrd"][0][1] - plan["initrd"][0][0] - 64
        damage(running, plan["initrd"][0][0] + offset)
        running.panic()
        block = offset // BLOCK * BLOCK
        running.wait_for(rf"^crashres: purgatory: initrd damaged at offset {block:#x}, found \w+; 1 "
                         r"of \d+ blocks damaged, 0 repaired, \d+ ms: starting the kernel$", 60)
        running.wait_ready("capture")
        status, found = running.read_report()
        assert (status, found["outcome"]) == (2, "damaged")
        assert found["damage"][0]["segment"] == "initrd"


@pytest.mark.parametrize("kernel", ["6.1"], indirect=True)
def test_without_checks_purgatory_prints_no_line_and_no_record(lab, kernel):
    with lab.boot(kernel) as running:
        load(running, "--no-checks")
        running.panic()
        running.wait_ready("capture")
        assert "crashres: purgatory:" not in running.serial
        status, output = running.run("crashres report 2>&1")
        assert (status, output) == (
            3, "crashres: /sys/firmware/fdt: no /chosen/crashres,record: no purgatory of crashres "
               "started this kernel, or purgatory had nothing to check")
