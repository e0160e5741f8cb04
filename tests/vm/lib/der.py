# SPDX-License-Identifier: GPL-2.0-or-later
"""DER, the encoding of certificates and signatures (ITU-T X.690): writes and reads elements."""

INTEGER, BITS, OCTETS, NULL, OID, UTC_TIME = 0x02, 0x03, 0x04, 0x05, 0x06, 0x17
SEQUENCE, SET = 0x30, 0x31


def context(number, constructed=True):
    """Returns the tag [number]."""
    return (0xA0 if constructed else 0x80) | number


def element(tag, *parts):
    """Returns an element with these contents."""
    data = b"".join(parts)
    if len(data) < 0x80:
        return bytes([tag, len(data)]) + data
    size = len(data).to_bytes((len(data).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + data


def sequence(*parts):
    return element(SEQUENCE, *parts)


def set_of(*parts):
    """Returns a SET OF, whose elements are in ascending order of their bytes."""
    return element(SET, *sorted(parts))


def integer(value):
    return element(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def octets(data):
    return element(OCTETS, data)


def oid(text):
    """Returns an object identifier, for example oid("1.2.840.113549.1.7.2")."""
    first, second, *rest = map(int, text.split("."))
    data = bytes([40 * first + second])
    for number in rest:
        groups = [number & 0x7F]
        while number := number >> 7:
            groups.insert(0, 0x80 | number & 0x7F)
        data += bytes(groups)
    return element(OID, data)


def read(data, at=0):
    """Returns tag, start of the contents and end of the element at an offset."""
    size, start = data[at + 1], at + 2
    if size & 0x80:
        count = size & 0x7F
        size, start = int.from_bytes(data[start:start + count], "big"), start + count
    return data[at], start, start + size


def content(data):
    """Returns the contents of the first element."""
    _, start, end = read(data)
    return data[start:end]


def children(data):
    """Returns the elements in the first element, as a list of bytes."""
    _, at, end = read(data)
    found = []
    while at < end:
        _, _, following = read(data, at)
        found.append(data[at:following])
        at = following
    return found
