# SPDX-License-Identifier: GPL-2.0-or-later
"""Sealed Images without Linux: the bytes that the library writes, and odd device trees."""

import os
import random
import struct
import subprocess

import pytest

from lib import baremetal as bm
from lib import devicetree
import campaign
from lib import oracle

HOST_COMMAND = os.environ.get("CRASHRES_HOST_COMMAND")

pytestmark = pytest.mark.skipif(bm.find_missing_tool() is not None, reason=str(bm.find_missing_tool()))


def sealed_path():
    return bm.image_path().with_name("sealed.bin")


@pytest.mark.skipif(not HOST_COMMAND, reason="CRASHRES_HOST_COMMAND does not name a crashres for "
                    "this machine")
def test_the_library_writes_the_bytes_of_the_second_definition(tmp_path):
    """baremetal.py defines the format of sealed Images a second time."""
    blocks, initrd = 50, random.Random(3).randbytes(10 * bm.BLOCK + 5)
    header = struct.pack("<IIQQQ24s4sI", 0, 0, 0, blocks * bm.BLOCK, 0b1010, bytes(24), b"ARM\x64", 0)
    text = header + random.Random(4).randbytes(40 * bm.BLOCK)
    (tmp_path / "Image").write_bytes(text)
    (tmp_path / "initrd").write_bytes(initrd)
    subprocess.run([HOST_COMMAND, "seal", f"--kernel={tmp_path}/Image", f"--initrd={tmp_path}/initrd",
                    "--on-damage=halt", "--check-time=7", "-o", tmp_path / "sealed"], check=True)
    base, kernel_at, groups = 0x40000000, 2 << 20, 2
    plan = bm.SealedPlan(
        sealed_path().read_bytes(), base + bm.SEALED_HEADER, base + kernel_at,
        [bm.Segment("kernel", base + kernel_at, text.ljust(blocks * bm.BLOCK, b"\0")),
         bm.Segment("initrd", 0, initrd.ljust(11 * bm.BLOCK, b"\0"))],
        uart=(bm.UART_NONE, 0), on_damage=bm.HALT, seconds=7, groups=groups,
        initrd_size=len(initrd))
    stub = bm.round_up(bm.SEALED_HEADER + plan.segment_size, 16)
    plan.parity_base = base + bm.round_up(stub + 16, 64 << 10)
    expected = bm.make_sealed_block(text, initrd, kernel_at, kernel_at + blocks * bm.BLOCK, stub)
    expected += plan.purgatory()
    expected = expected.ljust(stub, b"\0") + bm.SEALED_STUB
    expected = expected.ljust(plan.parity_base - base, b"\0") + plan.parity()
    expected = expected.ljust(kernel_at, b"\0") + plan.segments[0].data
    assert (tmp_path / "sealed").read_bytes() == expected


def make_plan(in_region=True, dtb=campaign.TREE, segments=None, initrd_size=campaign.INITRD_SIZE):
    return bm.SealedPlan(
        sealed_path().read_bytes(), campaign.SEALED + bm.SEALED_HEADER, campaign.SEALED_KERNEL,
        segments or campaign.sealed_segments(), dtb=dtb,
        region=campaign.REGION if in_region else None, groups=campaign.SEALED_GROUPS,
        parity_base=campaign.SEALED_PARITY, initrd_size=initrd_size)


def run(tmp_path, tree, level=bm.EL1, in_region=True, dtb=campaign.TREE):
    """Runs an intact sealed Image with a device tree. Returns the plan and the outcome.

    dtb: the address that the old kernel passes in x0.
    """
    plan = make_plan(in_region, dtb)
    outcome = bm.run_plan(plan, plan.memory(), "max", level, tmp_path,
                          more=[(campaign.TREE, tree)], defines={"DTB": dtb},
                          save={"tree": (campaign.TREE, campaign.TREE_ROOM)})
    oracle.check_rest_of_ram(plan, outcome, [(campaign.TREE, campaign.TREE + campaign.TREE_ROOM)])
    return plan, outcome


def find_record(outcome):
    """Returns the record in the device tree, or None."""
    at = outcome.memory["tree"].find(bm.make_record_template()[:16])
    return None if at < 0 else bm.read_record(outcome.memory["tree"][at:at + bm.RECORD_SIZE])


@pytest.mark.parametrize("level", [bm.EL1, bm.EL2, bm.EL2_VHE], ids=bm.LEVEL_NAMES.get)
def test_an_intact_image_is_started_with_a_record(tmp_path, level):
    plan, outcome = run(tmp_path, campaign.make_tree(True), level)
    bm.assert_kernel_state(plan, outcome, level)
    assert oracle.remove_time(outcome.console).startswith(oracle.make_line(plan.blocks))
    record = find_record(outcome)
    assert record.outcome == "intact"
    assert record.flags & bm.FLAG_MMU


