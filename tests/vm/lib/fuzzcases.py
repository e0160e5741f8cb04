# SPDX-License-Identifier: GPL-2.0-or-later
"""PE files whose DER is changed by structure and signed again, for test_verdicts.py.

A random change of bytes mostly breaks a signature. These changes are made before signing: in a
certificate, which its authority signs again, in the signed attributes, in the signed contents, or
in the message. So the changed part itself decides whether crashres verify says "valid".
"""

import copy
import os
from concurrent.futures import ThreadPoolExecutor
from random import Random

from lib import cms
from lib import der
from lib import keys
from lib import pe

IMAGE = pe.make_image(b"fuzz")
COUNTER_SIGNATURE = "1.2.840.113549.1.9.6"
LEAF = "basicConstraints=CA:FALSE\nsubjectKeyIdentifier=hash\n" \
       "authorityKeyIdentifier=keyid,issuer:always\nkeyUsage=digitalSignature\n"
OTHER_TAGS = [1, 2, 3, 4, 5, 0x0C, 0x13, 0x16, 0x17, 0x18, 0x1F, 0x30, 0x31, 0xBF]


class Element:
    """An element of DER. kids: the elements inside, or None; then data are the contents. before: the
    byte of unused bits before the kids of a BIT STRING. form: how encode() writes the length: 0 in
    DER, 1 to 4 with that many bytes, 5 indefinite."""

    def __init__(self, tag, kids=None, data=b"", before=b"", form=0):
        self.tag, self.kids, self.data = tag, kids, data
        self.before, self.form = before, form

    def encode(self):
        inside = self.data if self.kids is None else b"".join(kid.encode() for kid in self.kids)
        inside = self.before + inside
        if self.form == 5:
            return bytes([self.tag, 0x80]) + inside + bytes(2)
        if self.form and len(inside) < 256**self.form:
            return bytes([self.tag, 0x80 | self.form]) + \
                len(inside).to_bytes(self.form, "big") + inside
        return der.element(self.tag, inside)

    def all(self):
        """Returns this element and all elements inside."""
        return [self] + [found for kid in self.kids or () for found in kid.all()]


def read_all(data):
    """Returns the elements in data, or None if data are something else."""
    found, at = [], 0
    while at < len(data):
        try:
            tag, start, end = der.read(data, at)
        except IndexError:
            return None
        if end > len(data) or tag & 31 == 31 or data[at + 1] == 0x80:
            return None
        found.append(read_inside(tag, data[start:end]))
        at = end
    return found


def read_inside(tag, data):
    """Returns an element with the elements inside, also those in an OCTET STRING or a BIT STRING."""
    kids = read_all(data) if tag & 0x20 else None
    if kids is not None:
        return Element(tag, kids)
    before = b"\0" if tag == der.BITS and data[:1] == b"\0" else b""
    if tag == der.OCTETS or (before and len(data) > 40):
        kids = read_all(data[len(before):])
        if kids and len(kids) == 1 and kids[0].tag in (der.SEQUENCE, der.OCTETS, der.BITS):
            return Element(tag, kids, before=before)
    return Element(tag, None, data)


def read(data):
    """Returns the first element of data."""
    return read_all(data)[0]


def change(random, root):
    """Changes one element somewhere in root."""
    everything = root.all()
    one, way = random.choice(everything), random.randrange(12)
    if way < 4:
        one.form = random.randrange(1, 6)
    elif way == 4 and one.kids:
        one.kids.pop(random.randrange(len(one.kids)))
    elif way == 5 and one.kids:
        one.kids.insert(random.randrange(len(one.kids) + 1), copy.deepcopy(random.choice(one.kids)))
    elif way == 6 and one.kids:
        random.shuffle(one.kids)
    elif way == 7 and one.kids is not None:
        one.kids.append(random.choice([Element(der.NULL), copy.deepcopy(random.choice(everything))]))
    elif way == 8:
        one.tag = random.choice([one.tag ^ 0x20, one.tag ^ 1, one.tag ^ 0x80, *OTHER_TAGS])
    elif one.kids is not None:
        one.kids = []
    elif way == 9:
        one.data = one.data[:-1]
    elif way == 10:
        one.data = random.choice([b"\0" + one.data, one.data + b"\0"])
    elif one.data:
        at = random.randrange(len(one.data))
        one.data = one.data[:at] + bytes([one.data[at] ^ 1 << random.randrange(8)]) + \
            one.data[at + 1:]


