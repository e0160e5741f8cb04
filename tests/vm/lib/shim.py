# SPDX-License-Identifier: GPL-2.0-or-later
"""What payload.S leaves behind at EL2 with SHIM=1: a log of what purgatory cleans at EL1, and an
SError at a moment of the test's choice."""

import struct
from collections import Counter
from dataclasses import dataclass

LOG, LOG_SIZE = 0x51000000, 8 << 20  # apart from all that the tests load
ENTRIES, HITS, UNKNOWN, ORDER, FIRST = 0, 16, 24, 280, 512
LINE = 64
SCTLR_M = 1 << 0

DEFINES = {"SHIM": 1, "SHIM_LOG": LOG}  # for payload.S


def make_order(address=0, hit=0, clean=0):
    """What goes to LOG + ORDER: an SError when address is reached for the hit-th time, or at the
    clean-th dc."""
    return LOG + ORDER, struct.pack("<3Q", address, hit, clean)


SAVE = {"shim": (LOG, LOG_SIZE)}


@dataclass
class Log:
    """What purgatory did, in its order."""

    hits: int  # of the breakpoint
    # (phase, address, is it a dc civac) each. Phases: until the MMU goes on, until it goes off,
    # and then. The first is number 1 for order().
    dcs: list

    def cleaned(self, phase):
        return [address for at, address, civac in self.dcs if civac and at == phase]

    def numbers(self, address):
        """Which of them are for this line."""
        return [number for number, (_, at, _) in enumerate(self.dcs, 1)
                if at // LINE == address // LINE]


def _register(syndrome):
    """CRn, CRm, op2 of a trapped system register access (Arm ARM, ISS encoding, EC 0x18)."""
    return syndrome >> 10 & 15, syndrome >> 1 & 15, syndrome >> 17 & 7


CIVAC, IVAC, SCTLR = (7, 14, 1), (7, 6, 1), (1, 0, 0)


def read_log(outcome):
    data = outcome.memory["shim"]
    [unknown] = struct.unpack_from("<Q", data, UNKNOWN)
    assert unknown == 0, f"the shim does not know exception {unknown:#x}"
    [entries], [hits] = (struct.unpack_from("<Q", data, at) for at in (ENTRIES, HITS))
    assert FIRST + 16 * entries <= LOG_SIZE
    mmu, phase, dcs = False, 0, []
    for syndrome, value in struct.iter_unpack("<QQ", data[FIRST : FIRST + 16 * entries]):
        what = _register(syndrome)
        if what in (CIVAC, IVAC):
            dcs.append((phase, value, what == CIVAC))
        if what == SCTLR and bool(value & SCTLR_M) != mmu:
            mmu = not mmu
            phase += 1
    return Log(hits, dcs)


def find_lines_cleaned_once(addresses, ranges):
    """Lines of these ranges, (first, end) each, that were not cleaned at least twice."""
    times = Counter(address // LINE * LINE for address in addresses)
    return [line for first, end in ranges for line in range(first, end, LINE) if times[line] < 2]
