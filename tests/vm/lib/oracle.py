# SPDX-License-Identifier: GPL-2.0-or-later
"""What purgatory has to make of a damaged machine: abi.h once more, in Python.

Says for a plan and for what its memory holds at the crash how the run must end, what the
console must say, what the record must hold and what every byte of the segments must be.
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
    """The line on the console, with the time it took taken out as in remove_time()."""
    text = f"{blocks} blocks intact"
    if damaged:
        place = f"{run.segment} damaged at offset {run.offset:#x}, "
        place += f"found {run.found.hex()}; " if run.found else "unreadable; "
        text = f"{place}{damaged} of {blocks} blocks damaged, {repaired} repaired"
    return f"{PREFIX}{text}, ? ms{ending}\r\n"


def remove_time(console):
    return re.sub(r", [0-9]+ ms(,|:)", r", ? ms\1", console)


@dataclass
class Expected:
    reason: str = RESET
    console: str = ""  # purgatory's line; None: nobody can say
    outcome: str = "none"  # of bm.OUTCOMES; none: it never came to check the segments
    damaged: set = field(default_factory=set)
    repaired: set = field(default_factory=set)
    table_flags: int = 0
    runs: list = field(default_factory=list)
    memory: dict = field(default_factory=dict)  # segment name to its bytes, without the record
    code_runs: bool = True  # False: its sums are wrong, and nothing behind them was run
    has_record: bool = False


def _blocks(data):
    return [data[at : at + bm.BLOCK] for at in range(0, len(data), bm.BLOCK)]


def _judge_self_damage(plan, found):
    """What purgatory's own damage leads to, or None where there is none that counts."""
    right = plan.purgatory()
    if found == right:
        return None
    params = plan.image_size
    behind_sum = params + bm.PARAMS_SELF_DIGEST
    first, second = (params + at for at in bm.PARAMS_UART)
    if found[: plan.scratch_offset] != right[: plan.scratch_offset] or \
            found[params:behind_sum] != right[params:behind_sum]:
        return Expected(console="", code_runs=False)
    if found[first : second] != right[first : second]:
        return Expected(console="")
    if found[behind_sum : plan.table_offset[0]] != right[behind_sum : plan.table_offset[0]]:
        return Expected(console=SELF_DAMAGED)
    return None


class _Judge:
    """All blocks, numbered through."""

    def __init__(self, plan, found):
        self.plan = plan
        self.right = [block for s in plan.segments for block in s.blocks]
        self.found = [block for s in plan.segments for block in
                      ([None] * len(s.blocks) if s.absent else _blocks(found[s.name]))]
        right = plan.purgatory()
        self.tables = [(found["purgatory"][at : at + plan.table_size],
                        right[at : at + plan.table_size]) for at in plan.table_offset]
        parity = _blocks(found.get("parity", b""))  # less than there should be: the rest is absent
        self.parity = [number < len(parity) and parity[number] == right
                       for number, right in enumerate(_blocks(plan.parity()))]

    def is_known(self, block):
        """Does one of the tables have its digest?"""
        where = slice(block * bm.DIGEST, (block + 1) * bm.DIGEST)
        good = [found[where] == right[where] and (number, block) not in self.plan.bad_digests
                for number, (found, right) in enumerate(self.tables)]
        return any(good)

    def table_flags(self):
        # The digest of both tables is that of the first, whatever is in it.
        right = self.tables[0][1]
        flags = bm.FLAG_TABLE_0, bm.FLAG_TABLE_1
        return sum(flag for flag, (found, _) in zip(flags, self.tables) if found != right)

    def damaged(self):
        return {block for block, data in enumerate(self.right)
                if self.found[block] != data or not self.is_known(block)}

    def _repairable(self, group, lost):
        parity_left = self.parity[group] + self.parity[self.plan.groups + group]
        return 1 <= lost <= parity_left

    def repaired(self, damaged):
        groups = self.plan.groups
        lost = [[block for block in sorted(damaged) if block % groups == group]
                for group in range(groups)]
        found = {block for group in range(groups) if self._repairable(group, len(lost[group]))
                 for block in lost[group] if self.found[block] is not None and self.is_known(block)}
        return found - self.plan.unrepairable_blocks(damaged)

    def run(self, segment, first_block, blocks, repaired):
        """blocks: adjacent ones. The first wrong byte is known where the right ones are."""
        data, right = self.found[blocks[0]], self.right[blocks[0]]
        at = 0
        if blocks[0] in repaired:
            at = next(i for i in range(bm.BLOCK) if data[i] != right[i])
        offset = (blocks[0] - first_block) * bm.BLOCK + at
        found = b"" if data is None else data[at : at + 16]
        return bm.Damage(segment.name, offset, len(blocks), len(repaired & set(blocks)), found)

    def runs(self, damaged, repaired):
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
        memory, first = {}, 0
        for segment in self.plan.segments:
            end = first + len(segment.blocks)
            if not segment.absent:
                memory[segment.name] = b"".join(
                    self.right[block] if block in repaired else self.found[block]
                    for block in range(first, end))
            first = end
        return memory


