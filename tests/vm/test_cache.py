# SPDX-License-Identifier: GPL-2.0-or-later
"""Purgatory on models of caches and TLB breaks no rule, for kexec_load and as a sealed Image.

test_cache_mutants.py shows that the models find faults.
"""

from lib import baremetal as bm
from lib import cachemodel as cm
from lib import mmumodel as mm
from lib import oracle
from lib import rules
import pytest
from lib.scenario import PURGATORY_ELSEWHERE, REGION, UNMAPPED

pytest.importorskip("unicorn", reason="no python3-unicorn")
from lib import cachebench  # needs it
from lib import mutants
from lib import replay

pytestmark = pytest.mark.skipif(bm.find_missing_tool() is not None, reason=str(bm.find_missing_tool()))

levels = pytest.mark.parametrize("level", bm.LEVEL_NAMES, ids=bm.LEVEL_NAMES.values())
regions = pytest.mark.parametrize("region", [REGION, None], ids=["caches-on", "caches-off"])

SEGMENTS = ("kernel", "initrd", "dtb")


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return cachebench.CacheBench(tmp_path_factory.mktemp("cache"))


def lines_of(plan, name):
    """Returns the addresses of all cache lines of an area."""
    [area] = [area for area in replay.list_areas(plan) if area.name == name]
    return set(area.lines)


def assert_clean(outcome):
    assert outcome.violations == [], outcome


def assert_kernel_is_there(plan, outcome):
    """Checks that the kernel was entered and that memory has all segments. Purgatory writes its
    record to the device tree, so that segment is not compared."""
    assert outcome.reason == "kernel", outcome
    assert outcome.registers == [plan.dtb, 0, 0, 0]
    for segment in plan.segments:
        if segment.name != "dtb":
            assert outcome.memory(segment.base, len(segment.data)) == segment.data


def read_record(plan, outcome):
    return bm.read_record(outcome.memory(plan.record, bm.RECORD_SIZE))


# Plans for kexec_load


@levels
@regions
@pytest.mark.parametrize("cleaned", [True, False], ids=["in-memory", "in-the-cache-only"])
def test_an_intact_run_breaks_no_rule(bench, level, region, cleaned):
    plan = bench.loaded_plan(region=region)
    outcome = bench.prepare_replay(plan, replay.Machine(level), cleaned=cleaned).run()
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
    # The areas have lines, so the comparisons above are not empty.
    assert sum(len(lines_of(plan, name)) for name in SEGMENTS) == 9 * bm.BLOCK // rules.LINE
    assert lines_of(plan, "scratch") <= set(cache.cleaned)


def test_a_run_at_any_page_breaks_no_rule(bench):
    plan = bench.loaded_plan(base=PURGATORY_ELSEWHERE)
    outcome = bench.prepare_replay(plan).run()
    assert_clean(outcome)
    assert_kernel_is_there(plan, outcome)


def test_a_run_without_sha2_instructions_breaks_no_rule(bench):
    plan = bench.loaded_plan(region=None, image=bm.make_portable_image())
    outcome = bench.prepare_replay(plan).run()
    assert_clean(outcome)
    assert_kernel_is_there(plan, outcome)


@regions
@pytest.mark.parametrize("name,offset", [
    ("kernel", 0x2345), ("kernel", 0x3FFF), ("initrd", 0x1FFF), ("dtb", 0),
])
def test_damage_only_in_the_cache_is_found(bench, region, name, offset):
    plan = bench.loaded_plan(region=region, groups=0)
    outcome = bench.prepare_replay(plan, damage=[(name, offset)]).run()
    assert_clean(outcome)
    assert outcome.reason == "reset"
    assert f"{name} damaged at offset {offset & -bm.BLOCK:#x}" in outcome.console


