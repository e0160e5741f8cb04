# SPDX-License-Identifier: GPL-2.0-or-later
"""Purgatory without Linux, on several CPUs of QEMU and at every exception level of a kernel."""

import random
import re
import subprocess

from lib import baremetal as bm
from lib import oracle
import pytest
from lib.scenario import (
    ADDRESS_SIZE, BUSY_UART, DTB, KERNEL, PURGATORY, PURGATORY_ELSEWHERE, RAMDISK, RECORD_AT,
    SHA256_INSTRUCTIONS, TCR, TCR_BEFORE, TCR_BEFORE_NO_E2H, TCR_NO_E2H, UNMAPPED, Bench,
    assert_booted, assert_intact, assert_reset, damaged_line, intact_line, levels, machines,
    read_record,
)

pytestmark = pytest.mark.skipif(bm.find_missing_tool() is not None, reason=str(bm.find_missing_tool()))

# ISR_EL1.A: an SError is pending
ISR_SERROR = 1 << 8


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


@machines
def test_an_intact_kernel_is_started(bench, cpu, level):
    assert_intact(bench.run(cpu, level), bench.plan, level)


@machines
def test_a_damaged_kernel_is_reported_and_the_machine_reset(bench, cpu, level):
    found = bench.make_memory(damage=[("kernel", 0x2345, 5)])
    outcome = bench.run(cpu, level, found=found)
    assert_reset(outcome, damaged_line(bench.plan, found, "kernel", 0x2000, 1))


def test_the_console_line_shows_the_damaged_place_and_its_bytes(bench):
    """This test spells the line out. The other tests compare with the oracle's line."""
    found = bench.make_memory()
    initrd = found["initrd"]
    found["initrd"] = initrd[:0x1000] + bytes(range(0xF0, 0x100)) + initrd[0x1010:]
    outcome = bench.run(found=found)
    assert re.fullmatch(
        "crashres: purgatory: initrd damaged at offset 0x1000,"
        " found f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff;"
        " 1 of 9 blocks damaged, 0 repaired, [0-9]+ ms: resetting\r\n", outcome.console)


@levels
def test_purgatory_runs_at_any_page(bench, cpu, level):
    plan = bench.make_plan(base=PURGATORY_ELSEWHERE)
    assert_intact(bench.run(cpu, level, plan), plan, level)
    bench.run_as_expected(cpu, level, plan, damage=[("initrd", 0x1FFF, 7)])


@levels
def test_purgatory_runs_after_a_big_endian_kernel(bench, cpu, level):
    outcome = bench.run(cpu, level, defines={"BIG_ENDIAN": 1})
    assert_intact(outcome, bench.plan, level)


@pytest.mark.parametrize(
    "name,offset,block",
    [
        ("kernel", 0x0, 0x0),
        ("kernel", 0xFFF, 0x0),
        ("kernel", 0x1000, 0x1000),
        ("kernel", 0x3000, 0x3000),  # padding
        ("kernel", 0x3FFF, 0x3000),  # padding, the last byte
        ("initrd", 0x0, 0x0),
        ("dtb", RECORD_AT, 0x0),
        ("dtb", 0x1000, 0x1000),
        ("dtb", 0x1FFF, 0x1000),  # the last byte of all
    ],
)
def test_damage_in_any_block_is_reported(bench, name, offset, block):
    found = bench.make_memory(damage=[(name, offset)])
    assert_reset(bench.run(found=found), damaged_line(bench.plan, found, name, block, 1))


def test_the_line_names_the_first_damaged_block_and_counts_all(bench):
    damage = [("kernel", 0x1008), ("kernel", 0x1FF0), ("initrd", 0), ("dtb", 0x1800)]
    found = bench.make_memory(damage=damage)
    assert_reset(bench.run(found=found), damaged_line(bench.plan, found, "kernel", 0x1000, 3))
    found = bench.make_memory(damage=damage[2:])
    assert_reset(bench.run(found=found), damaged_line(bench.plan, found, "initrd", 0x0, 2))


# Damage to purgatory itself

def find_constants():
    """Returns the offset of the last used byte of the image, which is a constant and not code."""
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
        lambda plan: bm.symbol("pg_vectors"),
        lambda plan: bm.symbol("pg_main"),
        lambda plan: find_constants(),
        lambda plan: plan.scratch_offset - 1,
        lambda plan: plan.image_size + bm.PARAMS_CODE_SUM,
        lambda plan: plan.image_size + bm.PARAMS_CODE_SUM + 15,
    ],
    ids=[
        "version", "magic", "scratch_offset", "image_size", "vectors", "pg_main", "constants",
        "end-of-code", "first-sum", "second-sum",
    ],
)
def test_damaged_purgatory_code_resets_without_a_line(bench, cpu, level, offset):
    damage = [("purgatory", offset(bench.plan), 4)]
    assert_reset(bench.run(cpu, level, damage=damage), "")


