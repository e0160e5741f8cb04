# SPDX-License-Identifier: GPL-2.0-or-later
"""What the models of cachemodel.py and mmumodel.py have in common: areas and violations."""

from dataclasses import dataclass, field

LINE = 64
PAGE = 4096

# What an area is to purgatory:
# SEGMENT is checked, repaired, and handed to the kernel.
# TREE is a device tree that no digest covers: read, edited, and handed to the kernel.
# CHECKED is purgatory's own, covered by its digest.
# SCRATCH is purgatory's own, and written.
# PARITY is read only to repair, and nobody needs it afterwards.
# NOBODY has no reason to be touched.
SEGMENT, TREE, CHECKED, SCRATCH, PARITY, DEVICE, NOBODY = (
    "segment", "tree", "checked", "scratch", "parity", "device", "nobody")


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


class Areas:
    """Finds the area of an address. Areas are whole pages."""

    def __init__(self, areas):
        self._areas = list(areas)
        self._of_page = {page: area for area in self._areas
                         for page in range(area.first & -PAGE, area.end, PAGE)}

    def __iter__(self):
        return iter(self._areas)

    def at(self, address):
        return self._of_page.get(address & -PAGE, ELSEWHERE)


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


class Violations:
    """All that the models of one run found."""

    def __init__(self, areas, place):
        """place: names a pc."""
        self._areas, self._place = areas, place
        self._found = {}

    def add(self, what, pc, address):
        area = self._areas.at(address)
        place = self._place(pc)
        key = (what, area.name, place.partition("+")[0])
        found = self._found.setdefault(key, Violation(what, area, place, pc, address))
        found.lines.add(address & -LINE)

    def __iter__(self):
        return iter(self._found.values())

    def names(self):
        return {(violation.what, violation.area.name) for violation in self}
