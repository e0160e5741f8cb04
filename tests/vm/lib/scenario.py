# SPDX-License-Identifier: GPL-2.0-or-later
"""A small plan to damage and to run, for test_purgatory.py and test_repair.py."""

import random

from lib import baremetal as bm
from lib import oracle
import pytest

KERNEL = 0x44000000
INITRD = 0x46000000
DTB = 0x47000000
PURGATORY = 0x48000000
PURGATORY_ELSEWHERE = 0x49ABD000  # another offset in a 2 MiB block, and odd
BUSY_UART = 0x4A000000
PARITY = 0x4B000000
RAMDISK = 0x4C000000
# What is mapped for the check, with ragged ends; RAM goes on on both sides.
REGION = (0x43FF1000, 0x4FFFF000)
UNMAPPED = 0x52000000
RECORD_AT = 0x104  # in the device tree: a multiple of 4, as its properties are, and not of 8

LEVELS = [("max", level) for level in (bm.EL1, bm.EL2, bm.EL2_VHE)]

machines = pytest.mark.parametrize(
    "cpu,level", bm.MACHINES, ids=[f"{cpu}-{bm.LEVEL_NAMES[level]}" for cpu, level in bm.MACHINES]
)
levels = pytest.mark.parametrize(
    "cpu,level", LEVELS, ids=[bm.LEVEL_NAMES[level] for _, level in LEVELS]
)

SHA256_INSTRUCTIONS = bm.INSTRUCTIONS << bm.SHA256_SHIFT
# TCR_ELx as purgatory has it with the MMU on, but for the size of physical addresses: that is
# ID_AA64MMFR0_EL1.PARange, at most 48 bits. And as payload.S has it before.
TCR, TCR_NO_E2H = 0x803510, 0x80803510
ADDRESS_SIZE = {"cortex-a53": 2, "cortex-a72": 4, "neoverse-n1": 5, "max": 5}
TCR_BEFORE, TCR_BEFORE_NO_E2H = 0x1A000000019, 0x00F00019


class Bench:
    """A plan with three segments, and the ways to run it."""

    def __init__(self, directory):
        self.directory = directory
        self.kernel = bm.assemble("KERNEL")
        self.plan = self.make_plan()

    def make_plan(self, kernel_code=None, base=PURGATORY, more=(), **options):
        noise = random.Random(1).randbytes
        code = kernel_code or self.kernel
        # the last block is the zero padding between an Image and its memsz
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
        """What is in memory at the crash. damage: (name, offset[, bit]) each."""
        found = (plan or self.plan).memory()
        for name, *where in damage:
            found[name] = bm.flip_bit(found[name], *where)
        return found

    def run(self, cpu="cortex-a53", level=bm.EL1, plan=None, damage=(), found=None, **options):
        """found: instead of damage."""
        plan = plan or self.plan
        found = found or self.make_memory(plan, damage)
        outcome = bm.run_plan(plan, found, cpu, level, self.directory, **options)
        saved = options.get("save", {}).values()
        oracle.check_rest_of_ram(plan, outcome, [(at, at + size) for at, size in saved])
        return outcome

    def run_as_expected(self, cpu="cortex-a53", level=bm.EL1, plan=None, damage=(), found=None,
                        sha256=SHA256_INSTRUCTIONS, **options):
        """Run it and hold everything against the oracle. Return: what the oracle said."""
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
    """The place of the record in the device tree, which has any name."""
    [segment] = [s for s in plan.segments if s.base <= plan.record < s.base + len(s.data)]
    at = plan.record - segment.base
    return outcome.memory[segment.name][at : at + bm.RECORD_SIZE]


def read_record(plan, outcome):
    return bm.read_record(read_record_bytes(plan, outcome))


def intact_line(blocks):
    return oracle.make_line(blocks)


def assert_booted(outcome, plan, level, line):
    """After that line the kernel prints its own."""
    assert outcome.reason == oracle.BOOTED, outcome
    purgatory, newline, kernel = outcome.console.rpartition("\r\n")
    assert oracle.remove_time(purgatory + newline) == line
    assert kernel.startswith("x0=") and kernel.count("\n") == 1
    bm.assert_kernel_state(plan, outcome, level)


def assert_intact(outcome, plan, level=bm.EL1):
    assert_booted(outcome, plan, level, intact_line(plan.blocks))


def assert_reset(outcome, console):
    assert oracle.remove_time(outcome.console) == console
    assert outcome.reason == oracle.RESET


def damaged_line(plan, found, name, offset, damaged, ending=": resetting"):
    """Nothing repaired: the offset is that of a block, and the first bytes there are shown."""
    shown = found[name][offset : offset + 16] if name in found else b""
    run = bm.Damage(name, offset, 1, 0, shown)
    return oracle.make_line(plan.blocks, damaged, 0, run, ending)
