# SPDX-License-Identifier: GPL-2.0-or-later
"""The shim: code of payload.S at EL2 that logs cache maintenance of purgatory at EL1.

With SHIM=1, payload.S starts purgatory at EL1 and traps DC instructions and changes of SCTLR to
EL2. The shim writes a log of them to RAM, and raises an SError at the time that a test chooses.
"""

import struct
from collections import Counter
from dataclasses import dataclass

LOG, LOG_SIZE = 0x51000000, 8 << 20  # physical address, away from all segments; bytes
# Offsets of the fields of the log, see payload.S.
ENTRIES, HITS, UNKNOWN, ORDER, FIRST = 0, 16, 24, 280, 512
LINE = 64
SCTLR_M = 1 << 0

DEFINES = {"SHIM": 1, "SHIM_LOG": LOG}  # for payload.S


def make_order(address=0, hit=0, clean=0):
    """Returns (address, bytes) to place in RAM: the order for an SError.

    The shim raises the SError when the CPU reaches the instruction at address for the hit-th
    time, or at the DC instruction with the number clean. 0 switches a condition off.
    """
    return LOG + ORDER, struct.pack("<3Q", address, hit, clean)


SAVE = {"shim": (LOG, LOG_SIZE)}


@dataclass
class Log:
    """The events of one run, in time order."""

    hits: int  # how often the CPU reached the breakpoint
    # (phase, address, is it DC CIVAC) for each DC instruction. Phase 0 is before the MMU is
    # switched on, phase 1 while it is on, phase 2 after it was switched off. make_order()
    # counts the DC instructions from 1.
    dcs: list

    def find_cleaned(self, phase):
        """Returns the addresses of all DC CIVAC in a phase."""
        return [address for at, address, civac in self.dcs if civac and at == phase]

    def find_numbers(self, address):
        """Returns the numbers of the DC instructions for the cache line of an address."""
        return [number for number, (_, at, _) in enumerate(self.dcs, 1)
                if at // LINE == address // LINE]


def _decode_register(syndrome):
    """Returns CRn, CRm, op2 of a trapped access (Arm ARM, ESR_ELx, ISS encoding for EC 0x18)."""
    return syndrome >> 10 & 15, syndrome >> 1 & 15, syndrome >> 17 & 7


CIVAC, IVAC, SCTLR = (7, 14, 1), (7, 6, 1), (1, 0, 0)


def read_log(outcome):
    """Returns the Log of a run. outcome: the result of baremetal.run_plan() with save=SAVE."""
    data = outcome.memory["shim"]
    [unknown] = struct.unpack_from("<Q", data, UNKNOWN)
    assert unknown == 0, f"the shim does not know exception {unknown:#x}"
    [entries], [hits] = (struct.unpack_from("<Q", data, at) for at in (ENTRIES, HITS))
    assert FIRST + 16 * entries <= LOG_SIZE
    mmu, phase, dcs = False, 0, []
    for syndrome, value in struct.iter_unpack("<QQ", data[FIRST : FIRST + 16 * entries]):
        register = _decode_register(syndrome)
        if register in (CIVAC, IVAC):
            dcs.append((phase, value, register == CIVAC))
        if register == SCTLR and bool(value & SCTLR_M) != mmu:
            mmu = not mmu
            phase += 1
    return Log(hits, dcs)


def find_lines_cleaned_once(addresses, ranges):
    """Returns the lines of the (first, end) ranges that were cleaned less than twice."""
    times = Counter(address // LINE * LINE for address in addresses)
    return [line for first, end in ranges for line in range(first, end, LINE) if times[line] < 2]
