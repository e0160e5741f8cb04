# SPDX-License-Identifier: GPL-2.0-or-later
"""States in which an old kernel may leave the CPU, and SErrors at bad moments (issue 10, section 3)."""

import random

import pytest

from lib import baremetal as bm
from lib import oracle
from lib import shim
from lib.scenario import PARITY, RAMDISK, Bench, levels, read_record

pytestmark = pytest.mark.skipif(bm.find_missing_tool() is not None, reason=str(bm.find_missing_tool()))

GROUPS = 8
# ISR_EL1.A: an SError is pending
ISR_SERROR = 1 << 8


class EntryBench(Bench):
    def make_plan(self, *arguments, **options):
        more = [bm.Segment("more", RAMDISK, random.Random(4).randbytes(23 * bm.BLOCK))]
        return super().make_plan(*arguments, **{"groups": GROUPS, "more": more, **options})


@pytest.fixture
def bench(tmp_path):
    return EntryBench(tmp_path)


DAMAGE = {
    "intact": ([], "intact"),
    # Two blocks of one group, then three.
    "repaired": ([("more", 5), ("more", 8 * bm.BLOCK + 77)], "repaired"),
    "damaged": ([("more", at * bm.BLOCK) for at in (0, 8, 16)], "damaged"),
}
damages = pytest.mark.parametrize("damage,outcome", DAMAGE.values(), ids=DAMAGE)

# Defines of payload.S
STATES = {"SVCR": {"STREAMING": 1}, "FP traps": {"FP_TRAPS": 1}, "both": {"STREAMING": 1, "FP_TRAPS": 1}}


@levels
@pytest.mark.parametrize("state", STATES)
@damages
def test_vector_state_of_the_old_kernel(bench, cpu, level, state, damage, outcome):
    """Streaming mode has no SHA-2 instructions, and a trap ends in purgatory's own vectors."""
    plan = bench.make_plan(kernel_code=bm.assemble("KERNEL", **{"STREAMING": 1} if "STREAMING" in STATES[state]
                                                   else {}))
    expected = bench.run_as_expected(cpu, level, plan, damage, defines=STATES[state])
    assert expected.outcome == outcome


@levels
def test_svcr_is_0_in_the_kernel(bench, cpu, level):
    plan = bench.make_plan(kernel_code=bm.assemble("KERNEL", STREAMING=1))
    without = bench.run(cpu, level, plan, defines={"STREAMING": 1, "PURGATORY": plan.kernel_entry})
    assert without.registers["SVCR"] == 3, "the test has no SVCR to test with"
    assert bench.run(cpu, level, plan, defines={"STREAMING": 1}).registers["SVCR"] == 0


@pytest.mark.parametrize("cpu", ["neoverse-n1", "max"])
@pytest.mark.parametrize("state", [{}, *STATES.values()], ids=["plain", *STATES])
@damages
def test_e2h_without_tge(bench, cpu, state, damage, outcome):
    """As a VHE host is while a guest's context is loaded (Arm ARM, HCR_EL2.TGE)."""
    if cpu == "neoverse-n1" and "STREAMING" in state:
        state = {key: value for key, value in state.items() if key != "STREAMING"}
    kernel = bm.assemble("KERNEL", **{"STREAMING": 1} if "STREAMING" in state else {})
    plan = bench.make_plan(kernel_code=kernel)
    expected = bench.run_as_expected(cpu, bm.EL2_VHE, plan, damage, defines={**state, "NO_TGE": 1})
    assert expected.outcome == outcome
    if expected.reason == oracle.BOOTED:
        found = bench.run(cpu, bm.EL2_VHE, plan, defines={**state, "NO_TGE": 1})
        assert found.registers["HCR"] & (bm.HCR_E2H | bm.HCR_TGE) == bm.HCR_E2H


# SErrors

def run_with_shim(bench, damage, **order):
    """At EL1, with what is at EL2 behind it. Return: plan, expected, outcome, log."""
    plan = bench.make_plan(kernel_code=bm.assemble("KERNEL", SHIM=1))
    found = bench.make_memory(plan, damage)
    outcome = bm.run_plan(plan, found, "max", bm.EL2, bench.directory,
                          defines=shim.DEFINES, more=[shim.make_order(**order)], save=shim.SAVE)
    return plan, oracle.expect(plan, found), outcome, shim.read_log(outcome)


