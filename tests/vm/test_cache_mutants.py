# SPDX-License-Identifier: GPL-2.0-or-later
"""Faulty purgatories (mutants): the models of test_cache.py must find each of them.

These tests show that test_cache.py can fail. MUTANTS lists changed instructions. SKIPPED lists
ranges that are not cleaned. Another test removes every barrier and every maintenance instruction,
one at a time, so the lists cannot miss an instruction.

README.md shows the lists as a table. The last test compares that table with make_table().
"""

from dataclasses import dataclass

from lib import baremetal as bm
from lib import cachemodel as cm
from lib import mmumodel as mm
import pytest

pytest.importorskip("unicorn", reason="no python3-unicorn")
from lib import cachebench  # needs it
from lib import mutants as mu
from lib import replay

pytestmark = pytest.mark.skipif(bm.find_missing_tool() is not None, reason=str(bm.find_missing_tool()))

DAMAGE = [("kernel", 0x2345)]  # one bit, so purgatory reads parity and repairs a block


@dataclass(frozen=True)
class Mutant:
    """A changed image, and the rules that the models must report for it."""

    why: str  # the fault, for the table
    changes: tuple  # of mutants.Change
    kills: tuple  # (rule, name of the area) that must be reported; more may be reported
    level: tuple = bm.EL1
    registers: tuple = ()  # (key, value), see replay.Machine
    sealed: bool = False  # run it as a sealed Image


def make_mutant(why, change, *kills, **options):
    """Returns a mutant with one change."""
    return Mutant(why, (change,), kills, **options)


def list_in_segments(what):
    """Returns (rule, segment) for each segment."""
    return tuple((what, name) for name in ("kernel", "initrd", "dtb"))


ENABLE, DISABLE, START = "pg_mmu_enable", "pg_mmu_disable", "pg_start_kernel"
CLEAN, CLEAN_IMAGE = "pg_cache_clean", "pg_cache_clean_image"
ANYWHERE = None  # any function, because the compiler can inline the instruction
OLD_IN_TLB = (mm.OLD_TRANSLATION, "image")
LEFT_IN_TLB = (mm.END_TRANSLATION, "kernel")