@levels
@pytest.mark.parametrize(
    "offset",
    [
        lambda plan: plan.image_size + bm.PARAMS_SELF_DIGEST,
        lambda plan: plan.image_size + bm.PARAMS_SEGMENT_SIZE + 1,
        lambda plan: plan.image_size + bm.PARAMS_SEGMENT_SIZE + 3,
        lambda plan: plan.image_size + bm.PARAMS_SEGMENT_SIZE + 7,
        lambda plan: plan.image_size + bm.PARAMS_KERNEL_ENTRY,
        lambda plan: plan.image_size + bm.PARAMS_TABLE_OFFSET + 1,
        lambda plan: plan.image_size + bm.PARAMS_TABLE_OFFSET + 2,
        lambda plan: plan.image_size + bm.PARAMS_TABLE_OFFSET + 7,
        lambda plan: plan.image_size + bm.PARAMS_SIZE,
        lambda plan: plan.root_offset[0],
        lambda plan: plan.root_offset[1],
        lambda plan: plan.table_offset[0] - 1,
    ],
    ids=[
        "self_digest", "segment_size-4K", "segment_size-huge", "segment_size-absurd",
        "kernel_entry", "table_offset-4K", "table_offset-1M", "table_offset-absurd",
        "after-params", "page-tables-0", "page-tables-1", "end-of-page-tables",
    ],
)
def test_damaged_params_and_page_tables_reset(bench, cpu, level, offset):
    damage = [("purgatory", offset(bench.plan), 4)]
    assert_reset(bench.run(cpu, level, damage=damage), oracle.SELF_DAMAGED)


@levels
@pytest.mark.parametrize("offset", range(bm.PARAMS_UART[0], bm.PARAMS_UART[1], 4))
def test_purgatory_does_not_use_a_uart_with_damaged_params(bench, cpu, level, offset):
    damage = [("purgatory", bench.plan.image_size + offset, 4)]
    assert_reset(bench.run(cpu, level, damage=damage), "")


@levels
@pytest.mark.parametrize("policy", [bm.HALT, bm.BOOT], ids=["halt", "boot"])
def test_a_damaged_purgatory_resets_under_any_policy(bench, cpu, level, policy):
    plan = bench.make_plan(on_damage=policy)
    damage = [("purgatory", plan.image_size + bm.PARAMS_KERNEL_ENTRY)]
    assert_reset(bench.run(cpu, level, plan, damage), oracle.SELF_DAMAGED)
    assert_reset(bench.run(cpu, level, plan, [("purgatory", bm.symbol("pg_main"))]), "")


