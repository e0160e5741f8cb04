# SPDX-License-Identifier: GPL-2.0-or-later
"""The damage campaign: damages loaded crash kernels at random and runs purgatory on each.

Every run must end as oracle.py predicts. The campaign prints a table of the ends. To run it:

    CRASHRES_PURGATORY_BIN=... /usr/bin/python3 tests/vm/campaign.py --cases 1000 --seed 1

With --sealed it damages sealed Images; then CRASHRES_PURGATORY_BIN must name sealed.bin.
"""

import argparse
import concurrent.futures
import functools
import os
import random
import re
import struct
import sys
import tempfile
import traceback
from collections import Counter
from dataclasses import dataclass

from lib import baremetal as bm
from lib import devicetree
from lib import oracle
from lib import ram

# Physical addresses.
KERNEL, INITRD, DTB, ELFCOREHDR = 0x44000000, 0x44100000, 0x44200000, 0x44300000
PARITY, PURGATORY = 0x44400000, 0x44500000
REGION = (0x44000000, 0x44800000)
RECORD_AT = 0x1104  # offset of the record in the device tree: not a multiple of 8
KERNEL_BLOCKS, PADDING_BLOCKS = 30, 11
GROUPS = 8  # parity groups, with eight or nine members

# Time limit in seconds for a run with damage in the window (see WINDOW), which can hang. A usual
# run takes a fraction of a second; the rest is for a busy machine.
HANG_SECONDS = 5


@functools.cache
def segments():
    """Returns the segments that kexec_load loads."""
    noise = random.Random(1).randbytes
    code = bm.assemble("KERNEL")
    text = code + noise(KERNEL_BLOCKS * bm.BLOCK - len(code))
    dtb = bytearray(noise(3 * bm.BLOCK))
    dtb[RECORD_AT : RECORD_AT + bm.RECORD_SIZE] = bm.make_record_template()
    # Like an elfcorehdr for Linux: some data, then zeros.
    elfcorehdr = noise(bm.BLOCK + 700).ljust(4 * bm.BLOCK, b"\0")
    return [
        bm.Segment("kernel", KERNEL, text + bytes(PADDING_BLOCKS * bm.BLOCK)),
        bm.Segment("initrd", INITRD, noise(23 * bm.BLOCK)),
        bm.Segment("dtb", DTB, bytes(dtb)),
        bm.Segment("elfcorehdr", ELFCOREHDR, elfcorehdr),
    ]


# The sets of methods for which a case uses the portable code (baremetal.make_portable_image).
IMAGES = ((), bm.METHODS[:1], bm.METHODS[1:], bm.METHODS)


# Physical addresses for a sealed Image: header, parity, kernel, initrd, device tree, elfcorehdr.
SEALED, SEALED_PARITY, SEALED_KERNEL, SEALED_INITRD = 0x44000000, 0x44080000, 0x44200000, 0x44400000
TREE, TREE_CORE, TREE_ROOM = 0x44600000, 0x44680000, 64 << 10
INITRD_SIZE = 23 * bm.BLOCK - 1000
# Groups with five or six members. Parity can restore the whole initrd, so a repair with a wrong
# initrd address would overwrite other memory.
SEALED_GROUPS = 12


@functools.cache
def sealed_segments():
    """Returns the kernel and the initrd of a sealed Image."""
    noise = random.Random(2).randbytes
    [kernel] = [segment.data for segment in segments() if segment.name == "kernel"]
    return [bm.Segment("kernel", SEALED_KERNEL, kernel),
            bm.Segment("initrd", SEALED_INITRD, noise(INITRD_SIZE).ljust(23 * bm.BLOCK, b"\0"))]


def make_tree(in_region):
    """Returns the device tree that the old kernel passes, or without a region that of a boot
    loader."""
    initrd = SEALED_INITRD, SEALED_INITRD + INITRD_SIZE
    return devicetree.make_tree(initrd, *((REGION, TREE_CORE) if in_region else ()))


@functools.cache
def make_sealed_plan(methods, mmu, on_damage):
    return bm.SealedPlan(
        bm.make_portable_image(methods), SEALED + bm.SEALED_HEADER, SEALED_KERNEL, sealed_segments(),
        dtb=TREE, region=REGION if mmu else None, on_damage=on_damage, groups=SEALED_GROUPS,
        parity_base=SEALED_PARITY, initrd_size=INITRD_SIZE,
    )


