# SPDX-License-Identifier: GPL-2.0-or-later
"""A purgatory segment on an emulated CPU, each access of it through a cache model.

Unicorn runs the instructions and reports their accesses. Its own MMU stays off (that of
2.0.1 does not work), and it sees no system register and no maintenance: they are done
here, and so is translation. EL2 works although Unicorn has none, and what the ID
registers say is a choice.
"""

import subprocess
from bisect import bisect_right
from dataclasses import dataclass, field

from lib import baremetal as bm
from lib import cachemodel
import unicorn
from unicorn import arm64_const as arm64

RAM_SIZE = 512 << 20
INSTRUCTIONS_MAX = 20_000_000  # a run has some million at most
PSCI_SYSTEM_RESET = 0x84000009
JUNK = 0xA5A500000000A5A5  # in registers, from the old kernel


def register(op0, op1, crn, crm, op2):
    return op0, op1, crn, crm, op2


CURRENT_EL = register(3, 0, 4, 2, 2)
CTR_EL0 = register(3, 3, 0, 0, 1)
CNTVCT_EL0 = register(3, 3, 14, 0, 2)
HCR_EL2 = register(3, 4, 1, 1, 0)
SCTLR = {el: register(3, op1, 1, 0, 0) for el, op1 in ((1, 0), (2, 4))}
TTBR0 = {el: register(3, op1, 2, 0, 0) for el, op1 in ((1, 0), (2, 4))}
MAIR = {el: register(3, op1, 10, 2, 0) for el, op1 in ((1, 0), (2, 4))}

HCR_E2H = 1 << 34
SCTLR_OLD = 1 << 1 | 1 << 3 | 1 << 11  # A and SA: what payload.S blocks on, too