@pytest.mark.parametrize("name,offset", [
    ("params", bm.PARAMS_KERNEL_ENTRY), ("params", 2 * bm.BLOCK), ("image", 8),
])
def test_damage_to_purgatory_only_in_the_cache_is_found(bench, name, offset):
    outcome = bench.prepare_replay(bench.loaded_plan(), damage=[(name, offset)]).run()
    assert_clean(outcome)
    assert outcome.reason == "reset"
    assert outcome.console == (oracle.SELF_DAMAGED if name == "params" else "")


@pytest.mark.parametrize("table", [0, 1])
def test_damage_to_a_digest_table_only_in_the_cache_is_recorded(bench, table):
    plan = bench.loaded_plan()
    offset = plan.table_offset[table] - plan.table_offset[0]
    outcome = bench.prepare_replay(plan, damage=[("tables", offset)]).run()
    assert_clean(outcome)
    assert_kernel_is_there(plan, outcome)
    assert read_record(plan, outcome).flags & (bm.FLAG_TABLE_0 | bm.FLAG_TABLE_1) == (
        bm.FLAG_TABLE_0, bm.FLAG_TABLE_1)[table]


def test_old_cache_lines_over_scratch_have_no_effect(bench):
    plan = bench.loaded_plan()
    outcome = bench.prepare_replay(plan, damage=[("scratch", 77)]).run()
    assert_clean(outcome)
    assert_kernel_is_there(plan, outcome)


def test_an_access_to_unmapped_memory_aborts(bench):
    outside = bench.loaded_plan(more=[bm.Segment("outside", UNMAPPED, bytes(2 * bm.BLOCK))])
    outcome = bench.prepare_replay(outside).run()
    assert outcome.found == {(mm.NOT_MAPPED, "outside")}
    assert outcome.reason == "abort"


# Repair


ONE = [("kernel", 0x2345)]
# Two blocks of one group (0 and 4), and one block of the other (7), which has the record.
THREE = [("kernel", 5), ("initrd", 0x123), ("dtb", 0)]
SEALED_TWO = [("kernel", 5), ("initrd", 0x123)]


def assert_repaired(plan, outcome, count):
    assert_clean(outcome)
    assert_kernel_is_there(plan, outcome)
    assert f" {count} of {plan.blocks} blocks damaged, {count} repaired" in outcome.console


@levels
@regions
@pytest.mark.parametrize("damage", [ONE, THREE], ids=["one", "three"])
def test_a_repair_breaks_no_rule(bench, level, region, damage):
    plan = bench.loaded_plan(region=region)
    outcome = bench.prepare_replay(plan, replay.Machine(level), damage=damage).run()
    assert_repaired(plan, outcome, len(damage))
    parity = lines_of(plan, "parity")
    assert parity & outcome.cache.read
    assert not parity & outcome.cache.read_cached if not region else True
    assert read_record(plan, outcome).repaired == len(damage)


@regions
def test_a_repair_without_vectors_breaks_no_rule(bench, region):
    plan = bench.loaded_plan(region=region, image=bm.make_portable_image())
    outcome = bench.prepare_replay(plan, damage=ONE).run()
    assert_repaired(plan, outcome, 1)


@regions
def test_stale_lines_over_parity_have_no_effect(bench, region):
    """A device wrote the parity to memory with DMA, and the cache has older junk."""
    plan = bench.loaded_plan(region=region)
    outcome = bench.prepare_replay(plan, damage=THREE, stale=["parity"]).run()
    assert_repaired(plan, outcome, 3)


@regions
def test_stale_lines_over_segments_have_no_effect(bench, region):
    plan = bench.loaded_plan(region=region)
    outcome = bench.prepare_replay(plan, stale=SEGMENTS).run()
    assert_clean(outcome)
    assert_kernel_is_there(plan, outcome)


@regions
def test_damage_to_parity_only_in_the_cache_is_found(bench, region):
    """P of the group is wrong, so purgatory repairs the block with Q."""
    plan = bench.loaded_plan(region=region)
    outcome = bench.prepare_replay(plan, damage=[*ONE, ("parity", 77)]).run()
    assert_repaired(plan, outcome, 1)


