# SPDX-License-Identifier: GPL-2.0-or-later
"""What payload.S leaves behind at EL2 with SHIM=1: a log of what purgatory cleans at EL1, and an
SError at a moment of the test's choice."""

import struct
from collections import Counter
from dataclasses import dataclass

LOG, LOG_SIZE = 0x51000000, 8 << 20  # apart from all that the tests load
ENTRIES, HITS, UNKNOWN, FIRST = 0, 16, 24, 512
LINE = 64
SCTLR_M = 1 << 0


def before(**injection):
    """Defines for payload.S. injection: nothing, SHIM_BREAK and SHIM_HIT, or SHIM_CLEAN."""
    return {"SHIM": 1, "SHIM_LOG": LOG, **injection}


SAVE = {"shim": (LOG, LOG_SIZE)}


@dataclass
class Log:
    """What purgatory did, in its order. cleaned: addresses of dc civac until the MMU goes on, from
    there until it goes off, and then."""

    hits: int
    cleaned: list
    count: int  # of all cleaned lines, dc ivac included


def _register(syndrome):
    """CRn, CRm, op2 of a trapped system register access (Arm ARM, ISS encoding, EC 0x18)."""
    return syndrome >> 10 & 15, syndrome >> 1 & 15, syndrome >> 17 & 7


CIVAC, IVAC, SCTLR = (7, 14, 1), (7, 6, 1), (1, 0, 0)


def read(outcome):
    data = outcome.memory["shim"]
    [unknown] = struct.unpack_from("<Q", data, UNKNOWN)
    assert unknown == 0, f"the shim does not know exception {unknown:#x}"
    [entries], [hits] = (struct.unpack_from("<Q", data, at) for at in (ENTRIES, HITS))
    assert FIRST + 16 * entries <= LOG_SIZE
    phases, mmu, count = [[]], False, 0
    for syndrome, value in struct.iter_unpack("<QQ", data[FIRST : FIRST + 16 * entries]):
        what = _register(syndrome)
        count += what in (CIVAC, IVAC)
        if what == CIVAC:
            phases[-1].append(value)
        if what == SCTLR and bool(value & SCTLR_M) != mmu:
            mmu = not mmu
            phases.append([])
    return Log(hits, phases, count)


def twice(addresses, ranges):
    """Lines of these ranges, (first, end) each, that were not cleaned at least twice."""
    times = Counter(address // LINE * LINE for address in addresses)
    return [line for first, end in ranges for line in range(first, end, LINE) if times[line] < 2]
