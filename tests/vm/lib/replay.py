# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs purgatory on the CPU emulator Unicorn and sends each access to models of caches and TLB.

Unicorn executes the instructions and reports their memory accesses. The MMU of Unicorn 2.0.1
does not work, so it stays off. This module emulates system registers, barriers, cache and TLB
maintenance and address translation itself. Therefore EL2 works, although Unicorn has no EL2,
and a test can choose the values of the ID registers, for features that QEMU 7.2 lacks.
"""

import subprocess
from bisect import bisect_right
from dataclasses import dataclass, field

from lib import baremetal as bm
from lib import cachemodel
from lib import mmumodel
from lib import rules
import unicorn
from unicorn import arm64_const as arm64

RAM_SIZE = 512 << 20
INSTRUCTIONS_MAX = 20_000_000  # a usual run has a few million instructions
PSCI_SYSTEM_RESET = 0x84000009
JUNK = 0xA5A500000000A5A5  # the value that the old kernel leaves in general registers


def register(op0, op1, crn, crm, op2):
    """Returns the key of a system register: its encoding (Arm ARM, C5.3)."""
    return op0, op1, crn, crm, op2


def at_level(crn, crm, op2):
    """Returns the keys of an _EL1 register and of its _EL2 form: exception level -> key."""
    return {el: register(3, op1, crn, crm, op2) for el, op1 in ((1, 0), (2, 4))}


CURRENT_EL = register(3, 0, 4, 2, 2)
CTR_EL0 = register(3, 3, 0, 0, 1)
CNTVCT_EL0 = register(3, 3, 14, 0, 2)
SVCR = register(3, 3, 4, 2, 2)
HCR_EL2 = register(3, 4, 1, 1, 0)
CPTR_EL2 = register(3, 4, 1, 1, 2)
CPACR_EL1 = register(3, 0, 1, 0, 2)
ID_AA64PFR1_EL1 = register(3, 0, 0, 4, 1)
ID_AA64MMFR3_EL1 = register(3, 0, 0, 7, 3)
SCTLR = at_level(1, 0, 0)
TTBR0 = at_level(2, 0, 0)
TCR = at_level(2, 0, 2)
TCR2 = at_level(2, 0, 3)
MAIR = at_level(10, 2, 0)
VBAR = at_level(12, 0, 0)
ESR = at_level(5, 2, 0)
ELR = at_level(4, 0, 1)

HCR_E2H, HCR_TGE = 1 << 34, 1 << 27
SCTLR_OLD = 1 << 1 | 1 << 3 | 1 << 11  # A and SA: payload.S leaves them set, too
# TCR as in payload.S. MAIR as in Linux: attribute 0 is Normal memory and 1 is Tagged memory.
TCR_OLD, TCR_OLD_NO_E2H, MAIR_OLD = 0x1A000000019, 0x00F00019, 0x040044F0FF
SVCR_SM = 1 << 0
SMEN, FPEN, CPTR_TSM, CPTR_TFP = 3 << 24, 3 << 20, 1 << 12, 1 << 10

# Exception classes of ESR_ELx
EC_UNDEFINED, EC_VECTORS, EC_SYSTEM_REGISTER, EC_STREAMING = 0, 7, 0x18, 0x1D
VECTOR_SYNCHRONOUS = 0x200  # current level with SP_ELx

# The ID registers of the CPU. Other ID registers read as 0.
FEATURES = {
    CTR_EL0: (rules.LINE // 4).bit_length() - 1 << 16,
    register(3, 0, 0, 4, 0): 0x22,  # ID_AA64PFR0_EL1: vector registers
    register(3, 0, 0, 6, 0): 1 << 12,  # ID_AA64ISAR0_EL1: SHA-256 instructions
    register(3, 0, 0, 7, 0): 0x5,  # ID_AA64MMFR0_EL1: 48 bits, 4 KiB granule
    register(3, 3, 14, 0, 0): 62_500_000,  # CNTFRQ_EL0
    CPACR_EL1: FPEN,
}


class Symbols:
    """The symbols of an image, from its .elf file, which is linked at address 0."""

    def __init__(self, image):
        elf = image.with_suffix(".elf")
        lines = subprocess.run([bm.tool_environment()["READELF"], "-sW", elf], check=True,
                               text=True, capture_output=True).stdout.splitlines()
        words = [line.split() for line in lines]
        # A row has value, type, section and name; section 1 is the code. If a function and a
        # label of the linker script have the same address, the function's name counts.
        found = [(int(word[1], 16), word[3] == "FUNC", word[7]) for word in words
                 if len(word) == 8 and word[6] == "1" and not word[7].startswith("$")]
        self._names = {address: name for address, _, name in sorted(found)}
        self._addresses = sorted(self._names)
        self.address = {name: address for address, name in self._names.items()}

    def name_place(self, offset):
        """Returns "function+offset" for an offset in the image."""
        address = self._addresses[bisect_right(self._addresses, offset) - 1]
        return f"{self._names[address]}+{offset - address:#x}"


@dataclass(repr=False)
class Outcome:
    """The result of one run. Offsets are bytes in the image."""

    reason: str = "too long"  # or: kernel, reset, abort, or the error of Unicorn
    console: str = ""
    registers: list = field(default_factory=list)  # x0 to x3 at the entry of the kernel
    violations: list = field(default_factory=list)  # of rules.Violation
    calls: list = field(default_factory=list)  # (offset of a BL, callee, caller), in order
    executed: set = field(default_factory=set)  # offsets of barriers and maintenance instructions
    skipped: int = 0  # number of DC instructions that did nothing because of Machine.skip
    cache: cachemodel.Cache = None
    _memory: object = None

    def memory(self, address, size):
        """Returns size bytes at a physical address, as they are at the end."""
        return self._memory.read(address, size)

    @property
    def found(self):
        """The set of (rule, name of the area) that were broken."""
        return {(violation.what, violation.area.name) for violation in self.violations}

    def __repr__(self):
        """Returns the text for pytest's messages."""
        return "\n".join([f"{self.reason}: {self.console!r}", *map(str, self.violations)])


