# SPDX-License-Identifier: GPL-2.0-or-later
"""Models of address translation, TLB and instruction cache, and the rules for purgatory.

QEMU 7.2 drops old translations and old instructions by itself, so a missing `tlbi`, `ic` or
barrier has no effect there. As in cachemodel.py, the models assume the worst choice: a TLB or
instruction cache has every entry that it can have, and the use of an old entry breaks a rule.

At entry, the TLB can have translations of the old kernel for every address. A tlbi of the whole
regime, then a dsb, then an isb drop these (Arm ARM, "TLB maintenance instructions", ordering and
completion). While the MMU is on, the TLB can have every translation of the tables, because
speculation walks the tables.

One rule is stricter than the architecture: a tlbi or ic counts only if its dsb and its isb come
before the next data access and before the function returns. A later barrier is often enough for
the CPU, but a reader of the function could not see it.
"""

import struct
from dataclasses import dataclass

from lib.rules import DEVICE, LINE, NOBODY, PAGE, SEGMENT

SCTLR_M, SCTLR_C, SCTLR_I, SCTLR_WXN = 1 << 0, 1 << 2, 1 << 12, 1 << 19

NOT_MAPPED = "is not mapped"
READ_ONLY = "is written but mapped read-only"
NOT_EXECUTABLE = "is executed but not mapped executable"
AS_MEMORY = "is a device but mapped as memory"
NOT_WRITE_BACK = "is memory but not mapped write-back"
WRITABLE_CODE = "is mapped both writable and executable"
MAPPED_NOBODY = "is mapped but is in no area"
WALKED_EARLY = "is a page table and not cleaned when the MMU is switched on"
WALKED_WRITTEN = "is a page table that the TLB can use, and is written"
OLD_TRANSLATION = "can be translated by the old kernel's tables"
UNSYNCHRONISED = "is accessed after a write of a system register without an isb between them"
PENDING = "is used before dsb and isb complete a tlbi or ic"
PERMISSION_INDIRECT = "is entered with the MMU on and TCR2.PIE set"
NO_ISB = "switches the MMU off without the isb for Falkor erratum 1041"
OLD_CODE = "can run with old instructions from the instruction cache"
END_TRANSLATION = "is entered while the TLB can have purgatory's translations"
END_OLD_CODE = "can start with old instructions from the instruction cache"

TCR2_PIE = 1 << 1


@dataclass(frozen=True)
class Page:
    """The translation of a page."""

    output: int  # physical address
    normal: bool  # Normal write-back memory
    writable: bool
    executable: bool = False
    memory: bool = True  # Normal memory with any cacheability; False: Device


FLAT = Page(0, False, True, True)  # the attributes of every address while the MMU is off

# Arm ARM, VMSAv8-64 descriptors, 4 KiB granule
VALID, TABLE, AP_UNPRIVILEGED, AP_READ_ONLY = 1 << 0, 1 << 1, 1 << 6, 1 << 7
ACCESSED, PXN, XN = 1 << 10, 1 << 53, 1 << 54
ADDRESS = (1 << 48) - PAGE
WRITE_BACK, DEVICE_ATTRIBUTES = 0xFF, range(0x10)  # values of a byte in MAIR_ELx


