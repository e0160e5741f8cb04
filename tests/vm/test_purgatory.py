# SPDX-License-Identifier: GPL-2.0-or-later
"""Purgatory alone, on every CPU and at every exception level QEMU offers."""

import random
import re
import subprocess

import baremetal as bm
import pytest

pytestmark = pytest.mark.skipif(bm.missing() is not None, reason=str(bm.missing()))

KERNEL = 0x44000000
INITRD = 0x46000000
DTB = 0x47000000
PURGATORY = 0x48000000
PURGATORY_ELSEWHERE = 0x49ABD000  # another offset in a 2 MiB block, and odd
BUSY_UART = 0x4A000000
RAMDISK = 0x4C000000
BEFORE = 0x50000000
# What is mapped for the check, with ragged ends; RAM goes on on both sides.
REGION = (0x43FF1000, 0x4FFFF000)
UNMAPPED = 0x52000000

# Exception level, E2H set by the kernel before
EL1, EL2, EL2_VHE = (1, False), (2, False), (2, True)
LEVEL_NAMES = {EL1: "EL1", EL2: "EL2", EL2_VHE: "EL2-VHE"}
# VHE is Armv8.1: not in Cortex-A53 and A72
MACHINES = [
    (cpu, level)
    for cpu in ("cortex-a53", "cortex-a72", "neoverse-n1", "max")
    for level in (EL1, EL2, EL2_VHE)
    if level != EL2_VHE or cpu in ("neoverse-n1", "max")
]
LEVELS = [("max", level) for level in (EL1, EL2, EL2_VHE)]

SELF_DAMAGED = "crashres: purgatory: purgatory itself is damaged: resetting\r\n"

# SCTLR_ELx M, A, C, SA, I, WXN, EE: all of them off in the kernel
SCTLR_OFF = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 12 | 1 << 19 | 1 << 25
HCR_E2H = 1 << 34
DAIF_MASKED = 0xF << 6

machines = pytest.mark.parametrize(
    "cpu,level", MACHINES, ids=[f"{cpu}-{LEVEL_NAMES[level]}" for cpu, level in MACHINES]
)
levels = pytest.mark.parametrize(
    "cpu,level", LEVELS, ids=[LEVEL_NAMES[level] for _, level in LEVELS]
)


def damaged_line(name, offset, damaged, leaves):
    return (
        f"crashres: purgatory: {name} damaged at offset {offset:#x}"
        f" ({damaged} of {leaves} leaves): resetting\r\n"
    )


def flip(data, offset, bit=0):
    """data with one bit the other way round."""
    changed = bytearray(data)
    changed[offset] ^= 1 << bit
    return bytes(changed)


class Bench:
    """A plan with three segments, and the ways to run it."""

    def __init__(self, directory):
        self.directory = directory
        self.kernel = bm.assemble("KERNEL", directory)
        self.plan = self.make_plan()

    def make_plan(self, kernel_code=None, base=PURGATORY, **options):
        noise = random.Random(1).randbytes
        code = kernel_code or self.kernel
        # the last leaf is the zero padding between an Image and its memsz
        kernel = (code + noise(3 * bm.LEAF - len(code))).ljust(4 * bm.LEAF, b"\0")
        segments = [
            bm.Segment("kernel", KERNEL, kernel),
            bm.Segment("initrd", INITRD, noise(3 * bm.LEAF)),
            bm.Segment("dtb", DTB, noise(2 * bm.LEAF)),
        ]
        segments += options.pop("more", [])
        image = options.pop("image", None) or bm.image_path().read_bytes()
        options.setdefault("region", REGION)
        return bm.Plan(image, base, KERNEL, segments, dtb=DTB, **options)

    def run(self, cpu="cortex-a53", level=EL1, plan=None, damage=(), big_endian=0,
            more=(), options=(), **defines):
        """damage: (segment name or "purgatory", offset[, bit]) each."""
        plan = plan or self.plan
        memory = {s.name: (s.base, s.data) for s in plan.segments if not s.absent}
        memory["purgatory"] = (plan.base, plan.purgatory())
        for name, *where in damage:
            base, data = memory[name]
            memory[name] = (base, flip(data, *where))
        before = bm.assemble(
            "BEFORE", self.directory, PURGATORY=plan.base, SET_E2H=int(level[1]),
            BIG_ENDIAN=big_endian, **defines,
        )
        files = [*memory.values(), (BEFORE, before), *more]
        return bm.run(cpu, level[0], files, BEFORE, self.directory, options)


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def assert_booted(outcome, level):
    """The kernel runs as booting.rst says, where purgatory was entered."""
    registers = outcome.registers
    assert outcome.console.startswith("x0="), outcome.console
    assert outcome.console.count("\n") == 1
    assert [registers[f"x{n}"] for n in range(4)] == [DTB, 0, 0, 0]
    assert registers["pc"] == KERNEL
    assert registers["CurrentEL"] == level[0] << 2
    assert registers["DAIF"] == DAIF_MASKED
    assert registers["SCTLR"] & SCTLR_OFF == 0
    assert bool(registers["HCR"] & HCR_E2H) == level[1]
    assert outcome.reason == "guest-shutdown"


