# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory areas and rule violations, shared by cachemodel.py and mmumodel.py."""

from dataclasses import dataclass, field

LINE = 64  # bytes of a cache line
PAGE = 4096  # bytes

# How purgatory uses an area:
# SEGMENT  purgatory checks and repairs it; the kernel uses it.
# TREE     a device tree without digests: purgatory reads and edits it; the kernel uses it.
# CHECKED  a part of purgatory that the self-check covers.
# SCRATCH  a part of purgatory that it writes.
# PARITY   purgatory reads it only for a repair; the kernel does not use it.
# DEVICE   registers of a device.
# NOBODY   purgatory must not access it.
SEGMENT, TREE, CHECKED, SCRATCH, PARITY, DEVICE, NOBODY = (
    "segment", "tree", "checked", "scratch", "parity", "device", "nobody")


@dataclass(frozen=True)
class Area:
    """A range of physical addresses with a name. end is exclusive."""

    name: str
    first: int
    end: int
    kind: str

    @property
    def lines(self):
        """The physical addresses of all cache lines."""
        return range(self.first, self.end, LINE)


ELSEWHERE = Area("elsewhere", 0, 0, NOBODY)


class Areas:
    """Finds the area of an address. Areas start and end at page boundaries."""

    def __init__(self, areas):
        self._areas = list(areas)
        self._of_page = {page: area for area in self._areas
                         for page in range(area.first & -PAGE, area.end, PAGE)}

    def __iter__(self):
        return iter(self._areas)

    def at(self, address):
        """Returns the area of an address, or ELSEWHERE."""
        return self._of_page.get(address & -PAGE, ELSEWHERE)


@dataclass
class Violation:
    """One rule that one function broke in one area."""

    what: str  # the rule: a constant of cachemodel.py or mmumodel.py
    area: Area
    place: str  # the first instruction that broke the rule: function+offset
    pc: int  # its physical address
    address: int  # the physical address of its access
    # physical addresses of all lines for which the function broke the rule
    lines: set = field(default_factory=set)

    def __str__(self):
        where = f"{self.area.name}+{self.address - self.area.first:#x} ({self.address:#x})"
        return f"{self.place} (pc {self.pc:#x}): {where} {self.what}, {len(self.lines)} lines"


class Violations:
    """The violations of one run. All models of the run share one object."""

    def __init__(self, areas, name_place):
        """name_place(pc): returns "function+offset" for a physical address."""
        self._areas, self._name_place = areas, name_place
        self._found = {}

    def add(self, what, pc, address):
        """Notes that the instruction at pc broke a rule with an access to address."""
        area = self._areas.at(address)
        place = self._name_place(pc)
        key = (what, area.name, place.partition("+")[0])
        found = self._found.setdefault(key, Violation(what, area, place, pc, address))
        found.lines.add(address & -LINE)

    def __iter__(self):
        return iter(self._found.values())

    def names(self):
        """Returns the set of (rule, name of the area)."""
        return {(violation.what, violation.area.name) for violation in self}
