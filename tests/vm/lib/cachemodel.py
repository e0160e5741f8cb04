# SPDX-License-Identifier: GPL-2.0-or-later
"""A write-back data cache, and the rules for a purgatory that runs on one.

QEMU has no caches, so nothing that purgatory forgets to clean shows there. This
follows each access of a run instead and says what real caches could make of it.
Where a cache may choose, the worst choice counts: a line may be held until a
`dc civac` dropped it, and all that was mapped may be held after the MMU was on
(speculation). The line size is LINE; nothing is evicted by itself, because a line
that could be, at a bad moment, breaks a rule already by being there.

Memory and cache can differ only in dirty lines. A Cache owns neither: `view` is
what an access would find now, and for each dirty line the Cache keeps the bytes
that are out of sight: the cache's while caches are off, else memory's.
"""

import struct
from collections import Counter
from dataclasses import dataclass, field

LINE = 64
PAGE = 4096

SCTLR_M, SCTLR_C = 1 << 0, 1 << 2

READ_EARLY = "is read before its dc civac"
READ_PAST = "is read in memory while its line is dirty"
WRITTEN_PAST = "is written in memory while a cache may hold its line"
UNALIGNED = "is accessed unaligned as Device memory"
NOT_MAPPED = "is not mapped"
READ_ONLY = "is written but mapped read-only"
NOT_OURS = "is accessed but belongs to nobody here"
CLEANED_ONCE = "is cleaned only once before the dsb"
OTHER_MAINTENANCE = "is maintained by something else than dc civac"
ON_OLD = "may be in the cache as it was before, when the caches are switched on"
OFF_DIRTY = "is dirty when the caches are switched off"
END_DIRTY = "is dirty at hand-over"
END_HELD = "is in the cache at hand-over"
END_UNREAD = "was not read after its dc civac"
END_CACHING = "is entered with caches on"
END_OLD_CODE = "may be in the instruction cache as it was before"


# What an area is to purgatory: checked for the kernel, its own and checked, its
# own and written, a device, none of these.
SEGMENT, CHECKED, SCRATCH, DEVICE, NOBODY = "segment", "checked", "scratch", "device", "nobody"


@dataclass(frozen=True)
class Area:
    name: str
    first: int
    end: int
    kind: str

    @property
    def lines(self):
        return range(self.first, self.end, LINE)


ELSEWHERE = Area("elsewhere", 0, 0, NOBODY)


@dataclass
class Violation:
    """One rule broken in one area by one function, by one line or many."""

    what: str
    area: Area
    place: str  # of the instruction: function+offset
    pc: int
    address: int
    lines: set = field(default_factory=set)

    def __str__(self):
        where = f"{self.area.name}+{self.address - self.area.first:#x} ({self.address:#x})"
        return f"{self.place} (pc {self.pc:#x}): {where} {self.what}, {len(self.lines)} lines"


@dataclass(frozen=True)
class Page:
    output: int
    normal: bool  # write-back; else Device
    writable: bool


# Arm ARM, VMSAv8-64 descriptors, 4 KiB granule
VALID, TABLE, AP_READ_ONLY, ACCESSED = 1 << 0, 1 << 1, 1 << 7, 1 << 10
ADDRESS = (1 << 48) - PAGE
WRITE_BACK = 0xFF  # in MAIR_ELx


def walk(view, root, mair, address):
    """The page of an address by the tables at root, or None: a fault."""
    table = root & ADDRESS
    for shift in (39, 30, 21, 12):
        [entry] = struct.unpack("<Q", view.read(table + 8 * (address >> shift & 511), 8))
        if not entry & VALID or (shift in (39, 12) and not entry & TABLE):
            return None
        if shift == 12 or not entry & TABLE:
            break
        table = entry & ADDRESS
    if not entry & ACCESSED:
        return None
    inside = (1 << shift) - 1
    attribute = mair >> 8 * (entry >> 2 & 7) & 0xFF
    return Page((entry & ADDRESS & ~inside) | (address & inside & -PAGE),
                attribute == WRITE_BACK, not entry & AP_READ_ONLY)


