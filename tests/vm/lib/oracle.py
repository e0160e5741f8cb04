# SPDX-License-Identifier: GPL-2.0-or-later
"""The oracle: predicts the result of purgatory for a damaged machine, from the rules in abi.h.

From a plan and the memory at the crash it computes how the run must end, the console line, the
record, and every byte of the segments.
"""

import re
from dataclasses import dataclass, field

from lib import baremetal as bm
from lib import ram

PREFIX = "crashres: purgatory: "
SELF_DAMAGED = PREFIX + "purgatory itself is damaged: resetting\r\n"
ENDINGS = {bm.RESET: ": resetting", bm.HALT: ": halted", bm.BOOT: ": starting the kernel"}
BOOTED, RESET, HALTED = "guest-shutdown", "guest-reset", "halted"


def make_line(blocks, damaged=0, repaired=0, run=None, ending=ENDINGS[bm.BOOT]):
    """Returns the console line of purgatory, with "?" for the time as in remove_time().

    blocks, damaged, repaired: numbers of blocks. run: the first baremetal.Damage.
    """
    text = f"{blocks} blocks intact"
    if damaged:
        place = f"{run.segment} damaged at offset {run.offset:#x}, "
        place += f"found {run.found.hex()}; " if run.found else "unreadable; "
        text = f"{place}{damaged} of {blocks} blocks damaged, {repaired} repaired"
    return f"{PREFIX}{text}, ? ms{ending}\r\n"


def remove_time(console):
    """Replaces the milliseconds in purgatory's line by "?"."""
    return re.sub(r", [0-9]+ ms(,|:)", r", ? ms\1", console)


@dataclass
class Expected:
    """The predicted result of one run. Blocks are counted from 0 through all segments."""

    reason: str = RESET  # BOOTED, RESET or HALTED
    console: str = ""  # purgatory's line; None: unknown
    outcome: str = "none"  # one of bm.OUTCOMES; none: purgatory resets before it checks segments
    damaged: set = field(default_factory=set)  # blocks
    repaired: set = field(default_factory=set)  # blocks
    table_flags: int = 0  # bm.FLAG_TABLE_0 | bm.FLAG_TABLE_1
    runs: list = field(default_factory=list)  # bm.Damage for each run of adjacent damaged blocks
    memory: dict = field(default_factory=dict)  # segment name -> bytes, without the record
    code_runs: bool = True  # False: the sums of the code are wrong, so purgatory resets at once
    has_record: bool = False  # purgatory writes the record


def _blocks(data):
    """Splits bytes into blocks."""
    return [data[at : at + bm.BLOCK] for at in range(0, len(data), bm.BLOCK)]


def _judge_self_damage(plan, found):
    """Returns the Expected if the self-check fails, or None if it succeeds.

    found: the bytes of the purgatory segment at the crash.
    """
    right = plan.purgatory()
    if found == right:
        return None
    params = plan.image_size
    after_sums = params + bm.PARAMS_SELF_DIGEST
    first, second = (params + at for at in bm.PARAMS_UART)
    if found[: plan.scratch_offset] != right[: plan.scratch_offset] or \
            found[params:after_sums] != right[params:after_sums]:
        return Expected(console="", code_runs=False)
    if found[first : second] != right[first : second]:
        return Expected(console="")
    if found[after_sums : plan.table_offset[0]] != right[after_sums : plan.table_offset[0]]:
        return Expected(console=SELF_DAMAGED)
    return None


