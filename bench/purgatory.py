# SPDX-License-Identifier: GPL-2.0-or-later
"""The second half of bench/purgatory: load, panic and count, in VMs.

purgatory.py KEXEC TICKS GUEST-ROOT IMAGE SMALL-IMAGE OUTPUT-FOLDER [PEER]

SMALL-IMAGE is a kernel with kexec_file_load, "" for none.
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
                        qemu_options=(*bm.COUNTING, "-seed", "1"))
# The capture kernel's user space starts with ticks.
LOAD = "-p --reuse-cmdline --append=rdinit=/bin/ticks --initrd=/boot/initrd /boot/Image"
CHECKS, NO_CHECKS, NO_REPAIR = "", "--no-checks", "--repair=off"
TIMEOUT = 600
HUGE_PAGES = "/sys/kernel/mm/transparent_hugepage/enabled"
# The least of them counts. The first one after a boot is told beside it: see HACKING.md, Cost.
LOADS = 3

# kexec_file_load, the kernel as it is and sealed. The initrd of the small kernel holds Debian's
# kernel as well, so that as much of the same is checked; blocks of zeros cost less than others.
PLAIN, SEALED = "-s --seal=never", "-s --seal=always"

# The targets. A figure above one is a failure.
CHECK_LIMIT = 1.65              # instructions a byte
SEALED_CHECK_LIMIT = 1.8        # all counts that differs between the boots of two Images
LOAD_LIMIT = 160                # million instructions
RATIO_LIMIT = 1.076             # panic to user space, with check and without
CODE_LIMIT = 40                 # KiB of each purgatory

ELF_ARM64 = re.compile(rb"\x7fELF\x02\x01.{12}\xb7\x00", re.DOTALL)


@dataclass
class Memory:
    """What the check takes, in bytes."""
    checked: int
    tables: int = 0             # both digest tables, both sets of page tables
    parity: int = 0


@dataclass
class Cost:
    """In ticks."""
    version: str
    loads: dict                 # by option
    first: int                  # load of a boot, with checks
    first_unchecked: int        # and without
    panic: int                  # to user space of the capture kernel
    panic_unchecked: int
    memory: Memory

    def check(self):
        return self._a_byte(self.panic - self.panic_unchecked)

    def load(self, option=CHECKS):
        return self._a_byte(self.loads[option] - self.loads[NO_CHECKS])

    def first_load(self):
        return self._a_byte(self.first - self.first_unchecked)

    def ratio(self):
        return self.panic / self.panic_unchecked

    def _a_byte(self, ticks):
        return ticks * bm.INSTRUCTIONS_PER_TICK / self.memory.checked


@dataclass
class FileCall:
    """kexec_file_load, in ticks."""
    first: int
    load: int
    panic: int


@dataclass
class SealedCost:
    plain: FileCall
    sealed: FileCall
    checked: int                # bytes

    def check(self):
        ticks = self.sealed.panic - self.plain.panic
        return ticks * bm.INSTRUCTIONS_PER_TICK / self.checked

    def ratio(self):
        return self.sealed.panic / self.plain.panic


def find_memory(running):
    """By what the loader itself says under -d, ours or kexec-tools."""
    text = running.check(f"kexec -d {LOAD} 2>&1", TIMEOUT)
    entry = re.search(r"^Entry +(0x[0-9a-f]+)$", text, re.MULTILINE)
    return read_memory(running, int(entry[1], 16)) if entry else parse_segments(text)


def read_memory(running, base):
    """Of our purgatory there: purgatory/abi.h."""
    *_, image_size = bm.HEADER.unpack(running.peek(base, bm.HEADER.size))
    # From root_offset[0] to group_count.
    members = struct.Struct("<2QQ2Q32sQ2Q")
    at = base + image_size + bm.PARAMS_TABLE_OFFSET - struct.calcsize("<2QQ")
    root, _, blocks, table, _, _, bitmap, _, groups = \
        members.unpack(running.peek(at, members.size))
    return Memory(blocks * bm.BLOCK, bitmap - (root or table), 2 * groups * bm.BLOCK)


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


def time_load(running, option):
    """From empty to loaded."""
    running.check("kexec -p -u", TIMEOUT)
    output = running.check(f"ticks kexec {option} {LOAD}", TIMEOUT)
    [(before, after)] = re.findall(r"^ticks: (\d+) (\d+)$", output, re.MULTILINE)
    return int(after) - int(before)


def time_panic(running):
    """From the last thing that the old kernel's user space does to the first of the new one's."""
    running.send("ticks; echo c > /proc/sysrq-trigger")
    before, after = (int(running.wait_for(r"^ticks: (\d+)$", TIMEOUT)[1]) for _ in range(2))
    reason = running.wait_exit(TIMEOUT)
    if reason != "guest-shutdown":
        raise VmError(f"the machine ended by {reason}, not by power-off: {running.log_path}")
    return after - before


class Lab:
    """Boots the machine: each time anew, because a panic ends it."""

    def __init__(self, ticks, root, image, out, filling=b""):
        self.ticks, self.root, self.image, self.out = ticks, Path(root), Path(image), out
        self.filling = filling

    def make_capture(self):
        return initramfs.make_counted_capture(self.root, self.ticks, self.filling)

    def make_initrd(self, kexec):
        capture = self.make_capture()
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
            # With "always", it is chance how much of what a program allocates comes in huge pages.
            # With "madvise", only what asks for them: our copies of kernel and initrd. The small
            # kernel has none.
            running.check(f"test ! -e {HUGE_PAGES} || echo madvise > {HUGE_PAGES}")
            yield running

    def measure(self, name, kexec, options):
        with step(f"{name}: booting, loading, panic"), self.boot(name, kexec) as running:
            version = running.check("kexec --version")
            first = time_load(running, CHECKS)
            rounds = [[time_load(running, option) for option in options]
                      for _ in range(LOADS)]
            loads = dict(zip(options, map(min, zip(*rounds))))
            memory = find_memory(running)
            panic = time_panic(running)
        with step(f"{name} {NO_CHECKS}: the same"), \
                self.boot(name + NO_CHECKS, kexec) as running:
            first_unchecked = time_load(running, NO_CHECKS)
            return Cost(version, loads, first, first_unchecked, panic, time_panic(running), memory)

    def measure_file_call(self, name, kexec, option):
        """By kexec_file_load. Return: first load, least of some, panic; in ticks."""
        with step(f"{name}: booting, loading, panic"), \
                self.boot(name.replace(" ", "-"), kexec) as running:
            first = time_load(running, option)
            least = min(time_load(running, option) for _ in range(LOADS))
            return FileCall(first, least, time_panic(running))


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


def instructions_alone(method):
    """Instructions a byte of purgatory without Linux, hashing by this method."""
    with tempfile.TemporaryDirectory(dir=bm.image_path().parent) as folder:
        return instructions_a_byte(Bench(folder), image=bm.make_image_with_method(method))


@dataclass
class Row:
    name: str
    ours: float
    peer: float = None
    limit: float = None
    digits: int = 2

    def is_missed(self):
        return self.limit is not None and self.ours > self.limit

    def text(self, with_peer):
        def cell(number):
            return "" if number is None else f"{number:.{self.digits}f}"
        numbers = [self.ours, *([self.peer] if with_peer else []), self.limit]
        line = f"{self.name:46}" + "".join(f"{cell(number):>10}" for number in numbers)
        return line.rstrip() + ("  missed" if self.is_missed() else "")


def millions(ticks):
    return ticks * bm.INSTRUCTIONS_PER_TICK / 1e6


def linux_rows(ours, peer):
    """Rows of what was measured in Linux. peer: may be None."""
    def row(name, figure, limit=None, digits=2):
        return Row(name, figure(ours), figure(peer) if peer else None, limit, digits=digits)

    return [
        row("check, instructions a byte", Cost.check, CHECK_LIMIT),
        row("load, instructions a byte", Cost.load),
        row("  the first load after a boot", Cost.first_load),
        Row("  of these for digests, without parity", ours.load(NO_REPAIR)),
        row("load, all of it, million instructions", lambda cost: millions(cost.loads[CHECKS]),
            LOAD_LIMIT, 0),
        row("  the first load after a boot", lambda cost: millions(cost.first), None, 0),
        row(f"  the same with {NO_CHECKS}", lambda cost: millions(cost.loads[NO_CHECKS]), None, 0),
        row("  the first one after a boot", lambda cost: millions(cost.first_unchecked), None, 0),
        row("panic to user space, ms of that time", lambda cost: millions(cost.panic)),
        row(f"  divided by the same with {NO_CHECKS}", Cost.ratio, RATIO_LIMIT, 3),
    ]


def file_call_rows(cost):
    """Beside each other: the small kernel sealed, and as it is."""
    sealed, plain = cost.sealed, cost.plain
    return [
        Row("load, all of it, million instructions", millions(sealed.load), millions(plain.load),
            digits=0),
        Row("  the first load after a boot", millions(sealed.first), millions(plain.first),
            digits=0),
        Row("check, instructions a byte", cost.check(), None, SEALED_CHECK_LIMIT),
        Row("panic to user space, ms of that time", millions(sealed.panic), millions(plain.panic)),
        Row("  divided by the same of the plain kernel", cost.ratio(), digits=3),
    ]


def memory_rows(memory):
    def percent(part):
        return 100 * part / memory.checked
    return [
        Row("digest and page tables, % of what is checked", percent(memory.tables), None, 2.0),
        Row("parity, % of what is checked", percent(memory.parity)),
    ]


def image_rows():
    def code(name):
        blob = bm.image_path().with_name(name).read_bytes()
        return bm.HEADER.unpack_from(blob)[3] / 1024
    return [
        Row("purgatory's code, KiB", code("purgatory.bin"), None, CODE_LIMIT),
        Row("  that of a sealed Image", code("sealed.bin"), None, CODE_LIMIT),
    ]


def method_rows():
    return [
        Row("check, purgatory alone: SHA-2 instructions", instructions_alone(bm.INSTRUCTIONS), None,
            2.0),
        Row("  on a CPU without them: vectors", instructions_alone(bm.VECTORS), None, 24.0),
        Row("  in C", instructions_alone(bm.PORTABLE)),
    ]


def qemu_version():
    said = subprocess.run([QEMU, "--version"], check=True, text=True, capture_output=True).stdout
    return re.search(r"version ([0-9.]+)", said)[1]


def print_table(image, ours, peer, rows):
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


def print_file_call_table(lab, cost, rows):
    print(f"\nkexec_file_load, a small Linux of {lab.image.stat().st_size / 2**20:.1f} MiB, checks "
          f"{cost.checked / 2**20:.1f} MiB where it is sealed\n")
    print(" " * 46 + "".join(f"{name:>10}" for name in ("sealed", "plain", "at most")))
    for row in rows:
        print(row.text(with_peer=True))


def bench_file_call(kexec, lab):
    """Return: whether every target was met."""
    plain = lab.measure_file_call("kexec_file_load", kexec, PLAIN)
    sealed = lab.measure_file_call("kexec_file_load sealed", kexec, SEALED)
    [image_size] = struct.unpack_from("<16xQ", lab.image.read_bytes())
    checked = sum(bm.round_up(size, bm.BLOCK) for size in (image_size, len(lab.make_capture())))
    cost = SealedCost(plain, sealed, checked)
    rows = file_call_rows(cost)
    print_file_call_table(lab, cost, rows)
    return not any(row.is_missed() for row in rows)


def bench(kexec, peer, lab):
    """Return: whether every target was met."""
    ours = lab.measure("crashres", kexec, (NO_CHECKS, NO_REPAIR, CHECKS))
    theirs = lab.measure("peer", peer, (NO_CHECKS, CHECKS)) if peer else None
    with step("Purgatory alone, by each method"), output_to(lab.out / "alone.log"):
        methods = method_rows()
    rows = linux_rows(ours, theirs) + methods + memory_rows(ours.memory) + image_rows()
    print_table(lab.image, ours, theirs, rows)
    return not any(row.is_missed() for row in rows)


def find_peer_problem(peer, lab):
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


def main(kexec, ticks, root, image, small, out, peer=None):
    lab = Lab(ticks, root, image, Path(out))
    peer = peer and Path(peer)
    reason = peer and find_peer_problem(peer, lab)
    if reason:
        print(f"--peer: {reason}")
        return 1
    try:
        met = bench(Path(kexec), peer, lab)
        if small:
            filling = Path(image).read_bytes()
            met &= bench_file_call(Path(kexec), Lab(ticks, root, small, Path(out), filling))
        else:
            print("\nkexec_file_load: not measured, because the small kernel cannot be built here")
        return 0 if met else 1
    except VmError as error:
        print(error)
        return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
