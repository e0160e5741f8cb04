# SPDX-License-Identifier: GPL-2.0-or-later
"""The rules of the cache and MMU models, one at a time, without a CPU.

Each function rule_...() performs the steps of a purgatory and returns the violations that the
models must report.
"""

from lib import baremetal as bm
from lib import cachemodel as cm
from lib import mmumodel as mm
from lib import rules
import pytest

PARTS = {
    name: rules.Area(name, 0x80000000 + number * bm.BLOCK, 0x80001000 + number * bm.BLOCK, kind)
    for number, (name, kind) in enumerate([
        ("kernel", rules.SEGMENT), ("scratch", rules.SCRATCH), ("image", rules.CHECKED),
        ("uart", rules.DEVICE), ("unmapped", rules.SCRATCH), ("parity", rules.PARITY),
        ("tree", rules.TREE),
    ])
}
KINDS = {"kernel": bm.DATA, "scratch": bm.DATA, "image": bm.CODE, "uart": bm.DEVICE,
         "parity": bm.DATA, "tree": bm.DATA}
TABLES = 0x80010000
TABLES_SIZE = 4 * bm.BLOCK
MAIR = 0xFF00
TCR = 5 << 32 | 3 << 12 | 1 << 10 | 1 << 8 | 16
OLD, NEW = b"old." * 16, b"new!" * 16


class Memory:
    """Memory with the areas of PARTS and page tables that map them."""

    def __init__(self, kinds={}):
        """kinds: name -> kind, for areas that are mapped with another kind than in KINDS."""
        nobody = rules.Area("nobody", TABLES - bm.BLOCK, TABLES, rules.NOBODY)
        places = {**PARTS, "nobody": nobody}
        maps = [(places[name].first, places[name].end, kind)
                for name, kind in {**KINDS, **kinds}.items()]
        self._data = bytearray(TABLES - 0x80000000)
        self._data += bm.PageTables(maps, TABLES, 0).bytes()

    def read(self, address, size):
        return bytes(self._data[address - 0x80000000 :][:size])

    def write(self, address, data):
        self._data[address - 0x80000000 : address - 0x80000000 + len(data)] = data


class Steps:
    """Performs steps of a purgatory on the models. The methods take names of areas."""

    def __init__(self):
        self.memory = Memory()
        areas = rules.Areas([*PARTS.values(), rules.Area("tables", TABLES, TABLES + TABLES_SIZE,
                                                         rules.SCRATCH)])
        self.violations = rules.Violations(areas, lambda pc: f"code+{pc:#x}")
        self.cache = cm.Cache(self.memory, areas, self.violations)
        self.mmu = mm.Mmu(self.memory, areas, self.violations)
        self.code = mm.InstructionCache(areas, self.violations)
        self.regime = mm.Regime(TABLES, MAIR, TCR)
        self.pc = PARTS["image"].first

    def control(self, sctlr, after_isb=True):
        on, caching = bool(sctlr & mm.SCTLR_M), bool(sctlr & mm.SCTLR_C)
        self.mmu.control(0, on, self.regime, after_isb)
        self.cache.control(0, on and caching)
        self.mmu.write_register(0, "SCTLR")

    def on(self):
        self.forget_translations()
        self.switch_on()
        self.mmu.isb()

    def switch_on(self):
        self.control(mm.SCTLR_M | mm.SCTLR_C)

    def off(self):
        self.control(0)
        self.mmu.isb()
        self.forget_translations()

    def forget_translations(self):
        """Drops all translations from the TLB."""
        self.mmu.tlbi(True)
        self.mmu.dsb()
        self.mmu.isb()

    def forget_instructions(self):
        """Drops all instructions from the instruction cache."""
        self.code.invalidate()
        self.code.dsb()
        self.code.isb()

    def clean(self, *names, times=2):
        self.civac(*names, times=times)
        for name in self.cache.dsb(0):
            self.code.memory_changed(name)

    def civac(self, *names, times=2):
        for _ in range(times):
            for name in names:
                for line in PARTS[name].lines:
                    self.cache.civac(0, line)

    def invalidate(self, name):
        self.cache.barrier()
        for line in [*PARTS[name].lines] * 2:
            self.cache.ivac(0, line)
        self.cache.dsb(0)

    def access(self, name, offset=0, size=8, write=False):
        address = PARTS[name].first + offset
        self.code.data(self.pc, address)
        page = self.mmu.data(0, address, write)
        return bool(page) and self.cache.access(0, address, size, write, page)

    def write(self, name, data=NEW):
        address = PARTS[name].first
        if self.access(name, 0, rules.LINE, True):
            self.memory.write(address, data)

    def read_all(self, name):
        for offset in range(0, bm.BLOCK, rules.LINE):
            self.access(name, offset)

    def check(self):
        """Performs all steps of a purgatory that keeps the rules."""
        self.clean("kernel", "scratch", "image")
        self.on()
        self.read_all("kernel")
        self.read_all("image")
        self.clean("kernel", "scratch", "image")
        self.off()
        self.clean("scratch")

    def hand_over(self):
        self.forget_instructions()
        for model in (self.cache, self.mmu, self.code):
            model.hand_over(0, PARTS["kernel"].first)

    def found(self):
        return self.violations.names()


