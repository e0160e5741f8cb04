# SPDX-License-Identifier: GPL-2.0-or-later
"""Wrong purgatories: the models of test_cache.py find each of them.

Issue 10, section 3: the check of the checker. MUTANTS changes instructions of the image, by
name. SKIPPED leaves out the cleaning of one range. A sweep removes every barrier and every
maintenance instruction, one by one, so that none is missing from the list.

README.md has the list as a table. The last test fails with the text that the table should be.
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

DAMAGE = [("kernel", 0x2345)]  # so that parity is read and a block repaired


@dataclass(frozen=True)
class Mutant:
    """What is wrong, and rules that it breaks at least: (what, area)."""

    why: str
    changes: tuple
    kills: tuple
    level: tuple = bm.EL1
    registers: tuple = ()
    sealed: bool = False


def one(why, change, *kills, **options):
    return Mutant(why, (change,), kills, **options)


def in_segments(what):
    return tuple((what, name) for name in ("kernel", "initrd", "dtb"))


ENABLE, DISABLE, START = "pg_mmu_enable", "pg_mmu_disable", "pg_start_kernel"
CLEAN, CLEAN_IMAGE = "pg_cache_clean", "pg_cache_clean_image"
ANYWHERE = None  # the compiler decides which function it is in
OLD_IN_TLB = (mm.OLD_TRANSLATION, "image")
LEFT_IN_TLB = (mm.END_TRANSLATION, "kernel")

MUTANTS = {
    # TLB
    "no-tlbi-before-on": one(
        "the old kernel's translations stay", mu.Change(ENABLE, mu.TLBI, 0), OLD_IN_TLB),
    "no-tlbi-before-on-el2": one(
        "the same at EL2", mu.Change(ENABLE, mu.TLBI, 1), OLD_IN_TLB, level=bm.EL2),
    "no-tlbi-before-on-vhe": one(
        "the same at EL2 with VHE", mu.Change(ENABLE, mu.TLBI, 1), OLD_IN_TLB, level=bm.EL2_VHE),
    "tlbi-of-el1-at-el2": one(
        "EL2's own translations stay", mu.Change(ENABLE, mu.TLBI, 1, mu.TLBI_VMALLE1), OLD_IN_TLB,
        level=bm.EL2),
    "tlbi-of-one-page": one(
        "all other translations stay", mu.Change(ENABLE, mu.TLBI, 0, mu.TLBI_VAE1), OLD_IN_TLB),
    "no-dsb-after-tlbi": one(
        "the tlbi is not complete", mu.Change(ENABLE, mu.DSB, 1), OLD_IN_TLB),
    "no-isb-after-tlbi": one(
        "what was fetched before goes on by old translations", mu.Change(ENABLE, mu.ISB, 0),
        OLD_IN_TLB),
    "dsb-before-tlbi": one(
        "the dsb waits for nothing", mu.Change(ENABLE, mu.DSB, 1, swap=-1), OLD_IN_TLB,
        level=bm.EL2),
    "isb-before-dsb": one(
        "the isb comes too early", mu.Change(ENABLE, mu.DSB, 1, swap=1), OLD_IN_TLB),
    "no-tlbi-after-off": one(
        "the kernel gets our translations", mu.Change(DISABLE, mu.TLBI, 0), LEFT_IN_TLB),
    "no-tlbi-after-off-el2": one(
        "the same at EL2", mu.Change(DISABLE, mu.TLBI, 1), LEFT_IN_TLB, level=bm.EL2),
    "no-dsb-after-last-tlbi": one(
        "it is not complete when the function returns", mu.Change(DISABLE, mu.DSB, -1),
        (mm.PENDING, "image")),
    "no-isb-after-last-tlbi": one(
        "the same", mu.Change(DISABLE, mu.ISB, -1), (mm.PENDING, "image")),
    # Registers of translation
    "no-ttbr0": one(
        "the old kernel's tables", mu.Change(ANYWHERE, mu.msr(0, 2, 0, 0)), (mm.NOT_MAPPED, "image")),
    "no-tcr": one(
        "the old kernel's size of addresses", mu.Change(ANYWHERE, mu.msr(0, 2, 0, 2)),
        (mm.NOT_MAPPED, "image")),
    "no-mair": one(
        "the old kernel's attributes", mu.Change(ANYWHERE, mu.msr(0, 10, 2, 0)),
        (mm.NOT_WRITE_BACK, "kernel"), (mm.AS_MEMORY, "uart")),
    "no-mair-el2": one(
        "the same at EL2", mu.Change(ANYWHERE, mu.msr(4, 10, 2, 0)),
        (mm.NOT_WRITE_BACK, "kernel"), level=bm.EL2),
    # Switching on and off
    "no-dsb-after-ivac": one(
        "old lines of the stack stay", mu.Change(ENABLE, mu.DSB, 0), (cm.ON_OLD, "scratch")),
    "no-ivac": one(
        "the same", mu.Change(ENABLE, mu.IVAC), (cm.ON_OLD, "scratch")),
    "no-clean-before-off": one(
        "the stack stays in the cache", mu.Change(DISABLE, mu.CIVAC), (cm.OFF_DIRTY, "scratch")),
    "no-dsb-before-off": one(
        "the same", mu.Change(DISABLE, mu.DSB, 0), (cm.OFF_DIRTY, "scratch")),
    "no-isb-before-off": one(
        "Falkor erratum 1041", mu.Change(DISABLE, mu.ISB, 0), (mm.NO_ISB, "image")),
    "no-isb-after-off": one(
        "the MMU is still on when the stack is cleaned", mu.Change(DISABLE, mu.ISB, -2),
        (mm.UNSYNCHRONISED, "scratch")),
    "off-before-isb": one(
        "the isb comes too late for Falkor", mu.Change(DISABLE, mu.msr(0, 1, 0, 0), swap=-1),
        (mm.NO_ISB, "image")),
    # Cleaning
    "no-clean-of-image": one(
        "stray stores come over the stack", mu.Change(CLEAN_IMAGE, mu.CIVAC),
        (cm.WRITTEN_PAST, "scratch"), (cm.END_UNREAD, "image")),
    "no-dsb-after-image": one(
        "the same", mu.Change(CLEAN_IMAGE, mu.DSB), (cm.WRITTEN_PAST, "scratch")),
    "image-once": one(
        "erratum 4311569", mu.Change(CLEAN_IMAGE, mu.MOV_TWICE, 0, 0xD2800020, 31),
        (cm.CLEANED_ONCE, "scratch")),
    "ranges-once": one(
        "erratum 4311569", mu.Change(CLEAN, mu.MOV_TWICE, 0, 0xD2800020, 31),
        *in_segments(cm.CLEANED_ONCE)),
    "one-civac-of-sixteen": one(
        "every sixteenth line stays", mu.Change(CLEAN, mu.CIVAC, 7), (cm.READ_EARLY, "kernel"),
        (cm.READ_EARLY, "parity")),
    "cvac": one(
        "errata of several cores", mu.Change(CLEAN, mu.CIVAC, 3, mu.CVAC_WORD, 31),
        *in_segments(cm.OTHER_MAINTENANCE)),
    "ivac": one(
        "throws away what is newer", mu.Change(CLEAN, mu.CIVAC, 3, mu.IVAC_WORD, 31),
        *in_segments(cm.OTHER_MAINTENANCE)),
    "no-dsb-after-ranges": one(
        "the digest may be of old lines", mu.Change(CLEAN, mu.DSB), *in_segments(cm.NOT_WAITED)),
    "no-clean": Mutant(
        "ranges are not cleaned at all", (mu.Change(CLEAN, (0, 0), 0, mu.RET),),
        in_segments(cm.READ_EARLY) + in_segments(cm.OFF_DIRTY) + (
            (cm.READ_EARLY, "parity"), (cm.READ_EARLY, "tables"), (mm.WALKED_EARLY, "params"))),
    "no-dmb-sealed": one(
        "page tables are cleaned before they are stored", mu.Change(CLEAN, mu.DMB),
        (cm.UNORDERED, "bitmap"), sealed=True),
    # Instructions
    "no-ic-at-entry": one(
        "the I-cache goes on as it was", mu.Change("entry", mu.IC, 0), (mm.OLD_CODE, "image")),
    "no-dsb-after-ic-at-entry": one(
        "the ic is not complete", mu.Change("entry", mu.DSB, 0), (mm.OLD_CODE, "image")),
    "no-isb-after-ic-at-entry": one(
        "the same", mu.Change("entry", mu.ISB, 1), (mm.OLD_CODE, "image")),
    "no-ic-after-image": one(
        "what runs is not what is summed up", mu.Change("entry", mu.IC, 1), (mm.OLD_CODE, "image")),
    "no-dsb-after-second-ic": one(
        "the ic is not complete", mu.Change("entry", mu.DSB, 1), (mm.PENDING, "image")),
    "no-isb-after-second-ic": one(
        "the same", mu.Change("entry", mu.ISB, 3), (mm.PENDING, "image")),
    "no-ic-for-the-kernel": one(
        "the kernel's old instructions", mu.Change(START, mu.IC), (mm.END_OLD_CODE, "kernel")),
    "no-dsb-for-the-kernel": one(
        "the same", mu.Change(START, mu.DSB), (mm.END_OLD_CODE, "kernel")),
    "no-isb-for-the-kernel": one(
        "the same", mu.Change(START, mu.ISB, -1), (mm.END_OLD_CODE, "kernel")),
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return cachebench.CacheBench(tmp_path_factory.mktemp("mutants"))


def plan_of(bench, sealed, **options):
    return (bench.sealed_plan if sealed else bench.loaded_plan)(**options)


def image_of(bench, sealed):
    plan = plan_of(bench, sealed)
    return mu.Image(plan.image, bench.symbols(plan))


def run_image(bench, image, sealed=False, machine=replay.Machine()):
    return bench.prepare_replay(plan_of(bench, sealed, image=image), machine, damage=DAMAGE).run()


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_found(bench, name):
    """By the rules that it is there for; what follows from it may be found, too."""
    mutant = MUTANTS[name]
    image = image_of(bench, mutant.sealed)
    words = {}
    for change in mutant.changes:
        words.update(change.make_words(image))
    machine = replay.Machine(mutant.level, dict(mutant.registers))
    outcome = run_image(bench, image.replace_words(words), mutant.sealed, machine)
    assert set(mutant.kills) <= outcome.found, outcome


# One range that is not cleaned, by the area and by where MMU and caches are: every dc of it
# does nothing. Independent of how purgatory goes over its ranges.

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
# The same for a sealed Image: what it reads or writes before the MMU is on.
SEALED_SKIPPED = {
    "sealed-tree-before": ("tree", BEFORE, [(cm.READ_EARLY, "tree")]),
    "sealed-page-tables": ("bitmap", BEFORE, [(cm.WRITTEN_PAST, "bitmap"), (cm.ON_OLD, "bitmap")]),
}


def skip(area, phase):
    return lambda name, when: name == area and phase in (None, when)


@pytest.mark.parametrize("name", [*SKIPPED, *SEALED_SKIPPED])
def test_a_range_that_is_left_out_is_found(bench, name):
    """Point 2.9, kernel-after: the block is repaired, and the repair stays in the cache."""
    area, phase, kills = {**SKIPPED, **SEALED_SKIPPED}[name]
    machine = replay.Machine(skip=skip(area, phase))
    plan = plan_of(bench, name in SEALED_SKIPPED)
    outcome = bench.prepare_replay(plan, machine, damage=DAMAGE).run()
    assert name != "kernel-after" or outcome.reason == "reset", outcome
    assert outcome.skipped > 0, "nothing was left out"
    assert set(kills) <= outcome.found, outcome


def test_a_repair_that_did_not_reach_memory_is_damage(bench):
    """Point 2.9: repaired blocks are hashed again past the caches. The kernel was started."""
    machine = replay.Machine(skip=skip("kernel", ON))
    outcome = bench.prepare_replay(bench.loaded_plan(), machine, damage=DAMAGE).run()
    assert outcome.reason == "reset"
    assert "1 of 9 blocks damaged, 0 repaired" in outcome.console, outcome.console


def test_a_rule_that_is_broken_lets_damage_through(bench):
    """With caches off and nothing cleaned before, the check looks past the cache."""
    plan = bench.loaded_plan(region=None)
    machine = replay.Machine(skip=skip("initrd", None))
    outcome = bench.prepare_replay(plan, machine, damage=[("initrd", 0x1234)], cleaned=True).run()
    assert {(cm.READ_EARLY, "initrd"), (cm.READ_PAST, "initrd")} <= outcome.found, outcome
    assert outcome.reason == "kernel"
    [initrd] = [segment for segment in plan.segments if segment.name == "initrd"]
    assert outcome.memory(initrd.base, len(initrd.data)) == bm.flip_bit(initrd.data, 0x1234)


@pytest.mark.parametrize("el", [1, 2])
def test_permission_indirection_that_stays_is_found(bench, el):
    """Point 2.6: TCR2 is not written, and the old kernel has set PIE."""
    image = image_of(bench, False)
    places = image.find(ANYWHERE, mu.msr(4 if el == 2 else 0, 2, 0, 3))
    assert len(places) == 1, "no write of TCR2, or several"
    machine = replay.Machine((el, False), {replay.ID_AA64MMFR3_EL1: 1,
                                           replay.TCR2[el]: mm.TCR2_PIE})
    outcome = run_image(bench, image.replace_words({places[0]: mu.NOP}), machine=machine)
    assert (mm.PERMISSION_INDIRECT, "image") in outcome.found, outcome
    assert outcome.reason == "abort"


# Every barrier and every maintenance instruction

# Alone each of these may be left out, and why. Of a function in C all such instructions count:
# how many there are is the compiler's choice.
REDUNDANT = {
    "entry isb 0": "the next isb comes before anything that may fail",
    "pg_mmu_enable dmb 0": "the dsb of set_up() orders the stack's stores as well",
    "pg_mmu_enable isb 1": "the isb after ic iallu follows; Linux has both",
    "pg_mmu_enable ic 0": "the code does not change after the ic at entry; Linux has it",
    "pg_mmu_disable dc 1": "nothing is written to the stack after that",
    "pg_start_kernel isb 0": "the MMU is off already; it is for Falkor erratum 1041",
    "pg_start_kernel isb 1": "the isb after ic iallu follows",
    "leave_try dsb 0": "for SErrors, which test_purgatory.py raises",
    "leave_try isb 0": "the same",
    "pg_mmu_set_up dsb": "the dmb and dsb of pg_mmu_enable come later",
    "pg_mmu_set_up isb": "the isb of pg_mmu_enable comes before SCTLR",
    "lift_traps isb": "the exit of pg_try has an isb, too",
    "pg_cpu_enable_simd isb": "the same, where the compiler puts it there",
    "leave_streaming_mode isb": "SVCR takes effect at once",
    "pg_cache_clean dmb 0": "pg_try has a dsb; a sealed Image needs it, see no-dmb-sealed",
}
KINDS = {"dsb": mu.DSB, "dmb": mu.DMB, "isb": mu.ISB, "tlbi": mu.TLBI, "dc": mu.DC, "ic": mu.IC}


def is_in_a_row(image, offset):
    """Of the sixteen dc of a loop that is rolled out, one is enough."""
    return offset >= 8 and image.word(offset) == image.word(offset - 8) == mu.CIVAC_WORD


def instructions(image, executed):
    """Names and offsets of those that were executed: function, kind, number."""
    found = {}
    for function in image.functions:
        for kind, pattern in KINDS.items():
            for number, offset in enumerate(image.find(function, pattern)):
                is_ic = image.word(offset) == mu.IC[1]
                if offset in executed and is_ic == (kind == "ic"):
                    found[f"{function} {kind} {number}"] = offset
    return {name: at for name, at in found.items() if not is_in_a_row(image, at)}


def redundant(names):
    """The entry of REDUNDANT for each name that has one."""
    entries = {name: next((entry for entry in (name, name.rpartition(" ")[0])
                           if entry in REDUNDANT), None) for name in names}
    return {name: entry for name, entry in entries.items() if entry}


@pytest.mark.parametrize("el", [1, 2])
def test_every_barrier_and_maintenance_counts(bench, el):
    image = image_of(bench, False)
    machine = replay.Machine((el, False))
    right = {level: run_image(bench, image.replace_words({}), machine=replay.Machine((level, False)))
             for level in (1, el)}
    executed = right[el].executed - (right[1].executed if el == 2 else set())
    survivors, killed = set(), set()
    for key, offset in instructions(image, executed).items():
        outcome = run_image(bench, image.replace_words({offset: mu.NOP}), machine=machine)
        same = outcome.reason == "kernel" and outcome.found == right[el].found
        (survivors if same else killed).add(key)
    assert survivors <= redundant(survivors).keys()
    assert not redundant(killed), "not redundant any more"
    assert len(killed) >= (25 if el == 1 else 4)


def test_an_instruction_that_is_gone_is_an_error(bench):
    image = image_of(bench, False)
    for change in (mu.Change(ENABLE, mu.TLBI, 2), mu.Change("pg_gone", mu.TLBI)):
        with pytest.raises(AssertionError):
            change.make_words(image)
    with pytest.raises(AssertionError):
        image.replace_words({0: image.word(0)})


def table():
    """The table of README.md."""
    lines = ["| mutant | what is wrong | killed by: the area, and what is said of it |", "|---|---|---|"]
    rows = [(name, mutant.why, mutant.kills) for name, mutant in MUTANTS.items()]
    rows += [(name, f"{area} is not cleaned" + {BEFORE: " before the check", ON: " after the check",
                                               None: ""}[phase], kills)
             for name, (area, phase, kills) in {**SKIPPED, **SEALED_SKIPPED}.items()]
    for name, why, kills in rows:
        what, _ = kills[0]
        names = ", ".join(area for said, area in kills if said == what)
        lines.append(f"| `{name}` | {why} | {names}: {what} |")
    return "\n".join(lines)


def test_the_readme_lists_every_mutant():
    text = (bm.HERE / "README.md").read_text()
    assert table() in text, f"the table of README.md is not this one:\n{table()}"