@levels
@pytest.mark.parametrize("junk", [b"\xff", b"\x5a", b"\x01\0\0\0\0\0\0\0"])
def test_the_old_bytes_of_scratch_and_bitmap_have_no_effect(bench, cpu, level, junk):
    plan, found = bench.plan, bench.make_memory()
    purgatory = bytearray(found["purgatory"])
    for first, end in ((plan.scratch_offset, plan.image_size),
                       (plan.bitmap_offset, plan.segment_size)):
        purgatory[first:end] = junk * ((end - first) // len(junk))
    found["purgatory"] = bytes(purgatory)
    outcome = bench.run(cpu, level, found=found)
    assert_intact(outcome, plan, level)
    assert read_record(plan, outcome).damaged == 0
    found["initrd"] = bm.flip_bit(found["initrd"], 0)
    bench.run_as_expected(cpu, level, found=found)


BAD_PLANS = {
    "too few blocks for the segments": {"block_count": 8},
    "too many blocks for the tables": {"block_count": 4096},
    "a record that is not aligned": {"record": DTB + RECORD_AT + 2},
    "a record across the end of its segment": {"record": DTB + 2 * bm.BLOCK - 4},
    "a record in front of its segment": {"record": DTB - 4},
    "a record outside": {"record": RAMDISK},
    "more groups than blocks": {"groups": 10},
    "parity that is not aligned": {"groups": 3, "parity_base": RAMDISK + 8},
    "parity across the end of all addresses": {"groups": 3, "parity_base": 2**64 - bm.BLOCK},
    # Two blocks must not share memory, because a repair of one would damage the other.
    "a segment over another": {"more": [bm.Segment("more", DTB, bytes(bm.BLOCK), absent=True)]},
    "a segment over purgatory's end": {
        "more": [bm.Segment("more", PURGATORY, bytes(bm.BLOCK), absent=True)]},
    "parity over a segment": {"groups": 3, "parity_base": DTB + bm.BLOCK},
}


@pytest.mark.parametrize("plan", BAD_PLANS)
def test_wrong_params_with_a_right_digest_are_refused(bench, plan):
    """Only a defective library makes such params."""
    plan = bench.make_plan(**BAD_PLANS[plan])
    found = bench.make_memory(plan)
    found.pop("parity", None)
    assert_reset(bench.run(plan=plan, found=found), oracle.SELF_DAMAGED)


@pytest.mark.parametrize("members,refused", [(255, False), (256, True)])
def test_a_group_has_at_most_255_members(bench, members, refused):
    more = bm.Segment("more", RAMDISK, bytes((members - 9) * bm.BLOCK))
    plan = bench.make_plan(more=[more], groups=1)
    found = bench.make_plan(more=[more]).memory()  # without parity, which is not read here
    found["purgatory"] = plan.purgatory()
    outcome = bench.run(plan=plan, found=found)
    if refused:
        assert_reset(outcome, oracle.SELF_DAMAGED)
    else:
        assert_intact(outcome, plan)


# Digest tables

def place_of_digest(plan, table, block):
    """Returns the (name, offset) of a byte of a digest, as a place to damage."""
    return "purgatory", plan.table_offset[table] + block * bm.DIGEST + 7


@levels
def test_a_damaged_digest_table_is_harmless_and_in_the_record(bench, cpu, level):
    for table, flag in ((0, bm.FLAG_TABLE_0), (1, bm.FLAG_TABLE_1)):
        start = bench.plan.table_offset[table]
        for places in ([place_of_digest(bench.plan, table, 4)], [("purgatory", start)],
                       [("purgatory", start + bench.plan.table_size - 1)],
                       [("purgatory", start + at) for at in range(bench.plan.table_size)]):
            expected = bench.run_as_expected(cpu, level, damage=places)
            assert (expected.outcome, expected.table_flags) == ("intact", flag)


@levels
def test_both_tables_may_be_damaged_at_different_blocks(bench, cpu, level):
    damage = [place_of_digest(bench.plan, block % 2, block) for block in range(9)]
    expected = bench.run_as_expected(cpu, level, damage=damage)
    assert (expected.outcome, expected.table_flags) == (
        "intact", bm.FLAG_TABLE_0 | bm.FLAG_TABLE_1)


@levels
def test_a_block_with_two_damaged_digests_counts_as_damaged(bench, cpu, level):
    damage = [place_of_digest(bench.plan, 0, 5), place_of_digest(bench.plan, 1, 5)]
    found = bench.make_memory(damage=damage)
    outcome = bench.run(cpu, level, found=found)
    assert_reset(outcome, damaged_line(bench.plan, found, "initrd", 0x1000, 1))


def test_a_damaged_block_is_found_with_one_damaged_digest(bench):
    expected = bench.run_as_expected(
        damage=[place_of_digest(bench.plan, 0, 5), ("initrd", 0x1234)])
    assert (expected.reason, expected.damaged) == (oracle.RESET, {5})


def test_the_table_digest_is_that_of_the_first_table(bench):
    """The first table, as the library wrote it, counts as undamaged even with a wrong digest."""
    plan = bench.make_plan(bad_digests=((0, 0), (1, 8)))
    expected = bench.run_as_expected(plan=plan)
    assert (expected.outcome, expected.table_flags) == ("intact", bm.FLAG_TABLE_1)


# Policy

@levels
def test_with_policy_halt_the_cpu_waits_for_ever(bench, cpu, level):
    plan = bench.make_plan(on_damage=bm.HALT)
    found = bench.make_memory(plan, [("dtb", 0x1234)])
    log, halt = bench.directory / "log", plan.base + bm.symbol("pg_halt")
    outcome = bench.run(cpu, level, plan, found=found, halts=True, options=(
        "-d", "exec,nochain", "-D", log, "-dfilter", f"{halt:#x}..{plan.halt_address + 3:#x}"))
    assert outcome.reason == oracle.HALTED
    assert oracle.remove_time(outcome.console) == damaged_line(
        plan, found, "dtb", 0x1000, 1, ": halted")
    assert outcome.memory == {name: found[name] for name in outcome.memory}
    # The CPU executed each instruction of pg_halt once, up to the WFI and not further.
    ran = [int(match, 16) for match in re.findall("/([0-9a-f]{16})/", log.read_text())]
    assert sorted(set(ran)) == sorted(ran) and ran[0] == halt
    assert all(halt <= pc < plan.halt_address for pc in ran)


@levels
def test_an_intact_kernel_is_started_with_policy_halt_and_boot(bench, cpu, level):
    for policy in (bm.HALT, bm.BOOT):
        expected = bench.run_as_expected(cpu, level, bench.make_plan(on_damage=policy))
        assert expected.outcome == "intact"


@machines
def test_with_policy_boot_a_damaged_kernel_is_started_and_recorded(bench, cpu, level):
    plan = bench.make_plan(on_damage=bm.BOOT)
    damage = [("kernel", 0x2345, 5), ("initrd", 9)]
    expected = bench.run_as_expected(cpu, level, plan, damage=damage)
    assert (expected.outcome, expected.reason, expected.has_record) == (
        "damaged", oracle.BOOTED, True)


@pytest.mark.parametrize("policy", [3, 77, 2**32 - 1])
def test_an_unknown_policy_resets(bench, policy):
    plan = bench.make_plan(on_damage=policy)
    found = bench.make_memory(plan, [("dtb", 0x1234)])
    assert_reset(bench.run(plan=plan, found=found), damaged_line(plan, found, "dtb", 0x1000, 1))


# The record

@machines
@pytest.mark.parametrize("mmu", [True, False], ids=["mmu", "no-mmu"])
@pytest.mark.parametrize("portable", [False, True], ids=["instructions", "portable"])
def test_the_record_describes_the_check(bench, cpu, level, mmu, portable):
    settings = {} if mmu else {"region": None}
    if portable:
        settings["image"] = bm.make_portable_image()
    plan = bench.make_plan(**settings)
    outcome = bench.run(cpu, level, plan)
    assert_intact(outcome, plan, level)
    found = read_record(plan, outcome)
    flags = {bm.EL1: 0, bm.EL2: bm.FLAG_EL2, bm.EL2_VHE: bm.FLAG_EL2 | bm.FLAG_E2H}[level]
    flags |= bm.FLAG_MMU if mmu else 0
    assert found.flags == flags | (0 if portable else SHA256_INSTRUCTIONS)
    assert (found.outcome, found.blocks, found.damaged, found.repaired, found.damage) == (
        "intact", 9, 0, 0, [])
    assert found.frequency == bm.FREQUENCY
    assert 0 < found.started < found.started + found.ticks < outcome.registers["CNTVCT"]
    milliseconds = re.search("intact, ([0-9]+) ms", outcome.console)[1]
    assert int(milliseconds) == found.ticks * 1000 // found.frequency


def test_purgatory_writes_only_the_record_into_intact_segments(bench):
    outcome = bench.run()
    dtb = bytearray(outcome.memory["dtb"])
    dtb[RECORD_AT : RECORD_AT + bm.RECORD_SIZE] = bm.make_record_template()
    assert {**outcome.memory, "dtb": bytes(dtb)} == {s.name: s.data for s in bench.plan.segments}


def test_adjacent_damaged_blocks_are_one_run_in_the_record(bench):
    plan = bench.make_plan(on_damage=bm.BOOT)
    damage = [("kernel", 0x1abc), ("kernel", 0x2000), ("kernel", 0x3fff),  # to its last block
              ("initrd", 0x0005), ("initrd", 0x2006)]
    found = bench.make_memory(plan, damage)
    outcome = bench.run(plan=plan, found=found)
    assert read_record(plan, outcome).damage == [
        bm.Damage("kernel", 0x1000, 3, 0, found["kernel"][0x1000:0x1010]),
        bm.Damage("initrd", 0x0000, 1, 0, found["initrd"][:16]),
        bm.Damage("initrd", 0x2000, 1, 0, found["initrd"][0x2000:0x2010]),
    ]


@pytest.mark.parametrize("runs", [15, 16, 17, 40])
def test_the_record_counts_all_runs_and_describes_the_first_16(bench, runs):
    noise = random.Random(2).randbytes
    more = bm.Segment("fifteen letters", RAMDISK, noise(2 * runs * bm.BLOCK))
    plan = bench.make_plan(on_damage=bm.BOOT, more=[more])
    damage = [(more.name, 2 * run * bm.BLOCK + 77) for run in range(runs)]
    found = bench.make_memory(plan, damage)
    result = read_record(plan, bench.run(plan=plan, found=found))
    assert (result.damaged, result.damage_count) == (runs, runs)
    assert result.damage == [
        bm.Damage(more.name, at, 1, 0, found[more.name][at : at + 16])
        for at in range(0, 2 * min(runs, bm.DAMAGE_MAX) * bm.BLOCK, 2 * bm.BLOCK)]


@pytest.mark.parametrize("offset", [0, 7, 8, 12, 15])
def test_purgatory_writes_no_record_over_a_damaged_template(bench, offset):
    plan = bench.make_plan(on_damage=bm.BOOT)
    found = bench.make_memory(plan, [("dtb", RECORD_AT + offset)])
    outcome = bench.run(plan=plan, found=found)
    assert_booted(outcome, plan, bm.EL1, damaged_line(
        plan, found, "dtb", 0, 1, oracle.ENDINGS[bm.BOOT]))
    assert outcome.memory["dtb"] == found["dtb"]


def test_a_plan_without_a_record_writes_none(bench):
    plan = bench.make_plan(record=0)
    outcome = bench.run(plan=plan)
    assert_intact(outcome, plan)
    assert outcome.memory["dtb"] == plan.memory()["dtb"]


@pytest.mark.parametrize("offset", [0, 4, 12, bm.BLOCK - 4, 2 * bm.BLOCK - bm.RECORD_SIZE])
def test_the_record_can_be_at_any_offset_in_its_segment(bench, offset):
    """The MMU is off, so an unaligned access to the record would abort."""
    plan = bench.make_plan(record=DTB + offset, region=None)
    [dtb] = [s for s in plan.segments if s.name == "dtb"]
    dtb.data = dtb.data[:offset] + bm.make_record_template() + dtb.data[offset + bm.RECORD_SIZE :]
    outcome = bench.run(plan=plan)
    assert_intact(outcome, plan)
    assert read_record(plan, outcome).outcome == "intact"


# Time

def long_plan(bench, **options):
    """Returns a plan whose check takes about 4 s of virtual time with bm.SLOW."""
    more = bm.Segment("more", RAMDISK, random.Random(3).randbytes(512 * bm.BLOCK))
    return bench.make_plan(more=[more], **options)


def blocks_to_go(outcome):
    """Returns the number of unchecked blocks in the console line."""
    return int(re.search("out of time with ([0-9]+) blocks to go", outcome.console)[1])


@pytest.mark.parametrize("seconds", [0, 30])
def test_a_check_within_the_time_limit_is_complete(bench, seconds):
    plan = long_plan(bench, seconds=seconds)
    assert_intact(bench.run(plan=plan, options=bm.SLOW), plan)


@levels
@pytest.mark.parametrize("policy", [bm.RESET, bm.HALT], ids=["reset", "halt"])
def test_a_check_over_the_time_limit_applies_the_timeout_policy(bench, cpu, level, policy):
    """The policy for damage is another one here."""
    plan = long_plan(bench, seconds=2, on_damage=bm.BOOT, on_timeout=policy)
    outcome = bench.run(cpu, level, plan, options=bm.SLOW, halts=policy == bm.HALT)
    to_go = blocks_to_go(outcome)
    assert 0 < to_go < plan.blocks - 9
    assert oracle.remove_time(outcome.console) == (
        f"{oracle.PREFIX}{plan.blocks - to_go} blocks intact, ? ms, out of time with {to_go} blocks"
        f" to go{oracle.ENDINGS[policy]}\r\n")
    # Purgatory reads the clock often enough to stop within 5 % of the limit.
    assert 2000 <= int(re.search("([0-9]+) ms", outcome.console)[1]) < 2100
    assert outcome.reason == {bm.RESET: oracle.RESET, bm.HALT: oracle.HALTED}[policy]


@levels
def test_out_of_time_without_damage_the_kernel_starts(bench, cpu, level):
    """The policy for damage, which does not apply, is reset."""
    plan = long_plan(bench, seconds=1)
    outcome = bench.run(cpu, level, plan, options=bm.SLOW)
    to_go, result = blocks_to_go(outcome), read_record(plan, outcome)
    line = (f"{oracle.PREFIX}{plan.blocks - to_go} blocks intact, ? ms, out of time with {to_go}"
            " blocks to go: starting the kernel\r\n")
    assert_booted(outcome, plan, level, line)
    assert (result.outcome, result.blocks, result.damaged) == ("incomplete", plan.blocks - to_go, 0)
    assert result.flags & bm.FLAG_TIME_OUT


@levels
def test_out_of_time_with_damage_applies_the_damage_policy(bench, cpu, level):
    """The timeout policy is boot, but purgatory found damage and resets."""
    plan = long_plan(bench, seconds=1, on_timeout=bm.BOOT)
    found = bench.make_memory(plan, [("initrd", 0x1001)])
    outcome = bench.run(cpu, level, plan, found=found, options=bm.SLOW)
    assert outcome.reason == oracle.RESET
    assert ", out of time with " in outcome.console


@levels
def test_with_policy_boot_the_record_shows_the_timeout(bench, cpu, level):
    plan = long_plan(bench, seconds=1, on_damage=bm.BOOT)
    found = bench.make_memory(plan, [("initrd", 0x1001), ("more", 511 * bm.BLOCK)])
    outcome = bench.run(cpu, level, plan, found=found, options=bm.SLOW)
    to_go, result = blocks_to_go(outcome), read_record(plan, outcome)
    ending = f", out of time with {to_go} blocks to go: starting the kernel"
    line = damaged_line(plan, found, "initrd", 0x1000, 1, ending)
    line = line.replace(f"1 of {plan.blocks}", f"1 of {plan.blocks - to_go}")
    assert_booted(outcome, plan, level, line)
    assert result.outcome == "damaged"
    assert result.flags & bm.FLAG_TIME_OUT
    assert (result.blocks, result.damaged, result.damage_count) == (plan.blocks - to_go, 1, 1)
    assert bm.FREQUENCY < result.ticks < 1.1 * bm.FREQUENCY


# The machine

@levels
def test_absent_memory_counts_as_damaged(bench, cpu, level):
    absent = bm.Segment("absent", bm.ABORTING_ADDRESS, bytes(2 * bm.BLOCK), absent=True)
    for policy in (bm.RESET, bm.BOOT):
        plan = bench.make_plan(more=[absent], on_damage=policy)
        expected = bench.run_as_expected(cpu, level, plan)
        assert expected.runs == [bm.Damage("absent", 0, 2, 0, b"")]


@levels
def test_without_a_uart_purgatory_prints_no_line(bench, cpu, level):
    plan = bench.make_plan(uart=(bm.UART_NONE, bm.UART))
    assert_reset(bench.run(cpu, level, plan, damage=[("kernel", 0)]), "")
    damage = [("purgatory", plan.image_size + bm.PARAMS_KERNEL_ENTRY)]
    assert_reset(bench.run(cpu, level, plan, damage), "")
    assert_booted(bench.run(cpu, level, plan), plan, level, "")


@levels
@pytest.mark.parametrize("uart", [bm.ABORTING_ADDRESS, bm.UART + 2, BUSY_UART],
                         ids=["absent", "unaligned", "busy"])
def test_a_broken_uart_does_not_stop_purgatory(bench, cpu, level, uart):
    plan = bench.make_plan(uart=(bm.UART_PL011, uart))
    busy = [(BUSY_UART, b"\xff" * bm.BLOCK)]
    outcome = bench.run(cpu, level, plan, damage=[("kernel", 0)], more=busy)
    assert_reset(outcome, "")


# (uart, bytes of its registers): two UARTs whose FIFO is always full, and one whose FIFO has room
# but is never empty.
DEAD_UARTS = {
    "PL011": ((bm.UART_PL011, BUSY_UART), b"\xff" * bm.BLOCK),
    "16550": ((bm.UART_16550, BUSY_UART, 1, 1), bytes(bm.BLOCK)),
    "16550 that is never empty": ((bm.UART_16550, BUSY_UART, 1, 1), b"\x20" * bm.BLOCK),
}


def ticks_of_a_line(bench, cpu, level, uart, window, **defines):
    """Returns the ticks that purgatory needs to print its line to a UART.

    window: the bytes of the UART's registers. defines: macros of payload.S.
    """
    plans = bench.make_plan(uart=(bm.UART_NONE, 0)), bench.make_plan(uart=uart)
    outcomes = [bench.run(cpu, level, plan, more=[(BUSY_UART, window)], options=bm.SLOW,
                          save={"window": (BUSY_UART, bm.BLOCK)}, defines=defines) for plan in plans]
    for plan, outcome in zip(plans, outcomes):
        assert_booted(outcome, plan, level, "")
    return outcomes[1].registers["CNTVCT"] - outcomes[0].registers["CNTVCT"]


@levels
@pytest.mark.parametrize("uart", DEAD_UARTS)
def test_a_dead_uart_costs_20_ms_a_line(bench, cpu, level, uart):
    """Purgatory waits at most 20 ms for a full or busy UART."""
    ticks = ticks_of_a_line(bench, cpu, level, *DEAD_UARTS[uart])
    assert 0.0199 < ticks / bm.FREQUENCY < 0.0215


def test_without_a_counter_frequency_purgatory_counts_polls_of_a_dead_uart(bench):
    ticks = ticks_of_a_line(bench, "max", bm.EL2, *DEAD_UARTS["PL011"], FREQUENCY=0)
    assert 1 < ticks / bm.FREQUENCY < 20


# A PCI card with a 16550. QEMU's virt machine maps I/O ports into memory at PCI_WINDOW.
PCI_SERIAL, PCI_PORTS, PCI_WINDOW = 0x4010008000, 0x1000, 0x3EFF0000
PCI_UART = (bm.UART_16550, PCI_WINDOW + PCI_PORTS, 1, 1)


@machines
def test_a_16550_gets_the_whole_line(bench, cpu, level):
    plan = bench.make_plan(uart=PCI_UART)
    second = bench.directory / "second"
    options = ["-chardev", f"file,id=second,path={second}"]
    options += ["-device", "pci-serial,chardev=second,addr=1"]
    found = bench.make_memory(plan, [("initrd", 5)])
    outcome = bench.run(cpu, level, plan, found=found, options=options,
                        defines={"PCI_SERIAL": PCI_SERIAL, "PCI_PORTS": PCI_PORTS})
    assert_reset(outcome, "")
    assert oracle.remove_time(second.read_bytes().decode()) == \
        damaged_line(plan, found, "initrd", 0x0, 1)


WINDOW = BUSY_UART  # a page of RAM that acts as the registers of a UART
LSR_THRE, LSR_TEMT = 0x20, 0x40


def run_with_window(bench, cpu, level, uart, words):
    """Returns offset -> byte for each byte of the window that purgatory changed.

    words: offset -> bytes that purgatory reads from the window; all other bytes are 0xa5.
    """
    window = bytearray(b"\xa5" * bm.BLOCK)
    for offset, data in words.items():
        window[offset : offset + len(data)] = data
    outcome = bench.run(cpu, level, bench.make_plan(uart=uart), damage=[("kernel", 0)],
                        more=[(WINDOW, bytes(window))], save={"window": (WINDOW, bm.BLOCK)})
    assert_reset(outcome, "")
    after = outcome.memory["window"]
    return {at: after[at] for at in range(bm.BLOCK) if after[at] != window[at]}


READY = bytes([LSR_THRE | LSR_TEMT])
WORD_READY = READY + bytes(3)


@levels
@pytest.mark.parametrize("uart, words, written", [
    ((bm.UART_16550, WINDOW, 1, 1), {5: READY}, {0: 0x0A}),
    ((bm.UART_16550, WINDOW + 3, 1, 1), {8: READY}, {3: 0x0A}),
    ((bm.UART_16550, WINDOW, 4, 1), {20: READY}, {0: 0x0A}),
    ((bm.UART_16550, WINDOW, 4, 4), {20: WORD_READY}, {0: 0x0A, 1: 0, 2: 0, 3: 0}),
    ((bm.UART_16550, WINDOW, 8, 4), {40: WORD_READY}, {0: 0x0A, 1: 0, 2: 0, 3: 0}),
    # There is room for a character, but the FIFO is never empty: purgatory prints the line and
    # stops waiting for its end.
    ((bm.UART_16550, WINDOW, 1, 1), {5: bytes([LSR_THRE])}, {0: 0x0A}),
    # There is never room, although all other status bits are set.
    ((bm.UART_16550, WINDOW, 1, 1), {5: bytes([0xFF - LSR_THRE])}, {}),
    ((bm.UART_16550, WINDOW, 4, 4), {20: b"\0\xff\xff\xff"}, {}),
    # A PL011 or its SBSA subset: purgatory writes DR as a word, and no other register.
    ((bm.UART_PL011, WINDOW), {0x18: bytes(4)}, {0: 0x0A, 1: 0, 2: 0, 3: 0}),
], ids=["bytes", "unaligned", "stride-4", "words", "stride-8", "never-empty", "busy",
        "busy-words", "sbsa"])
def test_each_uart_is_written_with_its_stride_and_width(bench, cpu, level, uart, words, written):
    assert run_with_window(bench, cpu, level, uart, words) == written


@levels
@pytest.mark.parametrize("uart", [
    (bm.UART_16550, WINDOW, 1, 0),
    (bm.UART_16550, WINDOW, 2, 2),
    (bm.UART_16550, WINDOW, 8, 8),
    (bm.UART_16550, WINDOW, 1, 4),
    (bm.UART_16550, WINDOW + 2, 4, 4),
    (bm.UART_16550, WINDOW, 0xFFFFFFFF, 4),
    (bm.UART_16550, bm.ABORTING_ADDRESS, 4, 4),
    (3, WINDOW, 1, 1),
], ids=["width-0", "width-2", "width-8", "stride-below-width", "unaligned", "stride-absurd",
        "absent", "type-3"])
def test_purgatory_does_not_write_to_an_unknown_uart(bench, cpu, level, uart):
    everywhere = {0: READY * bm.BLOCK}
    assert run_with_window(bench, cpu, level, uart, everywhere) == {}


@levels
@pytest.mark.parametrize("conduit", [bm.CONDUIT_UNKNOWN, bm.CONDUIT_SMC, bm.CONDUIT_HVC, 77])
def test_a_wrong_conduit_still_resets(bench, cpu, level, conduit):
    plan = bench.make_plan(conduit=conduit)
    bench.run_as_expected(cpu, level, plan, damage=[("dtb", 0)])
    # entry.S resets, too: at that time purgatory has not checked the conduit.
    assert_reset(bench.run(cpu, level, plan, damage=[("purgatory", 8)]), "")


@levels
@pytest.mark.parametrize("scratch", ["zero", "damaged"])
def test_an_unexpected_exception_is_reported(bench, cpu, level, scratch):
    """The kernel causes an exception before it sets its own vectors, so purgatory's vectors run."""
    plan = bench.make_plan(kernel_code=bytes(4))  # udf #0
    found = bench.make_memory(plan)
    if scratch == "damaged":
        found["purgatory"] = plan.image[: plan.scratch_offset] + b"\x5a" * (
            plan.image_size - plan.scratch_offset) + found["purgatory"][plan.image_size :]
    outcome = bench.run(cpu, level, plan, found=found)
    # FAR is UNKNOWN for an undefined instruction (Arm ARM, FAR_ELx).
    console = re.sub("FAR 0x[0-9a-f]+", "FAR ?", outcome.console)
    assert oracle.remove_time(console) == intact_line(9) + (
        "crashres: purgatory: exception ESR 0x2000000"
        f" ELR {KERNEL:#x} FAR ?: resetting\r\n"
    )
    assert outcome.reason == "guest-reset"


def run_with_serror(bench, cpu, start_kernel, damage=()):
    """Runs a plan at EL1 with a pending virtual SError. start_kernel: start the kernel directly,
    without purgatory."""
    plan = bench.make_plan(kernel_code=bm.assemble("KERNEL", SERROR=1))
    defines = {"SERROR": 1, **({"PURGATORY": KERNEL} if start_kernel else {})}
    return plan, bench.run(cpu, bm.EL2, plan, damage, defines=defines)


@pytest.mark.parametrize("cpu", ["cortex-a53", "neoverse-n1", "max"])
def test_a_pending_serror_of_the_old_kernel_is_not_damage(bench, cpu):
    _, direct = run_with_serror(bench, cpu, start_kernel=True)
    assert direct.registers["ISR"] == ISR_SERROR, "no SError is pending in this test"
    plan, outcome = run_with_serror(bench, cpu, start_kernel=False)
    # assert_intact() checks that ISR is 0: the kernel does not get the SError either.
    assert_intact(outcome, plan, bm.EL1)
    assert read_record(plan, outcome).outcome == "intact"


def test_an_serror_does_not_hide_damage(bench):
    plan, outcome = run_with_serror(bench, "max", False, damage=[("initrd", 0)])
    found = bench.make_memory(plan, [("initrd", 0)])
    assert_reset(outcome, damaged_line(plan, found, "initrd", 0, 1))


# Registers that firmware at EL3 traps

def run_under_firmware(bench, level, damage=(), groups=0, **firmware):
    """Returns the plan, the outcome, and the SHA-256 method in the record (None: no record)."""
    plan = bench.make_plan(kernel_code=bm.assemble("KERNEL", SERROR=1), groups=groups)
    outcome = bench.run("max", level, plan, damage, firmware=firmware)
    method = None
    if outcome.reason == "guest-shutdown":
        method = read_record(plan, outcome).flags >> bm.SHA256_SHIFT & 3
    return plan, outcome, method


# Name -> (macros of PART_FIRMWARE, expected SHA-256 method)
FIRMWARE = {
    "no traps": ({}, bm.INSTRUCTIONS),
    "vectors trap": ({"KEEP_VECTORS": 1}, bm.PORTABLE),
    "SME traps and stops": ({"KEEP_SME": 1, "STOP_AT_SME": 1}, bm.INSTRUCTIONS),
    "SME traps": ({"KEEP_SME": 1, "SME_IN_USE": 1}, bm.INSTRUCTIONS),
    "streaming mode": ({"STREAMING": 1, "SME_IN_USE": 1}, bm.INSTRUCTIONS),
    "streaming mode, SME not in use": ({"STREAMING": 1}, bm.INSTRUCTIONS),
    "streaming mode, SME traps": ({"STREAMING": 1, "KEEP_SME": 1}, bm.PORTABLE),
}


@pytest.mark.parametrize("level", bm.LEVEL_NAMES, ids=bm.LEVEL_NAMES.get)
@pytest.mark.parametrize("firmware", FIRMWARE)
def test_vectors_are_used_only_if_they_work(bench, level, firmware):
    """Purgatory uses vector registers only after it has tried them. A trap in the middle of the
    check would be a reset, or would stop in firmware for ever."""
    defines, expected = FIRMWARE[firmware]
    plan, outcome, method = run_under_firmware(bench, level, **defines)
    assert_intact(outcome, plan, level)
    assert method == expected


def test_purgatory_repairs_without_vectors(bench):
    plan, outcome, method = run_under_firmware(bench, bm.EL2, [("initrd", 5)], 3, KEEP_VECTORS=1)
    bm.assert_kernel_state(plan, outcome, bm.EL2)
    assert (method, read_record(plan, outcome).outcome) == (bm.PORTABLE, "repaired")
    assert outcome.memory["initrd"] == plan.memory()["initrd"]


@machines
def test_the_mmu_stays_off_if_the_write_of_tcr2_traps(bench, cpu, level):
    """QEMU 7.2 has no TCR2, so the image is changed: it writes TCR2, and the write traps."""
    plan = bench.make_plan(image=bm.make_image_with_tcr2())
    outcome = bench.run(cpu, level, plan)
    assert_intact(outcome, plan, level)
    assert read_record(plan, outcome).flags & bm.FLAG_MMU == 0
    assert outcome.registers["TCR"] == expect_tcr(cpu, level, mmu=False)


def expect_tcr(cpu, level, mmu):
    """Returns the expected TCR_ELx at the entry of the kernel."""
    if not mmu:
        return TCR_BEFORE_NO_E2H if level == bm.EL2 else TCR_BEFORE
    if level == bm.EL2:
        return TCR_NO_E2H | ADDRESS_SIZE[cpu] << 16
    return TCR | ADDRESS_SIZE[cpu] << 32


@machines
@pytest.mark.parametrize("mmu", [True, False], ids=["mmu", "no-mmu"])
def test_purgatory_replaces_the_old_kernels_tcr(bench, cpu, level, mmu):
    plan = bench.plan if mmu else bench.make_plan(region=None)
    outcome = bench.run(cpu, level, plan)
    assert outcome.registers["TCR"] == expect_tcr(cpu, level, mmu)


@machines
def test_without_page_tables_the_mmu_stays_off(bench, cpu, level):
    plan = bench.make_plan(region=None)
    assert_intact(bench.run(cpu, level, plan), plan, level)
    bench.run_as_expected(cpu, level, plan, damage=[("initrd", 2 * bm.BLOCK + 5)])


@machines
def test_only_the_region_is_mapped(bench, cpu, level):
    """The segment outside the region aborts. This also proves that the MMU is on."""
    outside = [bm.Segment("outside", UNMAPPED, bytes(2 * bm.BLOCK))]
    mapped = bench.make_plan(more=outside)
    assert_reset(bench.run(cpu, level, mapped), damaged_line(mapped, {}, "outside", 0, 2))
    unmapped = bench.make_plan(more=outside, region=None)
    assert_intact(bench.run(cpu, level, unmapped), unmapped, level)


# The cost of the check, and CPUs without SHA-2 instructions

def instructions_a_byte(bench, data=None, **options):
    """Returns the instructions that purgatory needs for each byte of a segment.

    The result includes the digest tables. The difference of two runs removes fixed costs.
    """
    size = 256 * bm.BLOCK
    more = bm.Segment("more", RAMDISK, data or random.Random(2).randbytes(size))
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
        # Fewer instructions than the minimum prove that purgatory does not hash every byte.
        pytest.param(bm.INSTRUCTIONS, 1.5, 2.0, id="instructions"),
        pytest.param(bm.VECTORS, 10, 24, id="vectors"),
        pytest.param(bm.PORTABLE, 25, 60, id="portable"),
    ],
)
def test_the_check_costs_few_instructions_a_byte(bench, method, least, most):
    assert least < instructions_a_byte(bench, image=bm.make_image_with_method(method)) <= most


