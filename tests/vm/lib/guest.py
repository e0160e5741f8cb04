# SPDX-License-Identifier: GPL-2.0-or-later
"""The Linux in a VM: runs commands, reads files, and parses /proc/iomem, ELF, plans and DTBs."""

import base64
import json
import re
import struct
from dataclasses import dataclass, field

from lib.vm import BOOT_TIMEOUT, COMMAND_TIMEOUT, Vm, VmError

PAGE = 4096


@dataclass
class Machine:
    """The options of one QEMU machine. It is one row of the test matrix."""
    name: str
    memory: tuple = ("-m", "6G")
    machine: str = "virt,gic-version=3"
    cpu: str = "max,pauth-impdef=on,sve=off"
    crashkernel: str = "crashkernel=512M,high crashkernel=64M,low"
    qemu_options: tuple = field(default=())
    nodes: int = 1
    cpus: int = 2
    words: str = ""                 # additional words of the kernel command line
    hotplug: int = 0                # bytes of virtio-mem memory that is added after the boot

    def arguments(self, kernel, initrd):
        """Returns the arguments of QEMU. kernel, initrd: paths."""
        return ["-M", self.machine, "-cpu", self.cpu, "-smp", str(self.cpus),
                *self.memory, *self.qemu_options, "-kernel", str(kernel), "-initrd", str(initrd),
                "-append", self.command_line()]

    def command_line(self):
        """Returns the kernel command line."""
        return f"BOOT_IMAGE=/boot/vmlinuz console=ttyAMA0 panic=10 {self.crashkernel} " \
               "test.words=\"two words\" loglevel=4" + (" " + self.words if self.words else "")


class Guest(Vm):
    """A VM that runs tests/vm/init, which executes commands from the serial port."""

    def wait_ready(self, kind, timeout=BOOT_TIMEOUT):
        """Waits for init of a kernel and returns the kernel's release. kind: first or capture."""
        return self.wait_for(rf"^guest: ready: {kind} kernel (.*)$", timeout).group(1)

    def run(self, command, timeout=COMMAND_TIMEOUT):
        """Runs a shell command. Returns its exit status and its output."""
        start = self._read_to
        self.send(command)
        status = int(self.wait_for(r"^guest: exit (\d+)$", timeout).group(1))
        output = self.serial[start:self.serial.rindex("\nguest: exit ", start, self._read_to)]
        return status, output.strip("\n")

    def check(self, command, timeout=COMMAND_TIMEOUT):
        """Runs a shell command that must succeed. Returns its output."""
        status, output = self.run(command, timeout)
        if status:
            raise VmError(f"{command!r} exited with {status}: {output}")
        return output

    def wait_until(self, condition, timeout=COMMAND_TIMEOUT):
        """Repeats a shell command until it succeeds. timeout: seconds."""
        self.check(f"until {condition}; do sleep 0.2; done", timeout)

    def plug_in(self, size):
        """Adds the memory of the virtio-mem device, size bytes, and waits until it is online."""
        before = self._read_memory_total()
        self.check("echo online > /sys/devices/system/memory/auto_online_blocks")
        self.check("insmod /lib/virtio_mem.ko")
        # The kernel needs some of the new memory for its page structures, so wait for 90 %.
        self.wait_until(f"[ $(awk '/MemTotal/ {{ print $2 }}' /proc/meminfo) -ge "
                        f"{before + size * 9 // 10 // 1024} ]")

    def _read_memory_total(self):
        """Returns MemTotal of /proc/meminfo in KiB."""
        return int(self.check("awk '/MemTotal/ { print $2 }' /proc/meminfo"))

    def read(self, path, blocks=None):
        """Returns the bytes of a file. blocks: read only this many blocks of 4 KiB."""
        source = f"dd if={path} bs={PAGE} count={blocks} 2>/dev/null" if blocks else f"cat {path}"
        return base64.b64decode(self.check(f"{source} | base64", 300))

    def find_in_crash_region(self, data):
        """Returns the physical address of bytes in the high crash region, which start at a page."""
        first, end = max(find_ranges(parse_iomem(self.check("cat /proc/iomem")), "Crash kernel"))
        for address in range(first, end, 4 << 20):
            memory = self.peek(address, min(4 << 20, end - address))
            at = memory.find(data)
            if at >= 0 and at % PAGE == 0:
                return address + at
        raise AssertionError("the bytes are not in the crash region")

    def read_report(self):
        """Returns the exit status and the object of "crashres report --json"."""
        status, output = self.run("crashres report --json")
        return status, json.loads(output)

    def panic(self):
        """Causes a kernel panic with SysRq. Does not wait for it."""
        self.send("echo c > /proc/sysrq-trigger")


