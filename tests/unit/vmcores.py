# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes ELF cores of imaginary kernels, with a log in each of the three forms.

The classes write the logs as the kernel does (kernel/printk/printk_ringbuffer.c and
kernel/printk/printk.c). They share no code with vmcore-dmesg, so that a mistake in the
format shows as a failed test.

    kernel = Ring().install(arm64())    a kernel with a log in its memory
    data = core(kernel)                 its dump
"""

import collections
import struct

PT_LOAD, PT_NOTE = 1, 4
AARCH64, X86_64 = 183, 62
PHDR = 56
M64 = 2**64 - 1


def pad(data, unit):
    return data + bytes(-len(data) % unit)


# ------------------------------------------------------------------ memory

class Area:
    """Consecutive memory of the dead kernel: virtual and physical address, bytes."""

    def __init__(self, vaddr, paddr, size):
        self.vaddr, self.paddr = vaddr, paddr
        self.data = bytearray(size)
        self.used = 0

    def put(self, data):
        """Adds bytes. Returns their virtual address."""
        offset = self.used
        self.used += -(-len(data) // 64) * 64
        assert self.used <= len(self.data)
        self.data[offset:offset + len(data)] = data
        return (self.vaddr + offset) & M64

    def at(self, vaddr):
        """Returns the offset of a virtual address."""
        return (vaddr - self.vaddr) & M64


class Kernel:
    """A kernel: its image, which holds the variables, its allocated memory, and VMCOREINFO."""
    machine = AARCH64
    info = ""
    tag = 0                         # tag of KASAN, xor-ed to pointers to allocated memory
    has_vaddr = False               # True: the program headers have virtual addresses

    def __init__(self, image_vaddr, linear_vaddr, info="", image_paddr=0x41000000,
                 linear_paddr=0x80000000, size=1 << 18):
        self.image = Area(image_vaddr, image_paddr, 1 << 12)
        self.linear = Area(linear_vaddr, linear_paddr, size)
        self.info = info

    @property
    def areas(self):
        return self.image, self.linear

    def symbol(self, name, data):
        """Adds a variable and its SYMBOL() line to VMCOREINFO. Returns its address."""
        address = self.image.put(data)
        self.info += f"SYMBOL({name})={address:x}\n"
        return address

    def allocate(self, data):
        """Adds bytes to the linear map. Returns a pointer to them."""
        return self.linear.put(data) ^ self.tag << 56


def arm64(va_bits=48, phys_offset=0x40000000, actual_bits=None, flipped=False, size=1 << 18):
    """Returns an arm64 kernel with the addresses of arch/arm64/include/asm/memory.h.

    actual_bits: the CPU has fewer bits than va_bits. flipped: the layout before Linux 5.4.
    """
    paddr = 0x80000000
    start = (-1 << va_bits) & M64
    middle = (-1 << min(va_bits, 48) - 1) & M64
    page_offset = middle if flipped else start
    image = (start if flipped else middle) + 0x8080000
    if actual_bits:
        # The linear map starts where the CPU can address it; PHYS_OFFSET becomes negative.
        phys_offset -= ((-1 << actual_bits) - (-1 << va_bits))
    linear = (paddr - phys_offset + page_offset) & M64
    info = (f"PAGESIZE=4096\nNUMBER(VA_BITS)={va_bits}\n"
            f"NUMBER(kimage_voffset)=0x{image - 0x41000000:x}\n"
            f"NUMBER(PHYS_OFFSET)=0x{phys_offset & M64:x}\nKERNELOFFSET=80000\n")
    kernel = Kernel(image, linear, info, size=size)
    kernel.symbol("_stext", b"text")
    return kernel


def x86(size=1 << 18):
    """Returns an x86 kernel, whose addresses only the program headers describe."""
    kernel = Kernel(0xffffffff81000000, 0xffff888080000000, "PAGESIZE=4096\n", 0x1000000,
                    size=size)
    kernel.machine, kernel.has_vaddr = X86_64, True
    return kernel


# --------------------------------------------------------------- the core

def note(name, data, kind=0, size=None):
    header = struct.pack("<III", len(name), len(data) if size is None else size, kind)
    return header + pad(name, 4) + pad(data, 4)


PRSTATUS = note(b"CORE\0", bytes(392), 1)


def notes_of(info):
    return PRSTATUS + note(b"VMCOREINFO\0", info.encode() if isinstance(info, str) else info)


def phdr(kind, offset, vaddr, paddr, filesz, memsz=None):
    return struct.pack("<IIQQQQQQ", kind, 7, offset, vaddr & M64, paddr, filesz,
                       filesz if memsz is None else memsz, 0)


def header(count, machine=AARCH64, offset=64, size=PHDR, ident=b"\x7fELF\2\1\1", sections=0):
    return struct.pack("<16sHHIQQQIHHHHHH", ident, 4, machine, 1, 0, offset, sections, 0, 64,
                       size, count, 64, 0, 0)


def core(kernel, notes=None, before=(), numbered=True):
    """Returns the dump of a kernel.

    before: program headers to put first. numbered: False stores 0 in e_phnum.
    """
    notes = notes_of(kernel.info) if notes is None else notes
    count = len(before) + 1 + len(kernel.areas)
    offset = 64 + count * PHDR
    table, body = b"".join(before), notes
    table += phdr(PT_NOTE, offset, 0, 0, len(notes))
    for area in kernel.areas:
        body = body + bytes(-(offset + len(body)) % 4096)
        vaddr = area.vaddr if kernel.has_vaddr else 0
        table += phdr(PT_LOAD, offset + len(body), vaddr, area.paddr, len(area.data))
        body += area.data
    return header(count if numbered else 0, kernel.machine) + table + body


# ------------------------------------------------------- the lockless ring

# The structs of Linux 6.12 on a 64-bit machine: name -> (size, {member: offset}), in bytes.
RING = {
    "printk_ringbuffer": (96, {"desc_ring": 0, "text_data_ring": 48, "fail": 80}),
    "prb_desc_ring": (48, {"count_bits": 0, "descs": 8, "infos": 16, "head_id": 24,
                           "tail_id": 32}),
    "prb_desc": (24, {"state_var": 0, "text_blk_lpos": 8}),
    "prb_data_blk_lpos": (16, {"begin": 0, "next": 8}),
    "printk_info": (88, {"seq": 0, "ts_nsec": 8, "text_len": 16, "caller_id": 20,
                         "dev_info": 24}),
    "prb_data_ring": (32, {"size_bits": 0, "data": 8, "head_lpos": 16, "tail_lpos": 24}),
    "atomic_long_t": (8, {"counter": 0}),
}

# Other sizes and offsets: a program that does not read VMCOREINFO fails.
MOVED_RING = {
    "printk_ringbuffer": (200, {"desc_ring": 104, "text_data_ring": 8, "fail": 192}),
    "prb_desc_ring": (80, {"count_bits": 60, "descs": 40, "infos": 32, "head_id": 16,
                           "tail_id": 0}),
    "prb_desc": (40, {"state_var": 32, "text_blk_lpos": 4}),
    "prb_data_blk_lpos": (24, {"begin": 16, "next": 0}),
    "printk_info": (100, {"seq": 48, "ts_nsec": 32, "text_len": 22, "caller_id": 64,
                          "dev_info": 72}),
    "prb_data_ring": (48, {"size_bits": 44, "data": 24, "head_lpos": 0, "tail_lpos": 8}),
    "atomic_long_t": (16, {"counter": 8}),
}

RESERVED, COMMITTED, FINALIZED, REUSABLE = range(4)
ID_MASK = 2**62 - 1
FAILED_LPOS, NO_LPOS = 1, 3


def struct_info(layout):
    lines = []
    for name, (size, fields) in layout.items():
        lines.append(f"SIZE({name})={size}\n")
        lines += [f"OFFSET({name}.{field})={offset}\n" for field, offset in fields.items()]
    return "".join(lines)


class Record:
    """A record, and the output that vmcore-dmesg must print for it."""

    def __init__(self, ident, text, seq=0, time=0, level=6, facility=0, caller=1,
                 state=FINALIZED, begin=NO_LPOS, after=NO_LPOS, length=None):
        self.ident, self.text, self.seq, self.time = ident, text, seq, time
        self.level, self.facility, self.caller, self.state = level, facility, caller, state
        self.begin, self.after = begin, after
        self.length = len(text) if length is None else length
        self.kept = True

    def line(self):
        return line(self.time, self.text if self.begin & 1 == 0 else b"")

    def object(self, **more):
        text = self.text.decode("utf-8", "replace") if self.begin != FAILED_LPOS else None
        caller = f"C{self.caller & 2**31 - 1}" if self.caller >> 31 else f"T{self.caller}"
        return {"seq": self.seq, "time_ns": self.time, "level": self.level,
                "facility": self.facility, "caller": caller, "text": text, **more}


def line(time, text):
    """Returns a line as vmcore-dmesg of kexec-tools prints it. time: nanoseconds."""
    plain = "".join(chr(byte) if 32 <= byte < 127 or 9 <= byte <= 13 else f"\\x{byte:02x}"
                    for byte in text)
    return f"[{time // 10**9:5d}.{time % 10**9 // 1000:06d}] {plain}\n".encode()


class Ring:
    """Writes the lockless ring of Linux 5.10 and later. vmcore-dmesg/lockless.c has the format."""

    def __init__(self, count_bits=4, size_bits=10, layout=None, first_id=ID_MASK - 4,
                 exact_fit=False):
        self.layout = layout or RING
        self.count_bits, self.size_bits = count_bits, size_bits
        self.count, self.size = 1 << count_bits, 1 << size_bits
        self.data = bytearray(self.size)
        self.first_id = self.next_id = first_id
        self.lpos = -self.size & M64
        self.records = collections.deque()
        self.placed = []            # all records that ever had a block
        self.oldest = 0             # index in placed: the first whose block can still exist
        self.states = {}            # index -> state_var of descriptors without a record
        self.seq = 0
        self.exact_fit = exact_fit

    def _drop(self):
        gone = self.records.popleft()
        gone.kept = False
        self.states[gone.ident % self.count] = gone.ident | REUSABLE << 62

    def _place(self, ident, text):
        """Allocates a block as data_alloc() does, and drops records that it overwrites."""
        need = 8 + -(-len(text) // 8) * 8
        begin, index = self.lpos, self.lpos % self.size
        after = begin + need
        start = index
        if index + need > self.size - (not self.exact_fit):
            after = begin - index + self.size + need
            start = 0
        while self.oldest < len(self.placed) and \
                (after - self.placed[self.oldest].begin) & M64 > self.size:
            while self.placed[self.oldest].kept:
                self._drop()
            self.oldest += 1
        for where in {index, start}:
            self.data[where:where + 8] = struct.pack("<Q", ident)
        self.data[start + 8:start + 8 + len(text)] = text
        self.lpos = after & M64
        return begin, self.lpos

    def add(self, text, lost=False, **more):
        if len(self.records) == self.count:
            self._drop()
        ident = self.next_id
        self.next_id = (ident + 1) & ID_MASK
        lpos = (FAILED_LPOS, FAILED_LPOS) if lost else (NO_LPOS, NO_LPOS)
        if text and not lost:
            lpos = self._place(ident, text)
        time = more.pop("time", 1234567 * self.seq)
        record = Record(ident, text, self.seq, time, begin=lpos[0], after=lpos[1], **more)
        self.records.append(record)
        if lpos[0] % 2 == 0:
            self.placed.append(record)
        self.seq += 1
        return record

    def _pack(self, name, buffer, base, field, form, value):
        struct.pack_into(form, buffer, base + self.layout[name][1][field], value)

    def tables(self):
        """Returns the bytes of the descriptors and of the infos."""
        desc_size, info_size = self.layout["prb_desc"][0], self.layout["printk_info"][0]
        descs, infos = bytearray(self.count * desc_size), bytearray(self.count * info_size)
        for index, state_var in self.states.items():
            self._pack("prb_desc", descs, index * desc_size, "state_var", "<Q", state_var)
        for record in self.records:
            index = record.ident % self.count
            base = index * desc_size
            self._pack("prb_desc", descs, base, "state_var", "<Q",
                       record.ident | record.state << 62)
            base += self.layout["prb_desc"][1]["text_blk_lpos"]
            self._pack("prb_data_blk_lpos", descs, base, "begin", "<Q", record.begin)
            self._pack("prb_data_blk_lpos", descs, base, "next", "<Q", record.after)
            base = index * info_size
            self._pack("printk_info", infos, base, "seq", "<Q", record.seq)
            self._pack("printk_info", infos, base, "ts_nsec", "<Q", record.time)
            self._pack("printk_info", infos, base, "text_len", "<H", record.length)
            # Behind text_len: facility, then 5 bits of flags and 3 bits of level.
            place = base + self.layout["printk_info"][1]["text_len"] + 2
            infos[place:place + 2] = bytes((record.facility, record.level << 5 | 6))
            self._pack("printk_info", infos, base, "caller_id", "<I", record.caller)
        return descs, infos

    def install(self, kernel, head=None, tail=None, count_bits=None, size_bits=None):
        """Stores the ring in the memory of a kernel. The parameters replace fields, to damage it."""
        descs, infos = self.tables()
        self.descs_at, self.infos_at = kernel.allocate(descs), kernel.allocate(infos)
        self.data_at = kernel.allocate(self.data)
        head = (self.next_id - 1) & ID_MASK if head is None else head
        oldest = self.records[0].ident if self.records else head
        tail = oldest if tail is None else tail
        ring = bytearray(self.layout["printk_ringbuffer"][0])
        base = self.layout["printk_ringbuffer"][1]["desc_ring"]
        counter = self.layout["atomic_long_t"][1]["counter"]
        self._pack("prb_desc_ring", ring, base, "count_bits", "<I",
                   self.count_bits if count_bits is None else count_bits)
        self._pack("prb_desc_ring", ring, base, "descs", "<Q", self.descs_at)
        self._pack("prb_desc_ring", ring, base, "infos", "<Q", self.infos_at)
        self._pack("prb_desc_ring", ring, base + counter, "head_id", "<Q", head)
        self._pack("prb_desc_ring", ring, base + counter, "tail_id", "<Q", tail)
        base = self.layout["printk_ringbuffer"][1]["text_data_ring"]
        self._pack("prb_data_ring", ring, base, "size_bits", "<I",
                   self.size_bits if size_bits is None else size_bits)
        self._pack("prb_data_ring", ring, base, "data", "<Q", self.data_at)
        self.ring_at = kernel.image.put(ring)
        self.prb_at = kernel.symbol("prb", struct.pack("<Q", self.ring_at))
        kernel.info += struct_info(self.layout)
        return kernel

    def lines(self):
        return b"".join(record.line() for record in self.records)

    def objects(self, **more):
        return [record.object(**more) for record in self.records]


# ---------------------------------------------------- the structured log

class Structured:
    """Writes the log of Linux 3.5 to 5.9, as log_store() does. name: of the record header."""

    def __init__(self, size=1024, name="printk_log", caller=False):
        self.size, self.name, self.caller = size, name, caller
        self.data = bytearray(size)
        self.head = 20 if caller else 16
        self.first = self.next = self.count = 0
        self.records = []           # (index, length, Record)

    def _has_room(self, size):
        if self.next > self.first or not self.records:
            return max(self.size - self.next, self.first) >= size
        return self.first - self.next >= size

    def _drop(self):
        """Drops the oldest record. The next header can be the one of length 0."""
        index, length, _ = self.records.pop(0)
        self.first = index + length

    def add(self, text, time=None, level=6, facility=0, caller=1, dictionary=b""):
        length = -(-(self.head + len(text) + len(dictionary)) // 4) * 4
        while self.records and not self._has_room(length + self.head):
            self._drop()
        start = self.next
        if start + length + self.head > self.size:
            self.data[start:start + self.head] = bytes(self.head)
            start = 0
        time = self.count * 1000003 if time is None else time
        self.count += 1
        head = struct.pack("<QHHHBB", time, length, len(text), len(dictionary), facility,
                           level << 5 | 2)
        if self.caller:
            head += struct.pack("<I", caller)
        self.data[start:start + length] = pad(head + text + dictionary, 4)
        record = Record(0, text, time=time, level=level, facility=facility, caller=caller,
                        begin=0)
        self.records.append((start, length, record))
        self.next = start + length

    def install(self, kernel, first=None, after=None, size=None):
        self.data_at = kernel.allocate(self.data)
        kernel.symbol("log_buf", struct.pack("<Q", self.data_at))
        kernel.symbol("log_buf_len", struct.pack("<I", self.size if size is None else size))
        kernel.symbol("log_first_idx", struct.pack("<I", self.first if first is None else first))
        kernel.symbol("log_next_idx", struct.pack("<I", self.next if after is None else after))
        fields = {"ts_nsec": 0, "len": 8, "text_len": 10}
        if self.name == "printk_log":
            fields["dict_len"] = 12
        kernel.info += struct_info({self.name: (self.head, fields)})
        return kernel

    def lines(self):
        return b"".join(line(record.time, record.text) for _, _, record in self.records)


# -------------------------------------------------------- the legacy buffer

class Legacy:
    """Writes the log of Linux before 3.5: characters in a ring."""

    def __init__(self, size=256):
        self.size = size
        self.text = b""

    def add(self, text):
        self.text += text

    def install(self, kernel, chars=True, logged=None, size=None, end=None):
        data = bytearray(self.size)
        for position, byte in enumerate(self.text):
            data[position % self.size] = byte
        self.data_at = kernel.allocate(data)
        count = min(len(self.text), self.size) if logged is None else logged
        kernel.symbol("log_buf", struct.pack("<Q", self.data_at))
        kernel.symbol("log_buf_len", struct.pack("<I", self.size if size is None else size))
        kernel.symbol("log_end", struct.pack("<I", len(self.text) if end is None else end))
        if chars:
            kernel.symbol("logged_chars", struct.pack("<I", count))
        return kernel
