# SPDX-License-Identifier: GPL-2.0-or-later
"""Small plans for replay.py, with memory and caches in a state that an old kernel can leave."""

import functools
import random
from dataclasses import replace

import campaign
from lib import baremetal as bm
from lib import replay
from lib import rules
from lib.scenario import Bench

# Parity groups. The nine blocks of a loaded plan form groups of four and five blocks.
GROUPS = 2
SEALED_GROUPS = 2


class CacheBench:
    """Makes plans for kexec_load and sealed Images, and prepares runs of them."""

    def __init__(self, directory):
        self._bench = Bench(directory)
        self.loaded_image = bm.image_path()
        self.sealed_image = bm.image_path().with_name("sealed.bin")
        self._symbols = {path: replay.Symbols(path)
                         for path in (self.loaded_image, self.sealed_image)}

    def symbols(self, plan):
        """Returns the symbols of the purgatory in a plan."""
        sealed = isinstance(plan, bm.SealedPlan)
        return self._symbols[self.sealed_image if sealed else self.loaded_image]

    def loaded_plan(self, **options):
        """Returns a plan for kexec_load with nine blocks. options: see baremetal.Plan."""
        return self._bench.make_plan(**{"groups": GROUPS, **options})

    def sealed_plan(self, image=None, in_region=True, **options):
        """Returns a plan of a sealed Image with seven blocks.

        image: purgatory's bytes, by default those of sealed.bin. in_region: the Image is in a
        crash region.
        """
        kernel, initrd = campaign.sealed_segments()
        kernel = replace(kernel, data=kernel.data[: 4 * bm.BLOCK])
        initrd = replace(initrd, data=initrd.data[-3 * bm.BLOCK :])
        size = campaign.INITRD_SIZE % bm.BLOCK + 2 * bm.BLOCK
        settings = {"dtb": campaign.TREE, "region": campaign.REGION if in_region else None,
                    "groups": SEALED_GROUPS, "parity_base": campaign.SEALED_PARITY,
                    "initrd_size": size, **options}
        return bm.SealedPlan(image or self.sealed_image.read_bytes(),
                             campaign.SEALED + bm.SEALED_HEADER, campaign.SEALED_KERNEL,
                             [kernel, initrd], **settings)

    def prepare_replay(self, plan, machine=replay.Machine(), damage=(), cleaned=False, stale=()):
        """Returns a Replay whose cache holds dirty lines of all parts, and junk for scratch.

        damage: (name, offset) of each bit that is wrong in the cache.
        cleaned: memory holds the same bytes as the cache. Otherwise memory holds junk, except
            for the code, the header and the params: purgatory must read these before it knows
            the ranges to clean.
        stale: names of the parts whose cache lines are junk that is older than memory.
        """
        is_sealed = isinstance(plan, bm.SealedPlan)
        if is_sealed:
            machine = replace(machine, tree=(campaign.TREE, campaign.TREE_ROOM))
        run = replay.Replay(plan, machine, self.symbols(plan))
        junk = random.Random(3).randbytes
        early = list_early_parts(plan)
        for name, (base, data) in {**early, **list_late_parts(plan, is_sealed)}.items():
            for _, offset in (where for where in damage if where[0] == name):
                data = bm.flip_bit(data, offset)
            if name in stale:
                run.place_in_memory(base, data)
                run.cache.leave_stale(base, junk(len(data)))
                continue
            if name not in early:
                run.place_in_memory(base, data if cleaned else junk(len(data)))
            run.cache.leave_dirty(base, data)
        return run


def list_early_parts(plan):
    """Returns name -> (address, bytes) of the parts that purgatory uses before it cleans caches,
    and of its scratch."""
    purgatory = plan.purgatory()
    junk = random.Random(4).randbytes
    return {
        "image": (plan.base, purgatory[: plan.scratch_offset]),
        "params": (plan.base + plan.image_size,
                   purgatory[plan.image_size : plan.table_offset[0]]),
        "scratch": (plan.base + plan.scratch_offset,
                    junk(plan.image_size - plan.scratch_offset)),
    }


def list_late_parts(plan, is_sealed):
    """Returns name -> (address, bytes) of the parts that purgatory must clean before it reads."""
    parts = {segment.name: (segment.base, segment.data) for segment in plan.segments
             if not segment.absent}
    tables = plan.table_offset[0]
    parts["tables"] = (plan.base + tables, plan.purgatory()[tables:])
    if plan.groups:
        parts["parity"] = (plan.parity_base, plan.parity())
    if is_sealed:
        parts["tree"] = (campaign.TREE, pad_to_lines(make_small_tree(plan)))
    return parts


def pad_to_lines(data):
    """Returns the bytes, padded with zeros to whole cache lines."""
    return data.ljust(bm.round_up(len(data), rules.LINE), b"\0")


@functools.cache
def _make_tree(in_region):
    """Returns the device tree of the campaign."""
    return campaign.make_tree(in_region)


def make_small_tree(plan):
    """Returns the device tree of the campaign with the end of this plan's smaller initrd."""
    tree = _make_tree(plan.region is not None)
    old, new = (campaign.SEALED_INITRD + size
                for size in (campaign.INITRD_SIZE, plan.initrd_size))
    assert tree.count(old.to_bytes(8, "big")) == 1
    return tree.replace(old.to_bytes(8, "big"), new.to_bytes(8, "big"))
