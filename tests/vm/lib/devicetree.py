# SPDX-License-Identifier: GPL-2.0-or-later
"""Device trees for sealed Images: makes them with dtc, reads /chosen as Linux does, adds records.

The format is that of the Devicetree Specification, "Flattened Devicetree (DTB) Format".
"""

import functools
import struct
import subprocess

MAGIC, LAST_COMPATIBLE = 0xD00DFEED, 16
BEGIN_NODE, END_NODE, PROPERTY, NOP = 1, 2, 3, 4
HEADER = struct.Struct(">10I")
WORD = struct.Struct(">I")
RECORD_NAME = b"crashres,record\0"


@functools.cache
def make_tree(initrd, region=None, core=None):
    """Returns the DTB that a loader passes to a kernel.

    initrd, region: (first, end) in physical addresses. region: the crash region; a boot loader
    passes none. core: the physical address of an elfcorehdr of 4 KiB.
    """
    def cells(*values):
        """Returns 64-bit numbers as pairs of 32-bit cells, in the syntax of dtc."""
        return "<" + " ".join(f"{value >> 32:#x} {value & 0xFFFFFFFF:#x}" for value in values) + ">"

    text = ""
    if region:
        text += f"linux,usable-memory-range = {cells(region[0], region[1] - region[0])};"
        text += f"linux,elfcorehdr = {cells(core, 0x1000)};"
    source = f"""/dts-v1/; / {{ #address-cells = <2>; #size-cells = <2>;
        chosen {{ bootargs = "quiet"; {text} linux,initrd-start = {cells(initrd[0])};
                 linux,initrd-end = {cells(initrd[1])}; }}; }};"""
    return subprocess.run(["dtc", "-q", "-O", "dtb"], input=source.encode(), check=True,
                          capture_output=True).stdout


class Malformed(Exception):
    """Linux would find no /chosen node in the tree."""


class Tree:
    """The /chosen node of a DTB that can be damaged. Raises Malformed if the node is not found."""

    def __init__(self, data):
        self.data = data
        try:
            header = HEADER.unpack_from(data)
        except struct.error:
            raise Malformed from None
        magic, self.size, self.structure, self.strings, _, _, compatible = header[:7]
        self.strings_size, self.structure_size = header[8:]
        if magic != MAGIC or compatible > LAST_COMPATIBLE + 1:
            raise Malformed
        self.first, self.chosen = self._find_chosen()

    def _word(self, at):
        """Returns the big-endian 32-bit word at an offset."""
        try:
            return WORD.unpack_from(self.data, at)[0]
        except struct.error:
            raise Malformed from None

    def _text(self, at, end):
        """Returns the bytes up to the next zero byte, which must come before end."""
        stop = self.data.find(b"\0", at, end)
        if stop < 0:
            raise Malformed
        return self.data[at:stop]

    def _tokens(self, at):
        """Yields (offset, token, name, value) for each token, until an unknown token.

        at: offset of the first token in bytes.
        """
        end = self.structure + self.structure_size
        while at < end:
            kind = self._word(at)
            if kind == BEGIN_NODE:
                name = self._text(at + 4, end)
                yield at, kind, name, None
                at += 4 + (len(name) + 4) // 4 * 4
            elif kind == PROPERTY:
                size, name = self._word(at + 4), self._word(at + 8)
                if at + 12 + size > end or name >= self.strings_size:
                    raise Malformed
                text = self._text(self.strings + name, self.strings + self.strings_size)
                yield at, kind, text, self.data[at + 12 : at + 12 + size]
                at += 12 + (size + 3) // 4 * 4
            elif kind in (END_NODE, NOP):
                yield at, kind, None, None
                at += 4
            else:
                return

    def _find_chosen(self):
        """Returns the offset of the first property of /chosen, and its properties: name -> bytes.

        If a name occurs twice, the first property counts, as in Linux.
        """
        depth, first, found = 0, None, {}
        for at, kind, name, value in self._tokens(self.structure):
            if first is not None:
                if kind in (BEGIN_NODE, END_NODE):
                    break
                if kind == PROPERTY:
                    found.setdefault(name, value)
            elif kind == BEGIN_NODE:
                depth += 1
                if depth == 2 and name.partition(b"@")[0] == b"chosen":
                    first = at + 4 + (len(name) + 4) // 4 * 4
            elif kind == END_NODE:
                depth -= 1
        if first is None:
            raise Malformed
        return first, found

    def initrd(self):
        """Returns (first, end) of the initrd, or None if Linux would use no initrd."""
        values = [self.chosen.get(name) for name in (b"linux,initrd-start", b"linux,initrd-end")]
        if any(value is None or len(value) not in (4, 8) for value in values):
            return None
        first, end = (int.from_bytes(value, "big") for value in values)
        return (first, end) if first < end else None


def insert_record(data, record):
    """Returns a DTB made by dtc with a record as the first property of /chosen."""
    tree = Tree(data)
    token = WORD.pack(PROPERTY) + WORD.pack(len(record)) + WORD.pack(tree.strings_size) + record
    end = tree.strings + tree.strings_size
    grown = data[: tree.first] + token + data[tree.first : end] + RECORD_NAME
    header = list(HEADER.unpack_from(data))
    header[1] = max(tree.size, len(grown))
    header[3] += len(token)
    header[8] += len(RECORD_NAME)
    header[9] += len(token)
    return HEADER.pack(*header) + grown[HEADER.size :]
