# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests vmcore-dmesg as a program: exact output, messages and exit statuses.

make check sets CRASHRES_VMCORE_DMESG (the program). vmcores.py makes the dumps.
"""

import json
import os
import random
import re
import stat
import struct
import subprocess

import pytest

import vmcores
from vmcores import (COMMITTED, ID_MASK, MOVED_RING, RESERVED, REUSABLE, Legacy, Ring, Structured,
                     arm64, core, line, note, notes_of, phdr, x86)

COMMAND = os.environ["CRASHRES_VMCORE_DMESG"]
SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
# Exit status of a sanitizer: a number that vmcore-dmesg does not use.
ENVIRONMENT = {**os.environ, "LC_ALL": "C", "ASAN_OPTIONS": "exitcode=99",
               "UBSAN_OPTIONS": "exitcode=99"}


class Result:
    def __init__(self, done, path):
        self.status, self.out = done.returncode, done.stdout
        prefix = f"vmcore-dmesg: {path}: "
        self.errors = [text.removeprefix(prefix) for text in done.stderr.decode().splitlines()]

    def __iter__(self):
        return iter((self.status, self.out, self.errors))


@pytest.fixture
def run(tmp_path):
    """Returns a function that runs vmcore-dmesg on a dump, given as bytes.

    Its result is the exit status, the output, and the error lines without "vmcore-dmesg: FILE: ".
    """
    def run_command(data, *arguments, **options):
        path = tmp_path / "vmcore"
        path.write_bytes(data)
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        done = subprocess.run([COMMAND, *arguments, path], check=False, timeout=60,
                              env=ENVIRONMENT, **options)
        return Result(done, path)
    return run_command


def command(*arguments, **options):
    done = subprocess.run([COMMAND, *arguments], capture_output=True, text=True, check=False,
                          timeout=60, env=ENVIRONMENT, **options)
    return done.returncode, done.stdout, done.stderr


def objects(out):
    return [json.loads(text) for text in out.decode().split("\n")[:-1]]


BOOT = [b"Booting Linux on physical CPU 0x0000000000 [0x000f0510]",
        b"Linux version 6.12.95 (build@host)",
        b"two lines:\n  of one record",
        b"tab\there, odd \x01\x1b[31m\x7f\xff, UTF-8 \xc3\xa9, a \\ and a \"quote\"",
        b"x" * 200]


def boot_ring(**options):
    ring = Ring(**options)
    for text in BOOT:
        ring.add(text)
    return ring


# ---------------------------------------------------------------- addresses

KERNELS = {
    "x86-64": x86,
    "48 bits": arm64,
    "39 bits": lambda: arm64(39),
    "47 bits": lambda: arm64(47),
    "52 bits": lambda: arm64(52),
    "52 bits on a CPU of 48": lambda: arm64(52, actual_bits=48),
    "memory below 0 of the map": lambda: arm64(48, phys_offset=-0x80000000),
    "before 5.4": lambda: arm64(48, flipped=True),
    "before 5.4, 39 bits": lambda: arm64(39, flipped=True),
    "before 5.4, 42 bits": lambda: arm64(42, flipped=True),
}


@pytest.mark.parametrize("name", KERNELS)
def test_addresses(run, name):
    ring = boot_ring()
    assert tuple(run(core(ring.install(KERNELS[name]())))) == (0, ring.lines(), [])


def test_tagged_pointers(run):
    kernel = arm64()
    kernel.tag = 0x3c
    ring = boot_ring()
    assert tuple(run(core(ring.install(kernel)))) == (0, ring.lines(), [])


def test_wrong_virtual_addresses_in_the_dump_are_not_used(run):
    """Wrong p_vaddr at the addresses of the log: the numbers of VMCOREINFO win."""
    ring = boot_ring()
    kernel = ring.install(arm64())
    kernel.has_vaddr = True
    wrong = phdr(vmcores.PT_LOAD, 0, kernel.linear.vaddr, 0x1000, 1 << 18)
    assert tuple(run(core(kernel, before=[wrong]))) == (0, ring.lines(), [])


def test_virtual_addresses_of_the_dump_without_numbers_in_vmcoreinfo(run):
    ring = boot_ring()
    kernel = ring.install(arm64())
    kernel.info = re.sub(r"NUMBER.*\n", "", kernel.info)
    kernel.has_vaddr = True
    assert tuple(run(core(kernel))) == (0, ring.lines(), [])
    kernel.has_vaddr = False
    assert tuple(run(core(kernel))) == (
        30, b"", [f"No program header covering vaddr 0x{ring.prb_at:x} (prb)"])


def test_other_machines_use_virtual_addresses_of_the_dump(run):
    ring = boot_ring()
    kernel = ring.install(arm64())
    kernel.machine = vmcores.X86_64
    status, out, errors = run(core(kernel))
    assert (status, out) == (30, b"") and len(errors) == 1


def test_text_in_two_segments(run):
    """A record that lies in two segments, at distant physical addresses."""
    ring = boot_ring()
    kernel = ring.install(arm64())
    whole = kernel.linear
    cut = whole.at(ring.data_at) + 70
    first = vmcores.Area(whole.vaddr, whole.paddr, 0)
    second = vmcores.Area(whole.vaddr + cut, whole.paddr + cut, 0)
    first.data, second.data = whole.data[:cut], whole.data[cut:]

    class Split(vmcores.Kernel):
        areas = first, kernel.image, second
    split = Split(0, 0, kernel.info)
    assert tuple(run(core(split))) == (0, ring.lines(), [])


# --------------------------------------------------------- the lockless ring

def test_layout_is_that_of_vmcoreinfo(run):
    ring = boot_ring(layout=MOVED_RING)
    data = core(ring.install(arm64()))
    assert tuple(run(data)) == (0, ring.lines(), [])
    # In this layout other bytes lie between text_len and caller_id: the priority is unknown.
    status, out, errors = run(data, "--json")
    assert (status, errors) == (0, [])
    assert objects(out) == ring.objects(level=None, facility=None)


def test_exact_text(run):
    ring = boot_ring()
    _, out, _ = run(core(ring.install(arm64())))
    assert out.decode() == (
        "[    0.000000] Booting Linux on physical CPU 0x0000000000 [0x000f0510]\n"
        "[    0.001234] Linux version 6.12.95 (build@host)\n"
        "[    0.002469] two lines:\n  of one record\n"
        "[    0.003703] tab\there, odd \\x01\\x1b[31m\\x7f\\xff, UTF-8 \\xc3\\xa9, a \\ and a "
        "\"quote\"\n"
        "[    0.004938] " + "x" * 200 + "\n")


@pytest.mark.parametrize("time, stamp", [
    (0, b"[    0.000000] "), (999999999, b"[    0.999999] "), (10**9, b"[    1.000000] "),
    (12345678900001000, b"[12345678.900001] "), (2**64 - 1, b"[18446744073.709551] ")])
def test_time(run, time, stamp):
    ring = Ring()
    ring.add(b"text", time=time)
    assert run(core(ring.install(arm64()))).out == stamp + b"text\n"


@pytest.mark.parametrize("exact_fit", [False, True], ids=["as ever", "as since 6.18"])
@pytest.mark.parametrize("seed", range(8))
def test_wrapped(run, seed, exact_fit):
    """Ids, positions and offsets in the ring have wrapped, each a different number of times."""
    chance = random.Random(seed)
    ring = Ring(exact_fit=exact_fit, count_bits=chance.randrange(2, 6),
                size_bits=chance.randrange(9, 12))
    for _ in range(chance.randrange(100, 200)):
        ring.add(bytes(chance.choices(range(256), k=chance.randrange(0, 120))),
                 lost=chance.random() < 0.05, level=chance.randrange(8),
                 facility=chance.randrange(24), caller=chance.choice((7, 2**31 | 3)))
    data = core(ring.install(arm64()))
    assert tuple(run(data)) == (0, ring.lines(), [])
    status, out, errors = run(data, "--json")
    assert (status, errors, objects(out)) == (0, [], ring.objects())


@pytest.mark.parametrize("exact_fit", [False, True], ids=["as ever", "as since 6.18"])
def test_block_up_to_the_end_of_the_buffer(run, exact_fit):
    ring = Ring(size_bits=8, exact_fit=exact_fit)
    for _ in range(10):
        ring.add(b"with its id 64 bytes, four of which fill the buffer %04d" % 1)
    assert len(ring.records) == 4 if exact_fit else 3
    assert any(record.after % 256 == 0 for record in ring.records) == exact_fit
    assert tuple(run(core(ring.install(arm64())))) == (0, ring.lines(), [])


def test_states(run):
    """Committed and finalized records are printed, reserved and reusable ones are not."""
    ring = Ring()
    for state, text in ((vmcores.FINALIZED, b"finalized"), (COMMITTED, b"committed"),
                        (RESERVED, b"reserved"), (REUSABLE, b"reusable"),
                        (COMMITTED, b"committed too")):
        ring.add(text, state=state)
    status, out, errors = run(core(ring.install(arm64())))
    assert (status, errors) == (0, [])
    assert re.findall(rb"\] (.*)\n", out) == [b"finalized", b"committed", b"committed too"]


def test_descriptors_with_the_previous_id(run):
    """At the panic a writer had an id, and the descriptor still had the previous id."""
    ring = boot_ring(count_bits=3)
    for _ in range(9):
        ring.add(b"later")
    gone = ring.records.pop()
    ring.states[gone.ident % 8] = (gone.ident - 8) & ID_MASK | REUSABLE << 62
    assert tuple(run(core(ring.install(arm64())))) == (0, ring.lines(), [])


def test_descriptors_never_used(run):
    ring = boot_ring(first_id=100)
    assert tuple(run(core(ring.install(arm64(), tail=92)))) == (0, ring.lines(), [])


def test_records_without_text(run):
    """As in kexec-tools, a record without text is printed with its time."""
    ring = Ring()
    ring.add(b"before")
    ring.add(b"")
    ring.add(b"no room for this", lost=True)
    ring.add(b"behind")
    ring.add(b"")
    damage(ring, 4, after=vmcores.FAILED_LPOS)
    data = core(ring.install(arm64()))
    assert tuple(run(data)) == (0, ring.lines(), [])
    assert [line[15:] for line in ring.lines().splitlines()] == [b"before", b"", b"", b"behind", b""]
    out = objects(run(data, "--json").out)
    assert [record["text"] for record in out] == ["before", "", None, "behind", None]


def test_largest_record(run):
    ring = Ring(size_bits=18)
    ring.add(b"a")
    ring.add(bytes(range(256)) * 255)
    ring.add(b"z" * 65535)
    assert tuple(run(core(ring.install(arm64(size=1 << 19))))) == (0, ring.lines(), [])


# -------------------------------------------------------------------- JSON

def test_json(run):
    ring = Ring()
    ring.add(b"Linux", time=12345, level=5, facility=0, caller=0)
    ring.add(b"from a daemon", time=67890, level=3, facility=3, caller=2**31 | 12)
    status, out, errors = run(core(ring.install(arm64())), "--json")
    assert (status, errors) == (0, [])
    assert out.decode() == (
        '{"seq":0,"time_ns":12345,"level":5,"facility":0,"caller":"T0","text":"Linux"}\n'
        '{"seq":1,"time_ns":67890,"level":3,"facility":3,"caller":"C12",'
        '"text":"from a daemon"}\n')


def test_json_without_caller(run):
    ring = boot_ring()
    kernel = ring.install(arm64())
    kernel.info = kernel.info.replace("OFFSET(printk_info.caller_id)=20\n", "")
    status, out, errors = run(core(kernel), "--json")
    assert (status, errors) == (0, [])
    assert objects(out) == ring.objects(caller=None, level=None, facility=None)


def utf8_samples():
    """All short strings of the boundary bytes of table 3-7 of the Unicode Standard, inside text."""
    borders = [0x22, 0x41, 0x5c, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf,
               0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff]
    pairs = b"".join(bytes((first, second, 0x80, 0x80, 0x2e)) for first in borders
                     for second in borders)
    triples = b"".join(bytes((first, 0x90 if first > 0xef else 0xa0, third, fourth, 0x2e))
                       for first in borders if first >= 0xe0
                       for third in borders for fourth in borders[:12])
    return [bytes(range(32)), pairs, triples, "é€😀\u2028".encode(), b"\xf0\x9f\x98",
            b"a" * 510 + "é€😀".encode() + b"b" * 509 + "😀".encode()]


def test_json_is_valid_unicode(run):
    ring = Ring(size_bits=18)
    for text in utf8_samples():
        ring.add(text)
    status, out, errors = run(core(ring.install(arm64(size=1 << 19))), "--json")
    assert (status, errors) == (0, [])
    assert objects(out) == ring.objects()


# ------------------------------------------------------------ an empty log

EMPTY = (62, b"", ["the log is empty"])


@pytest.mark.parametrize("log", [Ring, Structured, Legacy])
def test_empty_log(run, log):
    """A dead kernel has logged its panic. An empty log means that the log is missing."""
    assert tuple(run(core(log().install(arm64())))) == EMPTY


def test_structured_log_that_starts_at_its_end(run):
    """log_first_idx equals log_next_idx: the log has no records."""
    log = structured()
    log.first = log.next
    assert tuple(run(core(log.install(x86())))) == EMPTY


def test_lost_descriptors(run):
    ring = boot_ring()
    kernel = ring.install(arm64())
    start = kernel.linear.at(ring.descs_at)
    kernel.linear.data[start:start + 24 * ring.count] = bytes(24 * ring.count)
    assert tuple(run(core(kernel))) == EMPTY


# ------------------------------------------------------- the structured log

@pytest.mark.parametrize("name, caller", [("printk_log", False), ("printk_log", True),
                                          ("log", False)])
@pytest.mark.parametrize("count", [1, 5, 40])
def test_structured(run, name, caller, count):
    log = Structured(name=name, caller=caller)
    for i in range(count):
        log.add(b"record %d %s" % (i, BOOT[i % 5]), dictionary=b"SUBSYSTEM=pci" * (i % 2),
                level=i % 8, facility=i % 3, caller=i)
    data = core(log.install(arm64(flipped=True)))
    assert tuple(run(data)) == (0, log.lines(), [])
    known = {} if name == "printk_log" else {"level": None, "facility": None}
    if not caller:
        known["caller"] = None
    status, out, errors = run(data, "--json")
    assert (status, errors) == (0, [])
    assert objects(out) == [record.object(**{**known, "seq": None})
                            for _, _, record in log.records]
    assert count < 40 or log.first > log.next, "has to have come around"


def structured():
    log = Structured(size=512)
    for i in range(4):
        log.add(b"record %d" % i)
    return log


def wrapped_structured():
    log = Structured(size=512)
    while not log.first > log.next or len(log.records) < 10:
        log.add(b"record %04d" % log.next)
    return log


@pytest.mark.parametrize("change, printed, error", [
    ({"len": 0}, 1, "record at offset 96: the log ends before this offset"),
    ({"len": 15}, 1, "record at offset 24: the length is damaged"),
    ({"len": 65535}, 1, "record at offset 24: the length is damaged"),
    ({"len": 200}, 2, "record at offset 24: the record overlaps the end of the log"),
    ({"text": 65535}, 4, "record at offset 24: the text is truncated"),
    ({"text": 9}, 4, "record at offset 24: the text is truncated"),
], ids=str)
def test_structured_damage(run, change, printed, error):
    log = structured()
    start = log.records[1][0]
    for field, value in change.items():
        struct.pack_into("<H", log.data, start + {"len": 8, "text": 10}[field], value)
    status, out, errors = run(core(log.install(x86())))
    assert (status, errors) == (63, [error])
    assert len(out.splitlines()) == printed
    assert out.startswith(line(0, b"record 0"))


def test_structured_damage_before_the_end_of_the_buffer(run):
    """The part of the log at the start of the buffer is still printed."""
    log = wrapped_structured()
    index, _, _ = log.records[1]
    log.data[index + 8:index + 10] = b"\1\0"
    status, out, errors = run(core(log.install(x86())))
    assert (status, errors) == (63, [f"record at offset {index}: the length is damaged"])
    kept = [log.records[0]] + [each for each in log.records if each[0] < log.first]
    assert out == b"".join(line(record.time, record.text) for _, _, record in kept)


def test_structured_log_that_never_ends(run):
    """A header of length 0 leads to offset 0 again and again: the log must end."""
    log = wrapped_structured()
    data = core(log.install(x86(), after=log.first - 4))
    status, out, errors = run(data)
    assert status == 63 and len(errors) == 1
    assert len(out) < 10000


@pytest.mark.parametrize("head, sentence", [
    ({"first": 513}, "log_first_idx 513, log_next_idx 96, log_buf_len 512"),
    ({"after": 513}, "log_first_idx 0, log_next_idx 513, log_buf_len 512"),
    ({"size": 2**31 + 1}, "log_first_idx 0, log_next_idx 96, log_buf_len 2147483649")], ids=str)
def test_structured_header(run, head, sentence):
    assert tuple(run(core(structured().install(x86(), **head)))) == (
        62, b"", [f"the log header is damaged: {sentence}"])


def test_structured_first_at_the_end(run):
    status, out, errors = run(core(structured().install(x86(), first=504)))
    assert (status, errors) == (63, ["record at offset 504: the record does not fit into the buffer"])
    assert out == structured().lines()


# ------------------------------------------------------ the legacy buffer

LEGACY = (b"<6>[    0.000000] Linux version 2.6.32\n<4>[    1.000123] odd \x01 byte\n"
          b"<191>[12345.000000]no blank\nno marks\n<300>[    1.5] bad ones\n<6>[    1.5] short\n\n<3>continued")


@pytest.mark.parametrize("chars", [True, False], ids=["logged_chars", "log_end alone"])
def test_legacy(run, chars):
    log = Legacy()
    log.add(LEGACY)
    data = core(log.install(x86(), chars=chars))
    assert tuple(run(data)) == (0, LEGACY.replace(b"\x01", b"\\x01") + b"\n", [])
    status, out, errors = run(data, "--json")
    assert (status, errors) == (0, [])
    assert [tuple(record.values()) for record in objects(out)] == [
        (None, 0, 6, 0, None, "Linux version 2.6.32"),
        (None, 1000123000, 4, 0, None, "odd \x01 byte"),
        (None, 12345000000000, 7, 23, None, "no blank"),
        (None, None, None, None, None, "no marks"),
        (None, None, None, None, None, "<300>[    1.5] bad ones"),
        (None, None, 6, 0, None, "[    1.5] short"),
        (None, None, None, None, None, ""),
        (None, None, 3, 0, None, "continued")]


@pytest.mark.parametrize("length", [100, 255, 256, 257, 300, 511, 512, 5000])
def test_legacy_wrapped(run, length):
    text = b"".join(b"<6>[%5d.000000] line %d\n" % (i, i) for i in range(400))[:length]
    log = Legacy(size=256)
    log.add(text)
    data = core(log.install(x86()))
    assert tuple(run(data)) == (0, text[-256:].removesuffix(b"\n") + b"\n", [])
    records = objects(run(data, "--json").out)
    assert [record["text"] for record in records[1:-1]] == [
        re.sub(r"<6>\[.*\] ", "", each) for each in text[-256:].decode().splitlines()[1:-1]]


def test_legacy_after_dmesg_clear(run):
    log = Legacy(size=256)
    log.add(b"old\n" * 100 + b"new\n")
    assert tuple(run(core(log.install(x86(), logged=4)))) == (0, b"new\n", [])
    assert tuple(run(core(log.install(x86(), logged=0)))) == EMPTY


def test_legacy_positions_that_have_wrapped(run):
    log = Legacy(size=256)
    log.add(b"0123456789" * 30)
    # log_end is 2^32 + 300.
    assert tuple(run(core(log.install(x86(), end=300, logged=256)))) == (
        0, log.text[-256:] + b"\n", [])


def test_legacy_with_a_hole(run):
    """A log of three pages. The dump lacks the page in the middle."""
    text = b"".join(b"line %04d\n" % i for i in range(1600))
    log = Legacy(size=16384)
    log.add(text)
    kernel = log.install(x86())
    hole = vmcores.Area(kernel.linear.vaddr + 8192, kernel.linear.paddr + 8192, 0)
    hole.data = kernel.linear.data[8192:]
    kernel.linear.data = kernel.linear.data[:4096]

    class Holed(vmcores.Kernel):
        areas = kernel.image, kernel.linear, hole
        machine, has_vaddr = kernel.machine, True
    assert kernel.linear.at(log.data_at) == 0
    assert tuple(run(core(Holed(0, 0, kernel.info)))) == (
        30, text[:4096] + b"\n" + text[8192:],
        [f"No program header covering vaddr 0x{log.data_at + 4096:x} (log text)"])


@pytest.mark.parametrize("change, out, error", [
    ({"size": 0}, b"", "log_buf_len is 0"),
    ({"size": 257}, b"", "log_buf_len is 257"),
    ({"size": 2**31 + 2**30}, b"", "log_buf_len is 3221225472"),
    ({"logged": 257}, b"\\x00" * 252 + b"log\n", "257 characters in a buffer of 256")], ids=str)
def test_legacy_header(run, change, out, error):
    log = Legacy(size=256)
    log.add(b"log\n")
    assert tuple(run(core(log.install(x86(), **change)))) == (
        62, out, ["the log header is damaged: " + error])


# ------------------------------------------------------------- a bad ring

def damage(ring, record, **fields):
    for field, value in fields.items():
        setattr(ring.records[record], field, value)


@pytest.mark.parametrize("head, error", [
    ({"count_bits": 28}, "2^28 descriptors, 2^10 bytes of text"),
    ({"count_bits": 2**32 - 1}, "2^4294967295 descriptors, 2^10 bytes of text"),
    ({"size_bits": 32}, "2^4 descriptors, 2^32 bytes of text"),
    ({"size_bits": 64}, "2^4 descriptors, 2^64 bytes of text"),
    ({"size_bits": 3}, "2^4 descriptors, 2^3 bytes of text")], ids=str)
def test_ring_header(run, head, error):
    assert tuple(run(core(boot_ring().install(arm64(), **head)))) == (
        62, b"", ["the log header is damaged: " + error])


def test_ring_with_more_records_than_descriptors(run):
    """Prints as many records as there are descriptors, the newest ones."""
    ring = boot_ring(first_id=100)
    status, out, errors = run(core(ring.install(arm64(), tail=3)))
    assert (status, out) == (62, ring.lines())
    assert errors == ["the log header is damaged: 102 records in 16 descriptors"]
    for _ in range(30):
        ring.add(b"later")
    assert len(ring.records) == 16
    assert run(core(ring.install(arm64(), tail=3))).out == ring.lines()


@pytest.mark.parametrize("fields, error", [
    ({"begin": 4}, "the position of the text is damaged"),
    ({"after": 4}, "the position of the text is damaged"),
    ({"after": 2**64 - 1024}, "the position of the text is damaged"),
    ({"begin": 1}, "the position of the text is damaged"),
], ids=str)
def test_record_with_a_damaged_position(run, fields, error):
    ring = boot_ring(first_id=0x100)
    damage(ring, 1, begin=8, after=16)
    damage(ring, 1, **fields)
    ring.install(kernel := arm64())
    status, out, errors = run(core(kernel))
    del ring.records[1]
    assert (status, out, errors) == (63, ring.lines(), ["record with id 0x101: " + error])


def test_record_as_long_as_the_ring_and_longer(run):
    ring = Ring(size_bits=6, first_id=0x100)
    ring.add(b"y" * 48)
    damage(ring, 0, begin=0, after=64, length=56)
    ring.data[:8] = struct.pack("<Q", 0x100)
    status, out, errors = run(core(ring.install(arm64())))
    assert (status, errors) == (0, []) and len(out) == 15 + 56 + 8 * 3 + 1
    # A wrapped block may reach from offset 0 to its own begin.
    damage(ring, 0, begin=8, after=72, length=40)
    ring.data[8:16] = ring.data[:8]
    assert tuple(run(core(ring.install(arm64())))) == (
        63, line(0, b""), ["record with id 0x100: the text is truncated"])
    damage(ring, 0, after=80)
    assert tuple(run(core(ring.install(arm64())))) == (
        63, b"", ["record with id 0x100: the position of the text is damaged"])


def test_text_longer_than_its_block(run):
    ring = boot_ring(first_id=0x100)
    length = (ring.records[1].after - ring.records[1].begin) - 8
    damage(ring, 1, length=65535)
    status, out, errors = run(core(ring.install(arm64())))
    ring.records[1].text = ring.records[1].text.ljust(length, b"\0")
    assert (status, out) == (63, ring.lines())
    assert errors == ["record with id 0x101: the text is truncated"]


def test_text_of_another_record(run):
    """The text can be right, so that it is printed, with an error message."""
    ring = boot_ring(first_id=0x100)
    ring.data[ring.records[2].begin % ring.size] ^= 1
    status, out, errors = run(core(ring.install(arm64())))
    assert (status, out) == (63, ring.lines())
    assert errors == ["record with id 0x102: the text block belongs to another record"]


def test_text_of_another_record_at_the_start(run):
    """A wrapped block has its id at begin and at offset 0; both are compared."""
    ring = Ring(size_bits=8, first_id=0x100)
    while not ring.records or ring.records[-1].begin // 256 == ring.records[-1].after // 256:
        ring.add(b"x" * 50)
    last = ring.records[-1].ident
    ring.data[0] ^= 1
    status, out, errors = run(core(ring.install(arm64())))
    assert (status, out) == (63, ring.lines())
    assert errors == [f"record with id 0x{last:x}: the text block belongs to another record"]


@pytest.mark.parametrize("state_var", [0x999, 1, 0x101 - 16 | COMMITTED << 62,
                                       0x101 - 16 | RESERVED << 62, 0x102 | REUSABLE << 62])
def test_bad_descriptor(run, state_var):
    ring = boot_ring(first_id=0x100)
    gone = ring.records[1]
    del ring.records[1]
    ring.states[gone.ident % 16] = state_var
    assert tuple(run(core(ring.install(arm64())))) == (
        63, ring.lines(), ["record with id 0x101: the descriptor is damaged"])


def test_many_bad_records_are_counted(run):
    ring = Ring(count_bits=5, size_bits=12)
    for i in range(32):
        ring.add(b"record %d" % i)
    for record in list(ring.records)[3:20]:
        record.length = 1000
    status, out, errors = run(core(ring.install(arm64())))
    assert status == 63 and len(out.splitlines()) == 32
    assert len(errors) == 11 and errors[10] == "and 7 more damaged places"


def test_reading_stops_after_much_damage(run):
    """2^27 damaged descriptors: few error lines, and the program stops early."""
    kernel = boot_ring().install(arm64(), count_bits=27, head=2**27, tail=1)
    kernel.linear.data[:] = b"\xa5" * len(kernel.linear.data)
    status, out, errors = run(core(kernel))
    assert (status, out) == (63, b"")
    assert errors[-1] == "stopped after 10000 damaged places" and len(errors) == 11


def test_text_that_no_header_covers(run):
    ring = boot_ring()
    kernel = ring.install(arm64())
    kernel.linear.data = kernel.linear.data[:kernel.linear.at(ring.data_at) + 100]
    status, out, errors = run(core(kernel))
    assert status == 30
    assert out.startswith(ring.records[0].line()) and len(errors) >= 3
    end = (ring.data_at + 100) & vmcores.M64
    assert errors[0] == f"No program header covering vaddr 0x{end:x} (log text)"


@pytest.mark.parametrize("what, place", [("log descriptor", "descs_at"),
                                         ("log record", "infos_at"), ("prb", "prb_at")])
def test_truncated_dump(run, what, place):
    ring = boot_ring(first_id=0x100)
    kernel = ring.install(arm64())
    data = core(kernel)
    linear = len(data) - len(kernel.linear.data)
    address = getattr(ring, place)
    offset = linear + kernel.linear.at(address)
    if place == "prb_at":
        offset = linear - 4096 + kernel.image.at(address)
    status, out, errors = run(data[:offset])
    assert (status, out) == (41, b"")
    assert errors[0] == (f"vaddr 0x{address:x} at offset 0x{offset:x} lies beyond the end of the file "
                         f"({what})")


def test_wrapping_offset(run):
    ring = boot_ring()
    kernel = ring.install(arm64())
    bad = phdr(vmcores.PT_LOAD, vmcores.M64 - 16, 0, kernel.image.paddr, 4096)
    assert tuple(run(core(kernel, before=[bad]))) == (
        16, b"", [f"the program header for vaddr 0x{ring.prb_at:x} wraps around (prb)"])
    beyond = phdr(vmcores.PT_LOAD, 2**63 - 4096, 0, kernel.image.paddr, 4096)
    assert tuple(run(core(kernel, before=[beyond]))) == (
        41, b"", [f"vaddr 0x{ring.prb_at:x} at offset 0x7ffffffffffff0c0 lies beyond the end of the file "
                  "(prb)"])


def test_size_that_wraps(run):
    """p_paddr + p_filesz is larger than 2^64: the segment covers the addresses below 2^64."""
    ring = boot_ring()
    kernel = ring.install(arm64())
    bad = phdr(vmcores.PT_LOAD, 0, 2**64 - 4096, 2**64 - 4096, 2**63)
    assert tuple(run(core(kernel, before=[bad]))) == (0, ring.lines(), [])


# -------------------------------------------------------------- ELF headers

def changed(data, offset, value):
    return data[:offset] + value + data[offset + len(value):]


@pytest.mark.parametrize("change, status, error", [
    (lambda data: b"", 3, "truncated: the ELF header ends at byte 64, the file at byte 0"),
    (lambda data: b"no core at all\n", 3, "truncated: the ELF header ends at byte 64, the file at byte 15"),
    (lambda data: b"text of 16 bytes", 4, "Missing elf signature"),
    (lambda data: changed(data, 4, b"\1"), 5, "is not a 64-bit ELF core (class 1)"),
    (lambda data: changed(data, 5, b"\2"), 6, "is not a little-endian ELF core (order 2)"),
    (lambda data: changed(data, 6, b"\0"), 7, "unknown ELF version 0"),
    (lambda data: data[:63], 10, "truncated: the ELF header ends at byte 64, the file at byte 63"),
    (lambda data: changed(data, 54, b"\x20\0"), 12, "the program headers have 32 bytes each, not 56"),
    (lambda data: changed(data, 56, b"\0\0"), 13, "no program headers"),
    (lambda data: data[:64], 14, "program header 2 lies beyond the end of the file"),
    (lambda data: data[:64 + 3 * 56 - 1], 14, "program header 2 lies beyond the end of the file"),
    (lambda data: changed(data, 32, b"\xff" * 8), 14,
     "program header 2 lies beyond the end of the file"),
    (lambda data: changed(data, 56, b"\xff\xff"), 15, "4194305 program headers, at most 4194304"),
    (lambda data: changed(changed(data, 56, b"\xff\xff"), 40, b"\xff" * 8), 15,
     "cannot read the number of program headers"),
], ids=str)
def test_no_usable_elf(run, change, status, error):
    data = core(boot_ring().install(arm64()))
    # Bytes at the place of the first section header, with 2^22 + 1 in sh_info.
    data += bytes(-len(data) % 64)
    data = changed(data, 40, struct.pack("<Q", len(data)))
    data += bytes(44) + struct.pack("<I", 2**22 + 1) + bytes(16)
    assert tuple(run(change(data))) == (status, b"", [error])


def test_more_headers_than_e_phnum_holds(run):
    ring = boot_ring()
    kernel = ring.install(arm64())
    empty = [phdr(vmcores.PT_LOAD, 0, 0, 0, 0)] * 70000
    # e_phnum is 0xffff (PN_XNUM), and sh_info of the first section header has the number.
    data = core(kernel, before=empty, numbered=False)
    data = changed(changed(data, 56, b"\xff\xff"), 40, struct.pack("<Q", len(data)))
    data += bytes(44) + struct.pack("<I", 70003) + bytes(16)
    assert tuple(run(data)) == (0, ring.lines(), [])


def test_no_such_file():
    assert command("/nowhere/vmcore") == (
        2, "", "vmcore-dmesg: /nowhere/vmcore: cannot open: No such file or directory\n")


def test_folder(tmp_path):
    assert command(tmp_path) == (40, "", f"vmcore-dmesg: {tmp_path}: cannot read: Is a directory\n")


# -------------------------------------------------------------------- notes

def boot_info(ring=None):
    kernel = (ring or boot_ring()).install(arm64())
    return kernel, note(b"VMCOREINFO\0", kernel.info.encode())


NO_VMCOREINFO = "is not a kernel dump: no VMCOREINFO note"


@pytest.mark.parametrize("notes", [
    b"", vmcores.PRSTATUS, note(b"VMCOREINFO_XEN\0", b"SYMBOL(prb)=1\n"),
    note(b"vmcoreinfo\0", b"A=1\n"), note(b"VMCOREINFO", b"A=1\n"), bytes(40), bytes(7)],
    ids=["none", "others", "Xen", "small", "no end", "zeros", "short"])
def test_no_vmcoreinfo(run, notes):
    assert tuple(run(core(arm64(), notes))) == (50, b"", [NO_VMCOREINFO])


def test_notes_of_many_cpus_and_padding(run):
    kernel, vmcoreinfo = boot_info(ring := boot_ring())
    other = note(b"LONG NAME\0", bytes(5), 2)
    assert tuple(run(core(kernel, (vmcores.PRSTATUS + other) * 1000 + vmcoreinfo))) == (
        0, ring.lines(), [])


def test_one_note_segment_for_each_cpu(run):
    """One PT_NOTE for each CPU, unlike /proc/vmcore; a CPU that never ran has zeros."""
    kernel, vmcoreinfo = boot_info(ring := boot_ring())
    data = core(kernel, vmcoreinfo, before=[phdr(vmcores.PT_NOTE, 0, 0, 0, 0)] * 8)
    start = len(data)
    data += bytes(400)
    for i in range(8):
        data = changed(data, 64 + i * 56, phdr(vmcores.PT_NOTE, start, 0, 0, 400))
    assert tuple(run(data)) == (0, ring.lines(), [])


def test_truncated_vmcoreinfo(run):
    """The remaining VMCOREINFO is sufficient for the log, but the truncation is an error."""
    kernel, vmcoreinfo = boot_info(ring := boot_ring())
    longer = changed(vmcoreinfo, 4, struct.pack("<I", len(kernel.info) + 5000))
    data = core(kernel, longer)
    offset = data.index(longer)
    error = f"the note at offset 0x{offset:x} is longer than its segment"
    assert tuple(run(data)) == (21, ring.lines(), [error])
    status, out, errors = run(data, "--info")
    assert (status, errors) == (21, [error])
    assert out.rstrip(b"\0") == kernel.info.encode()


def test_note_with_a_name_that_is_too_long(run):
    kernel, vmcoreinfo = boot_info()
    data = core(kernel, changed(vmcoreinfo, 0, b"\xff\xff\xff\xff"))
    offset = data.index(b"VMCOREINFO\0") - 12
    assert tuple(run(data)) == (21, b"", [
        f"the note at offset 0x{offset:x} is longer than its segment", NO_VMCOREINFO])


def test_vmcoreinfo_that_is_too_large(run):
    kernel, _ = boot_info(ring := boot_ring())
    info = kernel.info.encode().ljust((1 << 18) + 4, b"\n")
    status, out, errors = run(core(kernel, note(b"VMCOREINFO\0", info)))
    assert (status, out, errors) == (22, ring.lines(), ["VMCOREINFO has 262148 bytes, at most 262144"])


def test_notes_beyond_the_end(run):
    kernel, vmcoreinfo = boot_info()
    data = core(kernel, vmcoreinfo)
    beyond = changed(data, 64 + 8, struct.pack("<Q", len(data) + 4096))
    assert tuple(run(beyond)) == (20, b"", [
        f"the notes at offset 0x{len(data) + 4096:x} lie beyond the end of the file", NO_VMCOREINFO])
    wraps = changed(data, 64 + 8, struct.pack("<Q", vmcores.M64 - 8))
    assert tuple(run(wraps)) == (16, b"", ["the program header of the notes wraps around",
                                           NO_VMCOREINFO])
    offset = data.index(b"OFFSET(prb_data_ring")
    status, out, errors = run(data[:offset])
    assert (status, out, errors[0]) == (20, b"", "VMCOREINFO lies beyond the end of the file")


def test_notes_without_end(run, tmp_path):
    """Terabytes of empty notes, in a sparse file: the search stops."""
    kernel, _ = boot_info()
    data = core(kernel, b"")
    data = changed(data, 64, phdr(vmcores.PT_NOTE, 1 << 20, 0, 0, 1 << 44))
    path = tmp_path / "sparse"
    path.write_bytes(data)
    os.truncate(path, 1 << 43)
    assert command(path) == (50, "", f"vmcore-dmesg: {path}: {NO_VMCOREINFO}\n")
    with open(path, "r+b") as file:
        file.seek(1 << 20)
        file.write(struct.pack("<III", 0, 0, 1) * (1 << 20) + notes_of(kernel.info))
    assert command(path) == (50, "", f"vmcore-dmesg: {path}: {NO_VMCOREINFO}\n")


# --------------------------------------------------------------- VMCOREINFO

def ring_keys():
    """Returns the keys in the table of lockless.c."""
    with open(os.path.join(SOURCE, "vmcore-dmesg/lockless.c"), encoding="utf-8") as source:
        return re.findall(r'^\tFIELD\("(.*)", ', source.read(), re.M)


@pytest.mark.parametrize("key", [key for key in ring_keys() if key != "SYMBOL(prb)"])
def test_missing_and_invalid_keys(run, key):
    kernel = boot_ring().install(arm64())
    whole, pattern = kernel.info, re.escape(key) + "=.*\n"
    kernel.info = re.sub(pattern, "", whole)
    assert kernel.info != whole
    assert tuple(run(core(kernel))) == (60, b"", [f"VMCOREINFO has no {key}"])
    for value in ("", "-1", "x", "1048577", "99999999999999999999", "12 "):
        kernel.info = re.sub(pattern, f"{key}={value}\n", whole)
        assert tuple(run(core(kernel))) == (61, b"", [f"VMCOREINFO: the value of {key} is invalid"])


def test_table_of_keys_is_found():
    assert len(ring_keys()) == 20


@pytest.mark.parametrize("log, keys", [
    (structured, ["SYMBOL(log_buf)", "SYMBOL(log_buf_len)", "SYMBOL(log_next_idx)",
                  "SIZE(printk_log)", "OFFSET(printk_log.ts_nsec)", "OFFSET(printk_log.len)",
                  "OFFSET(printk_log.text_len)"]),
    (Legacy, ["SYMBOL(log_buf)", "SYMBOL(log_buf_len)"])], ids=["structured", "legacy"])
def test_missing_keys_of_older_logs(run, log, keys):
    for key in keys:
        kernel = log().install(x86())
        kernel.info = re.sub(re.escape(key) + "=.*\n", "", kernel.info)
        assert tuple(run(core(kernel))) == (60, b"", [f"VMCOREINFO has no {key}"])


def test_no_log_at_all(run):
    assert tuple(run(core(arm64()))) == (51, b"", [
        "VMCOREINFO has no address of the log: no SYMBOL(prb), SYMBOL(log_first_idx) or "
        "SYMBOL(log_end)"])


def test_key_is_a_whole_word(run):
    """A key that is the start or the end of another key does not match it."""
    kernel = arm64()
    kernel.info += "XSYMBOL(prb)=1\nSYMBOL(prb)X=1\nSYMBOL(prb"
    assert run(core(kernel)).status == 51


def test_info(run):
    ring = boot_ring()
    kernel = ring.install(arm64())
    kernel.info = "OSRELEASE=6.12.95+deb12-arm64\nCRASHTIME=1700000000\n" + kernel.info
    data = core(kernel)
    assert tuple(run(data, "--info")) == (0, kernel.info.encode(), [])
    status, out, errors = run(data, "--info", "--json")
    assert (status, errors) == (0, [])
    assert json.loads(out) == dict(each.split("=", 1) for each in kernel.info.splitlines())
    assert out.decode().startswith('{\n  "OSRELEASE": "6.12.95+deb12-arm64",\n')


def test_info_with_invalid_utf8(run):
    info = b'A="\xff\x00"\nno sign\n=\nB=2=3'
    data = core(arm64(), notes_of(info))
    assert tuple(run(data, "--info")) == (0, info, [])
    assert json.loads(run(data, "--info", "--json").out) == {"A": '"\ufffd\0"', "": "",
                                                            "B": "2=3"}
    assert json.loads(run(core(arm64(), notes_of(b"")), "--info", "--json").out) == {}


# ------------------------------------------------------------------- output

def boot_core(run):
    ring = boot_ring()
    return core(ring.install(arm64())), ring.lines()


def test_output_file_is_for_its_owner(run, tmp_path):
    data, lines = boot_core(run)
    path = tmp_path / "dmesg.txt"
    old = os.umask(0)
    try:
        assert tuple(run(data, "-o", path)) == (0, b"", [])
    finally:
        os.umask(old)
    assert path.read_bytes() == lines
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_output_file_that_exists(run, tmp_path):
    data, lines = boot_core(run)
    path = tmp_path / "dmesg.txt"
    path.write_bytes(bytes(100000))
    path.chmod(0o666)
    assert tuple(run(data, f"--output={path}")) == (0, b"", [])
    assert path.read_bytes() == lines
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_output_through_a_link(run, tmp_path):
    data, _ = boot_core(run)
    target, path = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"keep")
    path.symlink_to(target)
    assert tuple(run(data, "-o", path)) == (
        54, b"", [f"vmcore-dmesg: {path}: is a symbolic link"])
    assert target.read_bytes() == b"keep"


def test_output_into_the_dump(run, tmp_path):
    data, _ = boot_core(run)
    path = tmp_path / "vmcore"
    assert tuple(run(data, "-o", path)) == (1, b"", ["is the dump file itself"])
    assert path.read_bytes() == data
    other = tmp_path / "other"
    os.link(path, other)
    assert command("-o", other, path) == (1, "", f"vmcore-dmesg: {other}: is the dump file itself\n")
    assert path.read_bytes() == data


def test_no_output_without_a_dump(run, tmp_path):
    path = tmp_path / "dmesg.txt"
    assert run(b"text of 16 bytes", "-o", path).status == 4
    assert not path.exists()


def test_output_that_cannot_be_opened(run, tmp_path):
    data, _ = boot_core(run)
    path = tmp_path / "none" / "dmesg.txt"
    assert tuple(run(data, "-o", path)) == (
        54, b"", [f"vmcore-dmesg: {path}: cannot open: No such file or directory"])


FULL = "vmcore-dmesg: standard output: cannot write: No space left on device"


@pytest.mark.parametrize("arguments", [[], ["--json"], ["--info"], ["--info", "--json"]], ids=str)
def test_full(run, arguments):
    data, _ = boot_core(run)
    with open("/dev/full", "wb") as full:
        assert tuple(run(data, *arguments, stdout=full)) == (54, None, [FULL])
    assert tuple(run(data, *arguments, "-o", "/dev/full")) == (
        54, b"", ["vmcore-dmesg: /dev/full: cannot write: No space left on device"])


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_full_for_other_text(argument):
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([COMMAND, argument], stdout=full, stderr=subprocess.PIPE, text=True,
                              check=False)
    assert (done.returncode, done.stderr) == (54, FULL + "\n")


def test_short_write(run, tmp_path):
    """The output file reaches a size limit in the middle of the log."""
    ring = Ring(count_bits=8, size_bits=17)
    for i in range(200):
        ring.add(b"%04d" % i + b"x" * 400)
    data = core(ring.install(arm64(size=1 << 19)))
    (tmp_path / "vmcore").write_bytes(data)
    limited = ("import resource, signal, os, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
               "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000)); "
               "os.execv(sys.argv[1], sys.argv[1:])")
    path = tmp_path / "dmesg.txt"
    done = subprocess.run(["python3", "-c", limited, COMMAND, "-o", path, tmp_path / "vmcore"],
                          capture_output=True, text=True, check=False, env=ENVIRONMENT)
    assert (done.returncode, done.stderr) == (54, f"vmcore-dmesg: {path}: cannot write: File too large\n")
    assert path.read_bytes() == ring.lines()[:20000]


def test_write_error_counts_more_than_damage(run):
    ring = boot_ring(first_id=0x100)
    damage(ring, 1, length=65535)
    data = core(ring.install(arm64()))
    with open("/dev/full", "wb") as full:
        assert tuple(run(data, stdout=full)) == (
            54, None, ["record with id 0x101: the text is truncated", FULL])


def test_too_much_output(tmp_path):
    """A legacy log of 2 GiB zeros, in a sparse file: each byte prints as four bytes, \\x00."""
    kernel = Legacy().install(x86(), size=1 << 31, logged=1 << 31)
    kernel.linear.data = kernel.linear.data[:4096]
    data = core(kernel)
    [offset] = [at for at in range(64, 64 + 3 * 56, 56)
                if struct.unpack_from("<Q", data, at + 16)[0] == kernel.linear.vaddr]
    path = tmp_path / "vmcore"
    path.write_bytes(changed(data, offset + 32, struct.pack("<Q", 1 << 31)))
    os.truncate(path, 1 << 32)
    assert command("-o", "/dev/null", path) == (
        53, "", "vmcore-dmesg: /dev/null: more than 2 GiB of output: the rest is missing\n")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- 2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams(run, tmp_path, closed):
    """The dump and the output must not get the number of a closed standard stream."""
    ring = boot_ring(first_id=0x100)
    damage(ring, 1, length=65535)
    (tmp_path / "vmcore").write_bytes(core(ring.install(arm64())))
    out = tmp_path / "dmesg.txt"
    script = f"'{COMMAND}' -o '{out}' '{tmp_path}/vmcore' {closed}"
    done = subprocess.run(["sh", "-c", script], capture_output=True, check=False, env=ENVIRONMENT)
    assert done.returncode == 63
    assert out.read_bytes().startswith(ring.records[0].line())
    assert b"vmcore-dmesg" not in out.read_bytes()
    script = f"'{COMMAND}' '{tmp_path}/vmcore' >&-"
    done = subprocess.run(["sh", "-c", script], capture_output=True, check=False, env=ENVIRONMENT)
    assert done.returncode == 54
    assert done.stderr.endswith(b"standard output: cannot write: Bad file descriptor\n")


# -------------------------------------------------------------------- usage

def usage():
    with open(os.path.join(SOURCE, "vmcore-dmesg/main.c"), encoding="utf-8") as source:
        [block] = re.findall(r"usage\[\] =\n((?:\".*\"\n?)+);", source.read())
    return "".join(json.loads(text) for text in re.findall(r'^".*"', block, re.M))


def test_usage():
    assert command("--help") == command("-h") == (0, usage(), "")
    assert command() == (1, "", usage())
    assert command("a", "b") == (1, "", 'vmcore-dmesg: unexpected operand "b"\n')
    status, out, err = command("--bad", "a")
    assert (status, out) == (1, "")
    assert err.endswith("unrecognized option '--bad'\nTry 'vmcore-dmesg --help'.\n")


def test_version():
    with open(os.path.join(SOURCE, "configure.ac"), encoding="utf-8") as source:
        version = re.search(r"AC_INIT\(\[crashres\], \[(.*)\]\)", source.read())[1]
    assert command("--version") == command("-v") == (0, f"vmcore-dmesg-crashres {version}\n", "")


def test_file_whose_name_is_an_option(run, tmp_path):
    data, lines = boot_core(run)
    (tmp_path / "-h").write_bytes(data)
    assert command("--", "-h", cwd=tmp_path) == (0, lines.decode(), "")


def statuses():
    with open(os.path.join(SOURCE, "vmcore-dmesg/trouble.h"), encoding="utf-8") as source:
        return {int(number) for number in re.findall(r"^\tEXIT_\w+ = (\d+),", source.read(), re.M)}


def test_man_page_has_every_exit_status():
    with open(os.path.join(SOURCE, "man/vmcore-dmesg.8"), encoding="utf-8") as page:
        section = page.read().partition(".SH EXIT STATUS")[2].partition("\n.SH")[0]
    assert {int(number) for number in re.findall(r"^\.B (\d+)$", section, re.M)} == statuses()


# ------------------------------------------------- memory, random damage

def sanitized():
    with open(COMMAND, "rb") as program:
        return b"__asan_init" in program.read()


@pytest.mark.skipif(sanitized(), reason="sanitizers reserve terabytes of addresses")
def test_memory_does_not_grow(tmp_path):
    """A dump of 8 TiB, with 60,000 program headers and a log of 16 MiB, needs less than 3 MiB."""
    ring = Ring(count_bits=16, size_bits=24)
    for i in range(65536):
        ring.add(b"record %05d" % i + b"x" * 200)
    kernel = ring.install(arm64(size=32 << 20))
    headers = [phdr(vmcores.PT_LOAD, i << 27, 0, (i << 27) + (1 << 40), 1 << 27)
               for i in range(60000)]
    path = tmp_path / "vmcore"
    path.write_bytes(core(kernel, before=headers))
    os.truncate(path, 60001 << 27)
    done = subprocess.run(["prlimit", f"--as={3 << 20}", COMMAND, path], capture_output=True,
                          check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == ring.lines()


def mutations(data, places, seed):
    chance = random.Random(seed)
    data = bytearray(data)
    for _ in range(chance.randrange(1, 6)):
        place = chance.choice(places)
        offset = chance.randrange(*place)
        kind = chance.randrange(4)
        if kind == 0:
            data[offset] ^= 1 << chance.randrange(8)
        elif kind == 1:
            data[offset] = chance.randrange(256)
        elif kind == 2:
            value = chance.choice((0, 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1, 2**64 - 4096))
            data[offset:offset + 8] = struct.pack("<Q", value)
        else:
            length = chance.randrange(64)
            data[offset:offset + length] = chance.randbytes(length)
    if chance.random() < 0.1:
        del data[chance.randrange(len(data)):]
    return bytes(data)


def fuzz_cores():
    ring = boot_ring()
    for _ in range(30):
        ring.add(b"later text")
    log = wrapped_structured()
    log_buf = Legacy()
    log_buf.add(LEGACY * 3)
    return [ring.install(arm64()), log.install(x86()), log_buf.install(x86())]


@pytest.mark.parametrize("seed", range(20))
def test_damaged_at_random(run, seed):
    """For every damage the program exits with a known status: 0 without error lines, else with some."""
    for number, kernel in enumerate(fuzz_cores()):
        data = core(kernel)
        head = 64 + 3 * 56
        linear = len(data) - len(kernel.linear.data)
        image = linear - 4096
        places = [(0, head), (head, head + len(notes_of(kernel.info))),
                  (image, image + kernel.image.used), (linear, linear + kernel.linear.used)]
        for case in range(10):
            damaged = mutations(data, places, f"{seed}/{number}/{case}")
            options = [["--json"], [], ["--info", "--json"]][case % 3]
            status, out, errors = run(damaged, *options)
            assert status in statuses() and bool(status) == bool(errors), errors
            if case % 3 == 0:
                objects(out)
            elif case % 3 == 2 and out:
                json.loads(out)
