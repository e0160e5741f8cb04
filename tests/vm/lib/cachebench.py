# SPDX-License-Identifier: GPL-2.0-or-later
"""Small plans for replay.py, in memory and caches as an old kernel may have left them."""

import functools
import random
from dataclasses import replace

import campaign
from lib import baremetal as bm
from lib import replay
from lib import rules
from lib.scenario import Bench

GROUPS = 2  # of parity: four and five of the nine blocks
SEALED_GROUPS = 2


class CacheBench:
    """Plans of both forms, and the ways to run them."""

    def __init__(self, directory):
        self._bench = Bench(directory)
        self.loaded_image = bm.image_path()
        self.sealed_image = bm.image_path().with_name("sealed.bin")
        self._symbols = {path: replay.Symbols(path)
                         for path in (self.loaded_image, self.sealed_image)}

    def symbols(self, plan):
        sealed = isinstance(plan, bm.SealedPlan)
        return self._symbols[self.sealed_image if sealed else self.loaded_image]

    def loaded_plan(self, **options):
        return self._bench.make_plan(**{"groups": GROUPS, **options})

    def sealed_plan(self, image=None, in_region=True, **options):
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
        """Ready to run, with all lines dirty in the cache: what was loaded, junk over scratch.

        damage: (name, offset) of each bit that is wrong in the cache.
        cleaned: the same is in memory. Else there is junk, but for the code, and for header
        and params, which have to be read before it is known what to clean.
        stale: names of parts whose lines are junk in the cache, older than memory.
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
    """What purgatory reads before it has cleaned anything, or does not read: (address, bytes)."""
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
    return data.ljust(bm.round_up(len(data), rules.LINE), b"\0")


@functools.cache
def _tree(in_region):
    return campaign.tree(in_region)


def make_small_tree(plan):
    """The tree of the campaign, for the smaller initrd here."""
    tree = _tree(plan.region is not None)
    old, new = (campaign.SEALED_INITRD + size
                for size in (campaign.INITRD_SIZE, plan.initrd_size))
    assert tree.count(old.to_bytes(8, "big")) == 1
    return tree.replace(old.to_bytes(8, "big"), new.to_bytes(8, "big"))
