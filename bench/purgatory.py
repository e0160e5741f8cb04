# SPDX-License-Identifier: GPL-2.0-or-later
"""The second half of bench/purgatory: load, panic and count, in VMs.

purgatory.py KEXEC TICKS GUEST-ROOT IMAGE OUTPUT-FOLDER [PEER]
"""

import contextlib
import os
import re
import struct
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "vm"))

from lib import baremetal as bm  # noqa: E402
from lib import guest  # noqa: E402
from lib import initramfs  # noqa: E402
from lib.scenario import Bench  # noqa: E402
from demo import step  # noqa: E402
from test_purgatory import instructions_a_byte  # noqa: E402
from lib.vm import QEMU, VmError  # noqa: E402

# As little chance as QEMU allows. What is left is when it hands over what is typed, and the
# seeds that kexec makes for the capture kernel.
MACHINE = guest.Machine("bench", machine="virt,gic-version=3,dtb-randomness=off", cpus=1,
                        more=(*bm.COUNTING, "-seed", "1"))
# The capture kernel's user space starts with ticks.
LOAD = "-p --reuse-cmdline --append=rdinit=/bin/ticks --initrd=/boot/initrd /boot/Image"
CHECKS, NO_CHECKS, NO_REPAIR = "", "--no-checks", "--repair=off"
TIMEOUT = 600
# The least of them counts: the first one finds the kernel's memory management cold.
LOADS = 3

ELF_ARM64 = re.compile(rb"\x7fELF\x02\x01.{12}\xb7\x00", re.DOTALL)


@dataclass
class Memory:
    """What the check takes, in bytes."""
    checked: int
    tables: int = 0             # both digest tables, both sets of page tables
    parity: int = 0
    code: int = 0


@dataclass
class Cost:
    """In ticks."""
    version: str
    loads: dict                 # by option
    panic: int                  # to user space of the capture kernel
    panic_unchecked: int
    memory: Memory

    def check(self):
        return self._a_byte(self.panic - self.panic_unchecked)

    def load(self, option=CHECKS):
        return self._a_byte(self.loads[option] - self.loads[NO_CHECKS])

    def ratio(self):
        return self.panic / self.panic_unchecked

    def _a_byte(self, ticks):
        return ticks * bm.INSTRUCTIONS_PER_TICK / self.memory.checked


def find_memory(running):
    """By what the loader itself says under -d, ours or kexec-tools."""
    text = running.check(f"kexec -d {LOAD} 2>&1", TIMEOUT)
    entry = re.search(r"^Entry +(0x[0-9a-f]+)$", text, re.MULTILINE)
    return read_memory(running, int(entry[1], 16)) if entry else parse_segments(text)


def read_memory(running, base):
    """Of our purgatory there: purgatory/abi.h."""
    _, _, _, code, image_size = bm.HEADER.unpack(running.peek(base, bm.HEADER.size))
    # From root_offset[0] to group_count.
    members = struct.Struct("<2QQ2Q32sQ2Q")
    at = base + image_size + bm.PARAMS_TABLE_OFFSET - struct.calcsize("<2QQ")
    root, _, blocks, table, _, _, bitmap, _, groups = \
        members.unpack(running.peek(at, members.size))
    return Memory(blocks * bm.BLOCK, bitmap - (root or table), 2 * groups * bm.BLOCK, code)


def parse_segments(text):
    """kexec-tools checks every segment but purgatory, and that is where the entry is."""
    bases, sizes = (
        [int(number, 16) for number in
         re.findall(rf"^segment\[\d+\]\.{member} += (0x[0-9a-f]+)$", text, re.MULTILINE)]
        for member in ("mem", "memsz"))
    entry = re.search(r"^kexec_load: entry = (0x[0-9a-f]+) ", text, re.MULTILINE)
    if not entry or not bases or len(bases) != len(sizes):
        raise VmError(f"kexec -d does not say what it loads where:\n{text}")
    entry = int(entry[1], 16)
    return Memory(sum(size for base, size in zip(bases, sizes)
                      if not base <= entry < base + size))


def timed_load(running, option):
    """From empty to loaded."""
    running.check("kexec -p -u", TIMEOUT)
    output = running.check(f"ticks kexec {option} {LOAD}", TIMEOUT)
    [(before, after)] = re.findall(r"^ticks: (\d+) (\d+)$", output, re.MULTILINE)
    return int(after) - int(before)


def timed_panic(running):
    """From the last thing that the old kernel's user space does to the first of the new one's."""
    running.send("ticks; echo c > /proc/sysrq-trigger")
    before, after = (int(running.wait_for(r"^ticks: (\d+)$", TIMEOUT)[1]) for _ in range(2))
    reason = running.wait_exit(TIMEOUT)
    if reason != "guest-shutdown":
        raise VmError(f"the machine ended by {reason}, not by power-off: {running.log_path}")
    return after - before


