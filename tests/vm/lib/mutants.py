# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes faulty purgatories (mutants) by changing single instructions of the image.

A function, a kind of instruction and a number select the instruction. If the function has no
such instruction, that is an error, because the mutant would test nothing.
"""

import struct
from dataclasses import dataclass

# (mask, value) of an instruction word (Arm ARM, C6.2). A word matches if word & mask == value.
NOP = 0xD503201F
RET = 0xD65F03C0
DSB = (0xFFFFF0FF, 0xD503309F)
DMB = (0xFFFFF0FF, 0xD50330BF)
ISB = (0xFFFFF0FF, 0xD50330DF)
TLBI = (0xFFF8F000, 0xD5088000)
DC = (0xFFF8F000, 0xD5087000)  # this pattern matches IC, too
IC = (0xFFFFFFFF, 0xD508751F)
CIVAC = (0xFFFFFFE0, 0xD50B7E20)
IVAC = (0xFFFFFFE0, 0xD5087620)
BL = (0xFC000000, 0x94000000)

CVAC_WORD, CIVAC_WORD, IVAC_WORD = 0xD50B7A20, 0xD50B7E20, 0xD5087620
DSB_NSH, TLBI_VMALLE1, TLBI_VAE1 = 0xD503379F, 0xD508871F, 0xD5088720


def msr(op1, crn, crm, op2):
    """Returns the pattern for writes of a system register from any general register."""
    return 0xFFFFFFE0, 0xD5180000 | op1 << 16 | crn << 12 | crm << 8 | op2 << 5


# MOV Xd, #2: the loops that clean each line twice count down from 2.
MOV_TWICE = (0xFFFFFFE0, 0xD2800040)


class Image:
    """The words of an image, and the symbols of its .elf file."""

    def __init__(self, data, symbols):
        self._words = [word for word, in struct.iter_unpack("<I", data)]
        self._symbols = symbols

    def word(self, offset):
        """Returns the instruction word at an offset in bytes."""
        return self._words[offset // 4]

    @property
    def functions(self):
        """The functions of the image: name -> offset in bytes."""
        return self._symbols.address

    def find(self, function, pattern):
        """Returns the offsets of matching instructions in a function, in order.

        function: None searches the whole image.
        """
        if function is None:
            return [offset for name in sorted(self.functions, key=self.functions.get)
                    for offset in self.find(name, pattern)]
        assert function in self._symbols.address, f"no function {function}"
        mask, value = pattern
        start = self._symbols.address[function] // 4
        found = []
        for offset in range(4 * start, 4 * len(self._words), 4):
            if self._symbols.name_place(offset).partition("+")[0] != function:
                break
            if self.word(offset) & mask == value:
                found.append(offset)
        return found

    def find_nth(self, function, pattern, number):
        """Returns the offset of one matching instruction. A negative number counts from the end."""
        found = self.find(function, pattern)
        wanted = number if number >= 0 else len(found) + number
        assert 0 <= wanted < len(found), \
            f"{function} has {len(found)} instructions {pattern[1]:#x}, number {number} is gone"
        return found[wanted]

    def replace_words(self, words):
        """Returns the bytes of the image with other words. words: offset -> word."""
        changed = list(self._words)
        for offset, word in words.items():
            assert changed[offset // 4] != word, f"nothing changes at {offset:#x}"
            changed[offset // 4] = word
        return struct.pack(f"<{len(changed)}I", *changed)


@dataclass(frozen=True)
class Change:
    """Replaces one instruction, or exchanges two instructions."""

    function: str
    pattern: tuple
    number: int = 0
    word: int = NOP  # the new word
    keep: int = 0  # mask of the bits that stay, for example the register number
    swap: int = 0  # exchange the instruction with the one this many instructions later

    def make_words(self, image):
        """Returns the argument of Image.replace_words()."""
        at = image.find_nth(self.function, self.pattern, self.number)
        if self.swap:
            other = at + 4 * self.swap
            return {at: image.word(other), other: image.word(at)}
        return {at: self.word | image.word(at) & self.keep}
