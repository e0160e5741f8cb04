# SPDX-License-Identifier: GPL-2.0-or-later
"""A write-back data cache, and the rules for a purgatory that runs on one.

QEMU has no caches, so nothing that purgatory forgets to clean shows there. This
follows each access of a run instead and says what real caches could make of it.
Where a cache may choose, the worst choice counts: a line may be held until a
`dc civac` dropped it, and all that was mapped may be held after the MMU was on
(speculation). The line size is LINE; nothing is evicted by itself, because a line
that could be, at a bad moment, breaks a rule already by being there.

Memory and cache differ in lines that are dirty, or stale: older than memory. A Cache
owns neither: `view` is what an access would find now, and for each such line the Cache
keeps the bytes that are out of sight: the cache's while caches are off, else memory's.
"""

from collections import Counter

from lib.rules import CHECKED, DEVICE, ELSEWHERE, LINE, PARITY, SCRATCH, SEGMENT, TREE

READ_EARLY = "is read before its dc civac"
READ_PAST = "is read in memory while its line is dirty"
WRITTEN_PAST = "is written in memory while a cache may hold newer data of its line"
UNALIGNED = "is accessed unaligned as Device memory"
NOT_OURS = "is accessed but belongs to nobody here"
UNORDERED = "is cleaned before a barrier orders the write past the caches"
CLEANED_ONCE = "is cleaned only once before the dsb"
NOT_WAITED = "is cleaned without a dsb before the function returns"
OTHER_MAINTENANCE = "is maintained by something else than dc civac"
ON_OLD = "may be in the cache as it was before, when the caches are switched on"
OFF_DIRTY = "is dirty when the caches are switched off"
END_DIRTY = "is dirty at hand-over"
END_HELD = "is in the cache at hand-over"
END_OLD = "may be in the cache as it was before, at hand-over"
END_UNPROVEN = "was repaired through the cache and not read again past it"
END_UNREAD = "was not read after its dc civac"
END_CACHING = "is entered with caches on"