class Lab:
    """Boots the machine: each time anew, because a panic ends it."""

    def __init__(self, ticks, root, image, out):
        self.ticks, self.root, self.image, self.out = ticks, Path(root), Path(image), out

    def make_initrd(self, kexec):
        capture = initramfs.make_counted_capture(self.root, self.ticks)
        files = {"boot/Image": self.image.read_bytes(), "boot/initrd": capture}
        # Its libraries are in the tree it was unpacked into, or in ours.
        roots = [*kexec.parents[1:3], self.root]
        return initramfs.make_counted_first(self.root, kexec, roots, self.ticks, files)

    @contextlib.contextmanager
    def boot(self, name, kexec):
        initrd = self.out / f"{name}.cpio"
        initrd.write_bytes(self.make_initrd(kexec))
        with guest.Guest(MACHINE.arguments(self.image, initrd),
                         self.out / f"{name}.log") as running:
            running.wait_ready("first", TIMEOUT)
            initrd.unlink()
            # Else it is chance how much of what a program allocates comes in huge pages.
            running.check("echo never > /sys/kernel/mm/transparent_hugepage/enabled")
            yield running

    def measure(self, name, kexec, options):
        with step(f"{name}: booting, loading, panic"), self.boot(name, kexec) as running:
            version = running.check("kexec --version")
            rounds = [[timed_load(running, option) for option in options]
                      for _ in range(LOADS)]
            loads = dict(zip(options, map(min, zip(*rounds))))
            memory = find_memory(running)
            panic = timed_panic(running)
        with step(f"{name} {NO_CHECKS}: the same"), \
                self.boot(name + NO_CHECKS, kexec) as running:
            timed_load(running, NO_CHECKS)
            return Cost(version, loads, panic, timed_panic(running), memory)


@contextlib.contextmanager
def output_to(path):
    """Everything printed, by QEMU too: it warns of each machine that ends asleep."""
    with open(path, "w") as log, contextlib.redirect_stdout(log):
        terminal = os.dup(2)
        os.dup2(log.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)


def alone(method):
    """Instructions a byte of purgatory without Linux, hashing by this method."""
    with tempfile.TemporaryDirectory(dir=bm.image_path().parent) as folder:
        return instructions_a_byte(Bench(folder), image=bm.image_by(method))


@dataclass
class Row:
    name: str
    ours: float
    peer: float = None
    most: float = None
    digits: int = 2

    def missed(self):
        return self.most is not None and self.ours > self.most

    def text(self, with_peer):
        def cell(number):
            return "" if number is None else f"{number:.{self.digits}f}"
        numbers = [self.ours, *([self.peer] if with_peer else []), self.most]
        line = f"{self.name:46}" + "".join(f"{cell(number):>10}" for number in numbers)
        return line.rstrip() + ("  missed" if self.missed() else "")


def in_linux(ours, peer):
    """Rows of what was measured in Linux. peer: may be None."""
    def row(name, figure, most=None, digits=2):
        return Row(name, figure(ours), figure(peer) if peer else None, most, digits=digits)

    def millions(option):
        return lambda cost: cost.loads[option] * bm.INSTRUCTIONS_PER_TICK / 1e6

    return [
        row("check, instructions a byte", Cost.check, 2.0),
        row("load, instructions a byte", Cost.load),
        Row("  of these for digests, without parity", ours.load(NO_REPAIR)),
        row("load, all of it, million instructions", millions(CHECKS)),
        row(f"  the same with {NO_CHECKS}", millions(NO_CHECKS)),
        row("panic to user space, ms of that time",
            lambda cost: cost.panic * bm.INSTRUCTIONS_PER_TICK / 1e6),
        row(f"  divided by the same with {NO_CHECKS}", Cost.ratio, 1.08, 3),
    ]


def in_memory(memory):
    def percent(part):
        return 100 * part / memory.checked
    return [
        Row("digest and page tables, % of what is checked", percent(memory.tables), None, 2.0),
        Row("parity, % of what is checked", percent(memory.parity)),
        Row("purgatory's code, KiB", memory.code / 1024, None, 32.0),
    ]


def by_method():
    return [
        Row("check, purgatory alone: SHA-2 instructions", alone(bm.INSTRUCTIONS), None, 2.0),
        Row("  on a CPU without them: vectors", alone(bm.VECTORS), None, 24.0),
        Row("  in C", alone(bm.PORTABLE)),
    ]


def qemu_version():
    said = subprocess.run([QEMU, "--version"], check=True, text=True, capture_output=True).stdout
    return re.search(r"version ([0-9.]+)", said)[1]


def show(image, ours, peer, rows):
    print(f"\n{image.name.replace('vmlinuz-', 'Linux ')} in QEMU {qemu_version()}:"
          f" one CPU, an instruction a nanosecond")
    for name, cost in (("crashres", ours), ("peer", peer)):
        if cost:
            print(f"{name + ':':10}{cost.version}, checks {cost.memory.checked / 2**20:.1f} MiB")
    print()
    names = ["crashres", *(["peer"] if peer else []), "at most"]
    print(" " * 46 + "".join(f"{name:>10}" for name in names))
    for row in rows:
        print(row.text(with_peer=peer is not None))


def bench(kexec, peer, lab):
    """Return: whether every target was met."""
    ours = lab.measure("crashres", kexec, (NO_CHECKS, NO_REPAIR, CHECKS))
    theirs = lab.measure("peer", peer, (NO_CHECKS, CHECKS)) if peer else None
    with step("Purgatory alone, by each method"), output_to(lab.out / "alone.log"):
        methods = by_method()
    rows = in_linux(ours, theirs) + methods + in_memory(ours.memory)
    show(lab.image, ours, theirs, rows)
    return not any(row.missed() for row in rows)


def why_not(peer, lab):
    """Why the peer cannot be run in the guest; None where it can."""
    try:
        with open(peer, "rb") as program:
            if not ELF_ARM64.match(program.read(20)):
                return f"{peer} is no arm64 program"
    except OSError as error:
        return str(error)
    try:
        lab.make_initrd(peer)
    except FileNotFoundError as error:
        return f"{error}: unpack that into one folder with {peer}"
    return None


def main(kexec, ticks, root, image, out, peer=None):
    lab = Lab(ticks, root, image, Path(out))
    peer = peer and Path(peer)
    reason = peer and why_not(peer, lab)
    if reason:
        print(f"--peer: {reason}")
        return 1
    try:
        return 0 if bench(Path(kexec), peer, lab) else 1
    except VmError as error:
        print(error)
        return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
