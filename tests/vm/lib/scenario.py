# SPDX-License-Identifier: GPL-2.0-or-later
"""A small plan with three segments that the bare-metal tests damage and run.

The segments are a kernel (payload.S, PART_KERNEL), an initrd and a device tree.
"""

import random

from lib import baremetal as bm
from lib import oracle
import pytest

# Physical addresses.
KERNEL = 0x44000000
INITRD = 0x46000000
DTB = 0x47000000
PURGATORY = 0x48000000
PURGATORY_ELSEWHERE = 0x49ABD000  # a page at an odd offset in its 2 MiB section
BUSY_UART = 0x4A000000
PARITY = 0x4B000000
RAMDISK = 0x4C000000
# The crash region, which purgatory maps for the check. Neither end is aligned to 2 MiB, and
# there is RAM on both sides.
REGION = (0x43FF1000, 0x4FFFF000)
UNMAPPED = 0x52000000  # RAM outside the region
# Offset of the record in the device tree. It is a multiple of 4, as the offsets of properties
# are, but not of 8.
RECORD_AT = 0x104

LEVELS = [("max", level) for level in (bm.EL1, bm.EL2, bm.EL2_VHE)]

machines = pytest.mark.parametrize(
    "cpu,level", bm.MACHINES, ids=[f"{cpu}-{bm.LEVEL_NAMES[level]}" for cpu, level in bm.MACHINES]
)
levels = pytest.mark.parametrize(
    "cpu,level", LEVELS, ids=[bm.LEVEL_NAMES[level] for _, level in LEVELS]
)

SHA256_INSTRUCTIONS = bm.INSTRUCTIONS << bm.SHA256_SHIFT
# TCR_ELx that purgatory writes to switch the MMU on, without the size of physical addresses.
# The size is ID_AA64MMFR0_EL1.PARange, limited to 48 bits.
TCR, TCR_NO_E2H = 0x803510, 0x80803510
ADDRESS_SIZE = {"cortex-a53": 2, "cortex-a72": 4, "neoverse-n1": 5, "max": 5}
# TCR_ELx that payload.S writes before it enters purgatory.
TCR_BEFORE, TCR_BEFORE_NO_E2H = 0x1A000000019, 0x00F00019


class Bench:
    """Makes variants of the plan, damages them and runs them."""

    def __init__(self, directory):
        self.directory = directory
        self.kernel = bm.assemble("KERNEL")
        self.plan = self.make_plan()

    def make_plan(self, kernel_code=None, base=PURGATORY, more=(), **options):
        """Returns a baremetal.Plan. base: purgatory's address. more: additional segments."""
        noise = random.Random(1).randbytes
        code = kernel_code or self.kernel
        # The last block is zero, like the padding of an Image up to its memory size.
        kernel = (code + noise(3 * bm.BLOCK - len(code))).ljust(4 * bm.BLOCK, b"\0")
        initrd, dtb = noise(3 * bm.BLOCK), bytearray(noise(2 * bm.BLOCK))
        dtb[RECORD_AT : RECORD_AT + bm.RECORD_SIZE] = bm.make_record_template()
        segments = [bm.Segment("kernel", KERNEL, kernel), bm.Segment("initrd", INITRD, initrd),
                    bm.Segment("dtb", DTB, bytes(dtb)), *more]
        settings = {"dtb": DTB, "region": REGION, "record": DTB + RECORD_AT,
                    "parity_base": PARITY, **options}
        image = settings.pop("image", None) or bm.image_path().read_bytes()
        return bm.Plan(image, base, KERNEL, segments, **settings)

    def make_memory(self, plan=None, damage=()):
        """Returns the memory at the crash: name -> bytes. damage: a list of (name, offset[, bit]);
        each of these bits is flipped."""
        found = (plan or self.plan).memory()
        for name, *where in damage:
            found[name] = bm.flip_bit(found[name], *where)
        return found

    def run(self, cpu="cortex-a53", level=bm.EL1, plan=None, damage=(), found=None, **options):
        """Runs a plan and checks that purgatory wrote to no other RAM. Returns a
        baremetal.Outcome.

        found: the memory at the crash; without it, make_memory(plan, damage) is used.
        options: arguments of baremetal.run_plan().
        """
        plan = plan or self.plan
        found = found or self.make_memory(plan, damage)
        outcome = bm.run_plan(plan, found, cpu, level, self.directory, **options)
        saved = options.get("save", {}).values()
        oracle.check_rest_of_ram(plan, outcome, [(at, at + size) for at, size in saved])
        return outcome

    def run_as_expected(self, cpu="cortex-a53", level=bm.EL1, plan=None, damage=(), found=None,
                        sha256=SHA256_INSTRUCTIONS, **options):
        """Runs a plan and compares the result with oracle.expect(). Returns the expectation.

        sha256: the flag of the SHA-256 method that the record must have.
        """
        plan = plan or self.plan
        found = found or self.make_memory(plan, damage)
        expected = oracle.expect(plan, found)
        outcome = self.run(cpu, level, plan, found=found,
                           halts=expected.reason == oracle.HALTED, **options)
        assert outcome.reason == expected.reason, outcome
        oracle.check_memory(plan, expected, outcome.memory)
        oracle.check_ram(plan, expected, outcome)
        flags = oracle.level_flags(level) | sha256 | (bm.FLAG_MMU if plan.region else 0)
        oracle.check_record(plan, expected, read_record_bytes(plan, outcome), flags)
        if expected.reason == oracle.BOOTED:
            assert_booted(outcome, plan, level, expected.console)
        else:
            assert oracle.remove_time(outcome.console) == expected.console
        return expected


def read_record_bytes(plan, outcome):
    """Returns the bytes of the record at the end of a run, from the segment that contains it."""
    [segment] = [s for s in plan.segments if s.base <= plan.record < s.base + len(s.data)]
    at = plan.record - segment.base
    return outcome.memory[segment.name][at : at + bm.RECORD_SIZE]


def read_record(plan, outcome):
    """Returns the baremetal.Record at the end of a run, or None if purgatory wrote no record."""
    return bm.read_record(read_record_bytes(plan, outcome))


def intact_line(blocks):
    """Returns the console line of purgatory for an intact kernel, without the time."""
    return oracle.make_line(blocks)


def assert_booted(outcome, plan, level, line):
    """Checks that purgatory printed a line and then started the kernel, which prints its state."""
    assert outcome.reason == oracle.BOOTED, outcome
    purgatory, newline, kernel = outcome.console.rpartition("\r\n")
    assert oracle.remove_time(purgatory + newline) == line
    assert kernel.startswith("x0=") and kernel.count("\n") == 1
    bm.assert_kernel_state(plan, outcome, level)


def assert_intact(outcome, plan, level=bm.EL1):
    """Checks that purgatory reported an intact kernel and started it."""
    assert_booted(outcome, plan, level, intact_line(plan.blocks))


def assert_reset(outcome, console):
    """Checks that purgatory printed this text and reset the machine."""
    assert oracle.remove_time(outcome.console) == console
    assert outcome.reason == oracle.RESET


def damaged_line(plan, found, name, offset, damaged, ending=": resetting"):
    """Returns the console line for damage without repair, without the time.

    offset: of the first damaged block in its segment. The line shows the first 16 bytes of
    the block. damaged: number of damaged blocks.
    """
    shown = found[name][offset : offset + 16] if name in found else b""
    run = bm.Damage(name, offset, 1, 0, shown)
    return oracle.make_line(plan.blocks, damaged, 0, run, ending)
