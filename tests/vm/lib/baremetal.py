# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs purgatory in QEMU without Linux: makes a purgatory segment, starts it, reads the result.

The tests place bytes in the RAM of QEMU's virt machine. The CPU starts in payload.S, which enters
purgatory in the state in which an old kernel leaves the CPU.
"""

import functools
import hashlib
import json
import os
import platform
import re
import shutil
import struct
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from lib import ram

HERE = Path(__file__).resolve().parent.parent
TREE = HERE.parent.parent

# A second definition of purgatory/abi.h. If one side of the contract changes abi.h and the
# other side does not, these tests fail.
MAGIC = 0x524F544147525550
VERSION = 5
BLOCK = 4096
DIGEST = 32
SEGMENTS_MAX = 16
MEMBERS_MAX = 255
UART_NONE, UART_PL011, UART_16550 = 0, 1, 2
CONDUIT_UNKNOWN, CONDUIT_SMC, CONDUIT_HVC = 0, 1, 2
RESET, HALT, BOOT = 0, 1, 2
# purgatory/shared/sha256.h
PORTABLE, VECTORS, INSTRUCTIONS = 0, 1, 2
HEADER = struct.Struct("<IIQQQ")
PARAMS = struct.Struct("<2Q32s5Q4IQ2I2QQ2Q32sQ2Q2QII")
SEGMENT = struct.Struct("<QQQ16s")
PARAMS_SIZE = PARAMS.size + SEGMENTS_MAX * SEGMENT.size
# Offsets of fields of struct purgatory_params in bytes, for tests that damage them.
PARAMS_CODE_SUM = 0
PARAMS_SELF_DIGEST = 16
PARAMS_SEGMENT_SIZE = 48
PARAMS_KERNEL_ENTRY = 56
PARAMS_UART = 80, 112  # first, end: the fields that uart_sum covers, and uart_sum
PARAMS_CONDUIT = 92
PARAMS_TABLE_OFFSET = 144
# The fields that a sealed Image fills in when it starts: (first, end).
PARAMS_FILLED_IN = (
    (56, 80),    # kernel_entry, dtb, record
    (120, 136),  # root_offset: 0 if the MMU stays off
    (200, 208),  # parity_base
)

RECORD_MAGIC = 0x44524F4345525043
RECORD_VERSION = 2
DAMAGE_MAX = 16
RECORD = struct.Struct("<QII2I7Q")
DAMAGE = struct.Struct("<16s3QII16s")
RECORD_SIZE = RECORD.size + DAMAGE_MAX * DAMAGE.size
OUTCOMES = ("none", "intact", "repaired", "damaged", "incomplete")
FLAG_MMU, FLAG_EL2, FLAG_E2H, FLAG_TIME_OUT, FLAG_TABLE_0, FLAG_TABLE_1, FLAG_UNCLEAN = (
    1 << n for n in range(7))
SHA256_SHIFT = 8

# A level: (exception level, E2H as the old kernel left it)
EL1, EL2, EL2_VHE = (1, False), (2, False), (2, True)
LEVEL_NAMES = {EL1: "EL1", EL2: "EL2", EL2_VHE: "EL2-VHE"}
# VHE is a feature of Armv8.1; Cortex-A53 and A72 are Armv8.0.
MACHINES = [
    (cpu, level)
    for cpu in ("cortex-a53", "cortex-a72", "neoverse-n1", "max")
    for level in (EL1, EL2, EL2_VHE)
    if level != EL2_VHE or cpu in ("neoverse-n1", "max")
]

# SCTLR_ELx M, A, C, SA, I, WXN, EE: all must be 0 when the kernel starts.
SCTLR_OFF = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 12 | 1 << 19 | 1 << 25
HCR_E2H, HCR_TGE = 1 << 34, 1 << 27
DAIF_MASKED = 0xF << 6

# Bytes for the page tables of one regime. The few ranges of a test need less.
ROOT_SIZE = 24 * BLOCK

# Physical addresses of QEMU's virt machine
RAM, RAM_SIZE = 0x40000000, 512 << 20
UART = 0x09000000
OLD_KERNEL = 0x50000000  # the last instructions of the old kernel (payload.S, PART_OLD_KERNEL)
FIRMWARE = 0x51000000  # firmware at EL3 (payload.S, PART_FIRMWARE)
ABORTING_ADDRESS = 0x0F000000  # no device and no memory, so an access aborts

RUN_SECONDS_MAX = 30

WFI = struct.pack("<I", 0xD503207F)

# With -icount shift=N an instruction takes 2^N ns of virtual time. The counter runs at 62.5 MHz.
COUNTING = ("-icount", "shift=0,sleep=off")
INSTRUCTIONS_PER_TICK = 16
FREQUENCY = 62500000
# The largest shift: a million instructions take one second of virtual time.
SLOW = ("-icount", "shift=10,sleep=off")


def round_up(value, unit):
    """Rounds a number up to a multiple of unit."""
    return (value + unit - 1) // unit * unit


# Block and page descriptors (Arm ARM, VMSAv8-64). AttrIndx 1 is Normal memory, 0 is Device.
SECTION = 2 << 20  # bytes of a block descriptor at level 2
VALID, PAGE_OR_TABLE = 1 << 0, 1 << 1
NORMAL, SHARED, ACCESSED = 1 << 2, 3 << 8, 1 << 10
AP_RES1, READ_ONLY = 1 << 6, 1 << 7
PXN, XN = 1 << 53, 1 << 54
DATA, CODE, DEVICE = "data", "code", "device"
ATTRIBUTES = {
    # (for EL1 and for EL2 with E2H=1, for EL2 with E2H=0)
    DATA: (NORMAL | SHARED | PXN | XN, NORMAL | SHARED | AP_RES1 | XN),
    CODE: (NORMAL | SHARED | READ_ONLY | XN, NORMAL | SHARED | READ_ONLY | AP_RES1),
    DEVICE: (PXN | XN, AP_RES1 | XN),
}


class PageTables:
    """Page tables that map (first, end, kind) ranges to themselves. A later range wins.

    root: physical address of the tables. regime: index into the tuples of ATTRIBUTES.
    """

    def __init__(self, maps, root, regime):
        self._maps, self._root, self._regime = maps, root, regime
        self._tables = [[0] * 512]
        starts = {block for first, end, _ in maps
                  for block in range(first & -SECTION, end, SECTION)}
        for block in sorted(starts):
            self._map_block(block)

    def _next_table(self, table, index):
        """Returns the number of the table that an entry of a table points to; makes it if needed."""
        if not self._tables[table][index]:
            self._tables.append([0] * 512)
            address = self._root + BLOCK * (len(self._tables) - 1)
            self._tables[table][index] = address | VALID | PAGE_OR_TABLE
        return ((self._tables[table][index] & ~0xFFF) - self._root) // BLOCK

    def _entry(self, address, kind, more=0):
        """Returns a block or page descriptor. more: additional bits."""
        if kind is None:
            return 0
        return address | ATTRIBUTES[kind][self._regime] | ACCESSED | VALID | more

    def _kind(self, address):
        """Returns the kind of the last range that contains an address, or None."""
        kinds = [kind for first, end, kind in self._maps if first <= address < end]
        return kinds[-1] if kinds else None

    def _map_block(self, block):
        """Maps one section with a block descriptor, or with pages if its kinds differ."""
        table = self._next_table(self._next_table(0, block >> 39 & 511), block >> 30 & 511)
        pages = [(block + BLOCK * i, self._kind(block + BLOCK * i)) for i in range(512)]
        if len({kind for _, kind in pages}) == 1:
            self._tables[table][block >> 21 & 511] = self._entry(*pages[0])
            return
        last = self._next_table(table, block >> 21 & 511)
        self._tables[last] = [self._entry(*page, PAGE_OR_TABLE) for page in pages]

    def bytes(self):
        """Returns the tables, the root table first."""
        return b"".join(struct.pack("<512Q", *table) for table in self._tables)


def sum_code(code):
    """Returns the two sums over 64-bit words of abi.h, with end-around carry."""
    def add_round(a, b):
        """Adds two 64-bit words with end-around carry."""
        return (a + b) % 2**64 + (a + b) // 2**64

    first = second = 0
    for word, in struct.iter_unpack("<Q", code):
        first = add_round(first, word)
        second = add_round(second, first)
    return first, second


def make_record_template():
    """Returns the bytes that the library puts in the place of the record."""
    return struct.pack("<QII", RECORD_MAGIC, RECORD_VERSION, RECORD_SIZE).ljust(RECORD_SIZE, b"\0")


@dataclass
class Damage:
    """A run of adjacent damaged blocks: struct purgatory_damage."""

    segment: str
    offset: int  # bytes from the start of the segment
    blocks: int  # number of blocks
    repaired: int  # number of blocks
    found: bytes  # the first bytes there, at most 16


@dataclass
class Record:
    """struct purgatory_record, in host byte order."""

    outcome: str  # one of OUTCOMES
    flags: int
    started: int  # CNTVCT_EL0 when the check started
    ticks: int  # of CNTVCT_EL0
    frequency: int  # Hz
    blocks: int  # checked blocks
    damaged: int  # blocks
    repaired: int  # blocks
    damage_count: int  # runs
    damage: list  # of Damage, at most DAMAGE_MAX


def read_record(data):
    """Returns the Record in these bytes, or None if purgatory did not write the record."""
    if data == make_record_template():
        return None
    magic, version, size, outcome, *fields = RECORD.unpack_from(data)
    assert (magic, version, size) == (RECORD_MAGIC, RECORD_VERSION, RECORD_SIZE)
    record = Record(OUTCOMES[outcome], *fields, [])
    for number, at in enumerate(range(RECORD.size, RECORD_SIZE, DAMAGE.size)):
        name, *counts, found_size, reserved, found = DAMAGE.unpack_from(data, at)
        if number >= record.damage_count:
            assert data[at : at + DAMAGE.size] == bytes(DAMAGE.size)
            continue
        assert reserved == 0 and found[found_size:].strip(b"\0") == b""
        name = name.rstrip(b"\0").decode()
        record.damage.append(Damage(name, *counts, found[:found_size]))
    return record


# Each byte multiplied by 2 in GF(2^8) with the polynomial 0x11d, for bytes.translate().
DOUBLED = bytes((2 * x ^ (0x11D if x & 0x80 else 0)) for x in range(256))


def xor_bytes(a, b):
    """Adds two byte strings in GF(2^8): the exclusive or of all bytes."""
    return (int.from_bytes(a, "little") ^ int.from_bytes(b, "little")).to_bytes(len(a), "little")


def compute_parity(blocks, groups):
    """Returns the parity of all blocks: the P block of every group, then the Q block of every
    group. groups: number of groups; block n is in group n % groups."""
    p = [bytes(BLOCK)] * groups
    q = [bytes(BLOCK)] * groups
    if not groups:
        return b""
    assert -(-len(blocks) // groups) <= MEMBERS_MAX
    for index in reversed(range(len(blocks))):
        group = index % groups
        p[group] = xor_bytes(p[group], blocks[index])
        q[group] = xor_bytes(q[group].translate(DOUBLED), blocks[index])
    return b"".join(p + q)


def flip_bit(data, offset, bit=0):
    """Returns the bytes with one bit flipped. offset: bytes. bit: 0 to 7."""
    changed = bytearray(data)
    changed[offset] ^= 1 << bit
    return bytes(changed)


def image_path():
    """Returns the path of purgatory.bin, or of the image that CRASHRES_PURGATORY_BIN names."""
    default = TREE / "purgatory" / "purgatory.bin"
    return Path(os.environ.get("CRASHRES_PURGATORY_BIN", default))


@functools.cache
def _symbols(elf):
    """Returns the symbols of an .elf file: name -> value."""
    text = subprocess.run([tool_environment()["READELF"], "-sW", elf], check=True,
                          text=True, capture_output=True).stdout
    rows = [line.split() for line in text.splitlines()]
    return {row[7]: int(row[1], 16) for row in rows if len(row) == 8 and row[0] != "Num:"}


def symbols():
    """Returns the symbols of the image: name -> offset in bytes."""
    return _symbols(image_path().with_suffix(".elf"))


def symbol(name):
    """Returns the offset of a symbol in the image, in bytes."""
    return symbols()[name]


def _patch_image(answers):
    """Returns the image with functions that return constants: name -> value.

    So the tests can pretend CPU features that QEMU does not emulate.
    """
    image = bytearray(image_path().read_bytes())
    for name, value in answers.items():
        code = struct.pack("<II", 0x52800000 | value << 5, 0xD65F03C0)  # mov w0, #value; ret
        image[symbol(name) : symbol(name) + len(code)] = code
    return bytes(image)


def make_image_with_method(method):
    """Returns the image that computes SHA-256 by this method on every CPU."""
    return _patch_image({"pg_cpu_sha256_method": method})


def make_image_with_tcr2():
    """Returns the image that uses TCR2_ELx on every CPU."""
    return _patch_image({"pg_cpu_has_tcr2": 1})


def make_image_without_cleaning():
    """Returns the image whose cache cleaning fails. On QEMU, DC instructions never fail."""
    return _patch_image({"pg_clean_used": 0})


METHODS = ("pg_cpu_sha256_method", "pg_cpu_parity_method")


def make_portable_image(methods=METHODS):
    """Returns the image that uses no SHA-2 instructions and no vector registers.

    methods: the part of METHODS to switch: hashing, repair, or both.
    """
    return _patch_image(dict.fromkeys(methods, PORTABLE))


def qemu():
    """Returns the path of QEMU, or None."""
    return shutil.which("qemu-system-aarch64")


def compiler():
    """Returns the path of a C compiler for arm64, or None."""
    if platform.machine() == "aarch64":
        return shutil.which("gcc")
    return shutil.which("aarch64-linux-gnu-gcc")


def tool_environment():
    """Returns the environment with OBJCOPY, OBJDUMP and READELF, which check-image uses."""
    prefix = compiler()[: -len("gcc")]
    tools = {tool.upper(): prefix + tool for tool in ("objcopy", "objdump", "readelf")}
    return {**os.environ, **tools}


def find_missing_tool():
    """Returns the reason why the tests cannot run on this machine, or None."""
    if not qemu():
        return "qemu-system-aarch64 is not installed"
    if not compiler():
        return "no compiler for arm64 is installed"
    if not image_path().is_file():
        return f"no purgatory image at {image_path()}: run make first"
    return None


@functools.cache
def assemble(part, **defines):
    """Assembles one part of payload.S and returns it as a flat binary. defines: macros."""
    with tempfile.TemporaryDirectory(dir=image_path().parent) as directory:
        elf, out = (Path(directory) / f"{part}.{kind}" for kind in ("elf", "bin"))
        subprocess.run(
            [compiler(), "-nostdlib", "-static", f"-DPART_{part}"]
            + [f"-D{name}={value:#x}" for name, value in defines.items()]
            + ["-Wl,--build-id=none", "-Wl,-Ttext=0", "-Wl,--entry=0"]
            + ["-o", elf, HERE / "payload.S"],
            check=True,
        )
        objcopy = tool_environment()["OBJCOPY"]
        subprocess.run([objcopy, "-O", "binary", "-j", ".text", elf, out], check=True)
        return out.read_bytes()


@dataclass
class Segment:
    """A segment of a plan."""

    name: str
    base: int  # physical address
    data: bytes  # the right bytes, a multiple of BLOCK
    absent: bool = False  # there is no memory at base; purgatory checks the segment nevertheless

    @property
    def blocks(self):
        """The bytes of each block."""
        return [self.data[i : i + BLOCK] for i in range(0, len(self.data), BLOCK)]


@dataclass
class Plan:
    """A plan for kexec_load: makes the same bytes as the library, from the rules of abi.h.

    Addresses are physical, offsets count from the start of the purgatory segment, sizes are
    bytes.
    """

    image: bytes  # purgatory.bin
    base: int  # address of the purgatory segment
    kernel_entry: int  # address
    segments: list  # of Segment
    dtb: int = 0  # address of the device tree
    uart: tuple = (UART_PL011, UART)  # type, address; for a 16550 also stride and width in bytes
    conduit: int = CONDUIT_UNKNOWN
    block_count: int = None  # the number in the params; None: the right number
    bad_digests: tuple = ()  # (table, block): digests that the library computed wrong
    region: tuple = None  # (first, end) to map for the check; None: the check runs with MMU off
    sparse: bool = False  # map only the used parts of the region
    on_damage: int = RESET  # RESET, HALT or BOOT
    on_timeout: int = BOOT  # RESET, HALT or BOOT
    seconds: int = 30  # time limit of the check; 0: no limit
    record: int = 0  # address of struct purgatory_record, in a segment; 0: no record
    groups: int = 0  # number of parity groups; 0: no parity
    parity_base: int = 0  # address of the parity

    def __post_init__(self):
        fields = HEADER.unpack_from(self.image)
        _, version, magic, self.scratch_offset, self.image_size = fields
        assert (version, magic) == (VERSION, MAGIC)
        assert len(self.image) == self.image_size

    @property
    def start(self):
        """The address at which the old kernel enters the plan."""
        return self.base

    @property
    def blocks(self):
        """The number of blocks in all segments."""
        return sum(len(segment.blocks) for segment in self.segments)

    def unrepairable_blocks(self, damaged):
        """Returns the damaged blocks that purgatory must not repair, although parity could."""
        return set()

    @property
    def first_blocks(self):
        """The number of the first block of each segment."""
        counts = [len(segment.blocks) for segment in self.segments]
        return [sum(counts[:number]) for number in range(len(counts))]

    @property
    def root_offset(self):
        """The offsets of the page tables for the two regimes (see ATTRIBUTES)."""
        first = self.image_size + round_up(PARAMS_SIZE, BLOCK)
        return first, first + ROOT_SIZE

    @property
    def table_offset(self):
        """The offsets of the two digest tables."""
        first = self.root_offset[0] + (2 * ROOT_SIZE if self.region else 0)
        return first, first + self.table_size

    @property
    def table_size(self):
        """Bytes of one digest table."""
        return round_up(self.blocks * DIGEST, BLOCK)

    @property
    def bitmap_offset(self):
        """The offset of the bitmaps."""
        return self.table_offset[1] + self.table_size

    @property
    def segment_size(self):
        """Bytes of the purgatory segment."""
        return self.bitmap_offset + round_up(-(-self.blocks // 8), BLOCK)

    def _used(self):
        """Returns the used ranges of the region, for PageTables."""
        used = [(s.base, s.base + len(s.data), DATA) for s in self.segments]
        used.append((self.base, self.base + self.segment_size, DATA))
        if self.groups:
            used.append((self.parity_base, self.parity_base + 2 * self.groups * BLOCK, DATA))
        return used

    def _page_tables(self):
        """Returns the page tables for both regimes."""
        if not self.region:
            return b""
        maps = self._used() if self.sparse else [(*self.region, DATA)]
        if self.uart[0] != UART_NONE:
            page = self.uart[1] & -BLOCK
            maps.append((page, page + BLOCK, DEVICE))
        maps.append((self.base, self.base + self.scratch_offset, CODE))
        tables = b""
        for regime, offset in enumerate(self.root_offset):
            made = PageTables(maps, self.base + offset, regime).bytes()
            assert len(made) <= ROOT_SIZE
            tables += made.ljust(ROOT_SIZE, b"\0")
        return tables

    def _table(self, number):
        """Returns the bytes of a digest table. number: 0 or 1."""
        digests = [
            hashlib.sha256(block).digest()
            for segment in self.segments
            for block in segment.blocks
        ]
        for table, block in self.bad_digests:
            if table == number:
                digests[block] = bytes(DIGEST)
        table = b"".join(digests)
        return table.ljust(round_up(len(table), BLOCK), b"\0")

    def _uart_words(self):
        """Returns the fields of struct purgatory_params from uart_base to uart_sum."""
        kind, base, *registers = self.uart
        stride, width = registers or (0, 0)
        words = base, kind | self.conduit << 32, stride | width << 32
        return base, kind, self.conduit, stride, width, (MAGIC + sum(words)) % 2**64

    # SealedPlan overrides the following methods.

    def _address_fields(self):
        """Returns the params kernel_entry, dtb and record."""
        return self.kernel_entry, self.dtb, self.record

    def _roots(self):
        """Returns the param root_offset; 0 if the MMU stays off."""
        return self.root_offset if self.region else (0, 0)

    def _relative_address(self, address):
        """Returns an address in the form of the params."""
        return address

    def _params_base(self, segment):
        """Returns the base of a segment in the form of the params."""
        return segment.base

    def _sealed_sizes(self):
        """Returns the params roots_size and initrd_size of a sealed Image."""
        return 0, 0

    def _params(self, self_digest):
        """Returns struct purgatory_params, padded to whole blocks."""
        params = PARAMS.pack(
            *sum_code(self.image[: self.scratch_offset]), self_digest, self.segment_size,
            *self._address_fields(), *self._uart_words(),
            self.on_damage, self.seconds, *self._roots(),
            self.blocks if self.block_count is None else self.block_count,
            *self.table_offset, hashlib.sha256(self._table(0)).digest(), self.bitmap_offset,
            self._relative_address(self.parity_base) if self.groups else 0, self.groups,
            *self._sealed_sizes(), len(self.segments), self.on_timeout,
        )
        first_block = 0
        for segment in self.segments:
            params += SEGMENT.pack(
                self._params_base(segment), len(segment.data), first_block, segment.name.encode()
            )
            first_block += len(segment.blocks)
        return params.ljust(round_up(PARAMS_SIZE, BLOCK), b"\0")

    def purgatory(self):
        """Returns the bytes of the purgatory segment: image, params, page tables, digest tables,
        bitmap."""
        return self._purgatory

    def parity(self):
        """Returns the bytes of the parity."""
        return self._parity

    @functools.cached_property
    def _purgatory(self):
        after_digest = PARAMS_SELF_DIGEST + DIGEST
        tables = self._table(0) + self._table(1)
        roots = self._page_tables()
        covered = self.image[: self.scratch_offset]
        covered += self._params(bytes(DIGEST))[after_digest:] + roots
        digest = hashlib.sha256(covered).digest()
        segment = self.image + self._params(digest) + roots + tables
        return segment.ljust(self.segment_size, b"\0")

    @functools.cached_property
    def _parity(self):
        blocks = [block for segment in self.segments for block in segment.blocks]
        return compute_parity(blocks, self.groups)

    def memory(self):
        """Returns the memory after the load: name -> bytes."""
        memory = {s.name: s.data for s in self.segments if not s.absent}
        memory["purgatory"] = self.purgatory()
        if self.groups:
            memory["parity"] = self.parity()
        return memory

    def address(self, name):
        """Returns the physical address of a name in memory()."""
        others = {"purgatory": self.base, "parity": self.parity_base}
        return {s.name: s.base for s in self.segments}.get(name) or others[name]

    @property
    def bitmap_size(self):
        """Bytes of both bitmaps: damaged blocks, repaired blocks."""
        return 2 * (-(-self.blocks // 64) * 8)

    def _range_in_segment(self, first, size):
        """Returns the (first, end) addresses of a range in the purgatory segment."""
        return self.base + first, self.base + first + size

    @property
    def scratch_place(self):
        """The (first, end) addresses of the scratch."""
        return self._range_in_segment(self.scratch_offset, self.image_size - self.scratch_offset)

    def working_places(self):
        """Returns the (first, end) ranges of working memory that purgatory writes during the
        check: scratch and bitmaps. Repaired blocks and the record are not included."""
        return [self.scratch_place, self._range_in_segment(self.bitmap_offset, self.bitmap_size)]

    @property
    def halt_address(self):
        """The program counter of a CPU that waits in pg_halt: the address after its WFI."""
        code = self.image[symbol("pg_halt"):self.scratch_offset]
        return self.base + symbol("pg_halt") + code.index(WFI) + len(WFI)


# A second definition of libcrashres/plan/sealed-image.h and sealed-pe.h.
SEALED_HEADER = BLOCK
# "MZ" as an instruction, then a branch over the rest of the block.
SEALED_START = struct.pack("<II", 0xfa405a4d, 0x14000000 | (SEALED_HEADER - 4) // 4)
# bti c; mov x0, #1 << 63; orr x0, x0, #3; ret
SEALED_STUB = struct.pack("<4I", 0xd503245f, 0xd2f00000, 0xb2400400, 0xd65f03c0)


def make_sealed_pe(size, stub):
    """Returns the PE header of a sealed Image of size bytes, with the stub at this offset."""
    code = size - SEALED_HEADER
    coff = struct.pack("<4sHHIIIHH", b"PE", 0xaa64, 1, 0, 0, 0, 160, 0x206)
    optional = struct.pack("<HBBIIIIIQIIHHHHHHIIIIHHQQQQII", 0x20b, 0, 0, code, 0, 0, stub,
                           SEALED_HEADER, 0, 4096, 512, 0, 0, 0, 0, 0, 0, 0, size, SEALED_HEADER, 0,
                           10, 0x100, 0, 0, 0, 0, 0, 6)
    section = struct.pack("<8sIIIIIIHHI", b".text", code, SEALED_HEADER, code, SEALED_HEADER,
                          0, 0, 0, 0, 0x60000020)
    return coff + optional + bytes(8 * 6) + section


def make_sealed_block(kernel, initrd, kernel_at, size, stub):
    """Returns the first block of a sealed Image of size bytes.

    kernel, initrd: bytes; initrd can be b"". kernel_at, stub: offsets.
    """
    flags, = struct.unpack_from("<Q", kernel, 24)
    digests = [hashlib.sha256(part).digest() if part else bytes(32) for part in (kernel, initrd)]
    header = SEALED_START + struct.pack(
        "<QQQ24s4sI8sQQ32sQ32s", 0, round_up(size + (64 << 10), 64 << 10), flags, bytes(24),
        b"ARM\x64", 512, b"crsseal2", kernel_at, len(kernel), digests[0], len(initrd), digests[1])
    return (header.ljust(512, b"\0") + make_sealed_pe(size, stub)).ljust(SEALED_HEADER, b"\0")


@dataclass
class SealedPlan(Plan):
    """A sealed Image in memory. Its addresses are relative to purgatory, which is at the start of
    the Image after one block for the Image header."""

    initrd_size: int = 0            # bytes of the initrd, which is the last segment; 0: no initrd

    @property
    def start(self):
        return self.base - SEALED_HEADER

    def unrepairable_blocks(self, damaged):
        """Returns all initrd blocks, without a crash region or if all of them are damaged.

        In both cases purgatory does not know that the initrd is really at the address that the
        device tree contains.
        """
        if not self.initrd_size:
            return set()
        initrd = set(range(self.first_blocks[-1], self.blocks))
        return initrd if not self.region or initrd <= damaged else set()

    @property
    def table_offset(self):
        first = self.image_size + round_up(PARAMS_SIZE, BLOCK)
        return first, first + self.table_size

    @property
    def root_offset(self):
        first = self.bitmap_offset + round_up(self.bitmap_size, BLOCK)
        return first, first

    @property
    def segment_size(self):
        return self.root_offset[1] + self.roots_size

    @property
    def roots_size(self):
        """Bytes for page tables: pg_params_tables_max() for two segments
        (purgatory/shared/params.c)."""
        size = 2 * self.blocks * BLOCK + (256 << 20) + (8 << 20)
        return BLOCK * (1 + 6 * 6 + 2 + (size >> 30) + (size >> 39))

    def _page_tables(self):
        return b""

    def _address_fields(self):
        return self.kernel_entry - self.base, 0, 0

    def _roots(self):
        return self.root_offset

    def _relative_address(self, address):
        return address - self.base

    def _params_base(self, segment):
        return 0 if segment.name == "initrd" else segment.base - self.base

    def _sealed_sizes(self):
        return self.roots_size, self.initrd_size

    def working_places(self):
        """Adds the params that a sealed Image fills in and its page tables."""
        bases = [(PARAMS.size + SEGMENT.size * i, PARAMS.size + SEGMENT.size * i + 8)
                 for i in range(len(self.segments))]
        params = [self._range_in_segment(self.image_size + first, end - first)
                  for first, end in (*PARAMS_FILLED_IN, *bases)]
        tables = [self._range_in_segment(self.root_offset[0], self.roots_size)]
        return super().working_places() + params + tables

    def memory(self):
        return {"header": SEALED_START.ljust(SEALED_HEADER, b"\0"), **super().memory()}

    def address(self, name):
        return self.start if name == "header" else super().address(name)


@dataclass
class Outcome:
    """The result of one run."""

    console: str
    reason: str  # of QEMU's SHUTDOWN event: guest-reset, guest-shutdown; or halted, time-out
    registers: dict = field(default_factory=dict)  # as the kernel printed them: name -> value
    # The ranges that run() was asked for, at the end: bytes. Too long for pytest's messages.
    memory: list = field(default_factory=list, repr=False)
    # Pictures of all RAM (ram.py): when the CPU starts, and at the end.
    before: dict = field(default_factory=dict, repr=False)
    after: dict = field(default_factory=dict, repr=False)


class QemuEnded(Exception):
    """QEMU closed its monitor."""


class Qmp:
    """A client of QEMU's monitor, which uses QEMU's standard input and output."""

    def __init__(self, process):
        self._process = process
        self._shutdown = None

    def _read(self):
        """Reads one message of the monitor."""
        line = self._process.stdout.readline()
        if not line:
            raise QemuEnded
        message = json.loads(line)
        if message.get("event") == "SHUTDOWN":
            self._shutdown = message["data"]["reason"]
        return message

    def ask(self, command, **arguments):
        """Sends a command and returns its result. Notes a SHUTDOWN event on the way."""
        request = {"execute": command, "arguments": arguments}
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise QemuEnded from None
        while True:
            message = self._read()
            assert "error" not in message, message
            if "return" in message:
                return message["return"]

    def wait_for_shutdown(self):
        """Waits for the SHUTDOWN event and returns its reason."""
        while not self._shutdown:
            self._read()
        return self._shutdown

    def pc(self):
        """Returns the program counter of the CPU."""
        text = self.ask("human-monitor-command", **{"command-line": "info registers"})
        return int(re.search(r"\bPC=([0-9a-f]+)", text)[1], 16)

    def wait_for_halt(self, address):
        """Waits until the program counter is at address. Returns "halted", or the reason of a
        SHUTDOWN event that came first."""
        while self.pc() != address:
            if self._shutdown:
                return self._shutdown
            time.sleep(0.005)
        return "halted"


def _debugger_port():
    """The TCP port on which QEMU waits for gdb, or None (HACKING.md, "Debug purgatory with gdb")."""
    return os.environ.get("CRASHRES_GDB")


def _watch(qmp, halt_address):
    """Starts the CPU and returns the reason of the end. QEMU was started with -S, so the monitor
    is connected before any event."""
    if not _debugger_port():    # gdb's "continue" starts the machine
        qmp.ask("cont")
    if halt_address is not None:
        return qmp.wait_for_halt(halt_address)
    return qmp.wait_for_shutdown()


def _command(cpu, el, memory, start, directory):
    """Returns the command line of QEMU. el: 1 or 2. memory: a ram.Ram. start: address of the
    first instruction."""
    machine = "virt,memory-backend=ram"
    if el == 2:
        machine += ",virtualization=on"
    command = [qemu(), "-M", machine, "-cpu", cpu, *memory.options(), "-display", "none"]
    # QEMU stops at a reset and at power-off and does not exit, so the tests can read the memory.
    command += ["-nic", "none", "-action", "reboot=shutdown,shutdown=pause", "-S"]
    command += ["-monitor", "none", "-qmp", "stdio", "-serial", f"file:{directory / 'console'}"]
    if _debugger_port():
        command += ["-gdb", f"tcp:127.0.0.1:{_debugger_port()}"]
    return [*command, "-device", f"loader,addr={start:#x},cpu-num=0"]


def _run_machine(command, memory, outcome, halt_address, seconds):
    """Runs QEMU and fills in the outcome, except the console. seconds: time limit."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          pass_fds=[memory.fd]) as process:
        late = threading.Event()
        timer = threading.Timer(seconds, lambda: (late.set(), process.kill()))
        if not _debugger_port():
            timer.start()
        try:
            qmp = Qmp(process)
            qmp.ask("qmp_capabilities")
            outcome.before = memory.read_pages()  # QEMU has put its own device tree there
            outcome.reason = _watch(qmp, halt_address)
            qmp.ask("quit")
        except QemuEnded:
            outcome.reason = "time-out" if late.is_set() else "QEMU ended"
        finally:
            timer.cancel()
            process.kill()