def assert_reset(outcome, console):
    assert outcome.console == console
    assert outcome.reason == "guest-reset"


@machines
def test_an_intact_kernel_is_started(bench, cpu, level):
    assert_booted(bench.run(cpu, level), level)


@machines
def test_a_damaged_kernel_is_reported_and_the_machine_reset(bench, cpu, level):
    outcome = bench.run(cpu, level, damage=[("kernel", 0x2345, 5)])
    assert_reset(outcome, damaged_line("kernel", 0x2000, 1, 9))


@levels
def test_it_runs_at_any_page(bench, cpu, level):
    plan = bench.make_plan(base=PURGATORY_ELSEWHERE)
    assert_booted(bench.run(cpu, level, plan), level)
    outcome = bench.run(cpu, level, plan, damage=[("initrd", 0x1FFF, 7)])
    assert_reset(outcome, damaged_line("initrd", 0x1000, 1, 9))


@levels
def test_it_follows_a_big_endian_kernel(bench, cpu, level):
    assert_booted(bench.run(cpu, level, big_endian=1), level)


@pytest.mark.parametrize(
    "name,offset,leaf",
    [
        ("kernel", 0x0, 0x0),
        ("kernel", 0xFFF, 0x0),
        ("kernel", 0x1000, 0x1000),
        ("kernel", 0x3000, 0x3000),  # padding
        ("kernel", 0x3FFF, 0x3000),  # padding, the last byte
        ("initrd", 0x0, 0x0),
        ("dtb", 0x1000, 0x1000),
        ("dtb", 0x1FFF, 0x1000),  # the last byte of all
    ],
)
def test_every_leaf_is_found(bench, name, offset, leaf):
    outcome = bench.run(damage=[(name, offset)])
    assert_reset(outcome, damaged_line(name, leaf, 1, 9))


def test_the_first_of_several_is_named_and_all_are_counted(bench):
    damage = [("kernel", 0x1008), ("kernel", 0x1FF0), ("initrd", 0), ("dtb", 0x1800)]
    assert_reset(bench.run(damage=damage), damaged_line("kernel", 0x1000, 3, 9))
    assert_reset(bench.run(damage=damage[2:]), damaged_line("initrd", 0x0, 2, 9))


def image_constants():
    """An offset in the image that is surely not code: the last used bytes."""
    image = bm.image_path().read_bytes()
    scratch = bm.HEADER.unpack_from(image)[3]
    return len(image[:scratch].rstrip(b"\0")) - 1


@levels
@pytest.mark.parametrize(
    "offset",
    [
        lambda plan: 4,  # version
        lambda plan: 8,  # magic
        lambda plan: 16,  # scratch_offset
        lambda plan: 24 + 2,  # image_size
        lambda plan: image_constants(),
        lambda plan: plan.scratch_offset - 1,
        lambda plan: plan.image_size,  # self_digest
        lambda plan: plan.image_size + bm.PARAMS_SEGMENT_SIZE + 1,
        lambda plan: plan.image_size + bm.PARAMS_SEGMENT_SIZE + 3,
        lambda plan: plan.image_size + bm.PARAMS_SEGMENT_SIZE + 7,
        lambda plan: plan.image_size + bm.PARAMS_KERNEL_ENTRY,
        lambda plan: plan.image_size + bm.PARAMS_SIZE,
        lambda plan: plan.table_offset[0],
        lambda plan: plan.table_offset[1],
        lambda plan: plan.segment_size - 1,
    ],
    ids=[
        "version", "magic", "scratch_offset", "image_size", "constants", "end-of-code",
        "self_digest", "segment_size-4K", "segment_size-huge", "segment_size-absurd",
        "kernel_entry", "behind-params", "table-0", "table-1", "last-byte",
    ],
)
def test_damage_to_purgatory_itself_is_noticed(bench, cpu, level, offset):
    damage = [("purgatory", offset(bench.plan), 4)]
    assert_reset(bench.run(cpu, level, damage=damage), SELF_DAMAGED)


