# SPDX-License-Identifier: GPL-2.0-or-later
"""The cases of test_verdicts.py with certificates that OpenSSL reads and the kernel refuses, and the
case of a PE header at a place that only the kernel refuses."""

import struct
from types import SimpleNamespace

from lib import der
from lib import keys
from lib import pe
from lib.cases import LOADS

IMAGE = pe.make_image(b"certificates")
SERIAL, ISSUER, VALIDITY, SUBJECT, KEY, EXTENSIONS = 1, 3, 4, 5, 6, -1    # of TBSCertificate
KEY_ID, AUTHORITY_KEY_ID = "2.5.29.14", "2.5.29.35"
DIRECTORY = der.context(4)


def long_element(tag, data):
    """Returns an element whose length has three bytes. The kernel reads at most two."""
    return bytes([tag, 0x83]) + len(data).to_bytes(3, "big") + data


def extension(name, *value):
    return der.sequence(der.oid(name), der.octets(der.sequence(*value)))


class ChangedSigner:
    """A signer with another certificate."""

    def __init__(self, signer, certificate):
        self.key, self.is_rsa, self.sign = signer.key, signer.is_rsa, signer.sign
        self.der = certificate
        fields = der.children(der.children(certificate)[0])
        self.serial, self.issuer = fields[SERIAL], fields[ISSUER]