def _record_place(plan):
    """The segment that holds the record, and the offset in there."""
    for segment in plan.segments:
        if segment.base <= plan.record < segment.base + len(segment.data):
            return segment.name, plan.record - segment.base
    return None, 0


def _template_is_there(plan, memory):
    name, at = _record_place(plan)
    return name is not None and memory[name][at : at + 16] == bm.make_record_template()[:16]


def expect(plan, found):
    """found: what lies at each segment, at "purgatory" and at "parity" when the machine crashes."""
    ends_here = _judge_self_damage(plan, found["purgatory"])
    if ends_here:
        ends_here.memory = {s.name: found[s.name] for s in plan.segments if not s.absent}
        return ends_here
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
        has_record=policy == bm.BOOT and _template_is_there(plan, memory),
    )


def level_flags(level):
    el, e2h = level
    return (bm.FLAG_EL2 if el == 2 else 0) | (bm.FLAG_E2H if e2h else 0)


def check_record(plan, expected, data, flags):
    """data: what is at the record's place; flags: level, MMU and SHA-256."""
    if not expected.has_record:
        return
    record = bm.read_record(data)
    assert record is not None, "the record was not written"
    assert record.outcome == expected.outcome
    assert record.flags == flags | expected.table_flags
    assert record.frequency == bm.FREQUENCY
    assert 0 < record.ticks < bm.RUN_SECONDS_MAX * bm.FREQUENCY
    assert record.blocks == plan.blocks
    assert (record.damaged, record.repaired) == (len(expected.damaged), len(expected.repaired))
    assert record.damage_count == len(expected.runs)
    assert record.damage == expected.runs[: bm.DAMAGE_MAX]


def check_memory(plan, expected, memory):
    """memory: segment name to bytes. The record's place is looked at by check_record()."""
    name, at = _record_place(plan)
    for segment, data in expected.memory.items():
        found = memory[segment]
        if segment == name and expected.has_record:
            data = data[:at] + found[at : at + bm.RECORD_SIZE] + data[at + bm.RECORD_SIZE :]
        assert found == data, f"{segment} is not what it should be at {_difference(found, data):#x}"


def record_place(plan):
    return plan.record, plan.record + bm.RECORD_SIZE


def _working_places(plan, expected):
    """What purgatory has come to write of its own, so far as it has come."""
    if not expected.code_runs:
        return []
    return [plan.scratch_place] if expected.outcome == "none" else plan.working_places()


def check_ram(plan, expected, outcome, more=(), also=None):
    """Every byte of RAM is what it was at the crash, but for repaired blocks, the record, what
    purgatory writes of its own, and @more: (first, end) each. also: address -> bytes that must be
    there."""
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
    """The same where nobody says how a run ends: whatever became of the segments, nothing else was
    written to but by purgatory's own."""
    segments = [(s.base, s.base + len(s.data)) for s in plan.segments if not s.absent]
    assert_same_ram(outcome.before, outcome.after, [*plan.working_places(), *segments, *more])


def assert_same_ram(right, found, places):
    differences = ram.compare(ram.blank_places(right, places), ram.blank_places(found, places))
    assert not differences, f"RAM was written to at {', '.join(map(str, differences[:8]))}"


def _difference(a, b):
    return next(i for i in range(len(b)) if a[i : i + 1] != b[i : i + 1])