class _Judge:
    """Compares all blocks with the right ones. Blocks are counted from 0 through all segments."""

    def __init__(self, plan, found):
        self.plan = plan
        self.right = [block for s in plan.segments for block in s.blocks]
        self.found = [block for s in plan.segments for block in
                      ([None] * len(s.blocks) if s.absent else _blocks(found[s.name]))]
        right = plan.purgatory()
        self.tables = [(found["purgatory"][at : at + plan.table_size],
                        right[at : at + plan.table_size]) for at in plan.table_offset]
        # If there is less parity than planned, its remaining memory is absent.
        parity = _blocks(found.get("parity", b""))
        self.parity = [number < len(parity) and parity[number] == right
                       for number, right in enumerate(_blocks(plan.parity()))]

    def is_known(self, block):
        """Returns whether one of the two tables has the right digest of a block."""
        where = slice(block * bm.DIGEST, (block + 1) * bm.DIGEST)
        good = [found[where] == right[where] and (number, block) not in self.plan.bad_digests
                for number, (found, right) in enumerate(self.tables)]
        return any(good)

    def table_flags(self):
        """Returns the flags for damaged digest tables."""
        # One digest covers both tables: that of the first table, as the library wrote it.
        right = self.tables[0][1]
        flags = bm.FLAG_TABLE_0, bm.FLAG_TABLE_1
        return sum(flag for flag, (found, _) in zip(flags, self.tables) if found != right)

    def damaged(self):
        """Returns the set of damaged blocks. A block without a known digest counts as damaged."""
        return {block for block, data in enumerate(self.right)
                if self.found[block] != data or not self.is_known(block)}

    def _repairable(self, group, lost):
        """Returns whether the intact parity of a group can restore lost blocks."""
        parity_left = self.parity[group] + self.parity[self.plan.groups + group]
        return 1 <= lost <= parity_left

    def repaired(self, damaged):
        """Returns the set of blocks that parity restores."""
        groups = self.plan.groups
        lost = [[block for block in sorted(damaged) if block % groups == group]
                for group in range(groups)]
        found = {block for group in range(groups) if self._repairable(group, len(lost[group]))
                 for block in lost[group] if self.found[block] is not None and self.is_known(block)}
        return found - self.plan.unrepairable_blocks(damaged)

    def run(self, segment, first_block, blocks, repaired):
        """Returns the bm.Damage of adjacent blocks.

        Its offset is that of the first wrong byte if the first block was repaired, because the
        right bytes are known then. Otherwise it is the offset of the block.
        """
        data, right = self.found[blocks[0]], self.right[blocks[0]]
        at = 0
        if blocks[0] in repaired:
            at = next(i for i in range(bm.BLOCK) if data[i] != right[i])
        offset = (blocks[0] - first_block) * bm.BLOCK + at
        found = b"" if data is None else data[at : at + 16]
        return bm.Damage(segment.name, offset, len(blocks), len(repaired & set(blocks)), found)

    def runs(self, damaged, repaired):
        """Returns the bm.Damage of all runs of adjacent damaged blocks in a segment."""
        runs, first = [], 0
        for segment in self.plan.segments:
            end = first + len(segment.blocks)
            here = [block for block in range(first, end) if block in damaged]
            starts = [block for block in here if block == first or block - 1 not in damaged]
            for start in starts:
                size = next(n for n in range(1, end - start + 1) if start + n not in damaged
                            or start + n == end)
                run = range(start, start + size)
                runs.append(self.run(segment, first, run, repaired))
            first = end
        return runs

    def memory(self, repaired):
        """Returns the memory after the repair: segment name -> bytes."""
        memory, first = {}, 0
        for segment in self.plan.segments:
            end = first + len(segment.blocks)
            if not segment.absent:
                memory[segment.name] = b"".join(
                    self.right[block] if block in repaired else self.found[block]
                    for block in range(first, end))
            first = end
        return memory


def _find_record(plan):
    """Returns the name of the segment with the record, and the offset of the record in it."""
    for segment in plan.segments:
        if segment.base <= plan.record < segment.base + len(segment.data):
            return segment.name, plan.record - segment.base
    return None, 0


def _has_template(plan, memory):
    """Returns whether the memory has the magic, version and size that a record starts with."""
    name, at = _find_record(plan)
    return name is not None and memory[name][at : at + 16] == bm.make_record_template()[:16]


