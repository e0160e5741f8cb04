# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds arm64 kernels, and containers and compressed files of them, in pure Python.

The unit tests of the commands and the VM tests use it. All functions take and return bytes.
The C tests have their own builders (tests/unit/pack.c, wrap.c).
"""

import bz2
import gzip
import lzma
import struct
import zlib


def cut(data, size):
    """Returns the pieces of data, size bytes each; the last one can be shorter."""
    return [data[at:at + size] for at in range(0, len(data), size)]


def zstd_stored(data):
    """A zstd frame (RFC 8878): a single segment with its size, raw blocks of at most 128 KiB."""
    blocks = cut(data, 128 << 10)
    return b"\x28\xb5\x2f\xfd\xa0" + struct.pack("<I", len(data)) + b"".join(
        (len(block) << 3 | (i == len(blocks) - 1)).to_bytes(3, "little") + block
        for i, block in enumerate(blocks))


def lz4_stored(data):
    """An lz4 frame (lz4_Frame_format.md): independent uncompressed blocks of at most 4 MiB."""
    return b"\x04\x22\x4d\x18\x60\x70\x73" + b"".join(
        struct.pack("<I", len(block) | 1 << 31) + block for block in cut(data, 4 << 20)) + bytes(4)


def lz4_legacy(data):
    """A legacy lz4 frame: blocks of 8 MiB that hold literals only (lz4_Block_format.md)."""
    packed = b"\x02\x21\x4c\x18"
    for block in cut(data, 8 << 20):
        count, rest = divmod(len(block) - 15, 255)
        packed += struct.pack("<IB", len(block) + count + 2, 0xf0) + b"\xff" * count
        packed += bytes([rest]) + block
    return packed


def lzma_alone(data):
    """The .lzma format, which xz(1) calls lzma."""
    return lzma.compress(data, format=lzma.FORMAT_ALONE)


# Compression functions by the name in test ids.
PACKERS = {
    "gzip": lambda data: gzip.compress(data, mtime=0), "zstd": zstd_stored,
    "xz": lambda data: lzma.compress(data, check=lzma.CHECK_CRC32), "lzma": lzma_alone,
    "lz4": lz4_stored, "lz4 legacy": lz4_legacy, "bzip2": bz2.compress,
}


def image(size=64 << 10, image_size=32 << 20, flags=0b1010, text_offset=0, pe_header=b""):
    """An arm64 Image: the header of 64 bytes (Linux booting.rst), then 0xa5 up to size.

    size: bytes in the file. image_size, flags, text_offset: fields of the header; image_size
    and text_offset are bytes in memory. The default flags mean little-endian, 4 KiB pages,
    any address. pe_header: bytes that follow the header; then the header has their offset.
    """
    header = struct.pack("<4sIQQQ24s4sI", b"MZ\0\0", 0, text_offset, image_size, flags, bytes(24),
                         b"ARM\x64", 64 if pe_header else 0)
    return (header + pe_header).ljust(size, b"\xa5")


def pe(*named, count=None, machine=0xaa64, size=0):
    """A PE32+ file with sections (name, bytes), padded to 512 bytes as by a linker.

    count: number of sections that the header claims. size: smallest size of the file in bytes.
    """
    count = len(named) if count is None else count
    start = -(-(64 + 24 + 240 + 40 * len(named)) // 512) * 512
    headers, contents = b"", b""
    for name, content in named:
        padded = content + bytes(-len(content) % 512)
        headers += struct.pack("<8sIIII16s", name.encode(), len(content), 0, len(padded),
                               start + len(contents), bytes(16))
        contents += padded
    head = (struct.pack("<4s56xI", b"MZ", 64) +
            struct.pack("<4sHH12sHH", b"PE", machine, count, bytes(12), 240, 0) +
            struct.pack("<H106xI128x", 0x20b, 16) + headers)
    return (head.ljust(start, b"\0") + contents).ljust(size, b"\0")


def zboot(payload, name, inner_size=None):
    """A zboot file (Linux zboot-header.S) with a compressed payload.

    name: compression that the header claims. inner_size: unpacked bytes; the number follows
    the payload of all formats except gzip.
    """
    data = bytearray(pe())
    data[4:8] = b"zimg"
    data[8:16] = struct.pack("<II", len(data), len(payload))
    data[24:24 + len(name)] = name.encode()
    data += payload + (struct.pack("<I", inner_size) if inner_size else b"")
    return bytes(data) + bytes(-len(data) % 512)


def elf(*pieces, phoff=64, **header):
    """An arm64 vmlinux with a PT_LOAD for each (physical address, bytes)."""
    start = 64 + 56 * len(pieces)
    phdrs, contents = b"", b""
    for address, content in pieces:
        phdrs += struct.pack("<IIQQQQQQ", 1, 5, start + len(contents), address, address,
                             len(content), len(content), 0x10000)
        contents += content
    return struct.pack("<4s12sHHIQQQIHHHHHH", b"\x7fELF", b"\2\1\1", header.get("type", 2), 183, 1,
                       pieces[0][0], phoff, 0, 0, 64, 56, len(pieces), 0, 0, 0) + phdrs + contents


def uimage(data, compression=0):
    """A uImage (u-boot include/image.h) with correct checksums. compression: IH_COMP_*."""
    def header(checksum):
        return struct.pack(">7I4B32s", 0x27051956, checksum, 0, len(data), 0, 0, zlib.crc32(data),
                           5, 22, 2, compression, b"Linux")
    return header(zlib.crc32(header(0))) + data


def cut_up(data, size):
    """Returns the segments of a vmlinux for elf(), size bytes each, the last one first."""
    base = 0xffff800008000000
    return [(base + i * size, piece) for i, piece in enumerate(cut(data, size))][::-1]
