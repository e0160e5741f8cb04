# SPDX-License-Identifier: GPL-2.0-or-later
"""Purgatory on bare metal: put a purgatory segment together, run it in QEMU.

Nothing of Linux is involved: files are placed in the RAM of QEMU's virt machine
and the CPU starts in payload.S, which enters purgatory as the old kernel would.
"""

import hashlib
import json
import os
import platform
import shutil
import struct
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
TREE = HERE.parent.parent

# purgatory/handover.h, said a second time on purpose: a change there that the
# other side of the contract would not follow fails here.
MAGIC = 0x524F544147525550
VERSION = 2
LEAF = 4096
DIGEST = 32
SEGMENTS_MAX = 16
UART_NONE, UART_PL011, UART_16550 = 0, 1, 2
CONDUIT_UNKNOWN, CONDUIT_SMC, CONDUIT_HVC = 0, 1, 2
# purgatory/sha256.h
PORTABLE, VECTORS, INSTRUCTIONS = 0, 1, 2
HEADER = struct.Struct("<IIQQQ")
PARAMS = struct.Struct("<32sQQQQIIIIQQQQQII")
SEGMENT = struct.Struct("<QQQ16s")
PARAMS_SIZE = PARAMS.size + SEGMENTS_MAX * SEGMENT.size
# Where fields of struct purgatory_params are, for those who damage them.
PARAMS_SEGMENT_SIZE = 32
PARAMS_KERNEL_ENTRY = 40

# Page tables for one regime: more than the few ranges of a test need.
ROOT_SIZE = 16 * LEAF

# QEMU's virt machine
RAM = 0x40000000
UART = 0x09000000
NOTHING = 0x0F000000  # no device and no memory: an access aborts

RUN_SECONDS_MAX = 30

# With -icount shift=0 an instruction is 1 ns, and the counter runs at 62.5 MHz.
COUNTING = ("-icount", "shift=0,sleep=off")
INSTRUCTIONS_PER_TICK = 16


def round_up(value, unit):
    return (value + unit - 1) // unit * unit


# Arm ARM, VMSAv8-64: a block or page of the privileged level, AttrIndx 1 Normal, 0 Device.
BLOCK = 2 << 20
VALID, PAGE_OR_TABLE = 1 << 0, 1 << 1
NORMAL, SHARED, ACCESSED = 1 << 2, 3 << 8, 1 << 10
AP_RES1, READ_ONLY = 1 << 6, 1 << 7
PXN, XN = 1 << 53, 1 << 54
DATA, CODE, DEVICE = "data", "code", "device"
ATTRIBUTES = {
    # for EL1 and EL2 with E2H=1, for EL2 with E2H=0
    DATA: (NORMAL | SHARED | PXN | XN, NORMAL | SHARED | AP_RES1 | XN),
    CODE: (NORMAL | SHARED | READ_ONLY | XN, NORMAL | SHARED | READ_ONLY | AP_RES1),
    DEVICE: (PXN | XN, AP_RES1 | XN),
}


class PageTables:
    """An identity map of (first, end, kind) ranges, the later winning."""

    def __init__(self, maps, root, regime):
        self._maps, self._root, self._regime = maps, root, regime
        self._tables = [[0] * 512]
        starts = {block for first, end, _ in maps
                  for block in range(first & -BLOCK, end, BLOCK)}
        for block in sorted(starts):
            self._map_block(block)

    def _below(self, table, index):
        if not self._tables[table][index]:
            self._tables.append([0] * 512)
            address = self._root + LEAF * (len(self._tables) - 1)
            self._tables[table][index] = address | VALID | PAGE_OR_TABLE
        return ((self._tables[table][index] & ~0xFFF) - self._root) // LEAF

    def _entry(self, address, kind, more=0):
        if kind is None:
            return 0
        return address | ATTRIBUTES[kind][self._regime] | ACCESSED | VALID | more

    def _kind(self, address):
        kinds = [kind for first, end, kind in self._maps if first <= address < end]
        return kinds[-1] if kinds else None

    def _map_block(self, block):
        table = self._below(self._below(0, block >> 39 & 511), block >> 30 & 511)
        pages = [(block + LEAF * i, self._kind(block + LEAF * i)) for i in range(512)]
        if len({kind for _, kind in pages}) == 1:
            self._tables[table][block >> 21 & 511] = self._entry(*pages[0])
            return
        last = self._below(table, block >> 21 & 511)
        self._tables[last] = [self._entry(*page, PAGE_OR_TABLE) for page in pages]

    def bytes(self):
        return b"".join(struct.pack("<512Q", *table) for table in self._tables)