def expect(plan, found):
    """Returns the Expected of a plan.

    found: the memory at the crash, name -> bytes: each segment, "purgatory" and "parity".
    """
    failure = _judge_self_damage(plan, found["purgatory"])
    if failure:
        failure.memory = {s.name: found[s.name] for s in plan.segments if not s.absent}
        return failure
    judge = _Judge(plan, found)
    damaged = judge.damaged()
    repaired = judge.repaired(damaged)
    outcome = "damaged" if damaged - repaired else "repaired" if damaged else "intact"
    policy = plan.on_damage if outcome == "damaged" else bm.BOOT
    runs = judge.runs(damaged, repaired)
    memory = judge.memory(repaired)
    console = make_line(plan.blocks, len(damaged), len(repaired), runs[0] if runs else None,
                   ENDINGS[policy])
    return Expected(
        reason={bm.RESET: RESET, bm.HALT: HALTED, bm.BOOT: BOOTED}[policy],
        console="" if plan.uart[0] == bm.UART_NONE else console, outcome=outcome,
        damaged=damaged, repaired=repaired,
        table_flags=judge.table_flags(), runs=runs, memory=memory,
        has_record=policy == bm.BOOT and _has_template(plan, memory),
    )


def level_flags(level):
    """Returns the flags of a record for a level: (exception level, E2H)."""
    el, e2h = level
    return (bm.FLAG_EL2 if el == 2 else 0) | (bm.FLAG_E2H if e2h else 0)


def check_record(plan, expected, data, flags):
    """Compares a record with the Expected.

    data: the bytes of the record. flags: the expected flags for level, MMU and SHA-256.
    """
    if not expected.has_record:
        return
    record = bm.read_record(data)
    assert record is not None, "purgatory did not write the record"
    assert record.outcome == expected.outcome
    assert record.flags == flags | expected.table_flags
    assert record.frequency == bm.FREQUENCY
    assert 0 < record.ticks < bm.RUN_SECONDS_MAX * bm.FREQUENCY
    assert record.blocks == plan.blocks
    assert (record.damaged, record.repaired) == (len(expected.damaged), len(expected.repaired))
    assert record.damage_count == len(expected.runs)
    assert record.damage == expected.runs[: bm.DAMAGE_MAX]


def check_memory(plan, expected, memory):
    """Compares the segments with the Expected. check_record() compares the bytes of the record.

    memory: the segments at the end, name -> bytes.
    """
    name, at = _find_record(plan)
    for segment, data in expected.memory.items():
        found = memory[segment]
        if segment == name and expected.has_record:
            data = data[:at] + found[at : at + bm.RECORD_SIZE] + data[at + bm.RECORD_SIZE :]
        assert found == data, f"{segment} has a wrong byte at {_find_difference(found, data):#x}"


def record_place(plan):
    """Returns (first, end) of the record, in physical addresses."""
    return plan.record, plan.record + bm.RECORD_SIZE


def _working_places(plan, expected):
    """Returns the (first, end) ranges of purgatory that it may have written before its end."""
    if not expected.code_runs:
        return []
    return [plan.scratch_place] if expected.outcome == "none" else plan.working_places()


def check_ram(plan, expected, outcome, more=(), also=None):
    """Checks that only the expected bytes of RAM changed.

    These are repaired blocks, the record, the working memory of purgatory, and more: a list of
    (first, end). also: address -> bytes that must be there.
    """
    right = dict(outcome.before)
    for address, data in (also or {}).items():
        ram.patch(right, address, data)
    for segment in plan.segments:
        if segment.name in expected.memory:
            ram.patch(right, segment.base, expected.memory[segment.name])
    places = [*_working_places(plan, expected), *more]
    if expected.has_record and plan.record:
        places.append(record_place(plan))
    assert_same_ram(right, outcome.after, places)


def check_rest_of_ram(plan, outcome, more=()):
    """Checks that purgatory wrote only to segments, to its working memory, and to more.

    This check needs no Expected. more: a list of (first, end).
    """
    segments = [(s.base, s.base + len(s.data)) for s in plan.segments if not s.absent]
    assert_same_ram(outcome.before, outcome.after, [*plan.working_places(), *segments, *more])


def assert_same_ram(right, found, places):
    """Compares two pictures of RAM, except the (first, end) places."""
    differences = ram.compare(ram.blank_places(right, places), ram.blank_places(found, places))
    assert not differences, f"RAM was written to at {', '.join(map(str, differences[:8]))}"


def _find_difference(a, b):
    """Returns the offset of the first byte of b that a does not have."""
    return next(i for i in range(len(b)) if a[i : i + 1] != b[i : i + 1])
