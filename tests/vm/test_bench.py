# SPDX-License-Identifier: GPL-2.0-or-later
"""What bench/purgatory makes of what it measured. The measuring itself takes a minute."""

import sys

import pytest

from lib import baremetal as bm
from lib.vm import VmError

sys.path.append(str(bm.TREE / "bench"))
import purgatory  # noqa: E402

# In this form, with other numbers, kexec-tools prints what it loads.
SEGMENTS = """\
kexec_load: entry = 0x1b5a1f0 flags = 0xb70001
nr_segments = 3
segment[0].buf   = 0xffff9ae00010
segment[0].bufsz = 0x1200
segment[0].mem   = 0x1a00000
segment[0].memsz = 0x3000
segment[1].buf   = 0xffff9ae10010
segment[1].bufsz = 0x10
segment[1].mem   = 0x1b00000
segment[1].memsz = 0x5000
segment[2].buf   = 0xaaaadc3a0010
segment[2].bufsz = 0x3500
segment[2].mem   = 0x1b5a000
segment[2].memsz = 0x4000
"""


def make_cost(panic=2080, checked=1000):
    loads = {purgatory.NO_CHECKS: 500, purgatory.NO_REPAIR: 600, purgatory.CHECKS: 750}
    return purgatory.Cost("kexec 1", loads, panic, 2000, purgatory.Memory(checked))


def test_a_peer_checks_all_but_its_purgatory():
    assert purgatory.parse_segments(SEGMENTS) == purgatory.Memory(0x8000)


@pytest.mark.parametrize("line", ["kexec_load: entry", "segment[1].memsz", "segment["])
def test_a_peer_that_says_less_is_not_guessed_at(line):
    text = "".join(kept for kept in SEGMENTS.splitlines(True) if not kept.startswith(line))
    with pytest.raises(VmError, match=r"^kexec -d does not say what it loads where:\n"):
        purgatory.parse_segments(text)


def test_a_tick_is_16_instructions():
    cost = make_cost()
    assert cost.check() == 80 * 16 / 1000
    assert cost.load() == 250 * 16 / 1000
    assert cost.load(purgatory.NO_REPAIR) == 100 * 16 / 1000
    assert cost.ratio() == 1.04


def test_a_missed_target_is_said():
    rows = purgatory.in_linux(make_cost(panic=2161), make_cost(panic=2000))
    assert {row.name: row.missed() for row in rows if row.most} == {
        "check, instructions a byte": True,
        "  divided by the same with --no-checks": True,
    }
    assert rows[0].text(with_peer=True).split()[-4:] == ["2.58", "0.00", "2.00", "missed"]
    assert rows[-1].text(with_peer=False).split()[-3:] == ["1.081", "1.080", "missed"]


def test_a_met_target_is_not():
    rows = purgatory.in_linux(make_cost(), None)
    assert not any(row.missed() for row in rows)
    assert rows[0].text(with_peer=False).split()[-2:] == ["1.28", "2.00"]


def test_a_peer_for_another_machine_is_refused(tmp_path):
    peer = tmp_path / "kexec"
    peer.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\x3e\x00")
    assert purgatory.why_not(peer, None) == f"{peer} is no arm64 program"