def image_path():
    default = TREE / "purgatory" / "purgatory.bin"
    return Path(os.environ.get("CRASHRES_PURGATORY_BIN", default))


def image_by(method):
    """The image as a CPU runs it that QEMU has none of, without SHA-2 instructions or even
    without vectors: the question what to hash with always gets this answer."""
    elf = image_path().with_suffix(".elf")
    symbols = subprocess.run([tool_environment()["READELF"], "-sW", elf], check=True,
                             text=True, capture_output=True).stdout
    [line] = [line for line in symbols.splitlines() if line.endswith(" pg_cpu_sha256_method")]
    address = int(line.split()[1], 16)
    answer = struct.pack("<II", 0x52800000 | method << 5, 0xD65F03C0)  # mov w0, #method; ret
    image = bytearray(image_path().read_bytes())
    image[address : address + len(answer)] = answer
    return bytes(image)


def qemu():
    return shutil.which("qemu-system-aarch64")


def compiler():
    if platform.machine() == "aarch64":
        return shutil.which("gcc")
    return shutil.which("aarch64-linux-gnu-gcc")


def tool_environment():
    """The tools that belong to the compiler; check-image takes them so."""
    prefix = compiler()[: -len("gcc")]
    tools = {tool.upper(): prefix + tool for tool in ("objcopy", "objdump", "readelf")}
    return {**os.environ, **tools}


def missing():
    """Why the tests cannot run here, or None."""
    if not qemu():
        return "no qemu-system-aarch64"
    if not compiler():
        return "no compiler for arm64"
    if not image_path().is_file():
        return f"no purgatory image at {image_path()}: run make first"
    return None


def assemble(part, directory, **defines):
    """payload.S to a flat binary."""
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
    name: str
    base: int
    data: bytes
    # Not placed in RAM, checked all the same.
    absent: bool = False

    @property
    def leaves(self):
        return [self.data[i : i + LEAF] for i in range(0, len(self.data), LEAF)]


