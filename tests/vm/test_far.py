# SPDX-License-Identifier: GPL-2.0-or-later
"""Purgatory in memory above 4 GiB and above 2^40, and in regions of 12 and 64 GiB.

The RAM is a sparse file, so unused pages take no memory of the host.
"""

import random
from dataclasses import dataclass

import pytest

from lib import baremetal as bm
from lib import devicetree
from lib import oracle
from lib import scenario

pytestmark = pytest.mark.skipif(bm.find_missing_tool() is not None, reason=str(bm.find_missing_tool()))

GIB = 1 << 30
MIB = 1 << 20
GROUPS = 8


@dataclass
class Place:
    """A crash region, and the CPUs that can address it."""

    base: int  # physical address
    size: int  # bytes
    cpus: tuple = ("cortex-a72", "max")

    @property
    def end(self):
        return self.base + self.size

    @property
    def ram_size(self):
        return self.end + MIB - bm.RAM  # 1 MiB more than the region


PLACES = {
    "above 4 GiB": Place(4 * GIB + 66 * MIB, 64 * MIB, ("cortex-a53", "cortex-a72", "max")),
    "across 4 GiB": Place(4 * GIB - 32 * MIB, 64 * MIB, ("cortex-a53", "cortex-a72", "max")),
    "12 GiB": Place(2 * GIB, 12 * GIB),
    "64 GiB": Place(2 * GIB, 64 * GIB),
    "above 2^40": Place((1 << 40) + 66 * MIB, 64 * MIB, ("neoverse-n1", "max")),
    "across 2^40": Place((1 << 40) - 32 * MIB, 64 * MIB, ("neoverse-n1", "max")),
}
RUNS = [(name, cpu, level) for name, place in PLACES.items() for cpu in place.cpus
        for level in (bm.EL1, bm.EL2, bm.EL2_VHE)
        if (cpu, level) in bm.MACHINES and (cpu == "max" or level == bm.EL1)]
runs = pytest.mark.parametrize(
    "name,cpu,level", RUNS, ids=[f"{name}-{cpu}-{bm.LEVEL_NAMES[el]}" for name, cpu, el in RUNS])


def loaded_plan(place):
    """Returns a plan with the kernel at the start of the region, the initrd across the middle, and
    the rest at the end."""
    noise = random.Random(7).randbytes
    code = bm.assemble("KERNEL")
    dtb = bytearray(noise(2 * bm.BLOCK))
    dtb[scenario.RECORD_AT : scenario.RECORD_AT + bm.RECORD_SIZE] = bm.make_record_template()
    kernel, top = place.base + 4 * MIB, place.end - 2 * MIB
    segments = [bm.Segment("kernel", kernel, code + noise(9 * bm.BLOCK - len(code))),
                bm.Segment("initrd", place.base + place.size // 2 - 5 * bm.BLOCK,
                           noise(11 * bm.BLOCK)),
                bm.Segment("dtb", top, bytes(dtb))]
    return bm.Plan(bm.image_path().read_bytes(), place.base + MIB, kernel, segments, dtb=top,
                   region=(place.base, place.end), sparse=True, record=top + scenario.RECORD_AT,
                   groups=GROUPS, parity_base=top - MIB)


DAMAGE = {"intact": (), "repaired": (("kernel", 8 * bm.BLOCK), ("initrd", 5 * bm.BLOCK - 1),
                                     ("initrd", 5 * bm.BLOCK))}


@runs
@pytest.mark.parametrize("outcome", DAMAGE)
def test_a_loaded_kernel_in_far_memory_is_checked_and_repaired(tmp_path, name, cpu, level, outcome):
    place = PLACES[name]
    plan = loaded_plan(place)
    bench = scenario.Bench(tmp_path)
    expected = bench.run_as_expected(cpu, level, plan, DAMAGE[outcome], ram_size=place.ram_size)
    assert expected.outcome == outcome


INITRD_SIZE = 11 * bm.BLOCK - 77


def sealed_plan(place):
    """Returns a plan with the Image at the start of the region, and initrd and device tree at the
    end. The loader of kexec_file_load uses this order."""
    noise = random.Random(8).randbytes
    code = bm.assemble("KERNEL")
    start, initrd = place.base + 2 * MIB, place.end - 8 * MIB
    segments = [bm.Segment("kernel", start + 2 * MIB, code + noise(9 * bm.BLOCK - len(code))),
                bm.Segment("initrd", initrd, noise(INITRD_SIZE).ljust(11 * bm.BLOCK, b"\0"))]
    return bm.SealedPlan(
        bm.image_path().with_name("sealed.bin").read_bytes(), start + bm.SEALED_HEADER,
        start + 2 * MIB, segments, dtb=place.end - 4 * MIB, region=(place.base, place.end),
        groups=GROUPS, parity_base=start + MIB, initrd_size=INITRD_SIZE)


@runs
@pytest.mark.parametrize("outcome", DAMAGE)
def test_a_sealed_image_in_far_memory_is_checked_with_the_mmu_on(tmp_path, name, cpu, level,
                                                                 outcome):
    place = PLACES[name]
    plan = sealed_plan(place)
    initrd = plan.segments[-1].base
    tree = devicetree.make_tree((initrd, initrd + INITRD_SIZE), (place.base, place.end),
                           place.end - 2 * MIB)
    found = plan.memory()
    for segment, *where in DAMAGE[outcome]:
        found[segment] = bm.flip_bit(found[segment], *where)
    result = bm.run_plan(plan, found, cpu, level, tmp_path, more=[(plan.dtb, tree)],
                         defines={"DTB": plan.dtb}, save={"tree": (plan.dtb, 2 * len(tree) + 4096)},
                         ram_size=place.ram_size)
    bm.assert_kernel_state(plan, result, level)
    expected = oracle.expect(plan, found)
    oracle.check_memory(plan, expected, result.memory)
    at = result.memory["tree"].index(bm.make_record_template()[:16])
    data = result.memory["tree"][at : at + bm.RECORD_SIZE]
    oracle.check_ram(plan, expected, result, also={plan.dtb: devicetree.insert_record(tree, data)})
    record = bm.read_record(data)
    assert record.outcome == outcome
    assert record.flags & bm.FLAG_MMU