def rule_all_kept(steps):
    steps.check()
    steps.write("scratch")
    steps.hand_over()
    return set()


def rule_read_early(steps):
    steps.access("kernel")
    return {(cm.READ_EARLY, "kernel")}


def rule_read_between_civac_and_dsb(steps):
    steps.civac("kernel")
    steps.access("kernel")
    return {(cm.READ_EARLY, "kernel")}


def rule_read_past(steps):
    steps.clean("scratch")
    steps.on()
    steps.write("scratch")
    steps.off()
    steps.access("scratch")
    return {(cm.OFF_DIRTY, "scratch"), (cm.READ_PAST, "scratch")}


def rule_written_past_the_old_kernels_lines(steps):
    steps.write("scratch")
    return {(cm.WRITTEN_PAST, "scratch")}


def rule_written_past_speculated_lines(steps):
    """Speculation loaded the lines. After the write they are older than memory and must be cleaned."""
    steps.check()
    steps.write("kernel")
    steps.hand_over()
    return {(cm.END_OLD, "kernel")}


def rule_written_past_speculated_lines_and_cleaned(steps):
    steps.check()
    steps.write("kernel")
    steps.cache.barrier()
    steps.clean("kernel")
    steps.hand_over()
    return set()


def rule_written_past_newer_lines(steps):
    steps.clean("scratch")
    steps.on()
    steps.write("scratch")
    steps.off()
    steps.write("scratch")
    return {(cm.OFF_DIRTY, "scratch"), (cm.WRITTEN_PAST, "scratch")}


def rule_old_when_switched_on(steps):
    steps.clean("scratch")
    steps.write("scratch")
    steps.on()
    return {(cm.ON_OLD, "scratch")}


def rule_invalidated_before_switched_on(steps):
    steps.clean("scratch")
    steps.write("scratch")
    steps.invalidate("scratch")
    steps.on()
    assert steps.memory.read(PARTS["scratch"].first, rules.LINE) == NEW
    return set()


def rule_dirty_lines_over_the_stack_are_invalidated(steps):
    """A dirty line of the old kernel over the stack must not overwrite the stack."""
    steps.cache.leave_dirty(PARTS["scratch"].first, OLD)
    steps.memory.write(PARTS["scratch"].first, NEW)
    steps.invalidate("scratch")
    steps.on()
    assert steps.memory.read(PARTS["scratch"].first, rules.LINE) == NEW
    return set()