@dataclass(frozen=True)
class Regime:
    """A translation regime: the values of the registers that control the translation."""

    root: int  # TTBR0
    mair: int
    tcr: int
    tcr2: int = 0
    one_level: bool = False  # the regime of EL2 with E2H=0, which has one privilege level
    wxn: bool = False  # SCTLR.WXN

    @property
    def _shifts(self):
        """The address shifts of the levels of the tables. TCR.T0SZ selects the first level."""
        bits = 64 - (self.tcr & 63)
        return [shift for shift in (39, 30, 21, 12) if shift < bits]

    @property
    def is_usable(self):
        """Whether the model supports the regime: 4 KiB granule, walks of TTBR0 enabled, 48-bit
        descriptors, direct permissions."""
        large_addresses = 1 << (32 if self.one_level else 59)
        no_walks = 0 if self.one_level else 1 << 7
        return not (self.tcr & (3 << 14 | large_addresses | no_walks) or self.tcr2 & TCR2_PIE)

    def _output_limit(self):
        """Returns the first physical address that TCR.IPS or TCR.PS excludes."""
        size = self.tcr >> (16 if self.one_level else 32) & 7
        return 1 << (32, 36, 40, 42, 44, 48, 52, 56)[size]

    def _page(self, entry, output):
        """Returns the Page for a descriptor, or None if an access faults."""
        if not entry & ACCESSED or output >= self._output_limit():
            return None
        writable = not entry & AP_READ_ONLY
        executable = not entry & (XN if self.one_level else PXN)
        if not self.one_level and entry & AP_UNPRIVILEGED:
            return None  # PSTATE.PAN forbids the access, and a writable page is not executable
        attribute = self.mair >> 8 * (entry >> 2 & 7) & 0xFF
        return Page(output, attribute == WRITE_BACK, writable,
                    executable and not (self.wxn and writable),
                    attribute not in DEVICE_ATTRIBUTES)

    def walk(self, view, address):
        """Returns the Page of a virtual address, or None if the access faults."""
        if not self.is_usable or address >> 64 - (self.tcr & 63):
            return None
        table = self.root & ADDRESS
        for shift in self._shifts:
            data = view.read(table + 8 * (address >> shift & 511), 8)
            [entry] = struct.unpack("<Q", data) if len(data) == 8 else [0]
            if not entry & VALID or (shift in (39, 12) and not entry & TABLE):
                return None
            if shift == 12 or not entry & TABLE:
                break
            table = entry & ADDRESS
        inside = (1 << shift) - 1
        return self._page(entry, (entry & ADDRESS & ~inside) | (address & inside & -PAGE))

    def reachable(self, view):
        """Returns everything that speculation can reach: the addresses of the tables, and a list
        of (first, size, Page or None) for each block or page descriptor."""
        tables, leaves = [], []
        todo = [(self.root & ADDRESS, 0, self._shifts)] if self.is_usable else []
        while todo:
            table, base, shifts = todo.pop()
            tables.append(table)
            data = view.read(table, PAGE)
            for index, [entry] in enumerate(struct.iter_unpack("<Q", data)):
                address = base + (index << shifts[0])
                if not entry & VALID:
                    continue
                if shifts[0] > 12 and entry & TABLE:
                    todo.append((entry & ADDRESS, address, shifts[1:]))
                else:
                    leaves.append((address, 1 << shifts[0], self._page(entry, entry & ADDRESS)))
        return tables, leaves


class Maintenance:
    """A maintenance operation that is complete after a DSB and then an ISB."""

    def __init__(self):
        self._step = None

    def issue(self):
        """The instruction of the operation, for example a TLBI."""
        self._step = "issued"

    def dsb(self):
        """A DSB."""
        if self._step == "issued":
            self._step = "waited"

    def isb(self):
        """Returns True if this ISB completes the operation."""
        complete = self._step == "waited"
        if complete:
            self._step = None
        return complete

    @property
    def is_pending(self):
        """Whether an operation is not complete."""
        return self._step is not None