def run(cpu, el, files, start, directory, options=(), memory=(), halt_address=None,
        seconds=RUN_SECONDS_MAX, ram_size=RAM_SIZE):
    """Runs a machine and returns its Outcome.

    el: exception level at the start, 1 or 2. files: (address, bytes) to place in RAM. start: the
    address of the first instruction. options: of QEMU. memory: (address, size) of the ranges for
    Outcome.memory. halt_address: end the run when the CPU waits at this address. seconds: time
    limit. ram_size: bytes.
    """
    directory = Path(directory)
    outcome = Outcome("", "QEMU ended")
    with ram.Ram(RAM, ram_size) as machine_ram:
        for address, data in files:
            machine_ram.write(address, data)
        command = [*_command(cpu, el, machine_ram, start, directory), *options]
        _run_machine(command, machine_ram, outcome, halt_address, seconds)
        outcome.after = machine_ram.read_pages()
        outcome.memory = [machine_ram.read(*place) for place in memory]
    # newline="" keeps carriage returns, which the tests compare. A damaged kernel can print any
    # bytes; latin-1 decodes all of them.
    with open(directory / "console", encoding="latin-1", newline="") as text:
        outcome.console = text.read()
    for word in outcome.console.split():
        match = re.fullmatch("([A-Za-z0-9]+)=([0-9a-f]{16})", word)
        if match:
            outcome.registers[match[1]] = int(match[2], 16)
    return outcome