def rule_invalidated_with_newer_data(steps):
    steps.invalidate("kernel")
    return {(cm.OTHER_MAINTENANCE, "kernel")}


def rule_invalidated_with_caches_on(steps):
    steps.on()
    steps.invalidate("scratch")
    return {(cm.OTHER_MAINTENANCE, "scratch")}


def rule_unaligned_with_the_mmu_off(steps):
    assert not steps.access("scratch", 4)
    return {(cm.UNALIGNED, "scratch")}


def rule_unaligned_with_the_mmu_on(steps):
    steps.on()
    assert steps.access("scratch", 4)
    assert not steps.access("uart", 4)
    return {(cm.UNALIGNED, "uart")}


def rule_not_mapped(steps):
    assert steps.access("unmapped")
    steps.on()
    assert not steps.access("unmapped")
    return {(mm.NOT_MAPPED, "unmapped")}


def rule_read_only(steps):
    steps.on()
    assert steps.access("image")
    assert not steps.access("image", write=True)
    return {(mm.READ_ONLY, "image")}


def rule_access_outside_areas(steps):
    steps.cache.access(0, 0x40000000, 8, False, mm.FLAT)
    return {(cm.NOT_OURS, "elsewhere")}


def rule_cleaned_once(steps):
    steps.clean("kernel", times=1)
    return {(cm.CLEANED_ONCE, "kernel")}


def rule_returned_between_civac_and_dsb(steps):
    steps.civac("kernel")
    steps.cache.leave(0)
    return {(cm.NOT_WAITED, "kernel")}


def rule_written_between_civac_and_dsb(steps):
    steps.clean("scratch")
    steps.on()
    steps.civac("scratch")
    steps.write("scratch")
    steps.cache.dsb(0)
    steps.off()
    return {(cm.OFF_DIRTY, "scratch")}


def rule_caches_off_mmu_on(steps):
    steps.clean("scratch")
    steps.forget_translations()
    steps.control(mm.SCTLR_M)
    steps.mmu.isb()
    steps.write("scratch")
    steps.control(0)
    return set()


def rule_repaired_and_not_cleaned(steps):
    steps.check()
    steps.on()
    steps.write("kernel")
    steps.off()
    steps.hand_over()
    assert steps.memory.read(PARTS["kernel"].first, rules.LINE) == NEW
    return {(cm.OFF_DIRTY, "kernel"), (cm.END_DIRTY, "kernel"), (cm.END_HELD, "kernel"),
            (cm.END_UNPROVEN, "kernel")}


def rule_in_the_cache_at_the_end(steps):
    steps.check()
    steps.on()
    steps.access("kernel")
    steps.off()
    steps.hand_over()
    return {(cm.END_HELD, "kernel")}


def rule_caches_on_at_the_end(steps):
    steps.check()
    steps.on()
    steps.hand_over()
    return {(cm.END_CACHING, "kernel"), (mm.END_TRANSLATION, "kernel")}


def rule_not_read(steps):
    steps.clean("kernel", "image", "scratch")
    steps.read_all("kernel")
    steps.hand_over()
    return {(cm.END_UNREAD, "image")}


def rule_old_code(steps):
    steps.check()
    steps.forget_instructions()
    steps.clean("kernel")
    steps.code.hand_over(0, PARTS["kernel"].first)
    return {(mm.END_OLD_CODE, "kernel")}


def rule_old_code_without_isb(steps):
    steps.check()
    steps.code.invalidate()
    steps.code.dsb()
    steps.code.hand_over(0, PARTS["kernel"].first)
    return {(mm.END_OLD_CODE, "kernel")}


def rule_instruction_cache_on_as_it_was(steps):
    steps.code.control(steps.pc, True)
    return {(mm.OLD_CODE, "image")}


def rule_instruction_cache_on(steps):
    steps.forget_instructions()
    steps.code.control(steps.pc, True)
    steps.access("scratch")
    return set()