def damaged_scratch(plan):
    return [("purgatory", at) for at in range(plan.scratch_offset, plan.image_size)]


def test_what_is_in_scratch_does_not_matter(bench):
    assert_booted(bench.run(damage=damaged_scratch(bench.plan)), EL1)


def test_one_good_digest_is_enough(bench):
    plan = bench.make_plan(bad_digests=((0, 0), (1, 8)))
    assert_booted(bench.run(plan=plan), EL1)


def test_no_good_digest_is_damage(bench):
    plan = bench.make_plan(bad_digests=((0, 5), (1, 5)))
    assert_reset(bench.run(plan=plan), damaged_line("initrd", 0x1000, 1, 9))


def test_a_digest_table_too_short_is_refused(bench):
    plan = bench.make_plan(leaf_count=8)
    assert_reset(bench.run(plan=plan), SELF_DAMAGED)


@levels
def test_memory_that_is_not_there_is_damage(bench, cpu, level):
    absent = bm.Segment("parity", bm.NOTHING, bytes(2 * bm.LEAF), absent=True)
    plan = bench.make_plan(more=[absent])
    outcome = bench.run(cpu, level, plan)
    assert_reset(outcome, damaged_line("parity", 0x0, 2, 11))


@levels
def test_without_a_uart_it_resets_in_silence(bench, cpu, level):
    plan = bench.make_plan(uart=(bm.UART_NONE, bm.UART))
    assert_reset(bench.run(cpu, level, plan, damage=[("kernel", 0)]), "")
    assert_reset(bench.run(cpu, level, plan, damage=[("purgatory", 8)]), "")


@levels
@pytest.mark.parametrize("uart", [bm.NOTHING, bm.UART + 2, BUSY_UART],
                         ids=["absent", "unaligned", "busy"])
def test_a_uart_that_does_not_work_stops_nothing(bench, cpu, level, uart):
    plan = bench.make_plan(uart=(bm.UART_PL011, uart))
    busy = [(BUSY_UART, b"\xff" * bm.LEAF)]
    outcome = bench.run(cpu, level, plan, damage=[("kernel", 0)], more=busy)
    assert_reset(outcome, "")


# A PCI card with a 16550, whose I/O ports QEMU's virt machine has in memory.
PCI_SERIAL, PCI_PORTS, PCI_WINDOW = 0x4010008000, 0x1000, 0x3EFF0000
PCI_UART = (bm.UART_16550, PCI_WINDOW + PCI_PORTS, 1, 1)


@machines
def test_a_16550_gets_the_whole_line(bench, cpu, level):
    plan = bench.make_plan(uart=PCI_UART)
    second = bench.directory / "second"
    options = ["-chardev", f"file,id=second,path={second}"]
    options += ["-device", "pci-serial,chardev=second,addr=1"]
    outcome = bench.run(cpu, level, plan, damage=[("initrd", 5)], options=options,
                        PCI_SERIAL=PCI_SERIAL, PCI_PORTS=PCI_PORTS)
    assert_reset(outcome, "")
    assert second.read_bytes().decode() == damaged_line("initrd", 0x0, 1, 9)


WINDOW = BUSY_UART  # a page of RAM in place of a UART
LSR_THRE, LSR_TEMT = 0x20, 0x40


def run_with_window(bench, cpu, level, uart, words):
    """What is in the window after purgatory wrote its line to it. words: offset -> bytes that
    it reads there; the rest is 0xa5."""
    window = bytearray(b"\xa5" * bm.LEAF)
    for offset, data in words.items():
        window[offset : offset + len(data)] = data
    memory = bench.directory / "memory"
    options = ["-machine", "memory-backend=ram", "-object",
               f"memory-backend-file,id=ram,size=512M,share=on,mem-path={memory}"]
    outcome = bench.run(cpu, level, bench.make_plan(uart=uart), damage=[("kernel", 0)],
                        more=[(WINDOW, bytes(window))], options=options)
    assert_reset(outcome, "")
    with open(memory, "rb") as file:
        file.seek(WINDOW - bm.RAM)
        after = file.read(bm.LEAF)
    memory.unlink()
    return {at: after[at] for at in range(bm.LEAF) if after[at] != window[at]}