def test_a_block_of_zeros_costs_less(bench):
    # The minimum proves that purgatory reads each byte.
    assert 0.2 < instructions_a_byte(bench, bytes(256 * bm.BLOCK)) <= 0.6


@machines
@pytest.mark.parametrize("block", [0, 1, 5, 7, 8, 9])
def test_damage_among_zeros_is_found(bench, cpu, level, block):
    """Purgatory checks zero blocks in groups of four. The damage is in the last byte of a block:
    at the ends of a group, inside a group, and in the blocks after the last group."""
    zeros = bm.Segment("zeros", RAMDISK, bytes(10 * bm.BLOCK))
    plan = bench.make_plan(more=[zeros])
    bench.run_as_expected(cpu, level, plan, damage=[("zeros", (block + 1) * bm.BLOCK - 1, 7)])


def test_a_wrong_zero_digest_in_one_table_has_no_effect(bench):
    """One table has digests of zero blocks for other blocks. The other table has the right ones."""
    zeros = bm.Segment("zeros", RAMDISK, bytes(4 * bm.BLOCK))
    plan = bench.make_plan(more=[zeros])
    found = bench.make_memory(plan)
    purgatory = bytearray(found["purgatory"])
    table = plan.table_offset[0]
    last = table + (plan.blocks - 4) * bm.DIGEST
    purgatory[table : table + 4 * bm.DIGEST] = purgatory[last : last + 4 * bm.DIGEST]
    found["purgatory"] = bytes(purgatory)
    bench.run_as_expected(plan=plan, found=found)
    bench.run_as_expected(plan=plan, found={**found, "kernel": bm.flip_bit(found["kernel"], 9)})


