# SPDX-License-Identifier: GPL-2.0-or-later
"""Files with appended signatures and values of security.ima, right and wrong.

Sources: Linux, include/linux/module_signature.h and security/integrity/integrity.h.
"""

import hashlib
import struct

from lib import cms

MARKER = b"~Module signature appended~\n"
PKCS7 = 2
HASH_NUMBERS = {"sha1": 2, "sha256": 4, "sha384": 5, "sha512": 6}
DIGEST, SIGNATURE, DIGEST_WITH_HASH, VERITY = 1, 3, 4, 6


def make_trailer(size, kind=PKCS7, algorithm=0, signer_size=0):
    """Returns struct module_signature for a signature of size bytes, and the marker."""
    return struct.pack(">5B3xI", algorithm, 0, kind, signer_size, 0, size) + MARKER


def append(data, signature, trailer=None):
    """Returns the file with an appended signature."""
    return data + signature + (trailer or make_trailer(len(signature)))


def sign_appended(data, signer, certificates=(), content_type=cms.DATA, embedded=None, **choices):
    """Returns the signed file. choices: of cms.Info."""
    return append(data, cms.make_signed_data(data, [cms.Info(signer, **choices)], certificates,
                                             content_type, embedded))


def make_attribute(data, signer, digest="sha256", version=2, key_id=None, number=None,
                   kind=SIGNATURE):
    """Returns a value of security.ima with a signature. key_id: 4 bytes. number: of the hash."""
    signature = signer.sign(data, digest)
    return struct.pack(">BBB4sH", kind, version, number or HASH_NUMBERS[digest],
                       key_id or signer.skid[-4:], len(signature)) + signature


def make_digest_attribute(data, with_hash, digest):
    """Returns a value of security.ima with a digest: of the type with or without a hash number."""
    head = bytes([DIGEST_WITH_HASH, HASH_NUMBERS[digest]]) if with_hash else bytes([DIGEST])
    return head + hashlib.new(digest, data).digest()