def rule_code_changes_in_memory(steps):
    """The first clean writes dirty lines to memory. A second clean of the same lines does not."""
    steps.forget_instructions()
    steps.code.control(steps.pc, True)
    steps.clean("image")
    steps.forget_instructions()
    steps.clean("image")
    steps.access("scratch")
    steps.clean("kernel")
    steps.access("scratch")
    return set()


def rule_code_runs_as_it_was(steps):
    steps.forget_instructions()
    steps.code.control(steps.pc, True)
    steps.clean("image")
    steps.access("scratch")
    return {(mm.OLD_CODE, "image")}


def rule_access_while_ic_is_pending(steps):
    steps.code.invalidate()
    steps.code.dsb()
    steps.access("scratch")
    return {(mm.PENDING, "scratch")}


def rule_written_and_cleaned_without_a_barrier(steps):
    steps.clean("scratch")
    steps.write("scratch")
    steps.clean("scratch")
    return {(cm.UNORDERED, "scratch")}


def rule_written_and_cleaned_after_a_barrier(steps):
    steps.clean("scratch")
    steps.write("scratch")
    steps.cache.barrier()
    steps.clean("scratch")
    return set()


def rule_parity_may_be_dirty_at_the_end(steps):
    """The kernel does not use the parity."""
    steps.cache.leave_dirty(PARTS["parity"].first, OLD)
    steps.check()
    steps.hand_over()
    return set()


def rule_parity_read_early(steps):
    steps.on()
    steps.access("parity")
    return {(cm.READ_EARLY, "parity")}


def rule_tree_written_in_memory(steps):
    steps.clean("tree")
    steps.write("tree")
    steps.check()
    steps.hand_over()
    return {(cm.ON_OLD, "tree")}


def rule_tree_written_at_the_end(steps):
    steps.clean("tree")
    steps.check()
    steps.clean("tree")
    steps.write("tree")
    steps.hand_over()
    return {(cm.END_OLD, "tree")}


def rule_old_translations(steps):
    steps.switch_on()
    steps.mmu.isb()
    steps.access("scratch")
    return {(mm.OLD_TRANSLATION, "scratch")}


def rule_fetch_by_an_old_translation(steps):
    steps.switch_on()
    assert steps.mmu.fetch(steps.pc)
    return {(mm.OLD_TRANSLATION, "image")}


def rule_old_translations_without_dsb(steps):
    steps.mmu.tlbi(True)
    steps.mmu.isb()
    steps.switch_on()
    steps.mmu.fetch(steps.pc)
    return {(mm.OLD_TRANSLATION, "image")}


def rule_access_while_tlbi_is_pending(steps):
    steps.mmu.tlbi(True)
    steps.mmu.dsb()
    steps.switch_on()
    steps.access("scratch")
    return {(mm.PENDING, "scratch"), (mm.OLD_TRANSLATION, "scratch"),
            (mm.UNSYNCHRONISED, "scratch")}


def rule_tlbi_of_other_translations(steps):
    steps.mmu.tlbi(False)
    steps.mmu.dsb()
    steps.mmu.isb()
    steps.switch_on()
    steps.mmu.isb()
    steps.access("scratch")
    return {(mm.OLD_TRANSLATION, "scratch")}


def rule_translations_at_the_end(steps):
    steps.on()
    steps.control(0)
    steps.mmu.isb()
    steps.mmu.hand_over(0, PARTS["kernel"].first)
    return {(mm.END_TRANSLATION, "kernel")}


def rule_tlbi_before_the_mmu_is_off(steps):
    """Speculation fills the TLB again."""
    steps.on()
    steps.forget_translations()
    steps.control(0)
    steps.mmu.isb()
    steps.mmu.hand_over(0, PARTS["kernel"].first)
    return {(mm.END_TRANSLATION, "kernel")}


