# SPDX-License-Identifier: GPL-2.0-or-later
"""A model of a write-back data cache, and the cache rules that purgatory must keep.

QEMU has no caches, so a missing cache clean has no effect there. This model follows each access
of a run and reports accesses that can go wrong on a CPU with caches. If a cache has a choice, the
model assumes the worst choice: a line can stay in the cache until a `dc civac` drops it, and
after the MMU was on, every mapped line can be in the cache because of speculation. The model has
lines of LINE bytes. It never evicts a line by itself: a line whose eviction would do harm breaks
a rule as soon as it is in the cache.

Memory and cache have different bytes for dirty lines, and for stale lines (older than memory).
`view` holds the bytes that an access reads now. For each dirty or stale line the model keeps the
other bytes: those of the cache while caches are off, and those of memory while caches are on.
"""

from collections import Counter

from lib.rules import CHECKED, DEVICE, ELSEWHERE, LINE, PARITY, SCRATCH, SEGMENT, TREE

READ_EARLY = "is read before its dc civac"
READ_PAST = "is read from memory while its line is dirty"
WRITTEN_PAST = "is written to memory while a cache can have newer bytes of its line"
UNALIGNED = "is accessed unaligned as Device memory"
NOT_OURS = "is accessed but is in no area"
UNORDERED = "is cleaned before a barrier orders the write past the caches"
CLEANED_ONCE = "is cleaned only once before the dsb"
NOT_WAITED = "is cleaned without a dsb before the function returns"
OTHER_MAINTENANCE = "is maintained by another instruction than dc civac"
ON_OLD = "can be in the cache with old bytes when the caches are switched on"
OFF_DIRTY = "is dirty when the caches are switched off"
END_DIRTY = "is dirty at hand-over"
END_HELD = "is in the cache at hand-over"
END_OLD = "can be in the cache with old bytes at hand-over"
END_UNPROVEN = "was repaired through the cache and not read from memory afterwards"
END_UNREAD = "was not read after its dc civac"
END_CACHING = "is entered with caches on"


class Cache:
    """The data cache of one run."""

    def __init__(self, view, areas, violations, rewritten=range(0)):
        """view: an object with read(address, size) and write(address, bytes).

        areas, violations: see rules.py. rewritten: the range of physical addresses in a segment
        that purgatory writes after the check (the record).
        """
        self._view, self._areas, self._violations = view, areas, violations
        self._rewritten = rewritten
        self.caching = False
        # A line is named by the physical address of its first byte.
        self._hidden = {}  # dirty or stale line -> the bytes that an access does not read now
        self._stale = set()  # the lines of _hidden whose cache bytes are older than memory
        self._pending = Counter()  # line -> number of dc civac since the last dsb
        self._written_back = set()  # lines of which no cache has newer bytes than memory
        self._touched = set()  # lines accessed through the cache since their dc civac
        self._newer = set()  # lines written in memory, past the cache, since they were cleaned
        self._unproven = set()  # lines written through the cache and not read from memory since
        self._unordered = set()  # lines written in memory since the last barrier
        self.cleaned = Counter()  # line -> number of times it was cleaned
        self.read = set()  # lines that were read after they were cleaned
        self.read_cached = set()  # the lines of read that were read through the cache

    # The state that the old kernel left

    def leave_dirty(self, address, data):
        """The old kernel wrote data, and only the cache has the data. Memory keeps its bytes."""
        assert address % LINE == 0 and len(data) % LINE == 0
        for offset in range(0, len(data), LINE):
            self._hidden[address + offset] = bytes(data[offset : offset + LINE])

    def leave_stale(self, address, data):
        """The cache has data, and then a device wrote other bytes to memory."""
        self.leave_dirty(address, data)
        self._stale.update(range(address, address + len(data), LINE))

    # The actions of the CPU. pc is the physical address of the instruction.

    def access(self, pc, address, size, write, page, alignment=None):
        """A load or store. Returns False if it faults.

        size: bytes. page: the result of Mmu.data(). alignment: the alignment in bytes that Device
        memory demands; None: size.
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
        """DC CIVAC: cleans and invalidates a line to the point of coherency."""
        line = address & -LINE
        if line in self._unordered:
            self._violations.add(UNORDERED, pc, line)
        self._pending[line] += 1

    def ivac(self, pc, address):
        """DC IVAC: drops a line, even if it is dirty. Purgatory may do this only to its scratch,
        while caches are off."""
        if self._areas.at(address).kind != SCRATCH or self.caching:
            self._violations.add(OTHER_MAINTENANCE, pc, address)
            return
        self._hidden.pop(address & -LINE, None)
        self._stale.discard(address & -LINE)
        self.civac(pc, address)

    def other_maintenance(self, pc, address):
        """Another DC instruction, which purgatory must not use."""
        self._violations.add(OTHER_MAINTENANCE, pc, address)

    def barrier(self):
        """A DMB or DSB, which orders earlier writes to memory before a later DC.

        Without a barrier, only accesses to Normal write-back memory are ordered with a DC. (Arm
        ARM, "Ordering and completion of data and instruction cache instructions")
        """
        self._unordered.clear()

    def dsb(self, pc):
        """A DSB, which completes the earlier DC instructions.

        Returns the names of the areas whose instructions in memory can have changed.
        """
        self.barrier()
        changed = set()
        for line, times in self._pending.items():
            area = self._areas.at(line)
            if times < 2:
                self._violations.add(CLEANED_ONCE, pc, line)
            # The model does not know which other agents wrote to a segment.
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
        """A function returns. The DSB must come before this. A later DSB would be enough for the
        CPU, but a reader of the function could not see it."""
        for line in self._pending:
            self._violations.add(NOT_WAITED, pc, line)

    def control(self, pc, caching):
        """A write of SCTLR. caching: MMU and data cache are on."""
        if caching == self.caching:
            return
        if self.caching:
            for line in self._hidden.keys() - self._stale:
                if self._areas.at(line).kind != PARITY:
                    self._violations.add(OFF_DIRTY, pc, line)
        else:
            # An instruction fetch or a running CPU can have loaded the old bytes into the cache.
            for line in self._newer:
                self._violations.add(ON_OLD, pc, line)
        self._newer.clear()
        self.caching = caching
        for line, hidden in self._hidden.items():
            self._hidden[line] = self._view.read(line, LINE)
            self._view.write(line, hidden)

    def hand_over(self, pc, entry):
        """Purgatory enters the kernel. Afterwards the view is memory with all dirty lines."""
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
        """Reports a violation for each of the lines."""
        for line in lines:
            self._violations.add(what, pc, line)

    # Helpers. cached: the access goes through the cache.

    def _read(self, pc, area, line, cached):
        """A load from one line."""
        if area.kind in (SEGMENT, TREE, PARITY) and line not in self.cleaned:
            self._violations.add(READ_EARLY, pc, line)
        # Purgatory must read its own header and params before it knows the ranges to clean.
        # END_UNREAD demands that it reads these bytes again later.
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
        """A store to one line."""
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
        """Notes that the cache can have the line. A DC before this does not drop it."""
        self._touched.add(line)
        self._pending.pop(line, None)

    def _drop(self, line):
        """Drops a line from the cache. A dirty line is written to memory, a stale line is not."""
        hidden = self._hidden.pop(line)
        is_stale = line in self._stale
        self._stale.discard(line)
        if self.caching == is_stale:
            self._view.write(line, hidden)
