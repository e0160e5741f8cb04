# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of test_verdicts.py: signed files, right and wrong, and the expected verdicts."""

from dataclasses import dataclass

LOADS = "loads"
YEAR_2020, YEAR_2021, YEAR_2022 = "200101000000Z", "210101000000Z", "220101000000Z"
RANDOM_CASES = 60
FOREVER = "491231235959Z"


@dataclass
class Case:
    """One row: a signed file.

    expected: LOADS, or the error of the kernel's check: of the PE check, or EACCES of IMA. None for
    a random change: any verdict is right if crashres verify says "valid" only where the kernel loads
    the file. trusted: the paths of the certificates for crashres verify. number: of the row.
    stricter: the reason why crashres verify says "invalid" although the kernel loads the file.
    attribute: the value of security.ima, or None. fuzz: made by fuzzcases.py.
    """

    kind: str
    name: str
    data: bytes
    expected: str
    trusted: tuple
    number: int
    stricter: str = ""
    attribute: bytes = None
    fuzz: bool = False

    @property
    def file(self):
        return f"case{self.number:03d}"

    @property
    def verify_accepts(self):
        return self.expected == LOADS and not self.stricter


class Table:
    """The list of cases."""

    def __init__(self):
        self.cases = []

    def add(self, kind, name, data, expected, *signers, **more):
        """Adds a row. signers: those whose certificates crashres verify gets."""
        trusted = tuple(signer.certificate for signer in signers)
        self.cases.append(Case(kind, name, data, expected, trusted, len(self.cases) + 1, **more))

    def named(self):
        """Returns all cases but the random changes."""
        return [case for case in self.cases if case.expected]

    def with_attribute(self):
        return [case for case in self.cases if case.attribute is not None]


def flip(data, at):
    """Returns data with one bit changed."""
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


def change_somewhere(random, data, first, end):
    """Returns data with a random change of 1 to 4 bytes between two offsets."""
    at = random.randrange(first, end)
    if random.random() < 0.5:
        new = bytes([data[at] ^ 1 << random.randrange(8)])
    else:
        size = random.randrange(1, min(4, end - at) + 1)
        new = random.choice([random.randbytes(size), bytes(size), b"\x80" * size])
    return data[:at] + new + data[at + len(new):]