def run_plan(plan, found, cpu, level, directory, more=(), defines=(), halts=False, save=(),
             firmware=None, options=(), **others):
    """Enters purgatory as an old kernel does, and returns the Outcome.

    found: the memory at the crash, name -> bytes as in Plan.memory(). level: (exception level,
    E2H). more: additional (address, bytes). defines: macros for PART_OLD_KERNEL of payload.S.
    halts: the run ends in pg_halt. save: name -> (address, size) of ranges for Outcome.memory,
    which is here name -> bytes and also has all segments. firmware: macros for PART_FIRMWARE;
    None: no firmware at EL3.
    """
    code = assemble("OLD_KERNEL", **{"PURGATORY": plan.start, "SET_E2H": int(level[1]), **dict(defines)})
    files = [(plan.address(name), data) for name, data in found.items()]
    ranges = {s.name: (s.base, len(s.data)) for s in plan.segments if not s.absent}
    ranges.update(save)
    start = OLD_KERNEL
    if firmware is not None:
        start, options = FIRMWARE, (*options, "-machine", "secure=on")
        more = [*more, (FIRMWARE, assemble("FIRMWARE", LEVEL=level[0], START=OLD_KERNEL, **firmware))]
    outcome = run(cpu, level[0], [*files, (OLD_KERNEL, code), *more], start, directory,
                  memory=ranges.values(), halt_address=plan.halt_address if halts else None,
                  options=options, **others)
    outcome.memory = dict(zip(ranges, outcome.memory))
    return outcome


def assert_kernel_state(plan, outcome, level):
    """Checks the registers that the kernel printed against Linux, arch/arm64/booting.rst.

    The kernel must run at the exception level at which purgatory was entered.
    """
    registers = outcome.registers
    assert outcome.reason == "guest-shutdown", outcome
    assert [registers[f"x{n}"] for n in range(4)] == [plan.dtb, 0, 0, 0]
    assert registers["pc"] == plan.kernel_entry
    assert registers["CurrentEL"] == level[0] << 2
    assert registers["DAIF"] == DAIF_MASKED
    assert registers["SCTLR"] & SCTLR_OFF == 0
    assert bool(registers["HCR"] & HCR_E2H) == level[1]
    assert registers["ISR"] == 0