class Cache:
    def __init__(self, view, areas, place):
        """view: read(address, size) and write(address, bytes); place: names a pc."""
        self._view, self._areas, self._place = view, areas, place
        self._area_of = {page: area for area in areas
                         for page in range(area.first & -PAGE, area.end, PAGE)}
        self.violations = {}
        self.mmu = self.caching = False
        self._translate = None
        self._pages = {}
        self._dirty = {}  # line: its bytes that are out of sight
        self._pending = Counter()  # line: dc civac since the last dsb
        self._free = set()  # lines that no cache can hold
        self._touched = set()  # lines used through the cache since their dc civac
        self._newer = set()  # lines written in memory since no cache could hold them
        self._fresh_code = False
        self.cleaned = Counter()  # line: times it was cleaned
        self.read = set()  # lines read after they were cleaned
        self.read_cached = set()  # those read through the cache

    # What the old kernel left

    def leave_dirty(self, address, data):
        """data was written and is in the cache only; memory under it stays."""
        assert address % LINE == 0 and len(data) % LINE == 0
        for offset in range(0, len(data), LINE):
            self._dirty[address + offset] = bytes(data[offset : offset + LINE])

    # What the CPU does

    def access(self, pc, address, size, write, alignment=None):
        """alignment: what Device memory demands, where it is not the size.

        False: a fault, the access does not take place.
        """
        page = None
        if self.mmu:
            page = self._page(address)
            if not page or page.output != address & -PAGE:
                return self._violate(NOT_MAPPED, pc, address)
            if write and not page.writable:
                return self._violate(READ_ONLY, pc, address)
        normal = bool(page and page.normal)
        if address % (alignment or size) and not normal:
            return self._violate(UNALIGNED, pc, address)
        area = self._area(address)
        if area is ELSEWHERE:
            self._violate(NOT_OURS, pc, address)
        elif area.kind != DEVICE:
            use = self._write if write else self._read
            for line in range(address & -LINE, address + size, LINE):
                use(pc, area, line, normal and self.caching)
        return True

    def civac(self, address):
        self._pending[address & -LINE] += 1

    def ivac(self, pc, address):
        """Throws away what is dirty: only where nothing but memory counts."""
        if self._area(address).kind != SCRATCH or self.caching:
            self._violate(OTHER_MAINTENANCE, pc, address)
            return
        self._dirty.pop(address & -LINE, None)
        self.civac(address)

    def other_maintenance(self, pc, address):
        self._violate(OTHER_MAINTENANCE, pc, address)

    def invalidate_code(self):
        """What is fetched of a segment before it was cleaned may be old."""
        self._fresh_code = True

    def dsb(self, pc):
        """Only now is a line that was cleaned surely out of the cache."""
        for line, times in self._pending.items():
            if times < 2:
                self._violate(CLEANED_ONCE, pc, line)
            if line in self._dirty:
                self._write_back(line)
            if self._area(line).kind == SEGMENT:
                self._fresh_code = False
            self._free.add(line)
            self._newer.discard(line)
            self._touched.discard(line)
            self.cleaned[line] += 1
        self._pending.clear()

    def control(self, pc, sctlr, translate):
        """SCTLR was written; translate(address): a Page or None, as long as the MMU is on."""
        self.mmu = bool(sctlr & SCTLR_M)
        self._translate = translate
        self._pages.clear()
        caching = self.mmu and bool(sctlr & SCTLR_C)
        if caching == self.caching:
            return
        if self.caching:
            for line in self._dirty:
                self._violate(OFF_DIRTY, pc, line)
            self._free.clear()
        else:
            # An instruction fetch, or a CPU that did not stop, may have brought them.
            for line in self._newer:
                self._violate(ON_OLD, pc, line)
        self._newer.clear()
        self.caching = caching
        for line, hidden in self._dirty.items():
            self._dirty[line] = self._view.read(line, LINE)
            self._view.write(line, hidden)

    def hand_over(self, pc, entry):
        """The kernel is entered. Afterwards the view is memory, all written back."""
        if self.caching:
            self._violate(END_CACHING, pc, entry)
        if not self._fresh_code:
            self._violate(END_OLD_CODE, pc, entry)
        for line in list(self._dirty):
            self._violate(END_DIRTY, pc, line)
            self._write_back(line)
        for area in self._areas:
            if area.kind == SEGMENT:
                for line in self._touched.intersection(area.lines):
                    self._violate(END_HELD, pc, line)
            if area.kind in (SEGMENT, CHECKED):
                for line in area.lines:
                    if line not in self.read:
                        self._violate(END_UNREAD, pc, line)

    # Between these

    def _area(self, address):
        return self._area_of.get(address & -PAGE, ELSEWHERE)

    def _page(self, address):
        page = address & -PAGE
        if page not in self._pages:
            self._pages[page] = self._translate(page)
        return self._pages[page]

    def _read(self, pc, area, line, cached):
        if area.kind == SEGMENT and line not in self.cleaned:
            self._violate(READ_EARLY, pc, line)
        # Purgatory must read of itself before it can know what to clean; END_UNREAD
        # demands that it reads all of that again.
        if not cached and line in self._dirty and area.kind != CHECKED:
            self._violate(READ_PAST, pc, line)
        if line in self.cleaned:
            self.read.add(line)
            if cached:
                self.read_cached.add(line)
        if cached:
            self._touch(line)

    def _write(self, pc, area, line, cached):
        if cached:
            if line not in self._dirty:
                self._dirty[line] = self._view.read(line, LINE)
            self._touch(line)
            return
        if line not in self._free:
            self._violate(WRITTEN_PAST, pc, line)
        self._newer.add(line)

    def _touch(self, line):
        self._touched.add(line)
        self._free.discard(line)
        self._pending.pop(line, None)

    def _write_back(self, line):
        hidden = self._dirty.pop(line)
        if not self.caching:
            self._view.write(line, hidden)

    def _violate(self, what, pc, address):
        area = self._area(address)
        place = self._place(pc)
        key = (what, area.name, place.partition("+")[0])
        found = self.violations.setdefault(key, Violation(what, area, place, pc, address))
        found.lines.add(address & -LINE)
        return False
