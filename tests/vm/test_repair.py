# SPDX-License-Identifier: GPL-2.0-or-later
"""Repair with parity: which blocks purgatory restores, and which memory it must not change."""

import random
import re

from lib import baremetal as bm
from lib import oracle
import pytest
from lib.scenario import (
    RAMDISK, REGION, SHA256_INSTRUCTIONS, Bench, levels, machines, read_record,
)

pytestmark = pytest.mark.skipif(bm.find_missing_tool() is not None, reason=str(bm.find_missing_tool()))

GROUPS = 8
# The plan has 9 + 62 blocks, so a parity group has eight or nine members.
MORE = 62


class RepairBench(Bench):
    def make_plan(self, *arguments, **options):
        noise = random.Random(4).randbytes
        more = [bm.Segment("more", RAMDISK, noise(MORE * bm.BLOCK))]
        options = {"groups": GROUPS, "more": more, **options}
        return super().make_plan(*arguments, **options)


@pytest.fixture
def bench(tmp_path):
    return RepairBench(tmp_path)


def place(plan, block, at=0):
    """Returns (name of the segment, offset) of a byte of a block. at: offset in the block."""
    for segment in plan.segments:
        if block < len(segment.blocks):
            return segment.name, block * bm.BLOCK + at
        block -= len(segment.blocks)
    raise AssertionError(f"the plan has no block {block}")


def overwrite(bench, plan, blocks, parity=()):
    """Returns the memory at the crash with every byte of some blocks and parity blocks wrong."""
    found = bench.make_memory(plan)
    places = [place(plan, block) for block in blocks]
    for name, at in [*places, *(("parity", block * bm.BLOCK) for block in parity)]:
        data = found[name]
        wrong = bytes(byte ^ 0xA5 for byte in data[at : at + bm.BLOCK])
        found[name] = data[:at] + wrong + data[at + bm.BLOCK :]
    return found


def assert_ends(bench, outcome, blocks, parity=(), damaged=None, repaired=None, plan=None,
                machine=("max", bm.EL1)):
    """Overwrites blocks, runs the plan and checks the end. Returns the oracle.Expected.

    damaged, repaired: numbers of blocks, which this check compares with the oracle's numbers.
    """
    plan = plan or bench.plan
    expected = bench.run_as_expected(*machine, plan, found=overwrite(bench, plan, blocks, parity))
    damaged = len(blocks) if damaged is None else damaged
    repaired = (damaged if outcome == "repaired" else 0) if repaired is None else repaired
    assert (expected.outcome, len(expected.damaged), len(expected.repaired)) == (
        outcome, damaged, repaired)
    return expected


# Blocks: the kernel's code, its padding, the initrd, the dtb with the record, the last block
@machines
@pytest.mark.parametrize("block", [0, 3, 4, 7, MORE + 8])
def test_one_block_of_any_segment_is_repaired(bench, cpu, level, block):
    assert_ends(bench, "repaired", [block], machine=(cpu, level))


@pytest.mark.parametrize("bit", [(0, 0, 0), (0, 4095, 7), (6, 1234, 3), (70, 4088, 1)])
def test_one_wrong_bit_is_repaired_and_its_byte_is_reported(bench, bit):
    block, at, number = bit
    name, offset = place(bench.plan, block, at)
    found = bench.make_memory(damage=[(name, offset, number)])
    outcome = bench.run(found=found)
    bytes_there = found[name][offset : min(offset + 16, (offset | 4095) + 1)].hex()
    first = outcome.console.split("\r\n", maxsplit=1)[0]
    assert re.fullmatch(
        f"crashres: purgatory: {name} damaged at offset {offset:#x}, found {bytes_there};"
        f" 1 of 71 blocks damaged, 1 repaired, [0-9]+ ms: starting the kernel", first)
    bench.run_as_expected(found=found)


METHODS = {"vectors": (), "portable": bm.METHODS, "portable-parity": bm.METHODS[1:],
           "portable-sha256": bm.METHODS[:1]}


