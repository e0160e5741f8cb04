# SPDX-License-Identifier: GPL-2.0-or-later
"""A small arm64 Image that is also a PE32+ file, and its Authenticode signatures.

The layout is that of the PE specification ("PE Format"), the signature that of "Windows
Authenticode Portable Executable Signature Format".
"""

import hashlib
import struct

from lib import cms
from lib import der

HEADERS, SECTION = 0x200, 0x1000        # bytes
PE, CHECKSUM, DIRECTORY = 0x40, 0x40 + 24 + 64, 0x40 + 24 + 112 + 4 * 8    # offsets
INDIRECT_DATA = "1.3.6.1.4.1.311.2.1.4"
IMAGE_DATA = "1.3.6.1.4.1.311.2.1.15"
REVISION_2, SIGNED_DATA = 0x200, 2


def make_image(name):
    """Returns an unsigned Image of 4.5 KiB. name: bytes in it that differ from other Images."""
    image = struct.pack("<IIQQQ24s4sI", 0xFA405A4D, 0x14000400, 0, 0x10000, 0b1010, bytes(24),
                        b"ARM\x64", PE)
    image += struct.pack("<4sHHIIIHH", b"PE\0\0", 0xAA64, 1, 0, 0, 0, 112 + 6 * 8, 0x206)
    image += struct.pack("<HBBIIIIIQIIHHHHHHIIIIHHQQQQII", 0x20B, 2, 20, SECTION, 0, 0, 0x1000, 0x1000,
                         0, 0x1000, 0x200, 0, 0, 0, 0, 0, 0, 0, 0x1000 + SECTION, HEADERS, 0, 10, 0,
                         0, 0, 0, 0, 0, 6)
    image += bytes(6 * 8)
    image += struct.pack("<8sIIIIIIHHI", b".text", SECTION, 0x1000, SECTION, HEADERS, 0, 0, 0, 0,
                         0xE0000020)
    return image.ljust(HEADERS, b"\0") + name.ljust(SECTION, b"\0")


def replace(data, at, new):
    """Returns data with new bytes at an offset."""
    return data[:at] + new + data[at + len(new):]


def find_table(image):
    """Returns offset and size of the certificate table of any PE32+ file."""
    header, = struct.unpack_from("<I", image, 60)
    return struct.unpack_from("<II", image, header + DIRECTORY - PE)


def set_table(image, at, size):
    """Returns the Image with another offset and size of the certificate table."""
    return replace(image, DIRECTORY, struct.pack("<II", at, size))


def compute_digest(image, digest="sha256"):
    """Returns the Authenticode digest of an unsigned Image."""
    return hashlib.new(digest, image[:CHECKSUM] + image[CHECKSUM + 4:DIRECTORY] +
                       image[DIRECTORY + 8:]).digest()


def make_content(image, digest="sha256", image_data=IMAGE_DATA):
    """Returns the SpcIndirectDataContent of an Image."""
    link = der.element(der.context(0), der.element(der.context(2), der.element(
        der.context(0, constructed=False), "<<<Obsolete>>>".encode("utf-16-be"))))
    return der.sequence(
        der.sequence(der.oid(image_data), der.sequence(der.element(der.BITS, b"\0"), link)),
        der.sequence(cms.algorithm(cms.DIGESTS[digest]), der.octets(compute_digest(image, digest))))


def make_entry(signature, revision=REVISION_2, kind=SIGNED_DATA):
    """Returns a WIN_CERTIFICATE, padded to 8 bytes."""
    entry = struct.pack("<IHH", 8 + len(signature), revision, kind) + signature
    return entry + bytes(-len(entry) % 8)


def add_table(image, *entries):
    """Returns the Image with a certificate table."""
    image += bytes(-len(image) % 8)
    table = b"".join(entries)
    return set_table(image, len(image), len(table)) + table


def make_signature(image, signer, digest="sha256", certificates=None, time=None, **choices):
    """Returns the PKCS #7 message that signs an Image.

    certificates: DER, the signer's own by default. choices: of cms.Info.
    """
    content = make_content(image, digest)
    data = der.content(content)
    choices.setdefault("attributes", cms.make_attributes(data, INDIRECT_DATA, digest, time))
    certificates = [signer.der] if certificates is None else certificates
    return cms.make_signed_data(data, [cms.Info(signer, digest, **choices)], certificates,
                                INDIRECT_DATA, content)


def sign(image, signer, *arguments, **choices):
    """Returns the signed Image. The arguments are those of make_signature()."""
    return add_table(image, make_entry(make_signature(image, signer, *arguments, **choices)))