@dataclass
class Plan:
    """What the library would make: everything that handover.h describes."""

    image: bytes
    base: int
    kernel_entry: int
    segments: list
    dtb: int = 0
    uart: tuple = (UART_PL011, UART)  # and of a 16550 stride and width
    conduit: int = CONDUIT_UNKNOWN
    leaf_count: int = None  # None: as many as there are
    bad_digests: tuple = ()  # (table, leaf): wrong, under a right self digest
    region: tuple = None  # (first, end) to map for the check; None: MMU off

    def __post_init__(self):
        fields = HEADER.unpack_from(self.image)
        _, version, magic, self.scratch_offset, self.image_size = fields
        assert (version, magic) == (VERSION, MAGIC)
        assert len(self.image) == self.image_size

    @property
    def leaves(self):
        return sum(len(segment.leaves) for segment in self.segments)

    @property
    def table_offset(self):
        first = self.image_size + round_up(PARAMS_SIZE, LEAF)
        return first, first + round_up(self.leaves * DIGEST, LEAF)

    @property
    def root_offset(self):
        first, second = self.table_offset
        return (second + (second - first), second + (second - first) + ROOT_SIZE)

    @property
    def segment_size(self):
        return self.root_offset[0] + (2 * ROOT_SIZE if self.region else 0)

    def _page_tables(self):
        if not self.region:
            return b""
        maps = [(*self.region, DATA)]
        if self.uart[0] != UART_NONE:
            page = self.uart[1] & -LEAF
            maps.append((page, page + LEAF, DEVICE))
        maps.append((self.base, self.base + self.scratch_offset, CODE))
        tables = b""
        for regime, offset in enumerate(self.root_offset):
            made = PageTables(maps, self.base + offset, regime).bytes()
            assert len(made) <= ROOT_SIZE
            tables += made.ljust(ROOT_SIZE, b"\0")
        return tables

    def _table(self, number):
        digests = [
            hashlib.sha256(leaf).digest()
            for segment in self.segments
            for leaf in segment.leaves
        ]
        for table, leaf in self.bad_digests:
            if table == number:
                digests[leaf] = bytes(DIGEST)
        table = b"".join(digests)
        return table.ljust(round_up(len(table), LEAF), b"\0")

    def _params(self, self_digest):
        params = PARAMS.pack(
            self_digest, self.segment_size, self.kernel_entry, self.dtb,
            self.uart[1], self.uart[0], self.conduit, *(self.uart[2:] or (0, 0)),
            self.leaves if self.leaf_count is None else self.leaf_count,
            *self.table_offset, *(self.root_offset if self.region else (0, 0)),
            len(self.segments), 0,
        )
        first_leaf = 0
        for segment in self.segments:
            params += SEGMENT.pack(
                segment.base, len(segment.data), first_leaf, segment.name.encode()
            )
            first_leaf += len(segment.leaves)
        return params.ljust(round_up(PARAMS_SIZE, LEAF), b"\0")

    def purgatory(self):
        """The purgatory segment, byte for byte."""
        tables = self._table(0) + self._table(1) + self._page_tables()
        covered = self.image[: self.scratch_offset]
        covered += self._params(bytes(DIGEST))[DIGEST:] + tables
        digest = hashlib.sha256(covered).digest()
        segment = self.image + self._params(digest) + tables
        assert len(segment) == self.segment_size
        return segment


@dataclass
class Outcome:
    console: str
    reason: str  # of QEMU's SHUTDOWN event: guest-reset, guest-shutdown
    registers: dict = field(default_factory=dict)


def _wait_for_shutdown(process):
    """Let the machine run; say why it ended. -S, or the event could be missed."""
    requests = b'{"execute":"qmp_capabilities"}\n{"execute":"cont"}\n'
    try:
        answers, _ = process.communicate(requests, timeout=RUN_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return "time-out"
    for line in answers.splitlines():
        message = json.loads(line)
        if message.get("event") == "SHUTDOWN":
            return message["data"]["reason"]
    return f"no SHUTDOWN event: {answers!r}"


def run(cpu, el, files, start, directory, options=()):
    """Place files, (address, bytes) each, and start at EL1 or EL2."""
    directory = Path(directory)
    console = directory / "console"
    machine = "virt,virtualization=on" if el == 2 else "virt"
    command = [qemu(), "-M", machine, "-cpu", cpu, "-m", "512M", "-display", "none"]
    command += ["-nic", "none", "-no-reboot", "-S", "-monitor", "none"]
    command += ["-qmp", "stdio", "-serial", f"file:{console}", *options]
    for number, (address, data) in enumerate(files):
        path = directory / f"segment-{number}"
        path.write_bytes(data)
        command += ["-device", f"loader,file={path},addr={address:#x},force-raw=on"]
    command += ["-device", f"loader,addr={start:#x},cpu-num=0"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        reason = _wait_for_shutdown(process)
    # newline="": carriage returns are part of what is asserted
    with open(console, encoding="ascii", newline="") as text:
        outcome = Outcome(text.read(), reason)
    for word in outcome.console.split():
        name, equals, value = word.partition("=")
        if equals:
            outcome.registers[name] = int(value, 16)
    return outcome