# True: the campaign damages sealed Images (--sealed).
sealed = False


def count_groups():
    """Returns the number of parity groups."""
    return SEALED_GROUPS if sealed else GROUPS


def make_plan(methods, mmu, on_damage):
    """Returns a plan. methods: one of IMAGES. mmu: check with the MMU on. on_damage: policy."""
    return (make_sealed_plan if sealed else make_loaded_plan)(methods, mmu, on_damage)


@functools.cache
def make_loaded_plan(methods, mmu, on_damage):
    return bm.Plan(
        bm.make_portable_image(methods), PURGATORY, KERNEL, segments(), dtb=DTB,
        region=REGION if mmu else None, on_damage=on_damage, record=DTB + RECORD_AT,
        groups=GROUPS, parity_base=PARITY,
    )


def _branch_to_reset(image, start):
    """Returns the offset after the "b.ne pg_reset" that ends the checksum of the code in entry.S.

    start: offset in the image at which the search begins.
    """
    target = bm.symbol("pg_reset")
    for at in range(start, len(image), 4):
        [word] = struct.unpack_from("<I", image, at)
        if word == 0x54000001 | (target - at) // 4 % 2**19 << 5:
            return at + 4
    raise AssertionError("the image has no b.ne pg_reset")


@functools.cache
def _list_window_parts():
    image = bm.image_path().read_bytes()
    entry, clean = bm.symbol("entry"), bm.symbol("pg_cache_clean_image")
    reset, vectors = bm.symbol("pg_reset"), bm.symbol("pg_reset_vectors")
    instruction = 4
    return {
        "header": [(0, instruction)],
        "pg_cache_clean_image": [(clean, bm.symbol("pg_cache_clean"))],
        "entry": [(entry, _branch_to_reset(image, entry))],
        "reset.S": [(reset, bm.symbol("pg_halt") + 3 * instruction)],
        "vectors": [(at, at + instruction) for at in range(vectors, vectors + 16 * 128, 128)],
    }


def list_window():
    """Returns the (first, end) offsets of the window in the image: the instructions that run before
    purgatory has checked its code, and those that run if the code is damaged."""
    return [places for part in _list_window_parts().values() for places in part]


def name_window_part(at):
    """Returns the name of the part of the window that has this offset."""
    [name] = [name for name, places in _list_window_parts().items()
              if any(first <= at < end for first, end in places)]
    return name


@dataclass(frozen=True)
class Area:
    """A range that a case damages."""

    memory: str  # a name of Plan.memory()
    first: int  # offset in bytes
    end: int  # exclusive


def _areas(plan):
    """Returns name -> areas. A case damages all areas of one name."""
    def whole(name):
        return Area(name, 0, len(plan.memory()[name]))

    text = KERNEL_BLOCKS * bm.BLOCK
    [table_0, table_1] = (Area("purgatory", at, at + plan.table_size) for at in plan.table_offset)
    kernel, padding = Area("kernel", 0, text), Area("kernel", text, whole("kernel").end)
    areas = {
        "kernel text": [kernel],
        "kernel padding": [padding],
        "initrd": [whole("initrd")],
        "dtb": [] if sealed else [whole("dtb")],
        "elfcorehdr": [] if sealed else [whole("elfcorehdr")],
        "several segments": [kernel, whole("initrd")] + ([] if sealed else [whole("dtb")]),
        "parity": [whole("parity")],
        "parity and initrd": [whole("parity"), whole("initrd")],
        "one digest table": [table_0],
        "the other table": [table_1],
        "both tables": [table_0, table_1],
        "a table and kernel": [table_1, kernel],
        "bitmap": [Area("purgatory", plan.bitmap_offset, plan.segment_size)],
        "scratch": [Area("purgatory", plan.scratch_offset, plan.image_size)],
        "params": [Area("purgatory", plan.image_size, plan.root_offset[0])],
        "purgatory code": [Area("purgatory", 0, plan.scratch_offset)],
        WINDOW: [Area("purgatory", *part) for part in list_window()],
    }
    if sealed:
        del areas["elfcorehdr"]
        areas[TREE_AND_MORE] = [kernel, whole("initrd")]
        areas["params"] = [Area("purgatory", plan.image_size, plan.table_offset[0])]
        areas["bitmap"] = [Area("purgatory", plan.bitmap_offset, plan.root_offset[0])]
        areas["page tables"] = [Area("purgatory", plan.root_offset[0], plan.segment_size)]
        areas["header"] = [Area("header", 4, bm.SEALED_HEADER)]
        areas[WINDOW].append(Area("header", 0, 4))
    elif plan.region:
        areas["page tables"] = [Area("purgatory", plan.root_offset[0], plan.table_offset[0])]
    return areas


