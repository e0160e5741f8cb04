# SPDX-License-Identifier: GPL-2.0-or-later
"""The damage campaign: a thousand machines with a damaged crash kernel end as predicted."""

import dataclasses
import os
import pathlib
import re
import subprocess
import sys

from lib import baremetal as bm
import campaign
from lib import devicetree
from lib import oracle
from lib import ram
import pytest

pytestmark = pytest.mark.skipif(bm.find_missing_tool() is not None, reason=str(bm.find_missing_tool()))

CASES = 1000
SEED = 1


def test_every_case_ends_as_predicted():
    results = campaign.run_campaign(CASES, SEED)
    print(campaign.make_table(results))
    assert [result.problem for result in results if result.problem] == []
    ends = {column: {result.where for result in results if result.column == column}
            for column in campaign.COLUMNS}
    # Only damage to the instructions that run unchecked may hang or power the machine off.
    assert ends[campaign.HANGS] | ends[campaign.OFF] <= {campaign.WINDOW}
    # Each of these ends must occur, otherwise the campaign proves nothing about it.
    for column in (campaign.INTACT, campaign.REPAIRED, campaign.RESET, campaign.HALTED,
                   campaign.DAMAGED):
        assert ends[column], column


def test_every_case_of_a_sealed_image_ends_as_predicted():
    """Another process runs the campaign, because this process caches data of purgatory.bin."""
    script = pathlib.Path(campaign.__file__)
    done = subprocess.run(
        [sys.executable, "-B", script, "--sealed", f"--cases={CASES}", f"--seed={SEED}"], text=True,
        env={**os.environ, "CRASHRES_PURGATORY_BIN": str(bm.image_path().with_name("sealed.bin"))},
        capture_output=True, check=False)
    print(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    total = re.findall(r"\d+", done.stdout.splitlines()[-1])
    cases, intact, repaired, reset, halted, damaged, *_, wrong = map(int, total)
    assert (cases, wrong) == (CASES, 0)
    assert min(intact, repaired, reset, halted, damaged) > 0
    # Only the rows of the window may have cases that hang or power the machine off.
    for line in done.stdout.splitlines()[1:-1]:
        where, cells = line[:20].strip(), [line[at:at + 10].strip() for at in range(35, 115, 10)]
        assert where == campaign.WINDOW or not cells[5] and not cells[6], line


def test_the_same_seed_makes_the_same_cases():
    first, second = ([campaign.make_case(SEED, number) for number in range(20)] for _ in range(2))
    assert first == second
    assert first != [campaign.make_case(SEED + 1, number) for number in range(20)]


# The checks of the campaign fail on wrong results.

@pytest.fixture
def repaired(tmp_path):
    """A case that purgatory repairs and boots, and its outcome."""
    cases = (campaign.make_case(SEED, number) for number in range(100))
    case = next(case for case in cases if case.expected.outcome == "repaired")
    outcome = bm.run_plan(case.plan, case.found, case.cpu, case.level, tmp_path)
    assert campaign.check_case(case, outcome) == campaign.REPAIRED
    return case, outcome


def test_a_wrong_byte_in_a_segment_is_an_error(repaired):
    case, outcome = repaired
    for name, data in outcome.memory.items():
        for at in (0, len(data) // 2 + 1, len(data) - 1):
            outcome.memory[name] = bm.flip_bit(data, at)
            with pytest.raises(AssertionError, match=f"{name} has a wrong byte at {at:#x}"):
                campaign.check_case(case, outcome)
        outcome.memory[name] = data


def test_a_wrong_record_is_an_error(repaired):
    case, outcome = repaired
    for field in range(bm.RECORD.size - 56 - 8, bm.RECORD.size, 4):
        changed = bm.flip_bit(outcome.memory["dtb"], campaign.RECORD_AT + field, 6)
        memory = {**outcome.memory, "dtb": changed}
        # The campaign cannot predict the fields started and ticks.
        if bm.RECORD.size - 56 <= field < bm.RECORD.size - 40:
            continue
        with pytest.raises((AssertionError, IndexError)):
            campaign.check_case(case, bm.Outcome(
                outcome.console, outcome.reason, outcome.registers, memory))


def list_places_to_leave_alone(plan):
    """Yields addresses that purgatory must not write: next to segments and working memory, and
    inside memory that it only reads."""
    scratch, scratch_end = plan.scratch_place
    bitmap = plan.base + plan.bitmap_offset
    yield from (bm.RAM, bm.RAM + bm.RAM_SIZE - 1, bm.OLD_KERNEL)
    yield from (scratch - 1, scratch_end, bitmap - 1, bitmap + plan.bitmap_size)
    yield from (plan.base, plan.base - 1, plan.base + plan.segment_size)
    yield from (plan.base + at for at in (*plan.root_offset, *plan.table_offset))
    yield from (plan.parity_base - 1, plan.parity_base, plan.parity_base + len(plan.parity()))
    for segment in plan.segments:
        yield from (segment.base - 1, segment.base + len(segment.data))
    yield from (plan.record - 1, plan.record + bm.RECORD_SIZE)


def test_a_write_to_any_other_ram_is_an_error(repaired):
    """This includes guard pages, parity, code, digest tables and QEMU's own device tree."""
    case, outcome = repaired
    assert case.plan.region and case.expected.has_record
    for at in list_places_to_leave_alone(case.plan):
        after = dict(outcome.after)
        page = at // bm.BLOCK * bm.BLOCK
        ram.patch(after, page, bm.flip_bit(after.get(page, bytes(bm.BLOCK)), at - page))
        with pytest.raises(AssertionError, match=f"RAM was written to at {at:#x}\\.\\.{at + 1:#x}$"):
            campaign.check_case(case, dataclasses.replace(outcome, after=after))


def test_the_pictures_of_ram_contain_the_writes_of_purgatory(repaired):
    """Otherwise the comparison of the pictures would prove nothing."""
    case, outcome = repaired
    [block] = case.expected.repaired
    [(base, blocks)] = [(s.base, range(first, first + len(s.blocks)))
                        for s, first in zip(case.plan.segments, case.plan.first_blocks)
                        if block in range(first, first + len(s.blocks))]
    at = base + (block - blocks.start) * bm.BLOCK
    differences = ram.compare(outcome.before, outcome.after)
    for first, end in (case.plan.scratch_place, oracle.record_place(case.plan), (at, at + bm.BLOCK)):
        assert any(first <= d.first and d.end <= end for d in differences), hex(first)


def test_another_end_or_console_line_or_register_is_an_error(repaired):
    case, outcome = repaired
    for change in ({"reason": oracle.RESET},
                   {"console": outcome.console.replace("damaged", "fine")},
                   {"registers": {**outcome.registers, "x1": 1}}):
        with pytest.raises(AssertionError):
            campaign.check_case(case, dataclasses.replace(outcome, **change))


# The checks for sealed Images with a damaged device tree fail on wrong results.

def make_picture(case):
    """Returns the picture of the RAM at the crash."""
    picture = {}
    for name, data in case.found.items():
        ram.patch(picture, case.plan.address(name), data)
    ram.patch(picture, campaign.TREE, case.tree)
    return picture


@pytest.fixture
def booted(monkeypatch):
    """A case whose device tree moves the initrd by a page, and a made-up outcome that is right."""
    monkeypatch.setattr(campaign, "sealed", True)
    plan = campaign.make_plan((), True, bm.RESET)
    start = campaign.SEALED_INITRD + bm.BLOCK
    tree = devicetree.make_tree((start, start + campaign.INITRD_SIZE), campaign.REGION,
                           campaign.TREE_CORE)
    case = campaign.Case(campaign.TREE_ONLY, "initrd moved", "max", bm.EL1, (), plan,
                         plan.memory(), oracle.Expected(), tree)
    after = make_picture(case)
    ram.patch(after, start, plan.segments[-1].data)
    outcome = bm.Outcome(
        oracle.PREFIX + "23 of 64 blocks damaged, 23 repaired, 1 ms: starting the kernel\r\nx0=\n",
        oracle.BOOTED, {"x0": campaign.TREE, "x1": 0, "x2": 0, "x3": 0, "pc": plan.kernel_entry,
                        "CurrentEL": 4, "DAIF": bm.DAIF_MASKED, "SCTLR": 0, "HCR": 0, "ISR": 0},
        {"kernel": plan.segments[0].data, "tree": tree}, make_picture(case), after)
    assert campaign.check_tree_case(case, outcome) == campaign.REPAIRED
    return case, outcome


def change_ram(outcome, address):
    """Returns the outcome with one bit of RAM flipped at the end."""
    after = dict(outcome.after)
    ram.patch(after, address, bm.flip_bit(ram.read(after, address, 1), 0))
    return dataclasses.replace(outcome, after=after)


def test_a_write_outside_the_initrd_is_an_error(booted):
    """The device tree names the only place outside purgatory that a repair may write. The
    original place of the initrd and undamaged kernel blocks are errors, too."""
    case, outcome = booted
    plan = case.plan
    for at in (campaign.SEALED, plan.base, plan.base + plan.table_offset[0], plan.parity_base,
               campaign.SEALED_KERNEL, campaign.SEALED_KERNEL - 1, campaign.SEALED_INITRD,
               campaign.TREE_CORE + 4096, bm.RAM):
        with pytest.raises(AssertionError, match=f"RAM was written to at {at:#x}"):
            campaign.check_tree_case(case, change_ram(outcome, at))


def test_a_start_with_a_wrong_byte_in_kernel_or_initrd_is_an_error(booted):
    case, outcome = booted
    start = campaign.SEALED_INITRD + bm.BLOCK
    for at in (start, start + campaign.INITRD_SIZE - 1):
        with pytest.raises(AssertionError, match="an unverified initrd was started"):
            campaign.check_tree_case(case, change_ram(outcome, at))
    damaged = bm.flip_bit(case.found["kernel"], 5000)
    case = dataclasses.replace(case, found={**case.found, "kernel": damaged})
    outcome = dataclasses.replace(outcome, before=make_picture(case),
                                  memory={**outcome.memory, "kernel": damaged})
    after = dict(outcome.after)
    ram.patch(after, campaign.SEALED_KERNEL, damaged)
    with pytest.raises(AssertionError, match="an unverified kernel was started"):
        campaign.check_tree_case(case, dataclasses.replace(outcome, after=after))


def test_a_write_to_an_initrd_that_overlaps_other_data_is_an_error(booted):
    case, outcome = booted
    for start in (campaign.SEALED_KERNEL + bm.BLOCK, campaign.SEALED_PARITY, campaign.SEALED,
                  campaign.TREE - bm.BLOCK):
        tree = devicetree.make_tree((start, start + campaign.INITRD_SIZE), campaign.REGION,
                               campaign.TREE_CORE)
        moved = dataclasses.replace(case, tree=tree)
        result = bm.Outcome(oracle.PREFIX + "damaged: resetting\r\n", oracle.RESET, {},
                            outcome.memory, make_picture(moved), make_picture(moved))
        assert campaign.check_tree_case(moved, result) == campaign.RESET
        with pytest.raises(AssertionError, match="RAM was written to"):
            campaign.check_tree_case(moved, change_ram(result, start + 3))