READY = bytes([LSR_THRE | LSR_TEMT])
WORD_READY = READY + bytes(3)


@levels
@pytest.mark.parametrize("uart, words, written", [
    ((bm.UART_16550, WINDOW, 1, 1), {5: READY}, {0: 0x0A}),
    ((bm.UART_16550, WINDOW + 3, 1, 1), {8: READY}, {3: 0x0A}),
    ((bm.UART_16550, WINDOW, 4, 1), {20: READY}, {0: 0x0A}),
    ((bm.UART_16550, WINDOW, 4, 4), {20: WORD_READY}, {0: 0x0A, 1: 0, 2: 0, 3: 0}),
    ((bm.UART_16550, WINDOW, 8, 4), {40: WORD_READY}, {0: 0x0A, 1: 0, 2: 0, 3: 0}),
    # Room for a character, but never empty: the line is out, the wait for its end is given up.
    ((bm.UART_16550, WINDOW, 1, 1), {5: bytes([LSR_THRE])}, {0: 0x0A}),
    # Never any room, whatever else it says.
    ((bm.UART_16550, WINDOW, 1, 1), {5: bytes([0xFF - LSR_THRE])}, {}),
    ((bm.UART_16550, WINDOW, 4, 4), {20: b"\0\xff\xff\xff"}, {}),
    # A PL011 and its SBSA subset: DR as a word, and nothing else.
    ((bm.UART_PL011, WINDOW), {0x18: bytes(4)}, {0: 0x0A, 1: 0, 2: 0, 3: 0}),
], ids=["bytes", "unaligned", "stride-4", "words", "stride-8", "never-empty", "busy",
        "busy-words", "sbsa"])
def test_a_uart_is_written_as_it_has_to_be(bench, cpu, level, uart, words, written):
    assert run_with_window(bench, cpu, level, uart, words) == written


@levels
@pytest.mark.parametrize("uart", [
    (bm.UART_16550, WINDOW, 1, 0),
    (bm.UART_16550, WINDOW, 2, 2),
    (bm.UART_16550, WINDOW, 8, 8),
    (bm.UART_16550, WINDOW, 1, 4),
    (bm.UART_16550, WINDOW + 2, 4, 4),
    (bm.UART_16550, WINDOW, 0xFFFFFFFF, 4),
    (bm.UART_16550, bm.NOTHING, 4, 4),
    (3, WINDOW, 1, 1),
], ids=["width-0", "width-2", "width-8", "stride-below-width", "unaligned", "stride-absurd",
        "absent", "type-3"])
def test_a_uart_that_purgatory_does_not_know_is_left_alone(bench, cpu, level, uart):
    everywhere = {0: READY * bm.LEAF}
    assert run_with_window(bench, cpu, level, uart, everywhere) == {}


@levels
@pytest.mark.parametrize("conduit", [bm.CONDUIT_UNKNOWN, bm.CONDUIT_SMC, bm.CONDUIT_HVC, 77])
def test_a_wrong_conduit_still_resets(bench, cpu, level, conduit):
    plan = bench.make_plan(conduit=conduit)
    outcome = bench.run(cpu, level, plan, damage=[("dtb", 0)])
    assert_reset(outcome, damaged_line("dtb", 0x0, 1, 9))


@levels
@pytest.mark.parametrize("scratch", ["zero", "damaged"])
def test_an_unexpected_exception_is_reported(bench, cpu, level, scratch):
    """A kernel that ends before it has vectors of its own is on purgatory's."""
    plan = bench.make_plan(kernel_code=bytes(4))  # udf #0
    damage = damaged_scratch(plan) if scratch == "damaged" else ()
    outcome = bench.run(cpu, level, plan, damage)
    # FAR is UNKNOWN for an undefined instruction
    console = re.sub("FAR 0x[0-9a-f]+", "FAR ?", outcome.console)
    assert console == (
        "crashres: purgatory: exception ESR 0x2000000"
        f" ELR {KERNEL:#x} FAR ?: resetting\r\n"
    )
    assert outcome.reason == "guest-reset"