@machines
@pytest.mark.parametrize("mmu", [True, False], ids=["mmu", "no-mmu"])
@pytest.mark.parametrize("methods", METHODS)
def test_every_method_repairs(bench, cpu, level, mmu, methods):
    """Two blocks of group 3 need P and Q. One block of group 5 is repaired with Q alone."""
    plan = bench.make_plan(image=bm.make_portable_image(METHODS[methods]),
                           region=REGION if mmu else None)
    found = overwrite(bench, plan, [3, 35, 61], parity=[5])
    portable = bm.METHODS[0] in METHODS[methods]
    expected = bench.run_as_expected(cpu, level, plan, found=found,
                                     sha256=0 if portable else SHA256_INSTRUCTIONS)
    assert (expected.outcome, expected.repaired) == ("repaired", {3, 35, 61})


@levels
def test_any_two_blocks_of_a_group_are_repaired(bench, cpu, level):
    """Every pair of the nine members of group 2, and of the eight members of group 7."""
    pairs = [(2 + GROUPS * x, 2 + GROUPS * y) for y in range(9) for x in range(y)]
    pairs += [(7 + GROUPS * x, 7 + GROUPS * y) for y in range(8) for x in range(y)]
    for pair in pairs if level == bm.EL1 else pairs[::9]:
        assert_ends(bench, "repaired", pair, machine=(cpu, level))


@levels
def test_three_blocks_of_a_group_cannot_be_repaired(bench, cpu, level):
    assert_ends(bench, "damaged", [2, 10, 66], machine=(cpu, level))


def test_a_group_that_cannot_be_repaired_does_not_stop_the_others(bench):
    plan = bench.make_plan(on_damage=bm.BOOT)
    # Three blocks of group 2, two of group 5, one of group 6.
    expected = assert_ends(bench, "damaged", [2, 10, 66, 13, 53, 30], damaged=6, repaired=3,
                           plan=plan)
    assert expected.reason == oracle.BOOTED
    assert expected.repaired == {13, 53, 30}


@levels
def test_damaged_parity_alone_is_harmless(bench, cpu, level):
    everything = range(2 * GROUPS)
    for parity in ([0], [GROUPS], [3, GROUPS + 3], everything):
        assert_ends(bench, "intact", [], parity, machine=(cpu, level))


# Group 3: its P block is block 3 of the parity, its Q block is block GROUPS + 3.
P, Q = 3, GROUPS + 3


@levels
@pytest.mark.parametrize(
    "blocks,parity,outcome",
    [
        ([11], [P], "repaired"),
        ([11], [Q], "repaired"),
        ([3], [P], "repaired"),  # member 0, whose factor in Q is 1
        ([67], [P], "repaired"),  # the last member
        ([11], [P, Q], "damaged"),
        ([11, 19], [P], "damaged"),
        ([11, 19], [Q], "damaged"),
        ([11, 19], [P, Q], "damaged"),
        ([11, 20], [P, Q], "damaged"),  # one block of group 3, one of group 4
        ([12, 20], [P, Q], "repaired"),  # two blocks of group 4
    ],
)
def test_damaged_parity_and_damaged_blocks(bench, cpu, level, blocks, parity, outcome):
    repaired = 1 if 20 in blocks and outcome == "damaged" else None
    assert_ends(bench, outcome, blocks, parity, repaired=repaired, machine=(cpu, level))


def test_one_wrong_bit_makes_a_parity_block_useless(bench):
    for parity, outcome in (([P], "repaired"), ([Q], "repaired"), ([P, Q], "damaged")):
        damage = [("parity", block * bm.BLOCK + 4095) for block in parity]
        damage.append(place(bench.plan, 11, 77))
        assert bench.run_as_expected(damage=damage).outcome == outcome


@levels
def test_a_burst_of_twice_the_groups_is_repaired(bench, cpu, level):
    for first in (0, 9, 20, 71 - 2 * GROUPS):
        assert_ends(bench, "repaired", range(first, first + 2 * GROUPS), machine=(cpu, level))