# Sealed Images, which find their segments with the device tree


def assert_sealed_kernel_is_there(plan, outcome):
    """Checks that the kernel was entered and that no rule was broken. Returns the record, or None
    without a crash region."""
    assert_clean(outcome)
    assert_kernel_is_there(plan, outcome)
    tree = outcome.memory(plan.dtb, 64 << 10)
    at = tree.find(bm.make_record_template()[:16])
    assert (at >= 0) == (plan.region is not None)
    return bm.read_record(tree[at : at + bm.RECORD_SIZE]) if at >= 0 else None


@levels
@pytest.mark.parametrize("in_region, damage", [
    pytest.param(True, [], id="intact-in-region"),
    pytest.param(True, SEALED_TWO, id="two-in-region"),
    pytest.param(False, [], id="intact-anywhere"),
    # Without a crash region purgatory does not repair an initrd.
    pytest.param(False, SEALED_TWO[:1], id="kernel-anywhere"),
])
def test_a_sealed_run_breaks_no_rule(bench, level, in_region, damage):
    """Purgatory edits the device tree with the caches off and cleans it again afterwards."""
    plan = bench.sealed_plan(in_region=in_region)
    outcome = bench.prepare_replay(plan, replay.Machine(level), damage=damage).run()
    record = assert_sealed_kernel_is_there(plan, outcome)
    if record:
        assert (record.damaged, record.repaired) == (len(damage), len(damage))
        assert record.flags & bm.FLAG_MMU
    found = len(damage)
    assert (f"{found} of 7 blocks damaged, {found} repaired" if found else "7 blocks intact") \
        in outcome.console


def test_stale_lines_over_a_sealed_image_have_no_effect(bench):
    """A device wrote the Image to memory with DMA, and the cache has older junk."""
    plan = bench.sealed_plan()
    outcome = bench.prepare_replay(plan, stale=["tree", "parity", "kernel", "initrd"],
                               damage=ONE).run()
    assert assert_sealed_kernel_is_there(plan, outcome).repaired == 1


# Registers that QEMU 7.2 lacks


TCRX = {replay.ID_AA64MMFR3_EL1: 1}


@levels
def test_permission_indirection_is_switched_off(bench, level):
    """The old kernel has set TCR2_ELx.PIE, which changes the meaning of page table permissions."""
    plan = bench.loaded_plan()
    machine = replay.Machine(level, {**TCRX, replay.TCR2[level[0]]: mm.TCR2_PIE})
    outcome = bench.prepare_replay(plan, machine).run()
    assert_clean(outcome)
    assert_kernel_is_there(plan, outcome)
    assert read_record(plan, outcome).flags & bm.FLAG_MMU


def test_without_tcr2_purgatory_does_not_access_it(bench):
    plan = bench.loaded_plan()
    machine = replay.Machine(traps=frozenset(replay.TCR2.values()))
    outcome = bench.prepare_replay(plan, machine).run()
    assert_clean(outcome)
    assert read_record(plan, outcome).flags & bm.FLAG_MMU


@levels
def test_the_mmu_stays_off_if_tcr2_traps(bench, level):
    """Firmware makes an access to TCR2 undefined."""
    plan = bench.loaded_plan()
    machine = replay.Machine(level, {**TCRX, replay.TCR2[level[0]]: mm.TCR2_PIE},
                             frozenset(replay.TCR2.values()))
    outcome = bench.prepare_replay(plan, machine, damage=ONE).run()
    assert_repaired(plan, outcome, 1)
    assert not read_record(plan, outcome).flags & bm.FLAG_MMU


def method_of(plan, outcome):
    """Returns the SHA-256 method in the record."""
    return read_record(plan, outcome).flags >> bm.SHA256_SHIFT & 0xFF


SME = {replay.ID_AA64PFR1_EL1: 1 << 24}


