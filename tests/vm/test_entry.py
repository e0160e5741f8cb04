# SPDX-License-Identifier: GPL-2.0-or-later
"""CPU states that an old kernel can leave, and SErrors at any time while purgatory runs."""

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
    # Two damaged blocks of one parity group, then three.
    "repaired": ([("more", 5), ("more", 8 * bm.BLOCK + 77)], "repaired"),
    "damaged": ([("more", at * bm.BLOCK) for at in (0, 8, 16)], "damaged"),
}
damages = pytest.mark.parametrize("damage,outcome", DAMAGE.values(), ids=DAMAGE)

# Defines of payload.S
STATES = {"SVCR": {"STREAMING": 1}, "FP traps": {"FP_TRAPS": 1}, "both": {"STREAMING": 1, "FP_TRAPS": 1}}


@levels
@pytest.mark.parametrize("state", STATES)
@damages
def test_purgatory_checks_in_any_vector_state_of_the_old_kernel(bench, cpu, level, state, damage,
                                                                outcome):
    """Streaming mode has no SHA-2 instructions, and vector instructions can trap."""
    plan = bench.make_plan(kernel_code=bm.assemble("KERNEL", **{"STREAMING": 1} if "STREAMING" in STATES[state]
                                                   else {}))
    expected = bench.run_as_expected(cpu, level, plan, damage, defines=STATES[state])
    assert expected.outcome == outcome


@levels
def test_svcr_is_0_in_the_kernel(bench, cpu, level):
    plan = bench.make_plan(kernel_code=bm.assemble("KERNEL", STREAMING=1))
    direct = bench.run(cpu, level, plan, defines={"STREAMING": 1, "PURGATORY": plan.kernel_entry})
    assert direct.registers["SVCR"] == 3, "the old kernel did not set SVCR"
    assert bench.run(cpu, level, plan, defines={"STREAMING": 1}).registers["SVCR"] == 0


@pytest.mark.parametrize("cpu", ["neoverse-n1", "max"])
@pytest.mark.parametrize("state", [{}, *STATES.values()], ids=["plain", *STATES])
@damages
def test_purgatory_runs_with_e2h_and_without_tge(bench, cpu, state, damage, outcome):
    """A VHE host has this state while a guest's context is loaded (Arm ARM, HCR_EL2.TGE)."""
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
    """Runs a plan at EL1 with the shim at EL2. Returns plan, expected, outcome, log.

    order: the SError, see shim.make_order().
    """
    plan = bench.make_plan(kernel_code=bm.assemble("KERNEL", SHIM=1))
    found = bench.make_memory(plan, damage)
    outcome = bm.run_plan(plan, found, "max", bm.EL2, bench.directory,
                          defines=shim.DEFINES, more=[shim.make_order(**order)], save=shim.SAVE)
    return plan, oracle.expect(plan, found), outcome, shim.read_log(outcome)


def list_places(plan):
    """Returns the (first, end) ranges of the segments, and of the digest tables."""
    places = [(segment.base, segment.base + len(segment.data)) for segment in plan.segments]
    tables = [(plan.base + at, plan.base + at + plan.table_size) for at in plan.table_offset]
    return places, tables


def assert_all_is_cleaned(plan, log):
    """Checks that purgatory cleaned each line before and after the check, twice each time (cache.S
    has the reason)."""
    segments, tables = list_places(plan)
    assert log.dcs[-1][0] == 2, "purgatory did not switch the MMU on and off once"
    assert not shim.find_lines_cleaned_once(log.find_cleaned(0), segments + tables)
    assert not shim.find_lines_cleaned_once(log.find_cleaned(1), segments)


def assert_line(expected, outcome, cut):
    """Compares the console line. cut: the end of the line may be missing."""
    line, kernel, _ = outcome.console.partition("x0=")
    right = expected.console.startswith if cut else expected.console.__eq__
    assert kernel and right(oracle.remove_time(line)), outcome.console


def assert_serror_changes_nothing(plan, expected, outcome, log, late=False, cut=False):
    """Checks that an SError had no effect on the result.

    late: the SError can be so late that the kernel gets it. cut: the end of the line may be
    missing.
    """
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
    assert found, "purgatory did not write the record"
    assert (found.outcome, found.damaged, found.repaired) == (
        expected.outcome, len(expected.damaged), len(expected.repaired))


BOOTING = {name: DAMAGE[name][0] for name in ("intact", "repaired")}
bootings = pytest.mark.parametrize("damage", BOOTING.values(), ids=BOOTING)


@bootings
def test_everything_is_cleaned_twice(bench, damage):
    assert_serror_changes_nothing(*run_with_shim(bench, damage))


def find_problem(bench, damage, late=False, cut=False, **order):
    """Returns the effect of an SError in one line (None: no effect), and how often the CPU reached
    the instruction of the order."""
    *found, log = run_with_shim(bench, damage, **order)
    try:
        assert_serror_changes_nothing(*found, log, late, cut)
    except AssertionError as error:
        return str(error).partition("\n")[0] or "the result differs", log.hits
    return None, log.hits


@bootings
def test_an_serror_during_cleaning_has_no_effect(bench, damage):
    """The SError comes at the first, the middle and the last line of two segments, of a digest
    table and of purgatory itself, in each pass."""
    *_, log = run_with_shim(bench, damage)
    segments, [table, _] = list_places(bench.plan)
    image = bench.plan.base, bench.plan.base + bench.plan.scratch_offset
    numbers = {number for first, end in (segments[0], segments[-1], table, image)
               for line in (first, (first + end) // 2, end - 1) for number in log.find_numbers(line)}
    assert len(numbers) >= 3 * 4 * 2
    problems = {number: find_problem(bench, damage, clean=number)[0] for number in numbers}
    assert {number: text for number, text in problems.items() if text} == {}


# These functions run after the last pg_try, so purgatory cannot take the SError any more.
LATE = ("pg_mmu_disable", "pg_cpu_restore_serrors", "pg_start_kernel")
# An SError while purgatory prints can come from the UART, so purgatory ends the line (console.c).
PRINTING = ("pg_params_uart_sum", "pg_clock_start_short", "pg_uart_put", "pg_uart_drain")


def list_functions():
    """Returns the names of the functions of purgatory that are called from other files."""
    names = [name for name in bm.symbols() if name.startswith("pg_")]
    return [name for name in names if bm.symbol(name) < bm.symbol("pg_scratch")]


@bootings
def test_an_serror_in_any_function_has_no_effect(bench, damage):
    """One SError does not count as damage, skips no cleaning, and does not remove the console line
    or the record."""
    problems, reached = {}, 0
    for name in list_functions():
        address = bench.plan.base + bm.symbol(name)
        may_lose = {"late": name in LATE, "cut": name in PRINTING}
        problem, hits = find_problem(bench, damage, **may_lose, address=address, hit=1)
        if not problem and hits > 1:
            problem, _ = find_problem(bench, damage, **may_lose, address=address, hit=hits)
        reached += hits > 0
        if problem:
            problems[name] = problem
    assert problems == {}
    assert reached > 30