@levels
def test_a_burst_of_one_more_block_is_not_repaired(bench, cpu, level):
    # One group has three damaged blocks. The other groups have two, which are repaired.
    blocks = range(20, 20 + 2 * GROUPS + 1)
    assert_ends(bench, "damaged", blocks, repaired=2 * (GROUPS - 1), machine=(cpu, level))


def test_damage_to_all_blocks_applies_the_policy(bench):
    blocks = range(1, 71)  # block 0 stays, because policy boot runs its code
    for policy in (bm.RESET, bm.BOOT, bm.HALT):
        plan = bench.make_plan(on_damage=policy)
        assert_ends(bench, "damaged", blocks, range(2 * GROUPS), plan=plan)


@pytest.mark.parametrize("groups", [1, 2, 3, 35, 36, 70, 71])
def test_any_number_of_groups_repairs_a_burst(bench, groups):
    """With 71 groups of one block, P and Q are copies of the block."""
    plan = bench.make_plan(groups=groups)
    for first in (0, 71 - min(2 * groups, 71)):
        assert_ends(bench, "repaired", range(first, first + min(2 * groups, 71)), plan=plan)


def test_a_group_of_255_members_is_repaired(bench):
    """255 is the maximum, because GF(2^8) has 255 different powers of 2."""
    noise = random.Random(5).randbytes
    more = [bm.Segment("more", RAMDISK, noise((255 - 9) * bm.BLOCK))]
    plan = bench.make_plan(groups=1, more=more)
    for blocks in ([0, 254], [253, 254], [0, 1], [127, 128]):
        assert_ends(bench, "repaired", blocks, plan=plan)
    for block in (0, 128, 254):
        assert_ends(bench, "repaired", [block], [0], plan=plan)  # by Q


@levels
def test_a_block_without_a_digest_is_not_repaired(bench, cpu, level):
    """Block 11 is intact, but both its digests are damaged. Block 19 of its group is repaired."""
    tables = [("purgatory", at + 11 * bm.DIGEST) for at in bench.plan.table_offset]
    expected = bench.run_as_expected(cpu, level, damage=[*tables, place(bench.plan, 19, 5)])
    assert (expected.damaged, expected.repaired) == ({11, 19}, {19})
    assert expected.reason == oracle.RESET


def absent_plan(bench, blocks, **options):
    """Returns a plan whose last blocks have no memory. Its parity has the right bytes of them."""
    absent = bm.Segment("absent", bm.ABORTING_ADDRESS, random.Random(6).randbytes(blocks * bm.BLOCK), True)
    more = [bm.Segment("more", RAMDISK, random.Random(4).randbytes(MORE * bm.BLOCK)), absent]
    return bench.make_plan(more=more, **options)


@levels
def test_absent_memory_is_not_repaired(bench, cpu, level):
    for policy in (bm.RESET, bm.BOOT):
        plan = absent_plan(bench, 1, on_damage=policy)
        # The absent block is block 71 of group 7. Blocks 15 and 23 are in the same group.
        for blocks, damaged, repaired in (([], 1, 0), ([15], 2, 1), ([15, 23], 3, 0), ([14], 2, 1)):
            assert_ends(bench, "damaged", blocks, damaged=damaged, repaired=repaired, plan=plan,
                        machine=(cpu, level))


def test_memory_that_ignores_stores_is_not_repaired(bench):
    """A store to this memory does not abort, but has no effect. It is QEMU's PCI configuration
    space of an empty slot."""
    noise = random.Random(6).randbytes
    deaf = bm.Segment("deaf", 0x4010100000, bytes(1) + noise(bm.BLOCK - 1), absent=True)
    plan = bench.make_plan(more=[deaf], region=None, on_damage=bm.BOOT)
    result = read_record(plan, bench.run("max", bm.EL1, plan))
    assert (result.outcome, result.damaged, result.repaired) == ("damaged", 1, 0)
    assert result.damage == [bm.Damage("deaf", 0, 1, 0, b"\xff" * 16)]


