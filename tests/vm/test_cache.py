# SPDX-License-Identifier: GPL-2.0-or-later
"""Purgatory on a CPU with caches: the model finds nothing, and finds what is taken out."""

import random
import struct

from lib import baremetal as bm
from lib import cachemodel as cm
from lib import oracle
import pytest
from lib.scenario import PURGATORY_ELSEWHERE, REGION, UNMAPPED, Bench

pytest.importorskip("unicorn", reason="no python3-unicorn")
from lib import replay  # needs it

pytestmark = pytest.mark.skipif(bm.missing() is not None, reason=str(bm.missing()))

levels = pytest.mark.parametrize("level", bm.LEVEL_NAMES, ids=bm.LEVEL_NAMES.values())
regions = pytest.mark.parametrize("region", [REGION, None], ids=["caches-on", "caches-off"])

SEGMENTS = ("kernel", "initrd", "dtb")


@pytest.fixture(scope="module")
def symbols():
    return replay.Symbols()


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return Bench(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def intact(bench, symbols):
    """A run that nothing is wrong with, to be asked where instructions are."""
    return old_kernel(bench.plan, bm.EL1, symbols).run()


def old_kernel(plan, level, symbols, damage=None, cleaned=False):
    """Ready to run, with all lines dirty in the cache: what was loaded, junk over scratch.

    cleaned: the same is in memory. Else there is junk, but for the code, and for header
    and params, which have to be read before it is known what to clean.
    damage: (name, offset) of a bit that is wrong in the cache.
    """
    machine = replay.Replay(plan, level, symbols)
    junk = random.Random(3).randbytes
    purgatory = plan.purgatory()
    parts = {segment.name: (segment.base, segment.data) for segment in plan.segments
             if not segment.absent}
    tables = plan.table_offset[0]
    parts["tables"] = (plan.base + tables, purgatory[tables:])
    for base, data in parts.values():
        machine.place_in_memory(base, data if cleaned else junk(len(data)))
    parts["image"] = (plan.base, purgatory[: plan.scratch_offset])
    parts["params"] = (plan.base + plan.image_size, purgatory[plan.image_size : tables])
    parts["scratch"] = (plan.base + plan.scratch_offset,
                        junk(plan.image_size - plan.scratch_offset))
    for name, (base, data) in parts.items():
        if damage and name == damage[0]:
            data = bm.flip(data, damage[1])
        machine.cache.leave_dirty(base, data)
    return machine


def found(outcome):
    return {(violation.what, violation.area.name) for violation in outcome.violations}


def lines_of(plan, name):
    [area] = [area for area in replay.areas(plan) if area.name == name]
    return set(area.lines)


def assert_clean(outcome):
    assert outcome.violations == [], outcome


def assert_kernel_is_there(plan, outcome):
    """Entered, and in memory. The DTB is for purgatory to write to."""
    assert outcome.reason == "kernel", outcome
    assert outcome.registers == [plan.dtb, 0, 0, 0]
    for segment in plan.segments:
        if segment.name != "dtb":
            assert outcome.memory(segment.base, len(segment.data)) == segment.data


@levels
@regions
@pytest.mark.parametrize("cleaned", [True, False], ids=["in-memory", "in-the-cache-only"])
def test_an_intact_run_breaks_no_rule(bench, symbols, level, region, cleaned):
    plan = bench.make_plan(region=region)
    outcome = old_kernel(plan, level, symbols, cleaned=cleaned).run()
    assert_clean(outcome)
    assert_kernel_is_there(plan, outcome)
    cache = outcome.cache
    for name in SEGMENTS:
        lines = lines_of(plan, name)
        assert lines <= cache.read
        assert (lines <= cache.read_cached) == bool(region)
        # before and after the check
        assert min(cache.cleaned[line] for line in lines) >= 2
    for name in ("image", "params", "tables"):
        assert lines_of(plan, name) <= cache.read
    # So many of them there are: not an empty run.
    assert sum(len(lines_of(plan, name)) for name in SEGMENTS) == 9 * bm.BLOCK // cm.LINE
    assert lines_of(plan, "scratch") <= set(cache.cleaned)


def test_at_any_page_it_breaks_none(bench, symbols):
    plan = bench.make_plan(base=PURGATORY_ELSEWHERE)
    outcome = old_kernel(plan, bm.EL1, symbols).run()
    assert_clean(outcome)
    assert_kernel_is_there(plan, outcome)


def test_without_sha_instructions_it_breaks_none(bench, symbols):
    plan = bench.make_plan(region=None, image=bm.portable_image())
    outcome = old_kernel(plan, bm.EL1, symbols).run()
    assert_clean(outcome)
    assert_kernel_is_there(plan, outcome)


@regions
@pytest.mark.parametrize("name,offset", [
    ("kernel", 0x2345), ("kernel", 0x3FFF), ("initrd", 0x1FFF), ("dtb", 0),
])
def test_damage_in_the_cache_alone_is_found(bench, symbols, region, name, offset):
    plan = bench.make_plan(region=region)
    outcome = old_kernel(plan, bm.EL1, symbols, (name, offset)).run()
    assert_clean(outcome)
    assert outcome.reason == "reset"
    assert f"{name} damaged at offset {offset & -bm.BLOCK:#x}" in outcome.console


@pytest.mark.parametrize("name,offset", [
    ("params", bm.PARAMS_KERNEL_ENTRY), ("params", 2 * bm.BLOCK), ("image", 8),
])
def test_damage_to_purgatory_in_the_cache_alone_is_found(bench, symbols, name, offset):
    outcome = old_kernel(bench.plan, bm.EL1, symbols, (name, offset)).run()
    assert_clean(outcome)
    assert outcome.reason == "reset"
    assert outcome.console == (oracle.SELF_DAMAGED if name == "params" else "")


@pytest.mark.parametrize("table", [0, 1])
def test_a_table_that_is_damaged_in_the_cache_alone_is_known(bench, symbols, table):
    plan = bench.plan
    offset = plan.table_offset[table] - plan.table_offset[0]
    outcome = old_kernel(plan, bm.EL1, symbols, ("tables", offset)).run()
    assert_clean(outcome)
    assert_kernel_is_there(plan, outcome)
    record = bm.read_record(outcome.memory(plan.record, bm.RECORD_SIZE))
    assert record.flags & (bm.FLAG_TABLE_0 | bm.FLAG_TABLE_1) == (
        bm.FLAG_TABLE_0, bm.FLAG_TABLE_1)[table]


def test_damage_over_scratch_does_not_matter(bench, symbols):
    outcome = old_kernel(bench.plan, bm.EL1, symbols, ("scratch", 77)).run()
    assert_clean(outcome)
    assert_kernel_is_there(bench.plan, outcome)


# What the maintenance is for: each piece taken out, by its code in the image

NOP = 0xD503201F
CIVAC_X0, CVAC_X0, IVAC_X0 = 0xD50B7E20, 0xD50B7A20, 0xD5087620
DSB_SY, IC_IALLU = 0xD5033F9F, 0xD508751F
MOV_X5 = {2: 0xD2800045, 1: 0xD2800025}
MOV_X29_XZR = 0xAA1F03FD


def word_at(image, offset):
    return int.from_bytes(image[offset : offset + 4], "little")


def patch(offset, new, old=None):
    """The image with another instruction."""
    image = bytearray(bm.image_path().read_bytes())
    assert old in (None, word_at(image, offset))
    image[offset : offset + 4] = struct.pack("<I", new)
    return bytes(image)


def place_of(word, function, symbols):
    """Where an instruction is in a function, in order."""
    image = bm.image_path().read_bytes()
    start = symbols.address[function]
    offsets = range(start, len(image), 4)
    return [offset for offset in offsets if word_at(image, offset) == word
            and symbols.place(offset).partition("+")[0] == function]


def calls(intact, function, callers=None):
    """Where it was called from, in order of execution."""
    return [offset for offset, name, caller in intact.calls
            if name == function and (callers is None or caller in callers)]


def without_call(function, index, callers=None):
    return lambda intact, symbols: patch(calls(intact, function, callers)[index], NOP)


def without_civac(function, index):
    return lambda intact, symbols: patch(
        place_of(CIVAC_X0, function, symbols)[index], NOP)


def instead(function, old, new):
    """Of the first one in the function."""
    return lambda intact, symbols: patch(place_of(old, function, symbols)[0], new, old)


def in_segments(what):
    return {(what, name) for name in SEGMENTS}


SELF = ("pg_check_self", "clean_self")
MUTANTS = {
    "segments-before": (
        without_call("pg_clean_checked", 0),
        in_segments(cm.READ_EARLY) | in_segments(cm.END_UNREAD)),
    "segments-after": (
        without_call("pg_clean_checked", -1),
        in_segments(cm.END_HELD) | {(cm.OFF_DIRTY, "dtb"), (cm.OFF_DIRTY, "bitmap")}),
    "image-at-entry": (
        without_call("pg_cache_clean_image", 0),
        {(cm.WRITTEN_PAST, "scratch"), (cm.END_UNREAD, "image")}),
    "scratch-before-off": (
        without_civac("pg_mmu_disable", 0), {(cm.OFF_DIRTY, "scratch")}),
    "scratch-before-on": (
        instead("pg_mmu_enable", IVAC_X0, NOP), {(cm.ON_OLD, "scratch")}),
    "page-tables": (without_call("pg_cache_clean", 0, SELF), {(cm.END_UNREAD, "params")}),
    "each-twice": (
        instead("pg_cache_clean", MOV_X5[2], MOV_X5[1]),
        in_segments(cm.CLEANED_ONCE)),
    "image-twice": (
        instead("pg_cache_clean_image", MOV_X5[2], MOV_X5[1]), {(cm.CLEANED_ONCE, "scratch")}),
    "dsb": (
        instead("pg_cache_clean_image", DSB_SY, NOP), {(cm.WRITTEN_PAST, "scratch")}),
    "cvac": (
        instead("pg_cache_clean", CIVAC_X0, CVAC_X0), in_segments(cm.OTHER_MAINTENANCE)),
    "ivac": (
        instead("pg_cache_clean", CIVAC_X0, IVAC_X0), in_segments(cm.OTHER_MAINTENANCE)),
    "old-code": (
        instead("pg_start_kernel", IC_IALLU, NOP), {(cm.END_OLD_CODE, "kernel")}),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_what_is_taken_out_is_missed(bench, intact, symbols, name):
    """At least by the rules that it is there for; what follows from it is found too."""
    assert_clean(intact)
    make, expected = MUTANTS[name]
    plan = bench.make_plan(image=make(intact, symbols))
    outcome = old_kernel(plan, bm.EL1, symbols, cleaned=True).run()
    assert expected <= found(outcome), outcome


def test_a_rule_that_is_broken_lets_damage_through(bench, intact, symbols):
    """With caches off and nothing cleaned before, the check looks past the cache."""
    make, _ = MUTANTS["segments-before"]
    plan = bench.make_plan(region=None, image=make(intact, symbols))
    outcome = old_kernel(plan, bm.EL1, symbols, ("initrd", 0x1234), cleaned=True).run()
    assert {(cm.READ_EARLY, "initrd"), (cm.READ_PAST, "initrd")} <= found(outcome), outcome
    assert outcome.reason == "kernel"
    [initrd] = [segment for segment in plan.segments if segment.name == "initrd"]
    assert outcome.memory(initrd.base, len(initrd.data)) == bm.flip(initrd.data, 0x1234)


def test_what_a_violation_says(bench, intact, symbols):
    make, _ = MUTANTS["scratch-before-off"]
    plan = bench.make_plan(image=make(intact, symbols))
    outcome = old_kernel(plan, bm.EL1, symbols, cleaned=True).run()
    [violation] = outcome.violations
    offset = violation.pc - plan.base
    assert symbols.address["pg_mmu_disable"] < offset
    address = plan.base + plan.scratch_offset
    assert str(violation) == (
        f"{symbols.place(offset)} (pc {violation.pc:#x}):"
        f" scratch+{violation.address - address:#x} ({violation.address:#x})"
        f" is dirty when the caches are switched off, {len(violation.lines)} lines"
    )


def test_nothing_but_the_mapped_is_accessed(bench, symbols):
    outside = bench.make_plan(more=[bm.Segment("outside", UNMAPPED, bytes(2 * bm.BLOCK))])
    outcome = old_kernel(outside, bm.EL1, symbols).run()
    assert found(outcome) == {(cm.NOT_MAPPED, "outside")}
    assert outcome.reason == "abort"


# ldur x29 or q0, [sp, #...], where sp is a multiple of 16 and x29 about to be 0
UNALIGNED = {
    "a-word-at-7": (0xF8400000 | (-7 & 0x1FF) << 12 | 31 << 5 | 29, cm.UNALIGNED),
    "a-word-at-8": (0xF8400000 | (-8 & 0x1FF) << 12 | 31 << 5 | 29, None),
    "a-vector-at-8": (0x3CC00000 | (-24 & 0x1FF) << 12 | 31 << 5, cm.UNALIGNED),
    "a-vector-at-16": (0x3CC00000 | (-32 & 0x1FF) << 12 | 31 << 5, None),
}


@pytest.mark.parametrize("name", UNALIGNED)
def test_no_access_is_unaligned_while_the_mmu_is_off(bench, intact, symbols, name):
    load, what = UNALIGNED[name]
    [main] = calls(intact, "pg_main")
    plan = bench.make_plan(image=patch(main - 4, load, MOV_X29_XZR))
    outcome = old_kernel(plan, bm.EL1, symbols).run()
    assert found(outcome) == ({(what, "scratch")} if what else set())
    assert outcome.reason == ("abort" if what else "kernel")