# Ways to damage a bytearray between the offsets first and end. rng: the random generator.

def damage_bit(rng, data, first, end):
    data[rng.randrange(first, end)] ^= 1 << rng.randrange(8)


def damage_bytes(rng, data, first, end):
    size = min(rng.randint(1, 64), end - first)
    at = rng.randint(first, end - size)
    data[at : at + size] = rng.randbytes(size)


def _overwrite_blocks(rng, data, first, end, count):
    count = min(count, (end - first) // bm.BLOCK)
    at = first + rng.randint(0, (end - first) // bm.BLOCK - count) * bm.BLOCK
    data[at : at + count * bm.BLOCK] = rng.randbytes(count * bm.BLOCK)


def damage_block(rng, data, first, end):
    _overwrite_blocks(rng, data, first, end, 1)


def damage_burst(rng, data, first, end):
    _overwrite_blocks(rng, data, first, end, rng.randint(2, 2 * count_groups()))


def damage_widest_burst(rng, data, first, end):
    _overwrite_blocks(rng, data, first, end, 2 * count_groups())


def damage_too_wide_burst(rng, data, first, end):
    _overwrite_blocks(rng, data, first, end, 2 * count_groups() + rng.randint(1, 3))


def damage_scattered(rng, data, first, end):
    blocks = range(first, end, bm.BLOCK)
    for block in rng.sample(blocks, min(rng.randint(2, 6), len(blocks))):
        damage_bytes(rng, data, block, block + bm.BLOCK)


def damage_zeros(rng, data, first, end):
    block = rng.randrange(first, end, bm.BLOCK)
    data[block : block + bm.BLOCK] = bytes(bm.BLOCK)


def damage_copy(rng, data, first, end):
    """Overwrites a block with a copy of another block."""
    block, other = rng.randrange(first, end, bm.BLOCK), rng.randrange(0, len(data), bm.BLOCK)
    data[block : block + bm.BLOCK] = data[other : other + bm.BLOCK]


SMALL = {"bit": damage_bit, "1-64 bytes": damage_bytes}
BLOCKS = {"block": damage_block, "zeros": damage_zeros, "copy": damage_copy,
          "scattered": damage_scattered}
BURSTS = {"burst": damage_burst, "burst of 2G": damage_widest_burst,
          "burst over 2G": damage_too_wide_burst}
# Damage to instructions that purgatory cannot check before they run; see list_window().
WINDOW = "entry and reset"
KINDS = {**SMALL, **BLOCKS, **BURSTS}
SEGMENT_AREAS = ("kernel text", "initrd", "several segments", "parity", "parity and initrd",
                 "a table and kernel")
SHORT_AREAS = ("kernel padding", "dtb", "elfcorehdr", "one digest table", "the other table",
               "both tables", "bitmap", "scratch", "params", "purgatory code", "page tables")
# Each area with each kind of damage that fits. The areas of loaded data occur twice.
SUITE = [(where, kind) for where in 2 * SEGMENT_AREAS for kind in KINDS]
SUITE += [(where, kind) for where in SHORT_AREAS for kind in {**SMALL, **BLOCKS}]
SUITE += [(WINDOW, kind) for kind in 5 * tuple(SMALL)]
SEALED_SUITE = [row for row in SUITE if row[0] not in ("dtb", "elfcorehdr")]
SEALED_SUITE += [("header", kind) for kind in SMALL]


# Ways to damage a device tree (a bytearray)

def _find_address(data, name, address):
    """Returns the offset of an address that is the value of a property of /chosen."""
    at = data.index(struct.pack(">Q", address))
    assert devicetree.Tree(bytes(data)).chosen[name] == data[at : at + 8]
    return at


def _list_initrd_places(plan):
    """Returns wrong addresses for the initrd: in other data, in unused memory, without memory."""
    size = bm.round_up(INITRD_SIZE, bm.BLOCK)
    kernel = KERNEL_BLOCKS + PADDING_BLOCKS
    return [
        *(SEALED_KERNEL + bm.BLOCK * block for block in (-22, -1, 0, 1, 9, kernel - 23, kernel - 1)),
        SEALED, SEALED - bm.BLOCK, plan.base, plan.base + plan.scratch_offset,
        plan.base + plan.image_size, *(plan.base + at for at in plan.table_offset),
        *(plan.base + at for at in plan.root_offset), SEALED_PARITY, SEALED_PARITY + 5 * bm.BLOCK,
        SEALED_INITRD + bm.BLOCK, SEALED_INITRD - 3 * bm.BLOCK, SEALED_INITRD + 4,
        TREE, TREE - size + bm.BLOCK, TREE_CORE, REGION[1] - size, REGION[1] - bm.BLOCK,
        REGION[0] - size, bm.OLD_KERNEL, bm.UART, bm.ABORTING_ADDRESS, 0, 1 << 40, 2**64 - size,
    ]


def move_initrd(rng, plan, data):
    """Changes start and end of the initrd, so the size stays right."""
    start = rng.choice(_list_initrd_places(plan))
    places = [_find_address(data, name, address) for name, address in (
        (b"linux,initrd-start", SEALED_INITRD), (b"linux,initrd-end", SEALED_INITRD + INITRD_SIZE))]
    for at, value in zip(places, (start, start + INITRD_SIZE)):
        data[at : at + 8] = struct.pack(">Q", value % 2**64)


def move_end(rng, _plan, data):
    """Changes the end of the initrd, so the size is wrong."""
    at = _find_address(data, b"linux,initrd-end", SEALED_INITRD + INITRD_SIZE)
    end = SEALED_INITRD + INITRD_SIZE + rng.choice((-bm.BLOCK, -1, 1, bm.BLOCK, 1 << 32))
    data[at : at + 8] = struct.pack(">Q", end)


def change_header(rng, _plan, data):
    """Changes one of the ten words of the header."""
    number = rng.choice((0, 1, 40, len(data) - 1, len(data) + 1, 1 << 21, (1 << 21) + 1, 2**32 - 8))
    struct.pack_into(">I", data, 4 * rng.randrange(10), number)


def change_region(rng, plan, data):
    """Changes the crash region. Without a crash region it changes nothing."""
    at = data.find(struct.pack(">2Q", REGION[0], REGION[1] - REGION[0]))
    first = rng.choice((REGION[0] - bm.BLOCK, REGION[0] + 1, SEALED_KERNEL, TREE, 0))
    size = rng.choice((0, bm.BLOCK, plan.segment_size, 1 << 21, 1 << 23, 1 << 34, 2**64 - bm.BLOCK))
    if at >= 0:
        struct.pack_into(">2Q", data, at, first, size)


def change_bytes(damage):
    """Returns a function that applies one of the damages above to the whole tree."""
    return lambda rng, _plan, data: damage(rng, data, 0, len(data))


TREE_KINDS = {"bit": change_bytes(damage_bit), "1-64 bytes": change_bytes(damage_bytes),
              "initrd moved": move_initrd, "initrd end": move_end, "header": change_header,
              "region": change_region}
TREE_ONLY, TREE_AND_MORE = "dtb", "dtb and segments"
SEALED_SUITE += [(where, kind) for where in (TREE_ONLY, TREE_AND_MORE) for kind in
                 (*TREE_KINDS, *3 * ("initrd moved",))]


@dataclass
class Case:
    """One machine of the campaign."""

    where: str  # a name of _areas()
    kind: str  # of damage
    cpu: str  # of QEMU
    level: tuple  # (exception level, E2H)
    methods: tuple  # the methods that are portable
    plan: bm.Plan
    found: dict  # the damaged memory at the crash: name -> bytes
    expected: oracle.Expected
    tree: bytes = b""  # the device tree of a sealed Image


def _damaged(rng, plan, where, kind):
    found = {name: bytearray(data) for name, data in plan.memory().items()}
    areas = _areas(plan)[where]
    # A case of the window damages one of its parts. Other cases damage all areas of their name.
    for area in [rng.choice(areas)] if where == WINDOW else areas:
        damage = damage_bytes if where == TREE_AND_MORE else KINDS[kind]
        damage(rng, found[area.memory], area.first, area.end)
    return {name: bytes(data) for name, data in found.items()}


def hits_window(plan, found):
    """Returns whether the window is damaged. found: the memory at the crash."""
    right = plan.purgatory()
    if sealed and found["header"][:4] != plan.memory()["header"][:4]:
        return True
    return any(found["purgatory"][first:end] != right[first:end] for first, end in list_window())


def _runs_damaged_code(plan, expected):
    """Returns whether purgatory would start a kernel whose first block is damaged. The effect of
    such a kernel is unknown, so the campaign avoids it."""
    return plan.on_damage == bm.BOOT and 0 in expected.damaged - expected.repaired


def make_tree_case(rng, where, kind):
    """Returns a case whose device tree is damaged."""
    cpu, level = rng.choice(bm.MACHINES)
    methods = rng.choice(IMAGES)
    plan = make_plan(methods, rng.random() < 0.8, bm.RESET)
    damaged = bytearray(make_tree(plan.region is not None))
    TREE_KINDS[kind](rng, plan, damaged)
    return Case(where, kind, cpu, level, methods, plan, _damaged(rng, plan, where, kind),
                oracle.Expected(), bytes(damaged))


def make_case(seed, number):
    """Returns a case. The same seed and number always make the same case."""
    rng = random.Random(f"{seed} {number}")
    suite = SEALED_SUITE if sealed else SUITE
    where, kind = suite[number % len(suite)]
    if sealed and where in (TREE_ONLY, TREE_AND_MORE):
        return make_tree_case(rng, where, kind)
    cpu, level = rng.choice(bm.MACHINES)
    methods = rng.choice(IMAGES)
    mmu = where == "page tables" or rng.random() < 0.8
    on_damage = rng.choices((bm.RESET, bm.HALT, bm.BOOT), (8, 1, 1))[0]
    plan = make_plan(methods, mmu, on_damage)
    found = _damaged(rng, plan, where, kind)
    expected = oracle.expect(plan, found)
    if _runs_damaged_code(plan, expected):
        plan = make_plan(methods, mmu, bm.RESET)
        found["purgatory"] = plan.purgatory()
        expected = oracle.expect(plan, found)
    if hits_window(plan, found):
        where = WINDOW
    return Case(where, kind, cpu, level, methods, plan, found, expected,
                make_tree(plan.region is not None) if sealed else b"")


# The machine was powered off by PSCI SYSTEM_OFF. The test kernel powers off, too, but it prints
# its registers first.
OFF_REASON = oracle.BOOTED
COLUMNS = INTACT, REPAIRED, RESET, HALTED, DAMAGED, OFF, HANGS, WRONG = (
    "intact", "repaired", "reset", "halted", "damaged", "off", "hangs", "WRONG")


def _flags(case):
    flags = oracle.level_flags(case.level)
    flags |= bm.FLAG_MMU if case.plan.region else 0
    return flags | (bm.PORTABLE if bm.METHODS[0] in case.methods else bm.INSTRUCTIONS) << bm.SHA256_SHIFT


def _record(case, outcome):
    """Returns the bytes of the record, or None. A sealed Image adds the record to the device tree
    if it is in a crash region."""
    if not sealed:
        return outcome.memory["dtb"][RECORD_AT : RECORD_AT + bm.RECORD_SIZE]
    case.expected.has_record = case.plan.region is not None
    return _find_added_record(outcome)


def _find_added_record(outcome):
    at = outcome.memory["tree"].find(bm.make_record_template()[:16])
    return None if at < 0 else outcome.memory["tree"][at : at + bm.RECORD_SIZE]


def _expect_tree(case, outcome):
    """Returns address -> bytes of the device tree at the end, if purgatory adds a record to it."""
    if not sealed or not case.plan.region or case.expected.outcome == "none":
        return {}
    record = _find_added_record(outcome)
    assert record, "no record was added to the tree"
    return {TREE: devicetree.insert_record(case.tree, record)}


def check_boot(case, outcome):
    """Checks the state of the started kernel, the console line and the record."""
    bm.assert_kernel_state(case.plan, outcome, case.level)
    purgatory, kernel = outcome.console.split("\r\n", 1)
    assert oracle.remove_time(purgatory + "\r\n") == case.expected.console
    assert kernel.count("\n") == 1
    oracle.check_record(case.plan, case.expected, _record(case, outcome), _flags(case))


def check_case(case, outcome):
    """Compares a run with the prediction of the oracle. Returns the column of the table."""
    assert outcome.reason == case.expected.reason, outcome
    oracle.check_memory(case.plan, case.expected, outcome.memory)
    oracle.check_ram(case.plan, case.expected, outcome, also=_expect_tree(case, outcome))
    if outcome.reason == oracle.BOOTED:
        check_boot(case, outcome)
        return {"intact": INTACT, "repaired": REPAIRED, "damaged": DAMAGED}[case.expected.outcome]
    if case.expected.console is not None:
        assert oracle.remove_time(outcome.console) == case.expected.console
    return {oracle.RESET: RESET, oracle.HALTED: HALTED}[outcome.reason]


def _overlap(a, b):
    return a[0] < b[1] and b[0] < a[1]


def _read_initrd_range(tree):
    """Returns (first, end) of the initrd in a device tree, in whole blocks, or None."""
    try:
        found = devicetree.Tree(tree).initrd()
    except devicetree.Malformed:
        return None
    return found and (found[0], found[0] + bm.round_up(found[1] - found[0], bm.BLOCK))


def _read_core_ranges(tree):
    """Returns a list with (first, end) of the elfcorehdr in a device tree, or an empty list."""
    try:
        found = devicetree.Tree(tree).chosen.get(b"linux,elfcorehdr", b"")
    except devicetree.Malformed:
        return []
    if len(found) != 16:
        return []
    base, size = struct.unpack(">2Q", found)
    return [(base, base + size)]


def _list_writable_places(case):
    """Returns the ranges that the device tree names and that purgatory may write: the initrd, if
    there is a crash region and if the initrd overlaps no other data."""
    plan = case.plan
    initrd = _read_initrd_range(case.tree)
    [kernel] = [s for s in plan.segments if s.name == "kernel"]
    used = [(plan.start, kernel.base + len(kernel.data)), (TREE, TREE + len(case.tree)),
            (bm.OLD_KERNEL, bm.OLD_KERNEL + bm.BLOCK), *_read_core_ranges(case.tree)]
    if not plan.region or not initrd or initrd[1] > 2**64 or \
            any(_overlap(initrd, place) for place in used):
        return []
    return [initrd]


def check_stores(case, outcome):
    """Checks that purgatory wrote only to damaged kernel blocks, to the device tree, to the initrd
    and to its working memory."""
    right = dict(outcome.before)
    [kernel] = [s for s in case.plan.segments if s.name == "kernel"]
    for number, block in enumerate(kernel.blocks):
        place = slice(number * bm.BLOCK, (number + 1) * bm.BLOCK)
        if outcome.memory["kernel"][place] != case.found["kernel"][place]:
            assert outcome.memory["kernel"][place] == block, \
                f"kernel block {number} was changed to wrong bytes"
            ram.patch(right, kernel.base + number * bm.BLOCK, block)
    oracle.assert_same_ram(right, outcome.after, [
        *case.plan.working_places(), (TREE, TREE + TREE_ROOM), *_list_writable_places(case)])


def check_tree_case(case, outcome):
    """Checks a run with a damaged device tree. Purgatory must not start a kernel or initrd with a
    wrong byte, and must not write to an undamaged block. Other properties of the tree, such as the
    boot arguments, are not checked. Returns the column of the table."""
    check_stores(case, outcome)
    if outcome.reason == oracle.RESET:
        assert re.fullmatch(re.escape(oracle.PREFIX) + ".*: resetting\r\n", outcome.console)
        return RESET
    bm.assert_kernel_state(case.plan, outcome, case.level)
    purgatory, kernel = outcome.console.split("\r\n", 1)
    assert purgatory.startswith(oracle.PREFIX) and kernel.count("\n") == 1
    right = {segment.name: segment.data for segment in case.plan.segments}
    assert outcome.memory["kernel"] == right["kernel"], "an unverified kernel was started"
    initrd = _read_initrd_range(outcome.memory["tree"])
    if initrd:
        found = ram.read(outcome.after, initrd[0], initrd[1] - initrd[0])
        assert found == right["initrd"], "an unverified initrd was started"
    return REPAIRED if " repaired, " in purgatory else INTACT


def check_window_case(case, outcome):
    """Checks a run with damage in the window. Returns the column of the table.

    The damaged instructions may hang or power the machine off, and the rest of purgatory may
    report an exception. Purgatory must not start a kernel, and must not change a segment.
    """
    lines = re.escape(oracle.SELF_DAMAGED) + "|crashres: purgatory: exception .*: resetting\r\n"
    assert re.fullmatch(lines, outcome.console) or outcome.console == "", outcome
    if outcome.reason == "time-out":
        return HANGS
    oracle.check_memory(case.plan, case.expected, outcome.memory)
    assert outcome.reason in (oracle.RESET, OFF_REASON), outcome
    return RESET if outcome.reason == oracle.RESET else OFF


@dataclass
class Result:
    """The end of one case."""

    where: str
    kind: str
    column: str  # of COLUMNS
    problem: str = ""  # the message of a wrong end


def _choose_run_options(case):
    if not sealed:
        return {}
    return {"more": [(TREE, case.tree)], "defines": {"DTB": TREE},
            "save": {"tree": (TREE, TREE_ROOM)}}


def _choose_check(case):
    if case.where == WINDOW:
        return check_window_case
    return check_tree_case if case.where in (TREE_ONLY, TREE_AND_MORE) and sealed else check_case


def run_case(name, case):
    """Runs a case and returns its Result. name: tells the reader how to make the case again."""
    seconds = HANG_SECONDS if case.where == WINDOW else bm.RUN_SECONDS_MAX
    with tempfile.TemporaryDirectory(dir=bm.image_path().parent) as directory:
        outcome = bm.run_plan(case.plan, case.found, case.cpu, case.level, directory,
                              halts=case.expected.reason == oracle.HALTED, seconds=seconds,
                              **_choose_run_options(case))
    try:
        return Result(case.where, case.kind, _choose_check(case)(case, outcome))
    except AssertionError:
        problem = f"{name}: {case.where}, {case.kind}, {case.cpu} " \
            f"{bm.LEVEL_NAMES[case.level]}, expected {case.expected.reason} " \
            f"{case.expected.console!r}:\n{outcome.reason} {outcome.console!r}\n" \
            f"{traceback.format_exc(limit=-1)}"
        return Result(case.where, case.kind, WRONG, problem)


def run_all(run, arguments):
    """Calls run(argument) for all arguments, one thread for each CPU. Returns the results."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(run, arguments))


def run_campaign(cases, seed):
    """Runs the cases 0 to cases - 1 of a seed and returns their Results."""
    return run_all(lambda number: run_case(f"case {number} of seed {seed}",
                                           make_case(seed, number)), range(cases))


def make_window_case(level, at, bit):
    """Returns a case with one wrong bit in the window. at: offset in the image."""
    plan = make_plan((), True, bm.RESET)
    found = plan.memory()
    found["purgatory"] = bm.flip_bit(found["purgatory"], at, bit)
    return Case(WINDOW, name_window_part(at), "max", level, (), plan, found,
                oracle.expect(plan, found), make_tree(True) if sealed else b"")


def run_window(level):
    """Runs one case for every bit of the window and returns the Results."""
    bits = [(at, bit) for first, end in list_window() for at in range(first, end) for bit in range(8)]
    return run_all(lambda place: run_case(f"bit {place[1]} of byte {place[0]:#x}",
                                          make_window_case(level, *place)), bits)


def make_table(results):
    """Returns a table: for each place and kind of damage the number of cases in each column."""
    counts = Counter((result.where, result.kind, result.column) for result in results)
    rows = sorted({(result.where, result.kind) for result in results})
    lines = [f"{'where':20}{'kind':15}" + "".join(f"{column:>10}" for column in COLUMNS)]
    for row in rows:
        cells = "".join(f"{counts[*row, column] or '':>10}" for column in COLUMNS)
        lines.append(f"{row[0]:20}{row[1]:15}{cells}")
    totals = Counter(result.column for result in results)
    lines.append(f"{len(results):<35}" + "".join(f"{totals[column]:>10}" for column in COLUMNS))
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=1000, help="number of cases (default: 1000)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the cases (default: 1)")
    parser.add_argument("--window", choices=list(bm.LEVEL_NAMES.values()),
                        help="flip every bit of the instructions that run before purgatory has "
                        "checked its code, at this exception level, instead of random damage")
    parser.add_argument("--sealed", action="store_true", help="damage sealed Images")
    arguments = parser.parse_args()
    global sealed
    sealed = arguments.sealed
    if bm.find_missing_tool():
        sys.exit(bm.find_missing_tool())
    if arguments.window:
        [level] = [level for level, name in bm.LEVEL_NAMES.items() if name == arguments.window]
        results = run_window(level)
    else:
        results = run_campaign(arguments.cases, arguments.seed)
    problems = [result.problem for result in results if result.problem]
    print(*problems, make_table(results), sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
