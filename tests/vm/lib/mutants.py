# SPDX-License-Identifier: GPL-2.0-or-later
"""Wrong purgatories, made of the right one by changing single instructions of its image.

An instruction is named by its function, by what it is, and by its number among the same in
that function. One that is not found is an error: then the mutant tests nothing any more.
"""

import struct
from dataclasses import dataclass

# (mask, value) of an instruction word; Arm ARM, C6.2
NOP = 0xD503201F
RET = 0xD65F03C0
DSB = (0xFFFFF0FF, 0xD503309F)
DMB = (0xFFFFF0FF, 0xD50330BF)
ISB = (0xFFFFF0FF, 0xD50330DF)
TLBI = (0xFFF8F000, 0xD5088000)
DC = (0xFFF8F000, 0xD5087000)  # and IC; see IC
IC = (0xFFFFFFFF, 0xD508751F)
CIVAC = (0xFFFFFFE0, 0xD50B7E20)
IVAC = (0xFFFFFFE0, 0xD5087620)
BL = (0xFC000000, 0x94000000)

CVAC_WORD, CIVAC_WORD, IVAC_WORD = 0xD50B7A20, 0xD50B7E20, 0xD5087620
DSB_NSH, TLBI_VMALLE1, TLBI_VAE1 = 0xD503379F, 0xD508871F, 0xD5088720


def msr(op1, crn, crm, op2):
    """Writes of this system register from any general register."""
    return 0xFFFFFFE0, 0xD5180000 | op1 << 16 | crn << 12 | crm << 8 | op2 << 5


# MOV Xd, #2, from which the loops over lines count
MOV_TWICE = (0xFFFFFFE0, 0xD2800040)


class Image:
    """An image and the symbols of its .elf."""

    def __init__(self, data, symbols):
        self._words = [word for word, in struct.iter_unpack("<I", data)]
        self._symbols = symbols

    def word(self, offset):
        return self._words[offset // 4]

    @property
    def functions(self):
        return self._symbols.address

    def find(self, function, pattern):
        """Offsets of these instructions in a function, in order; None: in the whole image."""
        if function is None:
            return [offset for name in sorted(self.functions, key=self.functions.get)
                    for offset in self.find(name, pattern)]
        assert function in self._symbols.address, f"no function {function}"
        mask, value = pattern
        start = self._symbols.address[function] // 4
        found = []
        for offset in range(4 * start, 4 * len(self._words), 4):
            if self._symbols.place(offset).partition("+")[0] != function:
                break
            if self.word(offset) & mask == value:
                found.append(offset)
        return found

    def find_nth(self, function, pattern, number):
        found = self.find(function, pattern)
        wanted = number if number >= 0 else len(found) + number
        assert 0 <= wanted < len(found), \
            f"{function} has {len(found)} instructions {pattern[1]:#x}, number {number} is gone"
        return found[wanted]

    def replace_words(self, words):
        """The bytes of the image with other words at these offsets."""
        changed = list(self._words)
        for offset, word in words.items():
            assert changed[offset // 4] != word, f"nothing changes at {offset:#x}"
            changed[offset // 4] = word
        return struct.pack(f"<{len(changed)}I", *changed)


@dataclass(frozen=True)
class Change:
    """Of one instruction: another word instead, or two instructions in the other order."""

    function: str
    pattern: tuple
    number: int = 0
    word: int = NOP
    keep: int = 0  # bits of the old word, as those of its register
    swap: int = 0  # this many instructions further is the one to change places with

    def make_words(self, image):
        """What Image.replace_words() takes."""
        at = image.find_nth(self.function, self.pattern, self.number)
        if self.swap:
            other = at + 4 * self.swap
            return {at: image.word(other), other: image.word(at)}
        return {at: self.word | image.word(at) & self.keep}
