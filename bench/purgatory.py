# SPDX-License-Identifier: GPL-2.0-or-later
"""The second half of bench/purgatory: boots VMs, loads, panics and counts instructions.

purgatory.py KEXEC TICKS GUEST-ROOT IMAGE SMALL-IMAGE OUTPUT-FOLDER [PEER]

KEXEC and PEER are arm64 programs, TICKS is the built bench/ticks, GUEST-ROOT the folder with
the guest's programs, IMAGE a kernel with kexec_load. SMALL-IMAGE is a kernel with
kexec_file_load, or "" if there is none.

All times are in ticks of the virtual counter. A tick is bm.INSTRUCTIONS_PER_TICK instructions.
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

# These options make runs as equal as QEMU allows. Two differences remain: the time at which QEMU
# passes typed characters to the guest, and the random seeds that kexec makes for the capture
# kernel.
MACHINE = guest.Machine("bench", machine="virt,gic-version=3,dtb-randomness=off", cpus=1,
                        qemu_options=(*bm.COUNTING, "-seed", "1"))
# ticks is the init of the capture kernel.
LOAD = "-p --reuse-cmdline --append=rdinit=/bin/ticks --initrd=/boot/initrd /boot/Image"
CHECKS, NO_CHECKS, NO_REPAIR = "", "--no-checks", "--repair=off"
TIMEOUT = 600
HUGE_PAGES = "/sys/kernel/mm/transparent_hugepage/enabled"
# Number of loads, of which the shortest counts. The first load after a boot has its own row: see
# HACKING.md, Cost.
LOADS = 3

# kexec_file_load of the plain kernel and of the sealed kernel. The initrd of the small kernel also
# holds Debian's kernel, so that the check has as many bytes, and as few blocks of zeros (which
# cost less), as with kexec_load.
PLAIN, SEALED = "-s --seal=never", "-s --seal=always"

# The targets. A figure above its target is a failure.
CHECK_LIMIT = 1.65              # instructions a byte
SEALED_CHECK_LIMIT = 1.8        # includes every difference between the boots of two Images
LOAD_LIMIT = 160                # million instructions
RATIO_LIMIT = 1.076             # panic to user space, with check and without
CODE_LIMIT = 40                 # KiB of each purgatory

ELF_ARM64 = re.compile(rb"\x7fELF\x02\x01.{12}\xb7\x00", re.DOTALL)


@dataclass
class Memory:
    """Memory that the check needs, in bytes."""
    checked: int
    tables: int = 0             # both digest tables, both sets of page tables
    parity: int = 0


@dataclass
class Cost:
    """Times of one kexec, in ticks."""
    version: str                # as kexec --version prints it
    loads: dict                 # option -> shortest load
    first: int                  # first load after a boot, with checks
    first_unchecked: int        # the same without checks
    panic: int                  # from the panic to user space of the capture kernel
    panic_unchecked: int        # the same without checks
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
    """Times with kexec_file_load, in ticks."""
    first: int                  # first load after a boot
    load: int                   # shortest load
    panic: int                  # from the panic to user space of the capture kernel


@dataclass
class SealedCost:
    """Times of the same kernel, plain and sealed."""
    plain: FileCall
    sealed: FileCall
    checked: int                # bytes

    def check(self):
        ticks = self.sealed.panic - self.plain.panic
        return ticks * bm.INSTRUCTIONS_PER_TICK / self.checked

    def ratio(self):
        return self.sealed.panic / self.plain.panic


def find_memory(running):
    """Returns the Memory of a load, from the output of kexec -d, ours or that of kexec-tools."""
    text = running.check(f"kexec -d {LOAD} 2>&1", TIMEOUT)
    entry = re.search(r"^Entry +(0x[0-9a-f]+)$", text, re.MULTILINE)
    return read_memory(running, int(entry[1], 16)) if entry else parse_segments(text)


def read_memory(running, base):
    """Returns the Memory of our purgatory at this physical address, see purgatory/abi.h."""
    *_, image_size = bm.HEADER.unpack(running.peek(base, bm.HEADER.size))
    # The params from root_offset[0] to group_count.
    members = struct.Struct("<2QQ2Q32sQ2Q")
    at = base + image_size + bm.PARAMS_TABLE_OFFSET - struct.calcsize("<2QQ")
    root, _, blocks, table, _, _, bitmap, _, groups = \
        members.unpack(running.peek(at, members.size))
    return Memory(blocks * bm.BLOCK, bitmap - (root or table), 2 * groups * bm.BLOCK)


def parse_segments(text):
    """Returns the Memory of kexec-tools, which checks every segment but purgatory.

    The entry lies in purgatory.
    """
    bases, sizes = (
        [int(number, 16) for number in
         re.findall(rf"^segment\[\d+\]\.{member} += (0x[0-9a-f]+)$", text, re.MULTILINE)]
        for member in ("mem", "memsz"))
    entry = re.search(r"^kexec_load: entry = (0x[0-9a-f]+) ", text, re.MULTILINE)
    if not entry or not bases or len(bases) != len(sizes):
        raise VmError(f"the output of kexec -d lists no segments:\n{text}")
    entry = int(entry[1], 16)
    return Memory(sum(size for base, size in zip(bases, sizes)
                      if not base <= entry < base + size))


def time_load(running, option):
    """Unloads, then returns the ticks that one load takes."""
    running.check("kexec -p -u", TIMEOUT)
    output = running.check(f"ticks kexec {option} {LOAD}", TIMEOUT)
    [(before, after)] = re.findall(r"^ticks: (\d+) (\d+)$", output, re.MULTILINE)
    return int(after) - int(before)


def time_panic(running):
    """Panics. Returns the ticks from there to the start of user space in the capture kernel."""
    running.send("ticks; echo c > /proc/sysrq-trigger")
    before, after = (int(running.wait_for(r"^ticks: (\d+)$", TIMEOUT)[1]) for _ in range(2))
    reason = running.wait_exit(TIMEOUT)
    if reason != "guest-shutdown":
        raise VmError(f"the machine ended with {reason}, not with power-off: {running.log_path}")
    return after - before


class Lab:
    """Boots a new machine for each measurement, because a panic ends the machine."""

    def __init__(self, ticks, root, image, out, filling=b""):
        self.ticks, self.root, self.image, self.out = ticks, Path(root), Path(image), out
        self.filling = filling

    def make_capture(self):
        return initramfs.make_counted_capture(self.root, self.ticks, self.filling)

    def make_initrd(self, kexec):
        capture = self.make_capture()
        files = {"boot/Image": self.image.read_bytes(), "boot/initrd": capture}
        # The libraries of kexec are in the tree that it was unpacked into, or in the guest root.
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
            # With "always", chance decides which memory is allocated in huge pages. With "madvise",
            # only memory that asks for huge pages gets them: our copies of kernel and initrd. The
            # small kernel does not have this file.
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
        with step(f"{name} {NO_CHECKS}: booting, loading, panic"), \
                self.boot(name + NO_CHECKS, kexec) as running:
            first_unchecked = time_load(running, NO_CHECKS)
            return Cost(version, loads, first, first_unchecked, panic, time_panic(running), memory)

    def measure_file_call(self, name, kexec, option):
        """Returns the FileCall of kexec_file_load with this option."""
        with step(f"{name}: booting, loading, panic"), \
                self.boot(name.replace(" ", "-"), kexec) as running:
            first = time_load(running, option)
            least = min(time_load(running, option) for _ in range(LOADS))
            return FileCall(first, least, time_panic(running))


@contextlib.contextmanager
def output_to(path):
    """Redirects all output to a file, also that of QEMU, which warns about each machine."""
    with open(path, "w") as log, contextlib.redirect_stdout(log):
        terminal = os.dup(2)
        os.dup2(log.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)


def instructions_alone(method):
    """Returns the instructions per byte of purgatory without Linux, with this hash method."""
    with tempfile.TemporaryDirectory(dir=bm.image_path().parent) as folder:
        return instructions_a_byte(Bench(folder), image=bm.make_image_with_method(method))


@dataclass
class Row:
    """A row of the printed table."""
    name: str
    ours: float
    peer: float = None          # None: empty cell
    limit: float = None         # the target: ours must not be larger
    digits: int = 2             # after the decimal point

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
    """Returns the rows of a kexec_load measurement. peer: a Cost or None."""
    def row(name, figure, limit=None, digits=2):
        return Row(name, figure(ours), figure(peer) if peer else None, limit, digits=digits)

    return [
        row("check, instructions per byte", Cost.check, CHECK_LIMIT),
        row("load, instructions per byte", Cost.load),
        row("  first load after a boot", Cost.first_load),
        Row("  digests only, without parity", ours.load(NO_REPAIR)),
        row("whole load, million instructions", lambda cost: millions(cost.loads[CHECKS]),
            LOAD_LIMIT, 0),
        row("  first load after a boot", lambda cost: millions(cost.first), None, 0),
        row(f"  with {NO_CHECKS}", lambda cost: millions(cost.loads[NO_CHECKS]), None, 0),
        row(f"  first load after a boot, {NO_CHECKS}",
            lambda cost: millions(cost.first_unchecked), None, 0),
        row("panic to user space, ms of QEMU's clock", lambda cost: millions(cost.panic)),
        row(f"  relative to {NO_CHECKS}", Cost.ratio, RATIO_LIMIT, 3),
    ]


def file_call_rows(cost):
    """Returns the rows of kexec_file_load: the small kernel sealed, beside the plain kernel."""
    sealed, plain = cost.sealed, cost.plain
    return [
        Row("whole load, million instructions", millions(sealed.load), millions(plain.load),
            digits=0),
        Row("  first load after a boot", millions(sealed.first), millions(plain.first),
            digits=0),
        Row("check, instructions per byte", cost.check(), None, SEALED_CHECK_LIMIT),
        Row("panic to user space, ms of QEMU's clock", millions(sealed.panic), millions(plain.panic)),
        Row("  relative to the plain kernel", cost.ratio(), digits=3),
    ]


def memory_rows(memory):
    def percent(part):
        return 100 * part / memory.checked
    return [
        Row("digest and page tables, % of the checked bytes", percent(memory.tables), None, 2.0),
        Row("parity, % of the checked bytes", percent(memory.parity)),
    ]


def image_rows():
    def code(name):
        blob = bm.image_path().with_name(name).read_bytes()
        return bm.HEADER.unpack_from(blob)[3] / 1024
    return [
        Row("code of purgatory.bin, KiB", code("purgatory.bin"), None, CODE_LIMIT),
        Row("code of sealed.bin, KiB", code("sealed.bin"), None, CODE_LIMIT),
    ]


def method_rows():
    return [
        Row("check, purgatory alone: SHA-2 instructions", instructions_alone(bm.INSTRUCTIONS), None,
            2.0),
        Row("  vectors, on a CPU without SHA-2", instructions_alone(bm.VECTORS), None, 24.0),
        Row("  plain C", instructions_alone(bm.PORTABLE)),
    ]


def qemu_version():
    output = subprocess.run([QEMU, "--version"], check=True, text=True, capture_output=True).stdout
    return re.search(r"version ([0-9.]+)", output)[1]


def print_table(image, ours, peer, rows):
    print(f"\n{image.name.replace('vmlinuz-', 'Linux ')} in QEMU {qemu_version()}:"
          f" one CPU, one instruction per nanosecond")
    for name, cost in (("crashres", ours), ("peer", peer)):
        if cost:
            print(f"{name + ':':10}{cost.version}, checks {cost.memory.checked / 2**20:.1f} MiB")
    print()
    names = ["crashres", *(["peer"] if peer else []), "at most"]
    print(" " * 46 + "".join(f"{name:>10}" for name in names))
    for row in rows:
        print(row.text(with_peer=peer is not None))


def print_file_call_table(lab, cost, rows):
    print(f"\nkexec_file_load, a small Linux of {lab.image.stat().st_size / 2**20:.1f} MiB, "
          f"checks {cost.checked / 2**20:.1f} MiB if it is sealed\n")
    print(" " * 46 + "".join(f"{name:>10}" for name in ("sealed", "plain", "at most")))
    for row in rows:
        print(row.text(with_peer=True))


def bench_file_call(kexec, lab):
    """Measures kexec_file_load. Returns True if every target was met."""
    plain = lab.measure_file_call("kexec_file_load", kexec, PLAIN)
    sealed = lab.measure_file_call("kexec_file_load sealed", kexec, SEALED)
    [image_size] = struct.unpack_from("<16xQ", lab.image.read_bytes())
    checked = sum(bm.round_up(size, bm.BLOCK) for size in (image_size, len(lab.make_capture())))
    cost = SealedCost(plain, sealed, checked)
    rows = file_call_rows(cost)
    print_file_call_table(lab, cost, rows)
    return not any(row.is_missed() for row in rows)


def bench(kexec, peer, lab):
    """Measures kexec_load. Returns True if every target was met."""
    ours = lab.measure("crashres", kexec, (NO_CHECKS, NO_REPAIR, CHECKS))
    theirs = lab.measure("peer", peer, (NO_CHECKS, CHECKS)) if peer else None
    with step("Purgatory alone, by each method"), output_to(lab.out / "alone.log"):
        methods = method_rows()
    rows = linux_rows(ours, theirs) + methods + memory_rows(ours.memory) + image_rows()
    print_table(lab.image, ours, theirs, rows)
    return not any(row.is_missed() for row in rows)


def find_peer_problem(peer, lab):
    """Returns the reason why the peer cannot run in the guest; None if it can."""
    try:
        with open(peer, "rb") as program:
            if not ELF_ARM64.match(program.read(20)):
                return f"{peer} is not an arm64 program"
    except OSError as error:
        return str(error)
    try:
        lab.make_initrd(peer)
    except FileNotFoundError as error:
        return f"{error}: unpack it into the same folder as {peer}"
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
            print("\nkexec_file_load is not measured: the small kernel cannot be built here")
        return 0 if met else 1
    except VmError as error:
        print(error)
        return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