class CertificateCases:
    """Adds rows to a table."""

    def __init__(self, table, authority, signer):
        self.table, self.authority, self.signer = table, authority, signer

    def add(self, name, data, expected, **more):
        self.table.add("PE", name, data, expected, self.authority, **more)

    def issue(self, signer, change):
        """Returns the certificate of signer after change(fields), signed by the authority."""
        fields = der.children(der.children(signer.der)[0])
        change(fields)
        body = der.sequence(*fields)
        return der.sequence(body, keys.SHA256_RSA,
                            der.element(der.BITS, b"\0", self.authority.sign(body)))

    def add_changed(self, name, expected, change, signer=None):
        """Adds a file of a signer. change: changes the fields of TBSCertificate."""
        signer = signer or self.signer
        self.add(name, pe.sign(IMAGE, ChangedSigner(signer, self.issue(signer, change))), expected)

    def add_all(self):
        self.add_header()
        self.add_names()
        self.add_keys()
        self.add_authorities()

    def add_header(self):
        """A PE header that starts at byte 48, inside the DOS header."""
        moved = IMAGE[pe.PE:pe.HEADERS]
        image = pe.replace(IMAGE, 48, moved)
        image = pe.replace(image, 56, b"ARM\x64" + struct.pack("<I", 48))
        before = pe.CHECKSUM, pe.DIRECTORY
        pe.CHECKSUM, pe.DIRECTORY = (at - pe.PE + 48 for at in before)
        try:
            self.add("PE header inside the DOS header", pe.sign(image, self.signer), "ELIBBAD")
        finally:
            pe.CHECKSUM, pe.DIRECTORY = before

    def add_names(self):
        """Names that only a reader of the whole grammar refuses."""
        pair = der.children(der.children(self.signer.issuer)[0])[0]
        bad = der.sequence(der.element(der.SET, long_element(der.SEQUENCE, der.content(pair))))

        def set_subject(name):
            return lambda fields: fields.__setitem__(SUBJECT, name)

        self.add_split()
        self.add_changed("subject with a length of three bytes", "EBADMSG", set_subject(bad))
        self.add_changed("subject with an empty SET", "EBADMSG",
                         set_subject(der.sequence(der.element(der.SET))))
        self.add_changed("subject with an empty SET at the end", "EBADMSG", set_subject(
            der.sequence(der.children(self.signer.issuer)[0], der.element(der.SET))))
        self.add("another certificate with such a subject", pe.sign(
            IMAGE, self.signer, certificates=[self.signer.der, self.issue(
                self.signer, set_subject(bad))]), "EBADMSG")

    def add_split(self):
        """The first byte of the issuer moved into the serial number: the same bytes together."""
        number, name = der.content(self.signer.serial), der.content(self.signer.issuer)
        named = SimpleNamespace(serial=der.element(der.INTEGER, number + name[:1]),
                                issuer=der.element(der.SEQUENCE, name[1:]))
        self.add("byte of the issuer in the serial number", pe.sign(
            IMAGE, self.signer, named=named), "EBADMSG")

    def add_keys(self):
        """Public keys and versions in BER."""
        def change_key(change):
            def apply(fields):
                kind, bits = der.children(fields[KEY])
                fields[KEY] = der.sequence(kind, der.element(der.BITS, b"\0", change(
                    der.content(bits)[1:])))
            return apply

        def set_version(fields):
            fields[0] = der.element(der.context(0), long_element(der.INTEGER, b"\2"))

        def change_curve(fields):
            kind, bits = der.children(fields[KEY])
            name, curve = der.children(kind)
            value = der.content(curve)
            fields[KEY] = der.sequence(
                der.sequence(name, bytes([der.OID, 0x81, len(value)]) + value), bits)

        def change_exponent(key):
            modulus, exponent = der.children(key)
            return der.sequence(modulus, long_element(der.INTEGER, der.content(exponent)))

        self.add_changed("RSA key with a length of three bytes", "EBADMSG", change_key(
            lambda key: long_element(der.SEQUENCE, der.content(key))))
        self.add_changed("RSA exponent with a length of three bytes", "EBADMSG",
                         change_key(change_exponent))
        self.add_changed("RSA key with one more byte", LOADS, change_key(lambda key: key + b"\0"))
        self.add_changed("curve with a length of two bytes", "EBADMSG", change_curve,
                         self.authority.issue("changed-curve", "P-256"))
        self.add_changed("version with a length of three bytes", "EBADMSG", set_version)

    def add_authorities(self):
        """authorityKeyIdentifiers. The kernel reads the last one of a certificate."""
        key_id = der.element(der.context(0, constructed=False), self.authority.skid)
        empty = der.element(der.context(0, constructed=False))
        number = der.element(der.context(2, constructed=False), der.content(self.authority.serial))
        names = der.element(der.context(1), der.element(DIRECTORY, self.authority.issuer))
        garbage = der.element(der.context(1), der.element(DIRECTORY, der.sequence(
            der.element(der.SET, der.element(der.NULL)))))

        def set_all(*values):
            def apply(fields):
                kept = [one for one in der.children(der.content(fields[EXTENSIONS]))
                        if der.children(one)[0] == der.oid(KEY_ID)]
                fields[EXTENSIONS] = der.element(der.context(3), der.sequence(
                    *kept, *[extension(AUTHORITY_KEY_ID, *value) for value in values]))
            return apply

        self.add_changed("authorityKeyIdentifier: serial number", LOADS, set_all([names, number]))
        self.add_changed("authorityKeyIdentifier: a name without identifier", "EBADMSG",
                         set_all([key_id, garbage]))
        self.add_changed("two authorityKeyIdentifiers, the first is empty", LOADS,
                         set_all([], [key_id]))
        self.add_changed("two authorityKeyIdentifiers, the second is empty", "ENOKEY",
                         set_all([key_id], []))
        self.add_changed("authorityKeyIdentifier: empty key id", "EINVAL", set_all([empty]))
        self.add_changed("authorityKeyIdentifier: empty key id and a number", "EKEYREJECTED",
                         set_all([empty, names, number]))
        self.add_empty_key_id(extension(AUTHORITY_KEY_ID, empty))

    def add_empty_key_id(self, empty):
        """The authority signs, with a certificate of its own name and number and another key id."""
        def change(fields):
            fields[EXTENSIONS] = der.element(der.context(3), der.sequence(
                der.sequence(der.oid(KEY_ID), der.octets(der.octets(b"another"))), empty))

        self.add("the authority with another key id, issuer with an empty one", pe.sign(
            IMAGE, self.authority, certificates=[self.issue(self.authority, change)]), "EINVAL")