class Cache:
    def __init__(self, view, areas, violations, rewritten=range(0)):
        """view: read(address, size) and write(address, bytes).

        rewritten: addresses in a segment that purgatory writes to after the check.
        """
        self._view, self._areas, self._violations = view, areas, violations
        self._rewritten = rewritten
        self.caching = False
        self._hidden = {}  # line: its bytes that are out of sight
        self._stale = set()  # those of the hidden lines that are older than memory
        self._pending = Counter()  # line: dc civac since the last dsb
        self._written_back = set()  # lines that no cache can hold newer than memory
        self._touched = set()  # lines used through the cache since their dc civac
        self._newer = set()  # lines written in memory since they were cleaned
        self._unproven = set()  # lines written through the cache and not read past it since
        self._unordered = set()  # lines written in memory since the last barrier
        self.cleaned = Counter()  # line: times it was cleaned
        self.read = set()  # lines read after they were cleaned
        self.read_cached = set()  # those read through the cache

    # What the old kernel left

    def leave_dirty(self, address, data):
        """data was written and is in the cache only; memory under it stays."""
        assert address % LINE == 0 and len(data) % LINE == 0
        for offset in range(0, len(data), LINE):
            self._hidden[address + offset] = bytes(data[offset : offset + LINE])

    def leave_stale(self, address, data):
        """data is in the cache, and a device has written something else to memory since."""
        self.leave_dirty(address, data)
        self._stale.update(range(address, address + len(data), LINE))

    # What the CPU does

    def access(self, pc, address, size, write, page, alignment=None):
        """page: as Mmu.data() says. alignment: what Device memory demands, where it is not the size.

        False: a fault, the access does not take place.
        """
        if address % (alignment or size) and not page.normal:
            self._violations.add(UNALIGNED, pc, address)
            return False
        area = self._areas.at(address)
        if area is ELSEWHERE:
            self._violations.add(NOT_OURS, pc, address)
        elif area.kind != DEVICE:
            use = self._write if write else self._read
            for line in range(address & -LINE, address + size, LINE):
                use(pc, area, line, page.normal and self.caching)
        return True

    def civac(self, pc, address):
        line = address & -LINE
        if line in self._unordered:
            self._violations.add(UNORDERED, pc, line)
        self._pending[line] += 1

    def ivac(self, pc, address):
        """Throws away what is dirty: only where nothing but memory counts."""
        if self._areas.at(address).kind != SCRATCH or self.caching:
            self._violations.add(OTHER_MAINTENANCE, pc, address)
            return
        self._hidden.pop(address & -LINE, None)
        self._stale.discard(address & -LINE)
        self.civac(pc, address)

    def other_maintenance(self, pc, address):
        self._violations.add(OTHER_MAINTENANCE, pc, address)

    def barrier(self):
        """A dmb or dsb orders what was written past the caches with a dc after it.

        Arm ARM, "Ordering and completion of data and instruction cache instructions": only
        accesses to Normal write-back memory are ordered with a dc without a barrier.
        """
        self._unordered.clear()

    def dsb(self, pc):
        """Only now is a line that was cleaned surely out of the cache.

        Return: names of areas whose instructions may have changed by that.
        """
        self.barrier()
        changed = set()
        for line, times in self._pending.items():
            area = self._areas.at(line)
            if times < 2:
                self._violations.add(CLEANED_ONCE, pc, line)
            # What else wrote to a segment nobody knows.
            if area.kind == SEGMENT or (area.kind == CHECKED and
                                        (line in self._hidden or line not in self.cleaned)):
                changed.add(area.name)
            if line in self._hidden:
                self._drop(line)
            self._written_back.add(line)
            self._newer.discard(line)
            self._touched.discard(line)
            self.cleaned[line] += 1
        self._pending.clear()
        return changed

    def leave(self, pc):
        """A function returns: later barriers would do, but nobody can see that they do."""
        for line in self._pending:
            self._violations.add(NOT_WAITED, pc, line)

    def control(self, pc, caching):
        """SCTLR was written. caching: MMU and data cache are on."""
        if caching == self.caching:
            return
        if self.caching:
            for line in self._hidden.keys() - self._stale:
                if self._areas.at(line).kind != PARITY:
                    self._violations.add(OFF_DIRTY, pc, line)
        else:
            # An instruction fetch, or a CPU that did not stop, may have brought them.
            for line in self._newer:
                self._violations.add(ON_OLD, pc, line)
        self._newer.clear()
        self.caching = caching
        for line, hidden in self._hidden.items():
            self._hidden[line] = self._view.read(line, LINE)
            self._view.write(line, hidden)

    def hand_over(self, pc, entry):
        """The kernel is entered. Afterwards the view is memory, all written back."""
        if self.caching:
            self._violations.add(END_CACHING, pc, entry)
        for line in list(self._hidden):
            if self._areas.at(line).kind != PARITY:
                self._violations.add(END_DIRTY, pc, line)
            self._drop(line)
        for area in self._areas:
            lines = area.lines
            if area.kind in (SEGMENT, TREE):
                self._judge_end(pc, END_HELD, self._touched.intersection(lines))
                self._judge_end(pc, END_OLD, self._newer.intersection(lines))
                self._judge_end(pc, END_UNPROVEN, self._unproven.intersection(lines))
            if area.kind in (SEGMENT, CHECKED):
                self._judge_end(pc, END_UNREAD, set(lines) - self.read)

    def _judge_end(self, pc, what, lines):
        for line in lines:
            self._violations.add(what, pc, line)

    # Between these

    def _read(self, pc, area, line, cached):
        if area.kind in (SEGMENT, TREE, PARITY) and line not in self.cleaned:
            self._violations.add(READ_EARLY, pc, line)
        # Purgatory must read of itself before it can know what to clean; END_UNREAD
        # demands that it reads all of that again.
        if not cached and line in self._hidden and area.kind != CHECKED:
            self._violations.add(READ_PAST, pc, line)
        if line in self.cleaned:
            self.read.add(line)
            if cached:
                self.read_cached.add(line)
        if cached:
            self._touch(line)
        else:
            self._unproven.discard(line)

    def _write(self, pc, area, line, cached):
        if cached:
            if line not in self._hidden:
                self._hidden[line] = self._view.read(line, LINE)
            self._stale.discard(line)
            self._written_back.discard(line)
            if area.kind == SEGMENT and line not in self._rewritten:
                self._unproven.add(line)
            self._touch(line)
            return
        if line not in self._written_back:
            self._violations.add(WRITTEN_PAST, pc, line)
        self._newer.add(line)
        self._unordered.add(line)

    def _touch(self, line):
        self._touched.add(line)
        self._pending.pop(line, None)

    def _drop(self, line):
        """The line leaves the cache: dirty goes to memory, stale goes nowhere."""
        hidden = self._hidden.pop(line)
        is_stale = line in self._stale
        self._stale.discard(line)
        if self.caching == is_stale:
            self._view.write(line, hidden)