def test_without_a_crash_region_an_image_is_checked_without_a_record(tmp_path):
    plan, outcome = run(tmp_path, campaign.make_tree(False), in_region=False)
    bm.assert_kernel_state(plan, outcome, bm.EL1)
    assert oracle.remove_time(outcome.console).startswith(oracle.make_line(plan.blocks))
    assert find_record(outcome) is None
    assert outcome.memory["tree"].startswith(campaign.make_tree(False))


def replace_in_tree(old, new):
    """Returns the device tree with one occurrence of bytes replaced."""
    tree = campaign.make_tree(True)
    assert tree.count(old) == 1
    return tree.replace(old, new)


BE = struct.Struct(">Q")
LOST = r"crashres: purgatory: initrd damaged at offset 0x0, unreadable; 23 of 64 blocks damaged, " \
       r"0 repaired, ? ms: resetting" + "\r\n"


@pytest.mark.parametrize("tree", [
    lambda: replace_in_tree(BE.pack(campaign.SEALED_INITRD + campaign.INITRD_SIZE),
                    BE.pack(campaign.SEALED_INITRD + campaign.INITRD_SIZE - 1)),
    lambda: replace_in_tree(BE.pack(campaign.SEALED_INITRD), BE.pack(campaign.SEALED_INITRD + 1)),
    lambda: replace_in_tree(b"linux,initrd-end", b"linux,initrd_end"),
    lambda: replace_in_tree(b"chosen\0", b"choosen"[:7]),
    lambda: replace_in_tree(struct.pack(">I", 0xD00DFEED), bytes(4)),
    lambda: bytes(4096),
    lambda: b"\xff" * 4096,
], ids=["shorter", "elsewhere", "no end", "no chosen", "no magic", "zeros", "ones"])
def test_a_wrong_or_missing_initrd_in_the_tree_counts_as_damage(tmp_path, tree):
    _, outcome = run(tmp_path, tree())
    assert (outcome.reason, oracle.remove_time(outcome.console)) == (oracle.RESET, LOST)


@pytest.mark.parametrize("dtb", [0, campaign.TREE + 4, 1 << 60, bm.ABORTING_ADDRESS], ids=hex)
def test_without_a_device_tree_the_initrd_counts_as_damaged(tmp_path, dtb):
    _, outcome = run(tmp_path, campaign.make_tree(True), dtb=dtb)
    assert (outcome.reason, oracle.remove_time(outcome.console)) == (oracle.RESET, LOST)


def test_without_room_in_the_tree_no_record_is_written(tmp_path):
    """The elfcorehdr is directly after the device tree."""
    tree = replace_in_tree(BE.pack(campaign.TREE_CORE), BE.pack(campaign.TREE + 1024))
    assert len(tree) < 1024
    plan, outcome = run(tmp_path, tree)
    bm.assert_kernel_state(plan, outcome, bm.EL1)
    assert outcome.memory["tree"].startswith(tree)
    assert find_record(outcome) is None


def move_initrd(start):
    """Returns a device tree with another start of the initrd. The size of the initrd is right."""
    old = [BE.pack(campaign.SEALED_INITRD + at) for at in (0, campaign.INITRD_SIZE)]
    new = [BE.pack(start + at) for at in (0, campaign.INITRD_SIZE)]
    tree = replace_in_tree(old[0], new[0])
    assert tree.count(old[1]) == 1
    return tree.replace(old[1], new[1])


@pytest.mark.parametrize("start", [
    campaign.SEALED_KERNEL + bm.BLOCK,
    campaign.SEALED_KERNEL - bm.BLOCK,
    campaign.SEALED_PARITY,
    campaign.SEALED + bm.SEALED_HEADER,
    campaign.SEALED,
    campaign.TREE,
    campaign.TREE - campaign.INITRD_SIZE // bm.BLOCK * bm.BLOCK,
], ids=["kernel", "into the kernel", "parity", "purgatory", "header", "tree", "into the tree"])
def test_an_initrd_that_overlaps_other_data_is_not_repaired(tmp_path, start):
    """A repair would write initrd blocks over kernel blocks that were checked before."""
    plan, outcome = run(tmp_path, move_initrd(start))
    assert (outcome.reason, oracle.remove_time(outcome.console)) == (oracle.RESET, LOST)
    for segment in plan.segments:
        assert outcome.memory[segment.name] == segment.data, segment.name


@pytest.mark.parametrize("dtb", [
    campaign.SEALED_KERNEL, campaign.SEALED_KERNEL - 8, campaign.SEALED_PARITY], ids=hex)