def parse_iomem(text):
    """Returns (first, end, name) for every line of /proc/iomem. end is exclusive."""
    return [(int(first, 16), int(last, 16) + 1, name) for first, last, name in
            re.findall(r"^ *([0-9a-f]+)-([0-9a-f]+) : (.*)$", text, re.MULTILINE)]


def subtract_ranges(ranges, holes):
    """Returns the (first, end) ranges minus the holes, sorted.

    This is a simple second implementation of range.c, so that the tests do not depend on it.
    """
    for hole_first, hole_end in holes:
        rest = []
        for first, end in ranges:
            if hole_end <= first or end <= hole_first:
                rest.append((first, end))
                continue
            if first < hole_first:
                rest.append((first, hole_first))
            if hole_end < end:
                rest.append((hole_end, end))
        ranges = rest
    return sorted(ranges)


def join_ranges(ranges):
    """Merges adjacent ranges of a sorted list."""
    joined = []
    for first, end in ranges:
        if joined and joined[-1][1] == first:
            first = joined.pop()[0]
        joined.append((first, end))
    return joined


def find_ranges(iomem, pattern):
    """Returns the sorted (first, end) ranges of parse_iomem() whose names match a pattern."""
    return sorted({(first, end) for first, end, name in iomem if re.fullmatch(pattern, name)})


@dataclass
class Phdr:
    """A program header of an ELF file (elf.5). Offsets and sizes are bytes."""

    type: int
    offset: int
    vaddr: int
    paddr: int
    filesz: int
    memsz: int


def parse_core(head):
    """Returns the program headers in the first bytes of an ELF core (/proc/vmcore, /proc/kcore)."""
    assert head[:6] == b"\x7fELF\x02\x01", head[:16]
    offset, = struct.unpack_from("<Q", head, 32)
    size, count = struct.unpack_from("<HH", head, 54)
    phdrs = []
    for i in range(count):
        kind, _, *numbers = struct.unpack_from("<IIQQQQQ", head, offset + i * size)
        phdrs.append(Phdr(kind, *numbers))
    return phdrs


PT_LOAD, PT_NOTE = 1, 4


def parse_plan(text):
    """Parses the plan that "kexec -d" prints. Returns segments and regions as
    name -> [(first, end), ...], in physical addresses. end is exclusive."""
    plan = {}
    for name, first, last in re.findall(
            r"^  (\S.*?) +0x([0-9a-f]{16}) - 0x([0-9a-f]{16})  ", text, re.MULTILINE):
        plan.setdefault(name, []).append((int(first, 16), int(last, 16) + 1))
    return plan


FDT_BEGIN_NODE, FDT_END_NODE, FDT_PROP, FDT_NOP = 1, 2, 3, 4


def walk_tokens(dtb):
    """Yields (path, start, end, token) for each token of the structure block of a DTB.

    start and end are byte offsets in the DTB. The path of a property ends with the name of the
    property. (Devicetree Specification, "Flattened Devicetree (DTB) Format")
    """
    _, _, structure, strings = struct.unpack_from(">4I", dtb)
    path, offset = [], structure
    while True:
        start, (token,) = offset, struct.unpack_from(">I", dtb, offset)
        offset += 4
        if token == FDT_BEGIN_NODE:
            end = dtb.index(b"\0", offset)
            path.append(dtb[offset:end].decode())
            offset = (end + 4) & ~3
            yield "/".join(path), start, offset, token
        elif token == FDT_END_NODE:
            yield "/".join(path), start, offset, token
            path.pop()
        elif token == FDT_PROP:
            size, name = struct.unpack_from(">2I", dtb, offset)
            key = dtb[strings + name:dtb.index(b"\0", strings + name)].decode()
            offset = (offset + 8 + size + 3) & ~3
            yield "/".join([*path, key]), start, offset, token
        elif token != FDT_NOP:
            return


def parse_chosen(dtb):
    """Returns the properties of /chosen: name -> bytes."""
    chosen = {}
    for path, start, _, token in walk_tokens(dtb):
        if token == FDT_PROP and re.fullmatch("/chosen/[^/]*", path):
            size, = struct.unpack_from(">I", dtb, start + 4)
            chosen[path[len("/chosen/"):]] = dtb[start + 12:start + 12 + size]
    return chosen


def remove_paths(dtb, *patterns):
    """Returns the DTB without the properties and nodes whose paths match one of the patterns.

    The tokens are replaced by NOP tokens, so the offsets of the other tokens do not change.
    """
    rest = bytearray(dtb)
    for path, start, end, _ in walk_tokens(dtb):
        ancestors = [path[:match.start()] for match in re.finditer("/", path)] + [path]
        if any(re.fullmatch(pattern, name) for pattern in patterns for name in ancestors):
            rest[start:end] = struct.pack(">I", FDT_NOP) * ((end - start) // 4)
    return bytes(rest)
