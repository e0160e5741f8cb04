# SPDX-License-Identifier: GPL-2.0-or-later
"""The RAM of a QEMU machine: a sparse file that the tests write before a run and read afterwards.

The file can be as large as the machine, because unused pages take no memory. A picture of the RAM
is a dictionary: page address -> bytes of the page. It has no pages that are all zeros.
"""

import mmap
import os

from dataclasses import dataclass

PAGE = mmap.PAGESIZE


@dataclass(frozen=True)
class Difference:
    """A range of bytes that differ."""

    first: int  # physical address
    end: int  # exclusive

    def __str__(self):
        return f"{self.first:#x}..{self.end:#x}"


class Ram:
    """RAM that starts at the physical address base and has size bytes."""

    def __init__(self, base, size):
        self.base, self.size = base, size
        self._file = os.fdopen(os.memfd_create("ram"), "r+b", buffering=0)
        self._file.truncate(size)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()

    @property
    def fd(self):
        """The file descriptor of the RAM."""
        return self._file.fileno()

    def options(self):
        """Returns the options of QEMU for this RAM. QEMU must inherit the file descriptor."""
        size = f"{self.size >> 20}M"
        return ["-m", size, "-object", f"memory-backend-file,id=ram,size={size},share=on,"
                f"reserve=off,mem-path=/proc/self/fd/{self.fd}"]

    def write(self, address, data):
        """Writes bytes at a physical address."""
        assert self.base <= address and address + len(data) <= self.base + self.size, hex(address)
        written = os.pwrite(self.fd, data, address - self.base)
        assert written == len(data)

    def read(self, address, size):
        """Returns size bytes at a physical address."""
        return os.pread(self.fd, size, address - self.base)

    def _find_extents(self):
        """Yields (first, end) of the parts of the file that have data, in bytes."""
        end = 0
        while True:
            try:
                first = os.lseek(self.fd, end, os.SEEK_DATA)
            except OSError:  # ENXIO: no data after this offset
                return
            end = os.lseek(self.fd, first, os.SEEK_HOLE)
            yield first, end

    def read_pages(self):
        """Returns a picture of the RAM."""
        pages = {}
        for first, end in self._find_extents():
            for at in range(first, end, PAGE):
                page = os.pread(self.fd, PAGE, at)
                if page.count(0) != PAGE:
                    pages[self.base + at] = page
        return pages


def patch(picture, address, data):
    """Writes bytes at a physical address of a picture, in place."""
    for page in range(address // PAGE * PAGE, address + len(data), PAGE):
        first, end = max(page, address), min(page + PAGE, address + len(data))
        old = picture.get(page, bytes(PAGE))
        picture[page] = old[: first - page] + data[first - address : end - address] + \
            old[end - page :]


def read(picture, address, size):
    """Returns size bytes at a physical address of a picture."""
    pages = range(address // PAGE * PAGE, address + size, PAGE)
    data = b"".join(picture.get(page, bytes(PAGE)) for page in pages)
    return data[address % PAGE : address % PAGE + size]


def _find_runs(page, a, b):
    """Yields (first, end) of the bytes that differ in the pages a and b. page: their address."""
    at = 0
    while at < PAGE:
        if a[at] == b[at]:
            at += 1
            continue
        end = next((i for i in range(at, PAGE) if a[i] == b[i]), PAGE)
        yield page + at, page + end
        at = end


def compare(before, after):
    """Compares every byte of two pictures. Returns a sorted list of Differences."""
    found = []
    for page in sorted(before.keys() | after.keys()):
        a, b = before.get(page, bytes(PAGE)), after.get(page, bytes(PAGE))
        if a == b:
            continue
        for first, end in _find_runs(page, a, b):
            if found and found[-1].end == first:
                first = found.pop().first
            found.append(Difference(first, end))
    return found


def blank_places(picture, places):
    """Returns a copy of a picture with zeros at the places, a list of (first, end)."""
    picture = dict(picture)
    for first, end in places:
        for page in range(first // PAGE * PAGE, end, PAGE):
            if page in picture:
                at, stop = max(page, first), min(page + PAGE, end)
                patch(picture, at, bytes(stop - at))
    return picture
