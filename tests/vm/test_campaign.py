# SPDX-License-Identifier: GPL-2.0-or-later
"""A thousand machines whose crash kernel is damaged, and how each of them ends."""

import dataclasses

import baremetal as bm
import campaign
import oracle
import pytest

pytestmark = pytest.mark.skipif(bm.missing() is not None, reason=str(bm.missing()))

CASES = 1000
SEED = 1


def test_every_damage_ends_as_it_must():
    results = campaign.run_campaign(CASES, SEED)
    print(campaign.table(results))
    assert [result.problem for result in results if result.problem] == []
    ends = {column: {result.where for result in results if result.column == column}
            for column in campaign.COLUMNS}
    # Where instructions are damaged that nothing can look at, and nowhere else.
    assert ends[campaign.HANGS] | ends[campaign.OFF] <= {campaign.WINDOW}
    # A campaign that never came to one of these would prove nothing about it.
    for column in (campaign.INTACT, campaign.REPAIRED, campaign.RESET, campaign.HALTED,
                   campaign.DAMAGED):
        assert ends[column], column


def test_a_seed_says_everything():
    first, second = ([campaign.make_case(SEED, number) for number in range(20)] for _ in range(2))
    assert first == second
    assert first != [campaign.make_case(SEED + 1, number) for number in range(20)]


# Each of them must be seen: what a campaign that sees nothing would let pass.

@pytest.fixture
def repaired(tmp_path):
    """A case that ends in a repaired boot, and how it ended."""
    cases = (campaign.make_case(SEED, number) for number in range(100))
    case = next(case for case in cases if case.expected.outcome == "repaired")
    outcome = bm.run_plan(case.plan, case.found, case.cpu, case.level, tmp_path)
    assert campaign.check_case(case, outcome) == campaign.REPAIRED
    return case, outcome


def test_a_byte_that_is_not_the_original_is_seen(repaired):
    case, outcome = repaired
    for name, data in outcome.memory.items():
        for at in (0, len(data) // 2 + 1, len(data) - 1):
            outcome.memory[name] = bm.flip(data, at)
            with pytest.raises(AssertionError, match=f"{name} is not what it should be at {at:#x}"):
                campaign.check_case(case, outcome)
        outcome.memory[name] = data


def test_a_record_that_lies_is_seen(repaired):
    case, outcome = repaired
    for field in range(bm.RECORD.size - 56 - 8, bm.RECORD.size, 4):
        changed = bm.flip(outcome.memory["dtb"], campaign.RECORD_AT + field, 6)
        memory = {**outcome.memory, "dtb": changed}
        # When it started and how long it took, nobody knows better.
        if bm.RECORD.size - 56 <= field < bm.RECORD.size - 40:
            continue
        with pytest.raises((AssertionError, IndexError)):
            campaign.check_case(case, bm.Outcome(
                outcome.console, outcome.reason, outcome.registers, memory))


def test_another_line_or_end_is_seen(repaired):
    case, outcome = repaired
    for change in ({"reason": oracle.RESET},
                   {"console": outcome.console.replace("damaged", "fine")},
                   {"registers": {**outcome.registers, "x1": 1}}):
        with pytest.raises(AssertionError):
            campaign.check_case(case, dataclasses.replace(outcome, **change))