class _View:
    """RAM as the CPU sees it, for the models."""

    def __init__(self, uc):
        self._uc = uc

    def read(self, address, size):
        """Returns size bytes at a physical address, or no bytes if there is no memory."""
        try:
            return bytes(self._uc.mem_read(address, size))
        except unicorn.UcError:
            return b""

    def write(self, address, data):
        """Writes bytes at a physical address."""
        self._uc.mem_write(address, data)


def vector_alignment(word):
    """Returns the alignment in bytes that Device memory demands for a vector load or store.

    Returns None for other instructions; their alignment is their access size. (Arm ARM, C4.1,
    "Loads and Stores": a Q register is one access, a structure load has one access per element)
    """
    if word >> 26 == 0x2B or (word >> 26 == 0x0F and word >> 23 & 1):
        return 16
    if word >> 24 & 0xBF == 0x0C:
        return 1 << (word >> 10 & 3)
    return None


def is_vector(word):
    """Returns whether a word is data processing on vectors, which is illegal in streaming mode
    (Arm ARM, C4.1)."""
    return word >> 25 & 7 == 7


def list_areas(plan, tree=None):
    """Returns the rules.Area of each part of a plan. All parts are whole pages.

    tree: (address, size) of the device tree of a sealed Image.
    """
    scratch = plan.base + plan.scratch_offset
    params = plan.base + plan.image_size
    tables = plan.base + plan.table_offset[0]
    bitmap = plan.base + plan.bitmap_offset
    end = plan.base + plan.segment_size
    result = [rules.Area(s.name, s.base, s.base + len(s.data), rules.SEGMENT)
              for s in plan.segments]
    result += [
        rules.Area("image", plan.base, scratch, rules.CHECKED),
        rules.Area("scratch", scratch, params, rules.SCRATCH),
        rules.Area("params", params, tables, rules.CHECKED),
        rules.Area("tables", tables, bitmap, rules.SEGMENT),
        rules.Area("bitmap", bitmap, end, rules.SCRATCH),
        rules.Area("uart", bm.UART, bm.UART + bm.BLOCK, rules.DEVICE),
    ]
    if plan.groups:
        result.append(rules.Area("parity", plan.parity_base,
                                 plan.parity_base + len(plan.parity()), rules.PARITY))
    if plan.start != plan.base:
        result.append(rules.Area("header", plan.start, plan.base, rules.NOBODY))
    if tree:
        address, size = tree
        result.append(rules.Area("tree", address, address + size, rules.TREE))
    return result