def instructions_a_byte(bench, **options):
    """Digest tables included. What is fixed is in both runs."""
    size = 256 * bm.LEAF
    more = bm.Segment("more", RAMDISK, random.Random(2).randbytes(size))
    ticks = [
        bench.run(plan=plan, options=bm.COUNTING).registers["CNTVCT"]
        for plan in (bench.make_plan(**options), bench.make_plan(more=[more], **options))
    ]
    per_byte = (ticks[1] - ticks[0]) * bm.INSTRUCTIONS_PER_TICK / size
    print(f"{per_byte:.2f} instructions a byte")
    return per_byte


@pytest.mark.parametrize(
    "method,least,most",
    [
        # Fewer than these would mean that not every byte is hashed.
        pytest.param(bm.INSTRUCTIONS, 1.5, 2.0, id="instructions"),
        pytest.param(bm.VECTORS, 10, 24, id="vectors"),
        pytest.param(bm.PORTABLE, 25, 28, id="portable"),
    ],
)
def test_the_check_costs_few_instructions_a_byte(bench, method, least, most):
    assert least < instructions_a_byte(bench, image=bm.image_by(method)) <= most


def test_the_instructions_are_used_where_there_are_any(bench):
    assert instructions_a_byte(bench) <= 2.0


@pytest.mark.parametrize("method", [bm.VECTORS, bm.PORTABLE], ids=["vectors", "portable"])
@machines
def test_without_the_instructions_it_does_the_same(bench, cpu, level, method):
    plan = bench.make_plan(image=bm.image_by(method))
    assert_booted(bench.run(cpu, level, plan), level)
    outcome = bench.run(cpu, level, plan, damage=[("initrd", 2 * bm.LEAF + 5)])
    assert_reset(outcome, damaged_line("initrd", 2 * bm.LEAF, 1, 9))


CHECK_IMAGE_CASES = {
    "floating-point or vector registers": (
        "double pg_header(double a) { return a + 1; }", ["-static"]),
    "relocations, which nobody applies": (
        "static int a; int *const pg_header = &a;", ["-static-pie"]),
    "undefined symbols": (
        "int elsewhere(void); int pg_header(void) { return elsewhere() + 1; }", ["-r"]),
    "sections that must be empty": (
        "volatile int state = 1; int pg_header(void) { return state; }", ["-static"]),
    "exclusive, atomic or dc zva accesses": (
        "void pg_header(long *p) { __atomic_fetch_add(p, 1, 5); }",
        ["-static", "-mno-outline-atomics"]),
    "no symbol pg_header": ("int other(void) { return 1; }", ["-static"]),
}


@pytest.mark.parametrize("sentence", CHECK_IMAGE_CASES)
def test_check_image_refuses(tmp_path, sentence):
    text, options = CHECK_IMAGE_CASES[sentence]
    source, elf = tmp_path / "bad.c", tmp_path / "bad.elf"
    source.write_text(text + "\n")
    subprocess.run(
        [bm.compiler(), "-O2", "-nostdlib", "-ffreestanding", "-fpie", *options]
        + ["-Wl,-e0", "-o", elf, source],
        check=True,
    )
    tools = bm.tool_environment()
    result = subprocess.run(
        [bm.TREE / "purgatory" / "check-image", elf], env=tools,
        stderr=subprocess.PIPE, text=True, check=False,
    )
    assert result.returncode == 1
    assert sentence in result.stderr


@machines
def test_without_page_tables_the_mmu_stays_off(bench, cpu, level):
    plan = bench.make_plan(region=None)
    assert_booted(bench.run(cpu, level, plan), level)
    outcome = bench.run(cpu, level, plan, damage=[("initrd", 2 * bm.LEAF + 5)])
    assert_reset(outcome, damaged_line("initrd", 2 * bm.LEAF, 1, 9))


@machines
def test_nothing_but_the_region_is_mapped(bench, cpu, level):
    """That it shows proves that the MMU is on, at every exception level."""
    outside = [bm.Segment("outside", UNMAPPED, bytes(2 * bm.LEAF))]
    mapped = bench.make_plan(more=outside)
    assert_reset(bench.run(cpu, level, mapped), damaged_line("outside", 0, 2, 11))
    assert_booted(bench.run(cpu, level, bench.make_plan(more=outside, region=None)), level)