class Mmu:
    """Translation with the tables in memory, the TLB, and writes of system registers."""

    def __init__(self, view, areas, violations, may_map=()):
        """may_map: (first, end) ranges that may be mapped in addition to the areas."""
        self._view, self._areas, self._violations = view, areas, violations
        self._may_map = may_map
        self.on = False
        self._holds = True  # the TLB can have entries
        self._holds_ours = False  # the TLB can have entries of purgatory's tables
        self._old = False  # the MMU is on, and the TLB can have entries of other tables
        self._tlbi = Maintenance()
        self._regime = None
        self._pages = {}
        self._tables = set()  # lines of the tables that the TLB can use
        self._unsynchronised = {}  # register written since the last isb -> controls translation
        self._fetched = None  # the address of the page of the last fetch

    def write_register(self, pc, name, is_translation=False):
        """A write of a system register. is_translation: the register controls the translation, so
        it has no effect while the MMU is off."""
        self._unsynchronised[name] = is_translation

    def tlbi(self, all_of_regime):
        """A TLBI. all_of_regime: it drops all translations of the current regime."""
        if all_of_regime:
            self._tlbi.issue()

    def dsb(self):
        """A DSB."""
        self._tlbi.dsb()

    def isb(self):
        """An ISB, or another context synchronization event."""
        self._unsynchronised.clear()
        if self._tlbi.isb():
            self._old = False
            self._holds = self._holds_ours = self.on
            if not self.on:
                self._tables.clear()

    def maintenance(self, pc, address):
        """A DC instruction, whose address is translated like that of an access."""
        if self._unsynchronised and (self.on or not all(self._unsynchronised.values())):
            self._violations.add(UNSYNCHRONISED, pc, address)

    def leave(self, pc):
        """A function returns."""
        if self._tlbi.is_pending:
            self._violations.add(PENDING, pc, pc)

    def waits_for_isb(self, names):
        """Returns whether one of the registers was written since the last ISB."""
        return any(name in self._unsynchronised for name in names)

    def control(self, pc, on, regime, after_isb=True, cleaned=None):
        """A write of SCTLR. after_isb: the instruction before it is an ISB. cleaned: the lines
        that were cleaned; None: all lines."""
        if self.on and not on and not after_isb:
            self._violations.add(NO_ISB, pc, pc)
        self._regime = regime
        self._pages.clear()
        self._fetched = None
        if on and not self.on:
            self._switch_on(pc, cleaned)
        self.on = on

    def _switch_on(self, pc, cleaned):
        """Checks the state when the MMU is switched on. cleaned: see control()."""
        self._old = self._holds
        self._holds = self._holds_ours = True
        if self._unsynchronised:
            self._violations.add(UNSYNCHRONISED, pc, pc)
        if self._regime.tcr2 & TCR2_PIE:
            self._violations.add(PERMISSION_INDIRECT, pc, pc)
        tables, leaves = self._regime.reachable(self._view)
        for line in (line for table in tables for line in range(table, table + PAGE, LINE)):
            self._tables.add(line)
            if cleaned is not None and line not in cleaned:
                self._violations.add(WALKED_EARLY, pc, line)
        for first, size, page in leaves:
            self._judge_leaf(pc, first, size, page)

    def _judge_leaf(self, pc, first, size, page):
        """Checks one descriptor. Speculation can read all mapped memory and fetch from every
        executable page."""
        if page is None:
            return
        if page.output != first:
            self._violations.add(NOT_MAPPED, pc, first)
        if page.writable and page.executable:
            self._violations.add(WRITABLE_CODE, pc, first)
        for address in range(first, first + size, PAGE):
            kind = self._areas.at(address).kind
            if kind == DEVICE and page.memory:
                self._violations.add(AS_MEMORY, pc, address)
            elif kind == NOBODY and not any(a <= address < b for a, b in self._may_map):
                self._violations.add(MAPPED_NOBODY, pc, address)
            elif kind not in (DEVICE, NOBODY) and not page.normal:
                self._violations.add(NOT_WRITE_BACK, pc, address)

    def _page(self, pc, address):
        """Returns the Page of an address, or None if the address is not mapped to itself."""
        if self._old:
            self._violations.add(OLD_TRANSLATION, pc, address)
        number = address & -PAGE
        if number not in self._pages:
            self._pages[number] = self._regime.walk(self._view, number)
        page = self._pages[number]
        return page if page and page.output == number else None

    def data(self, pc, address, write):
        """Returns the Page of a data access, or None if it faults."""
        self.maintenance(pc, address)
        if self._tlbi.is_pending:
            self._violations.add(PENDING, pc, address)
        if write and address & -LINE in self._tables:
            self._violations.add(WALKED_WRITTEN, pc, address)
        if not self.on:
            return FLAT
        page = self._page(pc, address)
        if not page or (write and not page.writable):
            self._violations.add(READ_ONLY if page else NOT_MAPPED, pc, address)
            return None
        return page

    def fetch(self, pc):
        """An instruction fetch. Returns False if it faults."""
        if not self.on or pc & -PAGE == self._fetched:
            return True
        page = self._page(pc, pc)
        if not page or not page.executable or not page.normal:
            self._violations.add(NOT_EXECUTABLE if page else NOT_MAPPED, pc, pc)
            return False
        self._fetched = pc & -PAGE
        return True

    def hand_over(self, pc, entry):
        """Purgatory enters the kernel. It must remove its own translations. If it never switched
        the MMU on, the translations of the old kernel may stay."""
        if self._holds_ours:
            self._violations.add(END_TRANSLATION, pc, entry)


class InstructionCache:
    """The areas of which the instruction cache can have old instructions."""

    def __init__(self, areas, violations):
        self._areas, self._violations = areas, violations
        self._enabled = False
        self._old = {area.name for area in areas}
        self._ic = Maintenance()

    def control(self, pc, enabled):
        """A write of SCTLR. An enabled cache can return instructions from before it was disabled."""
        if enabled and not self._enabled and self._areas.at(pc).name in self._old:
            self._violations.add(OLD_CODE, pc, pc)
        self._enabled = enabled

    def memory_changed(self, name):
        """The instructions of an area changed in memory."""
        self._old.add(name)

    def invalidate(self):
        """IC IALLU: invalidates the whole instruction cache."""
        self._ic.issue()

    def dsb(self):
        """A DSB."""
        self._ic.dsb()

    def isb(self):
        """An ISB, or another context synchronization event."""
        if self._ic.isb():
            self._old.clear()

    def data(self, pc, address):
        """A data access. If the code at pc can be old, its effect is unknown."""
        if self._ic.is_pending:
            self._violations.add(PENDING, pc, address)
        if self._enabled and self._areas.at(pc).name in self._old:
            self._violations.add(OLD_CODE, pc, pc)

    def leave(self, pc):
        """A function returns."""
        if self._ic.is_pending:
            self._violations.add(PENDING, pc, pc)

    def hand_over(self, pc, entry):
        """Purgatory enters the kernel, whose instructions must be new."""
        if self._ic.is_pending or self._areas.at(entry).name in self._old:
            self._violations.add(END_OLD_CODE, pc, entry)