@dataclass(frozen=True)
class Machine:
    """The CPU of a run, and the state of its system registers that the old kernel left."""

    level: tuple = bm.EL1  # (exception level, E2H)
    registers: dict = field(default_factory=dict)  # key -> value
    traps: frozenset = frozenset()  # keys of registers that are undefined, because EL3 traps them
    tree: tuple = None  # (address, size) of the device tree of a sealed Image
    skip: object = None  # skip(name of the area, phase): returns whether a DC CIVAC does nothing


class Replay:
    """One run of a plan on a machine."""

    def __init__(self, plan, machine, symbols):
        self._plan, self._machine, self._symbols = plan, machine, symbols
        self._el, e2h = machine.level
        self._e2h = self._el == 2 and e2h
        self._registers = {
            **FEATURES,
            CURRENT_EL: self._el << 2,
            HCR_EL2: HCR_E2H | HCR_TGE if e2h else 0,
            CNTVCT_EL0: 1,
            SCTLR[self._el]: SCTLR_OLD,
            TCR[self._el]: TCR_OLD if self._el == 1 or e2h else TCR_OLD_NO_E2H,
            MAIR[self._el]: MAIR_OLD,
            TTBR0[self._el]: JUNK & mmumodel.ADDRESS,
            **machine.registers,
        }
        self._uc = uc = unicorn.Uc(unicorn.UC_ARCH_ARM64, unicorn.UC_MODE_ARM)
        uc.ctl_set_cpu_model(arm64.UC_CPU_ARM64_MAX)
        uc.mem_map(bm.RAM, RAM_SIZE)
        uc.mmio_map(bm.UART, bm.BLOCK, self._uart_read, None, self._uart_write, None)
        self._view = _View(uc)
        self._areas = rules.Areas(list_areas(plan, machine.tree))
        self._violations = rules.Violations(self._areas, self._name_place)
        rewritten = range(plan.record & -rules.LINE, plan.record + bm.RECORD_SIZE)
        self.cache = cachemodel.Cache(self._view, self._areas, self._violations, rewritten)
        # A plan for kexec_load contains page tables (baremetal.py), which map the whole region.
        may_map = [plan.region] if plan.region and not machine.tree else []
        self._mmu = mmumodel.Mmu(self._view, self._areas, self._violations, may_map)
        self._code = mmumodel.InstructionCache(self._areas, self._violations)
        self.outcome = Outcome(cache=self.cache, _memory=self._view)
        self._pc = plan.start
        self._isb_at = None
        self._vectors_work = False  # True: no vector instruction can trap
        self._phase = "before"  # before, on, after: the state of the MMU
        self._is_first_access = True  # of the current instruction
        self._special, self._alignment, self._vectors = {}, {}, set()
        self._decode(plan.purgatory()[: plan.scratch_offset])
        for name, data in plan.memory().items():
            self.place_in_memory(plan.address(name), data)
        uc.hook_add(unicorn.UC_HOOK_CODE, self._on_instruction)
        uc.hook_add(unicorn.UC_HOOK_MEM_READ | unicorn.UC_HOOK_MEM_WRITE, self._on_access)
        uc.hook_add(unicorn.UC_HOOK_INTR, self._on_exception)

    def place_in_memory(self, address, data):
        """Writes bytes at a physical address before the run."""
        self._uc.mem_write(address, bytes(data))

    def run(self):
        """Runs until the kernel is entered or an error. Returns the Outcome."""
        for number in range(31):
            self._set_x(number, JUNK)
        self._set_x(0, self._machine.tree[0] if self._machine.tree else 0)
        self._uc.reg_write(arm64.UC_ARM64_REG_SP, JUNK + 3)
        kernel = self._plan.kernel_entry
        try:
            self._uc.emu_start(self._plan.start, kernel, count=INSTRUCTIONS_MAX)
        except unicorn.UcError as error:
            self.outcome.reason = f"{error} at {self._name_place(self._pc)}"
        if self._uc.reg_read(arm64.UC_ARM64_REG_PC) == kernel:
            self.outcome.reason = "kernel"
            self.outcome.registers = [self._x(number) for number in range(4)]
            for model in (self.cache, self._mmu, self._code):
                model.hand_over(self._pc, kernel)
        self.outcome.violations = list(self._violations)
        return self.outcome

    # Decoding. Each word of the image is decoded once. Words that are data are never executed.

    def _decode(self, image):
        """Notes the instructions that this module emulates, and the vector instructions."""
        for offset in range(0, len(image), 4):
            word = int.from_bytes(image[offset : offset + 4], "little")
            address = self._plan.base + offset
            method = self._method(word)
            if method:
                self._special[address] = (method, word)
            if vector_alignment(word):
                self._alignment[address] = vector_alignment(word)
            if is_vector(word):
                self._vectors.add(address)

    def _method(self, word):
        """Returns the method that emulates an instruction, or None if Unicorn executes it."""
        if word >> 20 == 0xD51 or word >> 20 == 0xD53:
            return self._move_register
        if word >> 20 == 0xD50 and word >> 19 & 3 == 1:
            return self._maintain
        barrier = {0xD503309F: self._dsb, 0xD50330BF: self._dmb, 0xD50330DF: self._isb}
        if word & 0xFFFFF0FF in barrier:
            return barrier[word & 0xFFFFF0FF]
        if word & 0xFFE0001E == 0xD4000002:  # HVC, SMC
            return self._call_firmware
        if word >> 26 == 0x25:
            return self._call
        if word & 0xFFFFFC1F == 0xD65F0000:
            return self._return
        return None

    # Instructions

    def _on_instruction(self, _uc, address, _size, _data):
        """Unicorn calls this before each instruction."""
        self._pc = address
        self._is_first_access = True
        if self._mmu.on and not self._mmu.fetch(address):
            self._stop("abort")
            return
        special = self._special.get(address)
        if special:
            special[0](special[1])
        elif not self._vectors_work and address in self._vectors:
            self._use_vectors()

    def _use_vectors(self):
        """Handles a vector instruction: takes a trap, or notes that vectors work."""
        trap = self._vector_trap()
        if trap is not None:
            self._take_exception(trap)
        elif self._mmu.waits_for_isb((CPACR_EL1, CPTR_EL2)):
            self._violations.add(mmumodel.UNSYNCHRONISED, self._pc, self._pc)
        else:
            self._vectors_work = True

    def _vector_trap(self):
        """Returns the exception class of a vector instruction, or None if it does not trap."""
        if self._registers.get(SVCR, 0) & SVCR_SM:
            return EC_STREAMING
        if self._el == 2 and not self._e2h:
            return EC_VECTORS if self._registers.get(CPTR_EL2, 0) & CPTR_TFP else None
        key = self._alias(CPACR_EL1)
        return None if self._registers.get(key, 0) & FPEN == FPEN else EC_VECTORS

    def _take_exception(self, ec):
        """Enters the vectors of the current level. SPSR is not set, because purgatory's vectors
        never return."""
        self._registers[ESR[self._el]] = ec << 26 | 1 << 25
        self._registers[ELR[self._el]] = self._pc
        self._mmu.isb()  # an exception entry is a context synchronization event
        self._code.isb()
        self._uc.reg_write(arm64.UC_ARM64_REG_PC,
                           self._registers.get(VBAR[self._el], 0) + VECTOR_SYNCHRONOUS)

    def _move_register(self, word):
        """Emulates MRS and MSR."""
        key = register(2 | word >> 19 & 1, word >> 16 & 7, word >> 12 & 15,
                       word >> 8 & 15, word >> 5 & 7)
        if key in self._machine.traps:
            self._take_exception(EC_UNDEFINED)
            return
        key = self._alias(key)
        if word >> 21 & 1:
            self._set_x(word & 31, self._read_register(key))
        else:
            self._write_register(key, self._x(word & 31))
        self._skip()

    def _alias(self, key):
        """Returns the register that an access reaches. With E2H=1, names with _EL1 access the EL2
        registers (Arm ARM, "Virtualization Host Extensions")."""
        op0, op1, crn, crm, op2 = key
        if self._e2h and key == CPACR_EL1:
            return CPTR_EL2
        if self._e2h and op1 == 0 and (crn in (1, 2, 5, 6, 10, 12) or (crn, crm) == (4, 0)):
            return op0, 4, crn, crm, op2
        return key

    def _read_register(self, key):
        """Returns the value of a system register. The counter advances with each read."""
        if key == CNTVCT_EL0:
            self._registers[key] += 1000
        return self._registers.get(key, 0)

    def _write_register(self, key, value):
        """Writes a system register and tells the models."""
        self._registers[key] = value
        self._vectors_work = False  # the write can have enabled a trap
        if key[1] == 3:  # registers like DAIF and SVCR take effect without an isb
            return
        if key == SCTLR[self._el]:
            self._write_sctlr(value)
        translation = [name[self._el] for name in (TTBR0, MAIR, TCR, TCR2)]
        self._mmu.write_register(self._pc, key, key in translation)

    def _write_sctlr(self, value):
        """Tells the models the new state of MMU and caches."""
        on, caching = bool(value & mmumodel.SCTLR_M), bool(value & mmumodel.SCTLR_C)
        registers = [self._registers.get(name[self._el], 0) for name in (TTBR0, MAIR, TCR, TCR2)]
        regime = mmumodel.Regime(*registers, self._el == 2 and not self._e2h,
                                 bool(value & mmumodel.SCTLR_WXN))
        self._code.control(self._pc, bool(value & mmumodel.SCTLR_I))
        self._mmu.control(self._pc, on, regime, self._isb_at == self._pc - 4, self.cache.cleaned)
        self.cache.control(self._pc, on and caching)
        self._phase = "on" if on else "before" if self._phase == "before" else "after"

    def _maintain(self, word):
        """Emulates DC, IC and TLBI."""
        self.outcome.executed.add(self._pc - self._plan.base)
        operation = word & ~31
        address = self._x(word & 31)
        if operation == 0xD50B7E20:
            self._civac(address)
        elif operation == 0xD5087620:
            self._mmu.maintenance(self._pc, address)
            self.cache.ivac(self._pc, address)
        elif operation == 0xD5087500:  # IC IALLU
            self._code.invalidate()
        elif word >> 12 & 15 == 7:
            self.cache.other_maintenance(self._pc, address)
        elif word >> 12 & 15 == 8:
            self._mmu.tlbi(self._is_all_of_regime(word))
        self._skip()

    def _civac(self, address):
        """Emulates DC CIVAC."""
        self._mmu.maintenance(self._pc, address)
        skip = self._machine.skip
        if skip and skip(self._areas.at(address).name, self._phase):
            self.outcome.skipped += 1
        else:
            self.cache.civac(self._pc, address)

    def _is_all_of_regime(self, word):
        """Returns whether a TLBI drops all translations of the current regime.

        These are VMALLE1 and ALLE2, and their IS forms. With E2H and TGE set, VMALLE1 drops the
        translations of EL2.
        """
        operation = word >> 16 & 7, word >> 8 & 15, word >> 5 & 7
        at_el1 = operation in ((0, 7, 0), (0, 3, 0))
        if self._el == 1:
            return at_el1
        return operation in ((4, 7, 0), (4, 3, 0)) or (at_el1 and self._e2h)

    def _dsb(self, word):
        """Emulates DSB."""
        self._dmb(word)
        if word >> 8 & 3 == 3:  # loads and stores; every shareability domain includes this CPU
            self._mmu.dsb()
            self._code.dsb()
        if word >> 8 & 15 == 15:  # SY: completes maintenance to the point of coherency
            for name in self.cache.dsb(self._pc):
                self._code.memory_changed(name)

    def _dmb(self, word):
        """Emulates DMB, which is also a part of DSB."""
        self.outcome.executed.add(self._pc - self._plan.base)
        if word >> 8 & 3 == 3:
            self.cache.barrier()

    def _isb(self, _word):
        """Emulates ISB."""
        self.outcome.executed.add(self._pc - self._plan.base)
        self._isb_at = self._pc
        self._mmu.isb()
        self._code.isb()

    def _call(self, word):
        """Notes a BL."""
        target = self._pc + 4 * ((word & 0x3FFFFFF ^ 0x2000000) - 0x2000000)
        names = [self._name_place(pc).partition("+")[0] for pc in (target, self._pc)]
        self.outcome.calls.append((self._pc - self._plan.base, *names))

    def _return(self, _word):
        """Tells the models that a function returns (RET, BR)."""
        for model in (self.cache, self._mmu, self._code):
            model.leave(self._pc)

    def _call_firmware(self, _word):
        """Ends the run at HVC or SMC."""
        function = self._x(0) & 0xFFFFFFFF
        self._stop("reset" if function == PSCI_SYSTEM_RESET else f"firmware {function:#x}")

    # Accesses

    def _on_access(self, _uc, kind, address, size, _value, _data):
        """Unicorn calls this before each load or store."""
        write = kind == unicorn.UC_MEM_WRITE
        alignment = self._alignment.get(self._pc, size)
        # Unicorn reports an access to a Q register as two halves. Only the first half has the
        # alignment of the whole register.
        if alignment > size and not self._is_first_access:
            alignment = size
        self._is_first_access = False
        self._code.data(self._pc, address)
        page = self._mmu.data(self._pc, address, write)
        if not page or not self.cache.access(self._pc, address, size, write, page, alignment):
            self._stop("abort")

    def _on_exception(self, _uc, number, _data):
        """Unicorn calls this for exceptions that this module does not emulate."""
        self._stop(f"exception {number} at {self._name_place(self._pc)}")

    def _uart_read(self, _uc, _offset, _size, _data):
        """Returns the flags of a PL011 that is ready."""
        return 0  # PL011 flags: ready

    def _uart_write(self, _uc, offset, _size, value, _data):
        """Adds a character to the console."""
        if offset == 0:
            self.outcome.console += chr(value & 0xFF)

    # Helpers

    def _stop(self, reason):
        """Ends the run."""
        self.outcome.reason = reason
        self._uc.emu_stop()

    def _skip(self):
        """Continues after the current instruction, which Unicorn then does not execute."""
        self._uc.reg_write(arm64.UC_ARM64_REG_PC, self._pc + 4)

    def _register_id(self, number):
        """Returns Unicorn's name of a general register."""
        if number < 29:
            return arm64.UC_ARM64_REG_X0 + number
        return (arm64.UC_ARM64_REG_X29, arm64.UC_ARM64_REG_X30)[number - 29]

    def _x(self, number):
        """Returns the value of a general register; register 31 is zero."""
        return 0 if number == 31 else self._uc.reg_read(self._register_id(number))

    def _set_x(self, number, value):
        """Writes a general register; writes of register 31 have no effect."""
        if number != 31:
            self._uc.reg_write(self._register_id(number), value)

    def _name_place(self, pc):
        """Returns "function+offset" for a physical address."""
        return self._symbols.name_place(pc - self._plan.base)