def places_of(plan):
    """What a kernel gets, or is checked with or against."""
    places = [(segment.base, segment.base + len(segment.data)) for segment in plan.segments]
    tables = [(plan.base + at, plan.base + at + plan.table_size) for at in plan.table_offset]
    return places, tables


def assert_all_is_cleaned(plan, log):
    """Twice each: before the check, and after it (cache.S says why twice)."""
    segments, tables = places_of(plan)
    assert log.dcs[-1][0] == 2, "the MMU was not switched on and off once"
    assert not shim.find_lines_cleaned_once(log.find_cleaned(0), segments + tables)
    assert not shim.find_lines_cleaned_once(log.find_cleaned(1), segments)


def assert_line(expected, outcome, cut):
    line, kernel, _ = outcome.console.partition("x0=")
    right = expected.console.startswith if cut else expected.console.__eq__
    assert kernel and right(oracle.remove_time(line)), outcome.console


def assert_serror_changes_nothing(plan, expected, outcome, log, late=False, cut=False):
    """late: so late that the kernel gets it; cut: the rest of the line may be missing."""
    assert outcome.reason == oracle.BOOTED, outcome
    assert_line(expected, outcome, cut)
    if late:
        assert outcome.registers["ISR"] in (0, ISR_SERROR)
        outcome.registers["ISR"] = 0
    bm.assert_kernel_state(plan, outcome, bm.EL1)
    assert_all_is_cleaned(plan, log)
    oracle.check_memory(plan, expected, outcome.memory)
    oracle.check_ram(plan, expected, outcome, [(shim.LOG, shim.LOG + shim.LOG_SIZE)])
    found = read_record(plan, outcome)
    assert found, "no record was written"
    assert (found.outcome, found.damaged, found.repaired) == (
        expected.outcome, len(expected.damaged), len(expected.repaired))


BOOTING = {name: DAMAGE[name][0] for name in ("intact", "repaired")}
bootings = pytest.mark.parametrize("damage", BOOTING.values(), ids=BOOTING)


@bootings
def test_everything_is_cleaned_twice(bench, damage):
    assert_serror_changes_nothing(*run_with_shim(bench, damage))


def problem_of(bench, damage, late=False, cut=False, **order):
    """What an SError there changed, in a line, or None; and how often the place was reached."""
    *found, log = run_with_shim(bench, damage, **order)
    try:
        assert_serror_changes_nothing(*found, log, late, cut)
    except AssertionError as error:
        return str(error).partition("\n")[0] or "another state", log.hits
    return None, log.hits


@bootings
def test_an_serror_while_it_cleans(bench, damage):
    """Point 2.2: at the first, the middle and the last line of a segment, of a digest table and of
    purgatory itself, in each pass."""
    *_, plan_log = run_with_shim(bench, damage)
    segments, [table, _] = places_of(bench.plan)
    image = bench.plan.base, bench.plan.base + bench.plan.scratch_offset
    numbers = {number for first, end in (segments[0], segments[-1], table, image)
               for line in (first, (first + end) // 2, end - 1) for number in plan_log.find_numbers(line)}
    assert len(numbers) >= 3 * 4 * 2
    problems = {number: problem_of(bench, damage, clean=number)[0] for number in numbers}
    assert {number: text for number, text in problems.items() if text} == {}


# Behind their last pg_try nothing of purgatory can take it any more.
LATE = ("pg_mmu_disable", "pg_cpu_restore_serrors", "pg_start_kernel")
# What fails while a line goes out may be the UART: the line ends there (console.c).
PRINTING = ("pg_params_uart_sum", "pg_clock_start_short", "pg_uart_put", "pg_uart_drain")


def functions():
    """All that other files of purgatory call, and its first instruction."""
    names = [name for name in bm.symbols() if name.startswith("pg_")]
    return [name for name in names if bm.symbol(name) < bm.symbol("pg_scratch")]


@bootings
def test_an_serror_at_any_function(bench, damage):
    """Point 2.2: pending at entry, in the middle, before the last clean: one SError is no damage,
    skips no cleaning, and costs neither the line nor the record."""
    problems, reached = {}, 0
    for name in functions():
        address = bench.plan.base + bm.symbol(name)
        may_lose = {"late": name in LATE, "cut": name in PRINTING}
        problem, hits = problem_of(bench, damage, **may_lose, address=address, hit=1)
        if not problem and hits > 1:
            problem, _ = problem_of(bench, damage, **may_lose, address=address, hit=hits)
        reached += hits > 0
        if problem:
            problems[name] = problem
    assert problems == {}
    assert reached > 30
