# SPDX-License-Identifier: GPL-2.0-or-later
"""The RAM of a machine in QEMU: a sparse file that this process writes before a run and
reads after it, however large the machine is."""

import mmap
import os

from dataclasses import dataclass

PAGE = mmap.PAGESIZE


@dataclass(frozen=True)
class Difference:
    """Adjacent bytes that are not what they should be."""

    first: int
    end: int

    def __str__(self):
        return f"{self.first:#x}..{self.end:#x}"


class Ram:
    """Memory from @base on; nothing is allocated for pages that nobody writes."""

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
        return self._file.fileno()

    def options(self):
        """For QEMU, which must inherit the descriptor."""
        size = f"{self.size >> 20}M"
        return ["-m", size, "-object", f"memory-backend-file,id=ram,size={size},share=on,"
                f"reserve=off,mem-path=/proc/self/fd/{self.fd}"]

    def write(self, address, data):
        assert self.base <= address and address + len(data) <= self.base + self.size, hex(address)
        written = os.pwrite(self.fd, data, address - self.base)
        assert written == len(data)

    def read(self, address, size):
        return os.pread(self.fd, size, address - self.base)

    def _extents(self):
        end = 0
        while True:
            try:
                first = os.lseek(self.fd, end, os.SEEK_DATA)
            except OSError:  # ENXIO: no data behind this
                return
            end = os.lseek(self.fd, first, os.SEEK_HOLE)
            yield first, end

    def read_pages(self):
        """Page address -> its bytes; pages of zeros are left out."""
        pages = {}
        for first, end in self._extents():
            for at in range(first, end, PAGE):
                page = os.pread(self.fd, PAGE, at)
                if page.count(0) != PAGE:
                    pages[self.base + at] = page
        return pages


def patch(picture, address, data):
    """@picture with @data at @address."""
    for page in range(address // PAGE * PAGE, address + len(data), PAGE):
        first, end = max(page, address), min(page + PAGE, address + len(data))
        old = picture.get(page, bytes(PAGE))
        picture[page] = old[: first - page] + data[first - address : end - address] + \
            old[end - page :]


def read(picture, address, size):
    pages = range(address // PAGE * PAGE, address + size, PAGE)
    data = b"".join(picture.get(page, bytes(PAGE)) for page in pages)
    return data[address % PAGE : address % PAGE + size]


def _find_runs(page, a, b):
    at = 0
    while at < PAGE:
        if a[at] == b[at]:
            at += 1
            continue
        end = next((i for i in range(at, PAGE) if a[i] == b[i]), PAGE)
        yield page + at, page + end
        at = end


def compare(before, after):
    """Where two pictures differ: every byte of both."""
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
    """@picture with zeros at these places, (first, end) each."""
    picture = dict(picture)
    for first, end in places:
        for page in range(first // PAGE * PAGE, end, PAGE):
            if page in picture:
                at, stop = max(page, first), min(page + PAGE, end)
                patch(picture, at, bytes(stop - at))
    return picture