@levels
def test_absent_parity_counts_as_damaged_parity(bench, cpu, level):
    plan = bench.make_plan(parity_base=bm.ABORTING_ADDRESS)
    found = overwrite(bench, plan, [11])
    del found["parity"]
    expected = bench.run_as_expected(cpu, level, plan, found=found)
    assert (expected.outcome, expected.repaired) == ("damaged", set())
    found = bench.make_memory(plan)
    del found["parity"]
    assert bench.run_as_expected(cpu, level, plan, found=found).outcome == "intact"


@levels
def test_with_absent_q_one_block_of_a_group_is_repaired(bench, cpu, level):
    """P is in the last pages of RAM, and Q would be after the end of RAM."""
    end_of_ram = bm.RAM + bm.RAM_SIZE
    plan = bench.make_plan(parity_base=end_of_ram - GROUPS * bm.BLOCK, region=None)
    for blocks, outcome in (([11], "repaired"), ([11, 19], "damaged")):
        found = overwrite(bench, plan, blocks)
        found["parity"] = found["parity"][: GROUPS * bm.BLOCK]
        assert bench.run_as_expected(cpu, level, plan, found=found).outcome == outcome


@levels
def test_the_template_of_the_record_is_repaired_before_the_record_is_written(bench, cpu, level):
    # Block 7 is the first block of the device tree, which contains the template.
    expected = assert_ends(bench, "repaired", [7], machine=(cpu, level))
    assert expected.has_record


def test_a_repair_over_the_time_limit_applies_the_policy(bench):
    """Two blocks of every group are damaged. The check is in time, but the repair is not."""
    settings = {"image": bm.make_portable_image(), "on_damage": bm.BOOT}
    plan = bench.make_plan(**settings, seconds=0)
    blocks = range(20, 20 + 2 * GROUPS)
    found = overwrite(bench, plan, blocks)

    def run(plan, found):
        outcome = bench.run("max", bm.EL1, plan, found=found, options=bm.SLOW)
        return outcome, read_record(plan, outcome)

    check, both = (run(plan, memory)[1].ticks // bm.FREQUENCY for memory in (plan.memory(), found))
    assert check + 1 < both, "the repair is too short for a time limit in whole seconds"
    plan = bench.make_plan(**settings, seconds=(check + 1 + both) // 2)
    found["purgatory"] = plan.purgatory()
    outcome, result = run(plan, found)
    assert ", out of time with 0 blocks to go: starting the kernel\r\n" in outcome.console
    assert (result.outcome, result.blocks, result.damaged) == ("damaged", 71, 2 * GROUPS)
    assert result.flags & bm.FLAG_TIME_OUT
    assert 0 < result.repaired < 2 * GROUPS and result.repaired % 2 == 0
    right = plan.memory()["more"]
    wrong = [at for at in range(0, len(right), bm.BLOCK)
             if right[at : at + bm.BLOCK] != outcome.memory["more"][at : at + bm.BLOCK]]
    assert len(wrong) == 2 * GROUPS - result.repaired


def test_a_run_can_be_repaired_in_part(bench):
    plan = bench.make_plan(on_damage=bm.BOOT)
    blocks = range(20, 20 + 2 * GROUPS + 1)
    found = overwrite(bench, plan, blocks)
    result = read_record(plan, bench.run("max", bm.EL1, plan, found=found))
    # Blocks 20, 28 and 36 are in one group and are not repaired. The first block of the run is
    # not repaired, so the record has the offset of the block, not of the first wrong byte.
    at = (20 - 9) * bm.BLOCK
    assert result.damage == [bm.Damage("more", at, 17, 14, found["more"][at : at + 16])]


def test_purgatory_does_not_read_parity_of_an_intact_kernel(bench):
    """A check with parity takes as long as a check without parity."""
    plans = [bench.make_plan(), bench.make_plan(groups=0)]
    ticks = [read_record(plan, bench.run(plan=plan, options=bm.COUNTING)).ticks for plan in plans]
    assert abs(ticks[0] - ticks[1]) < 0.001 * ticks[1]