def test_purgatory_uses_sha2_instructions_if_the_cpu_has_them(bench):
    assert instructions_a_byte(bench) <= 2.0


@pytest.mark.parametrize("method", [bm.VECTORS, bm.PORTABLE], ids=["vectors", "portable"])
@machines
def test_purgatory_checks_without_sha2_instructions(bench, cpu, level, method):
    plan = bench.make_plan(image=bm.make_image_with_method(method))
    assert_intact(bench.run(cpu, level, plan), plan, level)
    bench.run_as_expected(cpu, level, plan, damage=[("initrd", 2 * bm.BLOCK + 5)],
                          sha256=method << bm.SHA256_SHIFT)


@pytest.mark.parametrize("policy", [bm.RESET, bm.BOOT], ids=["reset", "boot"])
@levels
def test_a_failed_cache_clean_counts_as_damage(bench, cpu, level, policy):
    """Without the clean, the kernel could start with stale cache lines."""
    plan = bench.make_plan(image=bm.make_image_without_cleaning(), on_damage=policy)
    outcome = bench.run(cpu, level, plan)
    line = (f"{oracle.PREFIX}{plan.blocks} blocks intact, ? ms, a cache could not be cleaned"
            f"{oracle.ENDINGS[policy]}\r\n")
    if policy == bm.RESET:
        assert_reset(outcome, line)
        return
    assert_booted(outcome, plan, level, line)
    result = read_record(plan, outcome)
    assert (result.outcome, result.damaged) == ("damaged", 0)
    assert result.flags & bm.FLAG_UNCLEAN


CHECK_IMAGE_CASES = {
    "floating-point or vector registers": (
        "double pg_header(double a) { return a + 1; }", ["-static"]),
    "relocations, which purgatory does not apply": (
        "static int a; int *const pg_header = &a;", ["-static-pie"]),
    "undefined symbols": (
        "int elsewhere(void); int pg_header(void) { return elsewhere() + 1; }", ["-r"]),
    "sections that must be empty": (
        "volatile int state = 1; int pg_header(void) { return state; }", ["-static"]),
    "exclusive, atomic or dc zva accesses": (
        "void pg_header(long *p) { __atomic_fetch_add(p, 1, 5); }",
        ["-static", "-mno-outline-atomics"]),
    "accesses that cannot be aligned": (
        'void pg_header(void) { __asm__ volatile("ldr x1, [sp, #12]" ::: "x1"); }', ["-static"]),
    "no symbol pg_header": ("int other(void) { return 1; }", ["-static"]),
}


@pytest.mark.parametrize("sentence", CHECK_IMAGE_CASES)
def test_check_image_refuses_a_bad_image(tmp_path, sentence):
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
