# SPDX-License-Identifier: GPL-2.0-or-later
"""The rules of the cache model one by one, without a CPU."""

from lib import baremetal as bm
from lib import cachemodel as cm
import pytest

PARTS = {
    name: cm.Area(name, 0x80000000 + number * bm.BLOCK, 0x80001000 + number * bm.BLOCK, kind)
    for number, (name, kind) in enumerate([
        ("kernel", cm.SEGMENT), ("scratch", cm.SCRATCH), ("image", cm.CHECKED),
        ("uart", cm.DEVICE), ("beside", cm.SCRATCH),
    ])
}
KINDS = {"kernel": bm.DATA, "scratch": bm.DATA, "image": bm.CODE, "uart": bm.DEVICE}
TABLES = 0x80010000
MAIR = 0xFF00
OLD, NEW = b"old." * 16, b"new!" * 16


class Memory:
    def __init__(self):
        maps = [(PARTS[name].first, PARTS[name].end, kind) for name, kind in KINDS.items()]
        self._data = bytearray(TABLES - 0x80000000)
        self._data += bm.PageTables(maps, TABLES, 0).bytes()

    def read(self, address, size):
        return bytes(self._data[address - 0x80000000 :][:size])

    def write(self, address, data):
        self._data[address - 0x80000000 : address - 0x80000000 + len(data)] = data


class Steps:
    """Drives a cache as a purgatory would, by names of areas."""

    def __init__(self):
        self.memory = Memory()
        self.cache = cm.Cache(self.memory, PARTS.values(), lambda pc: f"code+{pc:#x}")

    def control(self, sctlr):
        self.cache.control(0, sctlr, lambda address: cm.walk(self.memory, TABLES, MAIR, address))

    def on(self):
        self.control(cm.SCTLR_M | cm.SCTLR_C)

    def off(self):
        self.control(0)

    def clean(self, *names, times=2):
        self.civac(*names, times=times)
        self.cache.dsb(0)

    def civac(self, *names, times=2):
        for _ in range(times):
            for name in names:
                for line in PARTS[name].lines:
                    self.cache.civac(line)

    def invalidate(self, name):
        for line in [*PARTS[name].lines] * 2:
            self.cache.ivac(0, line)
        self.cache.dsb(0)

    def access(self, name, offset=0, size=8, write=False):
        return self.cache.access(0, PARTS[name].first + offset, size, write)

    def write(self, name, data=NEW):
        address = PARTS[name].first
        if self.access(name, 0, cm.LINE, True):
            self.memory.write(address, data)

    def read_all(self, name):
        for line in PARTS[name].lines:
            self.cache.access(0, line, 8, False)

    def check(self):
        """All that a purgatory which keeps the rules does."""
        self.clean("kernel", "scratch", "image")
        self.on()
        self.read_all("kernel")
        self.read_all("image")
        self.clean("kernel", "scratch", "image")
        self.off()
        self.clean("scratch")

    def hand_over(self):
        self.cache.invalidate_code()
        self.cache.hand_over(0, PARTS["kernel"].first)

    def found(self):
        return {(what, name) for what, name, _ in self.cache.violations}


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
    steps.clean("scratch")
    steps.write("scratch")
    steps.invalidate("scratch")
    steps.on()
    steps.clean("scratch")
    steps.off()
    steps.write("scratch")
    return {(cm.WRITTEN_PAST, "scratch")}


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
    assert steps.memory.read(PARTS["scratch"].first, cm.LINE) == NEW
    return set()


def rule_thrown_away(steps):
    """What a stray store left over the stack must not come back over it."""
    steps.cache.leave_dirty(PARTS["scratch"].first, OLD)
    steps.memory.write(PARTS["scratch"].first, NEW)
    steps.invalidate("scratch")
    steps.on()
    assert steps.memory.read(PARTS["scratch"].first, cm.LINE) == NEW
    return set()


def rule_invalidated_where_it_may_be_newer(steps):
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
    assert steps.access("beside")
    steps.on()
    assert not steps.access("beside")
    return {(cm.NOT_MAPPED, "beside")}


def rule_read_only(steps):
    steps.on()
    assert steps.access("image")
    assert not steps.access("image", write=True)
    return {(cm.READ_ONLY, "image")}


def rule_not_ours(steps):
    steps.cache.access(0, 0x40000000, 8, False)
    return {(cm.NOT_OURS, "elsewhere")}


def rule_cleaned_once(steps):
    steps.clean("kernel", times=1)
    return {(cm.CLEANED_ONCE, "kernel")}


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
    steps.control(cm.SCTLR_M)
    steps.write("scratch")
    steps.control(0)
    return set()


def rule_repaired_and_not_cleaned(steps):
    steps.check()
    steps.on()
    steps.write("kernel")
    steps.off()
    steps.hand_over()
    assert steps.memory.read(PARTS["kernel"].first, cm.LINE) == NEW
    return {(cm.OFF_DIRTY, "kernel"), (cm.END_DIRTY, "kernel"), (cm.END_HELD, "kernel")}


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
    return {(cm.END_CACHING, "kernel")}


def rule_not_read(steps):
    steps.clean("kernel", "image", "scratch")
    steps.read_all("kernel")
    steps.hand_over()
    return {(cm.END_UNREAD, "image")}


def rule_old_code(steps):
    steps.check()
    steps.cache.invalidate_code()
    steps.clean("kernel")
    steps.cache.hand_over(0, PARTS["kernel"].first)
    return {(cm.END_OLD_CODE, "kernel")}


RULES = [value for name, value in globals().items() if name.startswith("rule_")]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rule(rule):
    steps = Steps()
    assert rule(steps) == steps.found()


def test_cache_and_memory_are_two_things():
    steps = Steps()
    kernel = PARTS["kernel"].first
    steps.memory.write(kernel, OLD)
    steps.cache.leave_dirty(kernel, NEW)
    assert steps.memory.read(kernel, cm.LINE) == OLD
    steps.on()
    assert steps.memory.read(kernel, cm.LINE) == NEW
    steps.off()
    assert steps.memory.read(kernel, cm.LINE) == OLD
    steps.clean("kernel")
    assert steps.memory.read(kernel, cm.LINE) == NEW