@levels
@pytest.mark.parametrize("svcr,traps,method", [
    (replay.SVCR_SM, False, bm.INSTRUCTIONS), (replay.SVCR_SM, True, bm.PORTABLE),
    (0, False, bm.INSTRUCTIONS), (0, True, bm.INSTRUCTIONS),
], ids=["streaming", "streaming-for-good", "not-streaming", "not-streaming-and-trapped"])
def test_purgatory_checks_in_streaming_mode(bench, level, svcr, traps, method):
    """Vector instructions need SVCR.SM = 0, and a write of SVCR can be undefined."""
    plan = bench.loaded_plan()
    machine = replay.Machine(level, {**SME, replay.SVCR: svcr},
                             frozenset([replay.SVCR] if traps else []))
    outcome = bench.prepare_replay(plan, machine, damage=ONE).run()
    assert_repaired(plan, outcome, 1)
    assert method_of(plan, outcome) == method


@pytest.mark.parametrize("level,registers", [
    (bm.EL1, {replay.CPACR_EL1: 0}), (bm.EL2, {replay.CPTR_EL2: replay.CPTR_TFP}),
    (bm.EL2_VHE, {replay.CPTR_EL2: 0}),
], ids=["EL1", "EL2", "EL2-VHE"])
def test_vectors_that_trap_are_enabled(bench, level, registers):
    plan = bench.loaded_plan()
    outcome = bench.prepare_replay(plan, replay.Machine(level, registers)).run()
    assert_clean(outcome)
    assert method_of(plan, outcome) == bm.INSTRUCTIONS


# The models


def test_a_violation_names_the_instruction_and_the_area(bench):
    plan = bench.loaded_plan()
    image = mutants.Image(plan.image, bench.symbols(plan))
    civac = image.find_nth("pg_mmu_disable", mutants.CIVAC, 0)
    plan = bench.loaded_plan(image=image.replace_words({civac: mutants.NOP}))
    outcome = bench.prepare_replay(plan, cleaned=True).run()
    [violation] = [v for v in outcome.violations if v.what == cm.OFF_DIRTY]
    address = plan.base + plan.scratch_offset
    assert str(violation) == (
        f"{bench.symbols(plan).name_place(violation.pc - plan.base)} (pc {violation.pc:#x}):"
        f" scratch+{violation.address - address:#x} ({violation.address:#x})"
        f" is dirty when the caches are switched off, {len(violation.lines)} lines"
    )
    assert image.find("pg_mmu_disable", mutants.CIVAC)[0] < violation.pc - plan.base


# Words for ldur x29, [sp, #...] and ldur q0, [sp, #...]. They replace "mov x29, xzr" in entry.S,
# where sp is a multiple of 16.
MOV_X29_XZR = (0xFFFFFFFF, 0xAA1F03FD)
UNALIGNED = {
    "a-word-at-7": (0xF8400000 | (-7 & 0x1FF) << 12 | 31 << 5 | 29, cm.UNALIGNED),
    "a-word-at-8": (0xF8400000 | (-8 & 0x1FF) << 12 | 31 << 5 | 29, None),
    "a-vector-at-8": (0x3CC00000 | (-24 & 0x1FF) << 12 | 31 << 5, cm.UNALIGNED),
    "a-vector-at-16": (0x3CC00000 | (-32 & 0x1FF) << 12 | 31 << 5, None),
}


@pytest.mark.parametrize("name", UNALIGNED)
def test_an_unaligned_access_while_the_mmu_is_off_aborts(bench, name):
    load, what = UNALIGNED[name]
    plan = bench.loaded_plan()
    image = mutants.Image(plan.image, bench.symbols(plan))
    before_main = image.find_nth("entry", MOV_X29_XZR, 0)
    outcome = bench.prepare_replay(
        bench.loaded_plan(image=image.replace_words({before_main: load}))).run()
    assert outcome.found == ({(what, "scratch")} if what else set())
    assert outcome.reason == ("abort" if what else "kernel")