MUTANTS = {
    # TLB
    "no-tlbi-before-on": make_mutant(
        "the old kernel's translations stay in the TLB", mu.Change(ENABLE, mu.TLBI, 0), OLD_IN_TLB),
    "no-tlbi-before-on-el2": make_mutant(
        "the old kernel's translations stay in the TLB, at EL2", mu.Change(ENABLE, mu.TLBI, 1),
        OLD_IN_TLB, level=bm.EL2),
    "no-tlbi-before-on-vhe": make_mutant(
        "the old kernel's translations stay in the TLB, at EL2 with VHE",
        mu.Change(ENABLE, mu.TLBI, 1), OLD_IN_TLB, level=bm.EL2_VHE),
    "tlbi-of-el1-at-el2": make_mutant(
        "the tlbi of EL1 does not drop translations of EL2",
        mu.Change(ENABLE, mu.TLBI, 1, mu.TLBI_VMALLE1), OLD_IN_TLB,
        level=bm.EL2),
    "tlbi-of-one-page": make_mutant(
        "the translations of all other pages stay",
        mu.Change(ENABLE, mu.TLBI, 0, mu.TLBI_VAE1), OLD_IN_TLB),
    "no-dsb-after-tlbi": make_mutant(
        "the tlbi is not complete when the MMU is switched on",
        mu.Change(ENABLE, mu.DSB, 1), OLD_IN_TLB),
    "no-isb-after-tlbi": make_mutant(
        "the CPU can use instructions that it fetched by old translations",
        mu.Change(ENABLE, mu.ISB, 0),
        OLD_IN_TLB),
    "dsb-before-tlbi": make_mutant(
        "the dsb comes before the tlbi", mu.Change(ENABLE, mu.DSB, 1, swap=-1), OLD_IN_TLB,
        level=bm.EL2),
    "isb-before-dsb": make_mutant(
        "the isb comes before the dsb", mu.Change(ENABLE, mu.DSB, 1, swap=1), OLD_IN_TLB),
    "no-tlbi-after-off": make_mutant(
        "purgatory's translations stay in the TLB", mu.Change(DISABLE, mu.TLBI, 0), LEFT_IN_TLB),
    "no-tlbi-after-off-el2": make_mutant(
        "purgatory's translations stay in the TLB, at EL2", mu.Change(DISABLE, mu.TLBI, 1),
        LEFT_IN_TLB, level=bm.EL2),
    "no-dsb-after-last-tlbi": make_mutant(
        "the tlbi is not complete when the function returns", mu.Change(DISABLE, mu.DSB, -1),
        (mm.PENDING, "image")),
    "no-isb-after-last-tlbi": make_mutant(
        "the tlbi is not synchronized when the function returns", mu.Change(DISABLE, mu.ISB, -1),
        (mm.PENDING, "image")),
    # Registers that control the translation
    "no-ttbr0": make_mutant(
        "the old kernel's TTBR0 stays",
        mu.Change(ANYWHERE, mu.msr(0, 2, 0, 0)), (mm.NOT_MAPPED, "image")),
    "no-tcr": make_mutant(
        "the old kernel's TCR stays", mu.Change(ANYWHERE, mu.msr(0, 2, 0, 2)),
        (mm.NOT_MAPPED, "image")),
    "no-mair": make_mutant(
        "the old kernel's MAIR stays", mu.Change(ANYWHERE, mu.msr(0, 10, 2, 0)),
        (mm.NOT_WRITE_BACK, "kernel"), (mm.AS_MEMORY, "uart")),
    "no-mair-el2": make_mutant(
        "the old kernel's MAIR stays, at EL2", mu.Change(ANYWHERE, mu.msr(4, 10, 2, 0)),
        (mm.NOT_WRITE_BACK, "kernel"), level=bm.EL2),
    # Switching on and off
    "no-dsb-after-ivac": make_mutant(
        "the dc ivac of the stack is not complete when the caches are switched on",
        mu.Change(ENABLE, mu.DSB, 0), (cm.ON_OLD, "scratch")),
    "no-ivac": make_mutant(
        "old lines of the stack stay in the cache",
        mu.Change(ENABLE, mu.IVAC), (cm.ON_OLD, "scratch")),
    "no-clean-before-off": make_mutant(
        "the stack stays in the cache when the caches are switched off",
        mu.Change(DISABLE, mu.CIVAC), (cm.OFF_DIRTY, "scratch")),
    "no-dsb-before-off": make_mutant(
        "the clean of the stack is not complete when the caches are switched off",
        mu.Change(DISABLE, mu.DSB, 0), (cm.OFF_DIRTY, "scratch")),
    "no-isb-before-off": make_mutant(
        "Falkor erratum 1041: no isb before the MMU is switched off",
        mu.Change(DISABLE, mu.ISB, 0), (mm.NO_ISB, "image")),
    "no-isb-after-off": make_mutant(
        "the MMU can still be on when the stack is cleaned", mu.Change(DISABLE, mu.ISB, -2),
        (mm.UNSYNCHRONISED, "scratch")),
    "off-before-isb": make_mutant(
        "Falkor erratum 1041: the isb comes after the MMU is switched off",
        mu.Change(DISABLE, mu.msr(0, 1, 0, 0), swap=-1),
        (mm.NO_ISB, "image")),
    # Cleaning
    "no-clean-of-image": make_mutant(
        "a dirty line of the old kernel can overwrite the stack", mu.Change(CLEAN_IMAGE, mu.CIVAC),
        (cm.WRITTEN_PAST, "scratch"), (cm.END_UNREAD, "image")),
    "no-dsb-after-image": make_mutant(
        "the clean of the image is not complete when the stack is used",
        mu.Change(CLEAN_IMAGE, mu.DSB), (cm.WRITTEN_PAST, "scratch")),
    "image-once": make_mutant(
        "erratum 4311569: one dc civac is not enough",
        mu.Change(CLEAN_IMAGE, mu.MOV_TWICE, 0, 0xD2800020, 31),
        (cm.CLEANED_ONCE, "scratch")),
    "ranges-once": make_mutant(
        "erratum 4311569: one dc civac is not enough",
        mu.Change(CLEAN, mu.MOV_TWICE, 0, 0xD2800020, 31),
        *list_in_segments(cm.CLEANED_ONCE)),
    "one-civac-of-sixteen": make_mutant(
        "every sixteenth line is not cleaned",
        mu.Change(CLEAN, mu.CIVAC, 7), (cm.READ_EARLY, "kernel"),
        (cm.READ_EARLY, "parity")),
    "cvac": make_mutant(
        "dc cvac has errata on several cores", mu.Change(CLEAN, mu.CIVAC, 3, mu.CVAC_WORD, 31),
        *list_in_segments(cm.OTHER_MAINTENANCE)),
    "ivac": make_mutant(
        "dc ivac drops dirty lines", mu.Change(CLEAN, mu.CIVAC, 3, mu.IVAC_WORD, 31),
        *list_in_segments(cm.OTHER_MAINTENANCE)),
    "no-dsb-after-ranges": make_mutant(
        "the digest can be computed from old lines",
        mu.Change(CLEAN, mu.DSB), *list_in_segments(cm.NOT_WAITED)),
    "no-clean": Mutant(
        "no range is cleaned", (mu.Change(CLEAN, (0, 0), 0, mu.RET),),
        list_in_segments(cm.READ_EARLY) + list_in_segments(cm.OFF_DIRTY) + (
            (cm.READ_EARLY, "parity"), (cm.READ_EARLY, "tables"), (mm.WALKED_EARLY, "params"))),
    "no-dmb-sealed": make_mutant(
        "page tables can be cleaned before the stores reach memory", mu.Change(CLEAN, mu.DMB),
        (cm.UNORDERED, "bitmap"), sealed=True),
    # Instructions
    "no-ic-at-entry": make_mutant(
        "old instructions stay in the instruction cache",
        mu.Change("entry", mu.IC, 0), (mm.OLD_CODE, "image")),
    "no-dsb-after-ic-at-entry": make_mutant(
        "the ic is not complete", mu.Change("entry", mu.DSB, 0), (mm.OLD_CODE, "image")),
    "no-isb-after-ic-at-entry": make_mutant(
        "the ic is not synchronized", mu.Change("entry", mu.ISB, 1), (mm.OLD_CODE, "image")),
    "no-ic-after-image": make_mutant(
        "the CPU can run other instructions than those in the checksum",
        mu.Change("entry", mu.IC, 1), (mm.OLD_CODE, "image")),
    "no-dsb-after-second-ic": make_mutant(
        "the ic is not complete", mu.Change("entry", mu.DSB, 1), (mm.PENDING, "image")),
    "no-isb-after-second-ic": make_mutant(
        "the ic is not synchronized", mu.Change("entry", mu.ISB, 3), (mm.PENDING, "image")),
    "no-ic-for-the-kernel": make_mutant(
        "old instructions of the kernel's memory stay in the instruction cache",
        mu.Change(START, mu.IC), (mm.END_OLD_CODE, "kernel")),
    "no-dsb-for-the-kernel": make_mutant(
        "the ic is not complete", mu.Change(START, mu.DSB), (mm.END_OLD_CODE, "kernel")),
    "no-isb-for-the-kernel": make_mutant(
        "the ic is not synchronized", mu.Change(START, mu.ISB, -1), (mm.END_OLD_CODE, "kernel")),
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return cachebench.CacheBench(tmp_path_factory.mktemp("mutants"))


def make_plan(bench, sealed, **options):
    return (bench.sealed_plan if sealed else bench.loaded_plan)(**options)


def make_image(bench, sealed):
    plan = make_plan(bench, sealed)
    return mu.Image(plan.image, bench.symbols(plan))


def run_image(bench, image, sealed=False, machine=replay.Machine()):
    return bench.prepare_replay(make_plan(bench, sealed, image=image), machine, damage=DAMAGE).run()


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_found(bench, name):
    """The models report the rules of the list. They may report more, because faults have effects."""
    mutant = MUTANTS[name]
    image = make_image(bench, mutant.sealed)
    words = {}
    for change in mutant.changes:
        words.update(change.make_words(image))
    machine = replay.Machine(mutant.level, dict(mutant.registers))
    outcome = run_image(bench, image.replace_words(words), mutant.sealed, machine)
    assert set(mutant.kills) <= outcome.found, outcome


# Ranges that are not cleaned: (area, phase, rules that must be reported). Every DC for the area in
# that phase does nothing. This is independent of the order in which purgatory cleans its ranges.

BEFORE, ON = "before", "on"
SKIPPED = {
    "kernel-before": ("kernel", BEFORE, [(cm.READ_EARLY, "kernel"), (cm.END_UNREAD, "kernel")]),
    "initrd-before": ("initrd", BEFORE, [(cm.READ_EARLY, "initrd"), (cm.END_UNREAD, "initrd")]),
    "dtb-before": ("dtb", BEFORE, [(cm.READ_EARLY, "dtb"), (cm.END_UNREAD, "dtb")]),
    "tables-before": ("tables", BEFORE, [(cm.READ_EARLY, "tables")]),
    "params-before": ("params", BEFORE, [(cm.END_UNREAD, "params"), (mm.WALKED_EARLY, "params")]),
    "parity": ("parity", None, [(cm.READ_EARLY, "parity")]),
    "kernel-after": ("kernel", ON, [(cm.OFF_DIRTY, "kernel"), (cm.READ_PAST, "kernel")]),
    "initrd-after": ("initrd", ON, [(cm.END_HELD, "initrd")]),
    "dtb-after": ("dtb", ON, [(cm.END_HELD, "dtb")]),
    "bitmap-after": ("bitmap", ON, [(cm.OFF_DIRTY, "bitmap")]),
}
# The same for a sealed Image: memory that it reads or writes before it switches the MMU on.
SEALED_SKIPPED = {
    "sealed-tree-before": ("tree", BEFORE, [(cm.READ_EARLY, "tree")]),
    "sealed-page-tables": ("bitmap", BEFORE, [(cm.WRITTEN_PAST, "bitmap"), (cm.ON_OLD, "bitmap")]),
}


def make_skip(area, phase):
    return lambda name, when: name == area and phase in (None, when)


@pytest.mark.parametrize("name", [*SKIPPED, *SEALED_SKIPPED])
def test_a_range_that_is_not_cleaned_is_found(bench, name):
    """kernel-after: the repaired block stays in the cache, so purgatory resets."""
    area, phase, kills = {**SKIPPED, **SEALED_SKIPPED}[name]
    machine = replay.Machine(skip=make_skip(area, phase))
    plan = make_plan(bench, name in SEALED_SKIPPED)
    outcome = bench.prepare_replay(plan, machine, damage=DAMAGE).run()
    assert name != "kernel-after" or outcome.reason == "reset", outcome
    assert outcome.skipped > 0, "no DC instruction was skipped"
    assert set(kills) <= outcome.found, outcome


def test_a_repair_that_did_not_reach_memory_is_damage(bench):
    """Purgatory checks repaired blocks again with the caches off."""
    machine = replay.Machine(skip=make_skip("kernel", ON))
    outcome = bench.prepare_replay(bench.loaded_plan(), machine, damage=DAMAGE).run()
    assert outcome.reason == "reset"
    assert "1 of 9 blocks damaged, 0 repaired" in outcome.console, outcome.console


def test_without_cleaning_damage_in_the_cache_reaches_the_kernel(bench):
    """With caches off, the check reads memory, but the kernel gets the damaged cache line."""
    plan = bench.loaded_plan(region=None)
    machine = replay.Machine(skip=make_skip("initrd", None))
    outcome = bench.prepare_replay(plan, machine, damage=[("initrd", 0x1234)], cleaned=True).run()
    assert {(cm.READ_EARLY, "initrd"), (cm.READ_PAST, "initrd")} <= outcome.found, outcome
    assert outcome.reason == "kernel"
    [initrd] = [segment for segment in plan.segments if segment.name == "initrd"]
    assert outcome.memory(initrd.base, len(initrd.data)) == bm.flip_bit(initrd.data, 0x1234)


@pytest.mark.parametrize("el", [1, 2])
def test_permission_indirection_that_stays_on_is_found(bench, el):
    """Purgatory does not write TCR2, and the old kernel has set TCR2_ELx.PIE."""
    image = make_image(bench, False)
    places = image.find(ANYWHERE, mu.msr(4 if el == 2 else 0, 2, 0, 3))
    assert len(places) == 1, f"purgatory has {len(places)} writes of TCR2, not 1"
    machine = replay.Machine((el, False), {replay.ID_AA64MMFR3_EL1: 1,
                                           replay.TCR2[el]: mm.TCR2_PIE})
    outcome = run_image(bench, image.replace_words({places[0]: mu.NOP}), machine=machine)
    assert (mm.PERMISSION_INDIRECT, "image") in outcome.found, outcome
    assert outcome.reason == "abort"


# Every barrier and every maintenance instruction

# The instructions that can be removed without an effect, each one alone, and the reason. A number
# selects one instruction. An entry without a number is for all such instructions of a C function,
# because the compiler can duplicate them.
REDUNDANT = {
    "entry isb 0": "the next isb comes before the next access",
    "pg_mmu_enable dmb 0": "the dsb of write_registers() orders the stack's stores as well",
    "pg_mmu_enable isb 1": "the isb after ic iallu follows; Linux has both",
    "pg_mmu_enable ic 0": "the code does not change after the ic at entry; Linux has it",
    "pg_mmu_disable dc 1": "purgatory does not write to the stack afterwards",
    "pg_start_kernel isb 0": "for Falkor erratum 1041; the MMU is already off",
    "pg_start_kernel isb 1": "the isb after ic iallu follows",
    "leave_try dsb 0": "for SErrors, which test_purgatory.py raises",
    "leave_try isb 0": "for SErrors, which test_purgatory.py raises",
    "pg_mmu_set_up dsb": "the dmb and dsb of pg_mmu_enable come later",
    "pg_mmu_set_up isb": "the isb of pg_mmu_enable comes before SCTLR",
    "lift_traps isb": "the exit of pg_try has an isb, too",
    "pg_cpu_enable_simd isb": "the exit of pg_try has an isb, too, if the compiler inlines it",
    "leave_streaming_mode isb": "SVCR takes effect at once",
    "pg_cache_clean dmb 0": "pg_try has a dsb; a sealed Image needs it, see no-dmb-sealed",
}
KINDS = {"dsb": mu.DSB, "dmb": mu.DMB, "isb": mu.ISB, "tlbi": mu.TLBI, "dc": mu.DC, "ic": mu.IC}


def is_in_a_row(image, offset):
    """Returns whether an earlier DC of the same unrolled loop is tested already."""
    return offset >= 8 and image.word(offset) == image.word(offset - 8) == mu.CIVAC_WORD


def list_instructions(image, executed):
    """Returns the executed barriers and maintenance instructions: "function kind number" -> offset."""
    found = {}
    for function in image.functions:
        for kind, pattern in KINDS.items():
            for number, offset in enumerate(image.find(function, pattern)):
                is_ic = image.word(offset) == mu.IC[1]
                if offset in executed and is_ic == (kind == "ic"):
                    found[f"{function} {kind} {number}"] = offset
    return {name: at for name, at in found.items() if not is_in_a_row(image, at)}


def find_redundant(names):
    """Returns name -> entry of REDUNDANT for the names that have an entry."""
    entries = {name: next((entry for entry in (name, name.rpartition(" ")[0])
                           if entry in REDUNDANT), None) for name in names}
    return {name: entry for name, entry in entries.items() if entry}


@pytest.mark.parametrize("el", [1, 2])
def test_every_barrier_and_maintenance_instruction_is_needed(bench, el):
    image = make_image(bench, False)
    machine = replay.Machine((el, False))
    right = {level: run_image(bench, image.replace_words({}), machine=replay.Machine((level, False)))
             for level in (1, el)}
    executed = right[el].executed - (right[1].executed if el == 2 else set())
    survivors, killed = set(), set()
    for key, offset in list_instructions(image, executed).items():
        outcome = run_image(bench, image.replace_words({offset: mu.NOP}), machine=machine)
        same = outcome.reason == "kernel" and outcome.found == right[el].found
        (survivors if same else killed).add(key)
    assert survivors <= find_redundant(survivors).keys()
    assert not find_redundant(killed), "these instructions are needed, but REDUNDANT lists them"
    assert len(killed) >= (25 if el == 1 else 4)


def test_a_missing_instruction_is_an_error(bench):
    image = make_image(bench, False)
    for change in (mu.Change(ENABLE, mu.TLBI, 2), mu.Change("pg_gone", mu.TLBI)):
        with pytest.raises(AssertionError):
            change.make_words(image)
    with pytest.raises(AssertionError):
        image.replace_words({0: image.word(0)})


def make_table():
    """Returns the table of README.md."""
    lines = ["| mutant | fault | found by: area and broken rule |", "|---|---|---|"]
    rows = [(name, mutant.why, mutant.kills) for name, mutant in MUTANTS.items()]
    rows += [(name, f"the area {area} is not cleaned" + {
        BEFORE: " before the check", ON: " after the check", None: ""}[phase], kills)
             for name, (area, phase, kills) in {**SKIPPED, **SEALED_SKIPPED}.items()]
    for name, why, kills in rows:
        what, _ = kills[0]
        names = ", ".join(area for said, area in kills if said == what)
        lines.append(f"| `{name}` | {why} | {names}: {what} |")
    return "\n".join(lines)


def test_the_readme_lists_every_mutant():
    text = (bm.HERE / "README.md").read_text()
    assert make_table() in text, f"README.md must have this table:\n{make_table()}"
