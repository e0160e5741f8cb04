# SPDX-License-Identifier: GPL-2.0-or-later
"""The computations of bench/purgatory with made-up measurements. Real ones take a minute."""

import sys

import pytest

from lib import baremetal as bm
from lib.vm import VmError

sys.path.append(str(bm.TREE / "bench"))
import purgatory  # noqa: E402

# The segments that "kexec -d" of kexec-tools prints, with other numbers.
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
    return purgatory.Cost("kexec 1", loads, 900, 550, panic, 2000, purgatory.Memory(checked))


def make_sealed_cost(panic=2060, checked=1000):
    plain, sealed = purgatory.FileCall(400, 300, 2000), purgatory.FileCall(800, 700, panic)
    return purgatory.SealedCost(plain, sealed, checked)


def test_a_peer_checks_all_segments_except_its_purgatory():
    assert purgatory.parse_segments(SEGMENTS) == purgatory.Memory(0x8000)


@pytest.mark.parametrize("line", ["kexec_load: entry", "segment[1].memsz", "segment["])
def test_an_incomplete_list_of_segments_is_an_error(line):
    text = "".join(kept for kept in SEGMENTS.splitlines(True) if not kept.startswith(line))
    with pytest.raises(VmError, match=r"^the output of kexec -d lists no segments:\n"):
        purgatory.parse_segments(text)


def test_a_tick_is_16_instructions():
    cost = make_cost()
    assert cost.check() == 80 * 16 / 1000
    assert cost.load() == 250 * 16 / 1000
    assert cost.load(purgatory.NO_REPAIR) == 100 * 16 / 1000
    assert cost.first_load() == 350 * 16 / 1000
    assert cost.ratio() == 1.04


def test_a_missed_target_is_marked():
    rows = purgatory.linux_rows(make_cost(panic=2161), make_cost(panic=2000))
    assert {row.name: row.is_missed() for row in rows if row.limit} == {
        "check, instructions per byte": True,
        "whole load, million instructions": False,
        "  relative to --no-checks": True,
    }
    assert rows[0].text(with_peer=True).split()[-4:] == ["2.58", "0.00", "1.65", "missed"]
    assert rows[-1].text(with_peer=False).split()[-3:] == ["1.081", "1.076", "missed"]


def test_a_load_over_its_target_is_marked():
    cost = make_cost()
    cost.loads[purgatory.CHECKS] = 160 * 10**6 // 16 + 62500
    rows = {row.name: row for row in purgatory.linux_rows(cost, None)}
    row = rows["whole load, million instructions"]
    assert row.text(with_peer=False).split()[-3:] == ["161", "160", "missed"]


def test_the_row_of_the_first_load_follows_the_row_of_the_best():
    cost = make_cost()
    cost.first = 2 * 10**6
    names = [row.name for row in purgatory.linux_rows(cost, None)]
    rows = purgatory.linux_rows(cost, None)
    at = names.index("whole load, million instructions")
    assert (names[at + 1], rows[at + 1].ours) == ("  first load after a boot", 32)


@pytest.mark.parametrize("panic, missed", [(2112, False), (2113, True)])
def test_a_sealed_image_is_compared_with_a_plain_image(panic, missed):
    cost = make_sealed_cost(panic)
    rows = purgatory.file_call_rows(cost)
    assert (rows[0].ours, rows[0].peer) == (700 * 16 / 1e6, 300 * 16 / 1e6)
    assert rows[2].ours == (panic - 2000) * 16 / 1000
    assert [row.is_missed() for row in rows] == [False, False, missed, False, False]
    assert rows[4].ours == panic / 2000


def test_the_code_size_of_both_purgatories_is_a_row():
    rows = purgatory.image_rows()
    sizes = [bm.image_path().with_name(name).read_bytes() for name in ("purgatory.bin", "sealed.bin")]
    assert [row.ours for row in rows] == [bm.HEADER.unpack_from(blob)[3] / 1024 for blob in sizes]
    assert [row.limit for row in rows] == [40, 40] and not any(row.is_missed() for row in rows)


def test_a_met_target_is_not_marked():
    rows = purgatory.linux_rows(make_cost(), None)
    assert not any(row.is_missed() for row in rows)
    assert rows[0].text(with_peer=False).split()[-2:] == ["1.28", "1.65"]


def test_a_peer_for_another_machine_is_refused(tmp_path):
    peer = tmp_path / "kexec"
    peer.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\x3e\x00")
    assert purgatory.find_peer_problem(peer, None) == f"{peer} is not an arm64 program"