class FuzzCases:
    """Adds rows with random changes to a table."""

    def __init__(self, table, authority, curve):
        self.table, self.authority, self.curve = table, authority, curve

    def add_all(self, files, seed):
        """files: the number of rows."""
        self.signers = [self.authority.issue("fuzz"),
                        self.authority.issue("fuzz-issuer", extensions=LEAF), self.curve]
        # Each of these attributes runs openssl.
        self.known = {id(signer): (signer.der, signer.issuer, signer.serial, signer.is_rsa)
                      for signer in self.signers}
        self.authority_der = self.authority.der
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            seeds = range(seed * 1000000, seed * 1000000 + files)
            for number, data in zip(seeds, pool.map(self.make, seeds)):
                self.table.add("PE", f"changed by structure, seed {number}", data, None,
                               self.authority, fuzz=True)

    def issue_again(self, random, certificate, changes):
        """Returns the certificate with changes, signed by the authority."""
        body = read(der.children(certificate)[0])
        for _ in range(changes):
            change(random, body)
        signed = body.encode()
        return der.sequence(signed, keys.SHA256_RSA,
                            der.element(der.BITS, b"\0", self.authority.sign(signed)))

    def make(self, seed):
        """Returns a signed Image. The same seed makes the same changes."""
        random = Random(seed)
        signer = random.choice(self.signers)
        part = random.choice(["certificate"] * 3 + ["attributes", "content"] + ["message"] * 2 +
                             ["authority"])
        certificate, issuer, serial, is_rsa = self.known[id(signer)]
        certificates, content = [certificate], pe.make_content(IMAGE)
        if part == "certificate":
            certificates = self.change_certificate(random, certificate)
            if random.random() < 0.8:
                issuer, serial = self.find_names(certificates[-1]) or (issuer, serial)
        elif part == "authority":
            certificates.append(self.issue_again(random, self.authority_der, 1))
        elif part == "content":
            content = self.changed(random, content)
        attributes = self.make_attributes(random, content, part == "attributes")
        info = self.make_info(random, signer, is_rsa, (issuer, serial), attributes)
        message = der.sequence(der.oid(cms.SIGNED_DATA), der.element(0xA0, der.sequence(
            der.integer(1), der.set_of(cms.algorithm(cms.DIGESTS["sha256"])),
            der.sequence(der.oid(pe.INDIRECT_DATA), der.element(0xA0, content)),
            der.element(0xA0, *certificates), der.element(der.SET, info))))
        if part == "message":
            message = self.changed(random, message, random.choice([1, 1, 2]))
        return pe.add_table(IMAGE, pe.make_entry(message))

    @staticmethod
    def changed(random, data, changes=1):
        root = read(data)
        for _ in range(changes):
            change(random, root)
        return root.encode()

    def change_certificate(self, random, certificate):
        changed = self.issue_again(random, certificate, random.choice([1, 1, 1, 2]))
        if random.random() < 0.1:
            changed = self.changed(random, changed)
        return [changed] if random.random() < 0.7 else [certificate, changed]

    @staticmethod
    def find_names(certificate):
        """Returns the elements issuer and serialNumber, or None if they cannot be found."""
        try:
            fields = der.children(der.children(certificate)[0])
            return fields[3], fields[1]
        except IndexError:
            return None

    @staticmethod
    def make_attributes(random, content, is_changed):
        """Returns the signed attributes as [0]."""
        try:
            data = der.content(content)
        except IndexError:
            data = content[2:]
        made = cms.make_attributes(data, pe.INDIRECT_DATA,
                                   time=random.choice([None, "261122000000Z"]))
        root = Element(0xA0, [read(one) for one in made])
        if is_changed:
            for _ in range(random.choice([1, 2])):
                change(random, root)
            root.tag = 0xA0
        return root.encode()

    @staticmethod
    def make_info(random, signer, is_rsa, names, attributes):
        """Returns the SignerInfo with a right signature."""
        unsigned = der.element(0xA1, cms.attribute(COUNTER_SIGNATURE, der.sequence(der.integer(1))))
        return der.sequence(
            der.integer(1), der.sequence(*names), cms.algorithm(cms.DIGESTS["sha256"]), attributes,
            cms.algorithm(cms.RSA if is_rsa else cms.ECDSA["sha256"]),
            der.octets(signer.sign(b"\x31" + attributes[1:])),
            *([unsigned] if random.random() < 0.3 else []))