def test_a_tree_inside_the_image_is_not_used(tmp_path, dtb):
    """Purgatory would write the record into the Image."""
    _, outcome = run(tmp_path, campaign.make_tree(True), dtb=dtb)
    assert (outcome.reason, oracle.remove_time(outcome.console)) == (oracle.RESET, LOST)


# An initrd so short that parity can restore all its blocks at any address in the tree.
SHORT_BLOCKS = 3
SHORT_SIZE = SHORT_BLOCKS * bm.BLOCK
CORE = bytes(range(1, 129)) * (SHORT_SIZE // 128)
SHORT_LINE = oracle.PREFIX + "initrd damaged at offset 0x0, {}; 3 of 44 blocks damaged, " \
    "0 repaired, ? ms: resetting\r\n"


def run_short(tmp_path, initrd_at, in_region):
    """Runs an Image whose device tree has an initrd of three blocks at initrd_at. The memory there
    holds CORE. Returns (reason of the end, console line), and the memory there at the end."""
    kernel, initrd = campaign.sealed_segments()
    short = bm.Segment("initrd", campaign.SEALED_INITRD, initrd.data[:SHORT_SIZE])
    plan = make_plan(in_region, segments=[kernel, short], initrd_size=SHORT_SIZE)
    place = campaign.REGION, campaign.TREE_CORE
    tree = devicetree.make_tree((initrd_at, initrd_at + SHORT_SIZE), *(place if in_region else ()))
    outcome = bm.run_plan(plan, plan.memory(), "max", bm.EL1, tmp_path,
                          more=[(campaign.TREE, tree), (initrd_at, CORE)],
                          defines={"DTB": campaign.TREE}, save={"there": (initrd_at, SHORT_SIZE)})
    return (outcome.reason, oracle.remove_time(outcome.console)), outcome.memory["there"]


@pytest.mark.parametrize("before", [0, 2], ids=["at its start", "into it"])
def test_an_initrd_that_overlaps_the_elfcorehdr_is_not_repaired(tmp_path, before):
    """A repair would overwrite the elfcorehdr, and the capture kernel could not save a dump."""
    ended, there = run_short(tmp_path, campaign.TREE_CORE - before * bm.BLOCK, in_region=True)
    assert ended == (oracle.RESET, SHORT_LINE.format("unreadable"))
    assert there == CORE


@pytest.mark.parametrize("in_region", [True, False], ids=["in the region", "without a region"])
def test_an_initrd_without_a_right_block_is_not_repaired(tmp_path, in_region):
    """The memory holds other data, and a repair would overwrite all of it with the initrd."""
    place = campaign.TREE_CORE + (256 << 10) if in_region else 0x48000000
    ended, there = run_short(tmp_path, place, in_region)
    assert ended == (oracle.RESET, SHORT_LINE.format("found " + CORE[:16].hex()))
    assert there == CORE


@pytest.mark.parametrize("in_region", [True, False], ids=["in the region", "without a region"])
def test_an_initrd_is_repaired_only_in_a_crash_region(tmp_path, in_region):
    """Without a crash region, other data can be at the address of the initrd. The kernel is part
    of the Image, so it is repaired in both cases."""
    plan = make_plan(in_region)
    found = plan.memory()
    for name in ("kernel", "initrd"):
        found[name] = found[name][:5 * bm.BLOCK] + bytes(bm.BLOCK) + found[name][6 * bm.BLOCK:]
    outcome = bm.run_plan(plan, found, "max", bm.EL1, tmp_path,
                          more=[(campaign.TREE, campaign.make_tree(in_region))],
                          defines={"DTB": campaign.TREE})
    right = {segment.name: segment.data for segment in plan.segments}
    assert outcome.memory["kernel"] == right["kernel"]
    assert outcome.memory["initrd"] == (right if in_region else found)["initrd"]
    assert outcome.reason == (oracle.BOOTED if in_region else oracle.RESET)
    line_end = "2 of 64 blocks damaged, {}, ? ms: {}\r\n".format(
        *(("2 repaired", "starting the kernel") if in_region else ("1 repaired", "resetting")))
    assert line_end in oracle.remove_time(outcome.console)


def test_a_tree_that_overlaps_the_elfcorehdr_is_not_used(tmp_path):
    """Purgatory would write the record over the elfcorehdr."""
    tree = replace_in_tree(BE.pack(campaign.TREE_CORE), BE.pack(campaign.TREE + 256))
    assert len(tree) > 256
    _, outcome = run(tmp_path, tree)
    assert (outcome.reason, oracle.remove_time(outcome.console)) == (oracle.RESET, LOST)
    assert outcome.memory["tree"].startswith(tree)