def rule_old_translations_only_while_off(steps):
    """Purgatory never switched the MMU on, so it may leave the old kernel's translations."""
    steps.mmu.hand_over(0, PARTS["kernel"].first)
    return set()


def rule_registers_without_isb(steps):
    steps.forget_translations()
    steps.mmu.write_register(0, "TTBR0")
    steps.switch_on()
    return {(mm.UNSYNCHRONISED, "elsewhere")}


def rule_off_without_isb(steps):
    steps.on()
    steps.control(0, after_isb=False)
    return {(mm.NO_ISB, "elsewhere")}


def rule_table_written(steps):
    steps.on()
    steps.mmu.data(0, TABLES + 8, True)
    return {(mm.WALKED_WRITTEN, "tables"), (mm.NOT_MAPPED, "tables")}


def rule_table_not_cleaned(steps):
    steps.forget_translations()
    steps.mmu.control(0, True, steps.regime, cleaned=set())
    return {(mm.WALKED_EARLY, "tables")}


def rule_permission_indirection(steps):
    """With TCR2.PIE set, the permission bits have another meaning."""
    steps.regime = mm.Regime(TABLES, MAIR, TCR, mm.TCR2_PIE)
    steps.on()
    assert not steps.mmu.fetch(steps.pc)
    return {(mm.PERMISSION_INDIRECT, "elsewhere"), (mm.NOT_MAPPED, "image")}


def rule_not_executable(steps):
    steps.on()
    assert steps.mmu.fetch(steps.pc)
    assert not steps.mmu.fetch(PARTS["scratch"].first)
    return {(mm.NOT_EXECUTABLE, "scratch")}


def rule_mapped_outside_areas(steps):
    steps.memory = Memory({"unmapped": bm.DATA, "nobody": bm.DATA})
    steps.mmu._view = steps.memory
    steps.on()
    return {(mm.MAPPED_NOBODY, "elsewhere")}


def rule_device_as_memory(steps):
    steps.memory = Memory({"uart": bm.DATA})
    steps.mmu._view = steps.memory
    steps.on()
    return {(mm.AS_MEMORY, "uart")}


def rule_memory_as_device(steps):
    steps.regime = mm.Regime(TABLES, 0x4400, TCR)
    steps.on()
    return {(mm.NOT_WRITE_BACK, name) for name in KINDS if name != "uart"}


def rule_repaired_through_the_cache(steps):
    """Only a read with the caches off proves that the repair reached memory."""
    steps.check()
    steps.on()
    steps.write("kernel")
    steps.clean("kernel", "scratch")
    steps.off()
    steps.hand_over()
    return {(cm.END_UNPROVEN, "kernel")}


def rule_repaired_and_read_past_the_cache(steps):
    steps.check()
    steps.on()
    steps.write("kernel")
    steps.clean("kernel", "scratch")
    steps.off()
    steps.read_all("kernel")
    steps.hand_over()
    return set()


def rule_registers_of_translation_while_off(steps):
    steps.mmu.write_register(0, "TTBR0", True)
    steps.access("scratch")
    steps.mmu.write_register(0, "VBAR")
    steps.access("unmapped")
    return {(mm.UNSYNCHRONISED, "unmapped")}


RULES = [value for name, value in globals().items() if name.startswith("rule_")]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_models_report_exactly_the_expected_violations(rule):
    steps = Steps()
    assert rule(steps) == steps.found()


def test_the_model_keeps_different_bytes_in_cache_and_memory():
    steps = Steps()
    kernel = PARTS["kernel"].first
    steps.memory.write(kernel, OLD)
    steps.cache.leave_dirty(kernel, NEW)
    assert steps.memory.read(kernel, rules.LINE) == OLD
    steps.on()
    assert steps.memory.read(kernel, rules.LINE) == NEW
    steps.off()
    assert steps.memory.read(kernel, rules.LINE) == OLD
    steps.clean("kernel")
    assert steps.memory.read(kernel, rules.LINE) == NEW
