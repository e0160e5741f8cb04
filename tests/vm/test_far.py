# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory above 4 GiB and above 2^40, and regions of 12 and 64 GiB (issue 10, section 3). The RAM
is sparse: pages that nobody writes take no memory of the host."""

import random
from dataclasses import dataclass

import pytest

from lib import baremetal as bm
from lib import oracle
from lib import scenario

pytestmark = pytest.mark.skipif(bm.missing() is not None, reason=str(bm.missing()))

GIB = 1 << 30
MIB = 1 << 20
GROUPS = 8


@dataclass
class Place:
    """A region, and a machine that has it."""

    base: int
    size: int
    cpus: tuple = ("cortex-a72", "max")

    @property
    def end(self):
        return self.base + self.size

    @property
    def ram_size(self):
        return self.end + MIB - bm.RAM  # and something behind it


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
    """The kernel at the bottom, the initrd across the middle, the rest at the top."""
    noise = random.Random(7).randbytes
    code = bm.assemble("KERNEL")
    dtb = bytearray(noise(2 * bm.BLOCK))
    dtb[scenario.RECORD_AT : scenario.RECORD_AT + bm.RECORD_SIZE] = bm.record_template()
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
def test_a_kernel_in_far_memory(tmp_path, name, cpu, level, outcome):
    place = PLACES[name]
    plan = loaded_plan(place)
    bench = scenario.Bench(tmp_path)
    expected = bench.run_as_expected(cpu, level, plan, DAMAGE[outcome], ram_size=place.ram_size)
    assert expected.outcome == outcome