# What the CPU says of itself; other ID registers read as 0.
FEATURES = {
    CTR_EL0: (cachemodel.LINE // 4).bit_length() - 1 << 16,
    register(3, 0, 0, 4, 0): 0x22,  # ID_AA64PFR0_EL1: vector registers
    register(3, 0, 0, 6, 0): 1 << 12,  # ID_AA64ISAR0_EL1: SHA-256 instructions
    register(3, 0, 0, 7, 0): 0x5,  # ID_AA64MMFR0_EL1: 48 bits, 4 KiB granule
    register(3, 3, 14, 0, 0): 62_500_000,  # CNTFRQ_EL0
}


class Symbols:
    """Of purgatory.elf, which is linked at 0."""

    def __init__(self):
        elf = bm.image_path().with_suffix(".elf")
        lines = subprocess.run([bm.tool_environment()["READELF"], "-sW", elf], check=True,
                               text=True, capture_output=True).stdout.splitlines()
        words = [line.split() for line in lines]
        # Value, type, section, name; section 1 is the code. Of two names in one
        # place, a function and a label of the linker script, the function counts.
        found = [(int(word[1], 16), word[3] == "FUNC", word[7]) for word in words
                 if len(word) == 8 and word[6] == "1" and not word[7].startswith("$")]
        self._names = {address: name for address, _, name in sorted(found)}
        self._addresses = sorted(self._names)
        self.address = {name: address for address, name in self._names.items()}

    def place(self, offset):
        """Function and offset in it."""
        address = self._addresses[bisect_right(self._addresses, offset) - 1]
        return f"{self._names[address]}+{offset - address:#x}"


@dataclass(repr=False)
class Outcome:
    reason: str = "too long"  # or: kernel, reset, abort, what Unicorn gave up for
    console: str = ""
    registers: list = field(default_factory=list)  # x0 to x3 as the kernel gets them
    violations: list = field(default_factory=list)
    instructions: int = 0
    calls: list = field(default_factory=list)  # (offset of a bl, callee, caller), as executed
    cache: cachemodel.Cache = None
    _memory: object = None

    def memory(self, address, size):
        return self._memory.read(address, size)

    def __repr__(self):
        """What pytest shows."""
        return "\n".join([f"{self.reason}: {self.console!r}", *map(str, self.violations)])


class _View:
    """RAM as the CPU sees it now, for the model."""

    def __init__(self, uc):
        self._uc = uc

    def read(self, address, size):
        return bytes(self._uc.mem_read(address, size))

    def write(self, address, data):
        self._uc.mem_write(address, data)


def vector_alignment(word):
    """What Device memory demands of a vector access; None: this is none, its size tells.

    Arm ARM, C4.1 "Loads and Stores": Q registers whole, structures by element.
    """
    if word >> 26 == 0x2B or (word >> 26 == 0x0F and word >> 23 & 1):
        return 16
    if word >> 24 & 0xBF == 0x0C:
        return 1 << (word >> 10 & 3)
    return None


def areas(plan):
    """What each page of a plan is; all parts are whole pages."""
    scratch = plan.base + plan.scratch_offset
    params = plan.base + plan.image_size
    tables = plan.base + plan.table_offset[0]
    bitmap = plan.base + plan.bitmap_offset
    end = plan.base + plan.segment_size
    result = [cachemodel.Area(s.name, s.base, s.base + len(s.data), cachemodel.SEGMENT)
              for s in plan.segments]
    result += [
        cachemodel.Area("image", plan.base, scratch, cachemodel.CHECKED),
        cachemodel.Area("scratch", scratch, params, cachemodel.SCRATCH),
        cachemodel.Area("params", params, tables, cachemodel.CHECKED),
        cachemodel.Area("tables", tables, bitmap, cachemodel.SEGMENT),
        cachemodel.Area("bitmap", bitmap, end, cachemodel.SCRATCH),
        cachemodel.Area("uart", bm.UART, bm.UART + bm.BLOCK, cachemodel.DEVICE),
    ]
    return result


class Replay:
    """One run of a plan at a level (exception level, E2H) of test_purgatory.py."""

    def __init__(self, plan, level, symbols):
        self._plan, self._symbols = plan, symbols
        self._el, e2h = level
        self._e2h = self._el == 2 and e2h
        self._registers = {
            **FEATURES,
            CURRENT_EL: self._el << 2,
            HCR_EL2: HCR_E2H if e2h else 0,
            CNTVCT_EL0: 1,
            SCTLR[self._el]: SCTLR_OLD,
        }
        self._uc = uc = unicorn.Uc(unicorn.UC_ARCH_ARM64, unicorn.UC_MODE_ARM)
        uc.ctl_set_cpu_model(arm64.UC_CPU_ARM64_MAX)
        uc.mem_map(bm.RAM, RAM_SIZE)
        uc.mmio_map(bm.UART, bm.BLOCK, self._uart_read, None, self._uart_write, None)
        self._view = _View(uc)
        self.cache = cachemodel.Cache(self._view, areas(plan), self._place)
        self.outcome = Outcome(cache=self.cache, _memory=self._view)
        self._pc = plan.base
        self._begins = True  # no access of this instruction was seen yet
        purgatory = plan.purgatory()
        for segment in plan.segments:
            if not segment.absent:
                self.place_in_memory(segment.base, segment.data)
        self.place_in_memory(plan.base, purgatory)
        self._special, self._alignment = {}, {}
        self._decode(purgatory[: plan.scratch_offset])
        uc.hook_add(unicorn.UC_HOOK_CODE, self._on_instruction)
        uc.hook_add(unicorn.UC_HOOK_MEM_READ | unicorn.UC_HOOK_MEM_WRITE, self._on_access)
        uc.hook_add(unicorn.UC_HOOK_INTR, self._on_exception)

    def place_in_memory(self, address, data):
        self._uc.mem_write(address, bytes(data))

    def run(self):
        for number in range(31):
            self._set_x(number, JUNK)
        self._uc.reg_write(arm64.UC_ARM64_REG_SP, JUNK + 3)
        kernel = self._plan.kernel_entry
        try:
            self._uc.emu_start(self._plan.base, kernel, count=INSTRUCTIONS_MAX)
        except unicorn.UcError as error:
            self.outcome.reason = f"{error} at {self._place(self._pc)}"
        if self._uc.reg_read(arm64.UC_ARM64_REG_PC) == kernel:
            self.outcome.reason = "kernel"
            self.outcome.registers = [self._x(number) for number in range(4)]
            self.cache.hand_over(self._pc, kernel)
        self.outcome.violations = list(self.cache.violations.values())
        return self.outcome

    # Decoding, once for each word of the image; what is no code is never executed.

    def _decode(self, image):
        """Note the instructions that are not Unicorn's alone, and vector accesses."""
        for offset in range(0, len(image), 4):
            word = int.from_bytes(image[offset : offset + 4], "little")
            method = self._method(word)
            if method:
                self._special[self._plan.base + offset] = (method, word)
            if vector_alignment(word):
                self._alignment[self._plan.base + offset] = vector_alignment(word)

    def _method(self, word):
        if word >> 20 == 0xD51 or word >> 20 == 0xD53:
            return self._move_register
        if word >> 20 == 0xD50 and word >> 19 & 3 == 1:
            return self._maintain
        if word & 0xFFFFF0FF == 0xD503309F:
            return self._dsb
        if word & 0xFFE0001E == 0xD4000002:  # HVC, SMC
            return self._call_firmware
        if word >> 26 == 0x25:
            return self._call
        return None

    # Instructions

    def _on_instruction(self, _uc, address, _size, _data):
        self._pc = address
        self._begins = True
        self.outcome.instructions += 1
        special = self._special.get(address)
        if special:
            special[0](special[1])

    def _move_register(self, word):
        key = self._alias(register(2 | word >> 19 & 1, word >> 16 & 7, word >> 12 & 15,
                                   word >> 8 & 15, word >> 5 & 7))
        if word >> 21 & 1:
            self._set_x(word & 31, self._read_register(key))
        else:
            self._registers[key] = self._x(word & 31)
            if key == SCTLR[self._el]:
                self.cache.control(self._pc, self._registers[key], self._translate)
        self._skip()

    def _alias(self, key):
        """With E2H=1 the _EL1 names reach the EL2 registers (Arm ARM, VHE)."""
        op0, op1, crn, crm, op2 = key
        if self._e2h and op1 == 0 and crn in (1, 2, 5, 6, 10, 12):
            return op0, 4, crn, crm, op2
        return key

    def _read_register(self, key):
        if key == CNTVCT_EL0:
            self._registers[key] += 1000
        return self._registers.get(key, 0)

    def _maintain(self, word):
        operation = word & ~31
        address = self._x(word & 31)
        if operation == 0xD50B7E20:
            self.cache.civac(address)
        elif operation == 0xD5087620:
            self.cache.ivac(self._pc, address)
        elif operation == 0xD508_7500:  # IC IALLU
            self.cache.invalidate_code()
        elif word >> 12 & 15 == 7:
            self.cache.other_maintenance(self._pc, address)
        self._skip()

    def _dsb(self, word):
        if word >> 8 & 15 == 15:  # SY: what reaches the point of coherency
            self.cache.dsb(self._pc)

    def _call(self, word):
        target = self._pc + 4 * ((word & 0x3FFFFFF ^ 0x2000000) - 0x2000000)
        names = [self._place(pc).partition("+")[0] for pc in (target, self._pc)]
        self.outcome.calls.append((self._pc - self._plan.base, *names))

    def _call_firmware(self, _word):
        function = self._x(0) & 0xFFFFFFFF
        self._stop("reset" if function == PSCI_SYSTEM_RESET else f"firmware {function:#x}")

    def _translate(self, address):
        return cachemodel.walk(self._view, self._registers.get(TTBR0[self._el], 0),
                               self._registers.get(MAIR[self._el], 0), address)

    # Accesses

    def _on_access(self, _uc, kind, address, size, _value, _data):
        write = kind == unicorn.UC_MEM_WRITE
        alignment = self._alignment.get(self._pc, size)
        # Q registers are reported in halves: only the first of them tells.
        if alignment > size and not self._begins:
            alignment = size
        self._begins = False
        if not self.cache.access(self._pc, address, size, write, alignment):
            self._stop("abort")

    def _on_exception(self, _uc, number, _data):
        self._stop(f"exception {number} at {self._place(self._pc)}")

    def _uart_read(self, _uc, _offset, _size, _data):
        return 0  # PL011 flags: ready

    def _uart_write(self, _uc, offset, _size, value, _data):
        if offset == 0:
            self.outcome.console += chr(value & 0xFF)

    # Small things

    def _stop(self, reason):
        self.outcome.reason = reason
        self._uc.emu_stop()

    def _skip(self):
        self._uc.reg_write(arm64.UC_ARM64_REG_PC, self._pc + 4)

    def _number(self, number):
        if number < 29:
            return arm64.UC_ARM64_REG_X0 + number
        return (arm64.UC_ARM64_REG_X29, arm64.UC_ARM64_REG_X30)[number - 29]

    def _x(self, number):
        return 0 if number == 31 else self._uc.reg_read(self._number(number))

    def _set_x(self, number, value):
        if number != 31:
            self._uc.reg_write(self._number(number), value)

    def _place(self, pc):
        return self._symbols.place(pc - self._plan.base)
