# SPDX-License-Identifier: GPL-2.0-or-later
"""The cases of test_verdicts.py with PE signatures."""

import struct
from random import Random

from lib import cms
from lib import der
from lib import keys
from lib import pe
from lib import petools
from lib.cases import FOREVER, LOADS, RANDOM_CASES, YEAR_2020, YEAR_2021, YEAR_2022
from lib.cases import change_somewhere, flip

IMAGE = pe.make_image(b"PE")
CONTENT = pe.make_content(IMAGE)
DATA = der.content(CONTENT)
TIMESTAMP_INFO = "1.2.840.113549.1.9.16.1.4"
COUNTER_SIGNATURE = "1.2.840.113549.1.9.6"
PSS = "1.2.840.113549.1.1.10"


class PeCases:
    """Adds rows to a table. folder: for the keys and for the files of the tools. sizes: signers with
    keys of several sizes, by name."""

    def __init__(self, table, folder, authority, signer, curve, sizes):
        self.table, self.folder, self.sizes = table, folder, sizes
        self.authority, self.signer, self.curve = authority, signer, curve

    def add(self, name, data, expected=LOADS, **more):
        self.table.add("PE", name, data, expected, self.authority, **more)

    def add_signed(self, name, expected=LOADS, signer=None, stricter="", **choices):
        """Adds a file that pe.sign() signs."""
        self.add(name, pe.sign(IMAGE, signer or self.signer, **choices), expected, stricter=stricter)

    def add_all(self):
        self.signed = pe.sign(IMAGE, self.signer)
        self.table_at, self.table_size = pe.find_table(self.signed)
        self.add_tools()
        self.add_changes()
        self.add_tables()
        self.add_contents()
        self.add_attributes()
        self.add_algorithms()
        self.add_signers()
        self.add_certificates()
        self.add_random()

    def add_tools(self):
        """Files that sbsign, osslsigncode and pesign signed."""
        plain = self.folder / "plain"
        plain.write_bytes(IMAGE)
        for text, signer in ("RSA 2048", self.signer), ("ECDSA P-256", self.curve):
            self.add(f"sbsign, {text}", petools.sbsign(plain, signer))
            for digest in "sha256", "sha384", "sha512":
                self.add(f"osslsigncode, {text}, {digest}",
                         petools.osslsigncode(plain, signer, digest))
        self.add("pesign, RSA 2048", petools.pesign(plain, self.signer))

    def add_changes(self):
        """Files that changed after signing."""
        signed, at, size = self.signed, self.table_at, self.table_size
        self.add("no signature", IMAGE, "ENODATA")
        self.add("no PE file: an Image without MZ", pe.replace(IMAGE, 0, bytes(4)), "ELIBBAD")
        self.add("byte of the section changed", flip(signed, pe.HEADERS + 100), "EKEYREJECTED")
        self.add("byte of the Image header changed", flip(signed, 40), "EKEYREJECTED")
        self.add("byte of the PE header changed", flip(signed, pe.PE + 8), "EKEYREJECTED")
        self.add("byte of the section table changed", flip(signed, pe.DIRECTORY + 16 + 8),
                 "EKEYREJECTED")
        self.add("CheckSum changed (not signed)", flip(signed, pe.CHECKSUM))
        self.add("PE magic number changed", flip(signed, pe.PE), "ELIBBAD")
        self.add("magic number of the optional header changed", flip(signed, pe.PE + 24), "ELIBBAD")
        self.add("last bit of the signature value changed",
                 flip(signed, at + 8 + len(pe.make_signature(IMAGE, self.signer)) - 1), "EINVAL")
        self.add("one byte cut off", signed[:-1], "ELIBBAD")
        self.add("signature cut in half", signed[:at + size // 2], "ELIBBAD")
        half = pe.set_table(signed[:at + size // 2], at, size // 2)
        self.add("signature and table cut in half", half, "ELIBBAD")
        shorter = pe.replace(half, at, struct.pack("<I", size // 2))
        self.add("signature, table and entry cut in half", shorter, "ELIBBAD")
        self.add("8 bytes appended", signed + bytes(8), "EKEYREJECTED")
        self.add("8 bytes appended, the table includes them",
                 pe.set_table(signed + bytes(8), at, size + 8))
        self.add("signature cut off, the table is empty", pe.set_table(signed[:at], 0, 0), "ENODATA")

    def add_tables(self):
        """Odd certificate tables."""
        signed, at, size = self.signed, self.table_at, self.table_size
        good = pe.make_signature(IMAGE, self.signer)
        entry = pe.make_entry(good)
        stranger = pe.make_entry(pe.make_signature(
            IMAGE, keys.make_authority(self.folder, "other").issue("stranger")))
        self.add("table behind the end of the file", pe.set_table(signed, at + 4096, size), "ELIBBAD")
        self.add("table in the headers", pe.set_table(signed, 64, size), "ELIBBAD")
        self.add("table larger than the file", pe.set_table(signed, at, size + 8), "ELIBBAD")
        self.add("table smaller than its entry", pe.set_table(signed, at, size - 16), "ELIBBAD")
        self.add("table of 4 bytes", pe.set_table(signed, at, 4), "ELIBBAD")
        self.add("table of address 2^32 - 8", pe.set_table(signed, 2**32 - 8, size), "ELIBBAD")
        self.add("entry of revision 1.0", pe.add_table(IMAGE, pe.make_entry(good, revision=0x100)),
                 "ENOTSUPP")
        self.add("entry of type X.509", pe.add_table(IMAGE, pe.make_entry(good, kind=1)), "ENOTSUPP")
        self.add("entry longer than the table",
                 pe.replace(signed, at, struct.pack("<I", size + 8)), "ELIBBAD")
        self.add("entry without contents", pe.add_table(IMAGE, pe.make_entry(b"")), "EKEYREJECTED")
        self.add("entry with 64 more bytes", pe.add_table(IMAGE, pe.make_entry(good + bytes(64))))
        self.add("entry without a SEQUENCE", pe.add_table(IMAGE, pe.make_entry(flip(good, 0))), "ELIBBAD")
        self.add("two good entries", pe.add_table(IMAGE, entry, entry))
        self.add("a good entry, then an unknown signer", pe.add_table(IMAGE, entry, stranger))
        self.add("an unknown signer, then a good entry", pe.add_table(IMAGE, stranger, entry), "ENOKEY")
        text = der.content(good)
        self.add("length of three bytes", pe.add_table(
            IMAGE, pe.make_entry(b"\x30\x83" + len(text).to_bytes(3, "big") + text)), "EMSGSIZE")
        self.add("indefinite length (BER)", pe.add_table(
            IMAGE, pe.make_entry(b"\x30\x80" + text + bytes(2))), stricter="DER has no such length")

    def add_contents(self):
        """Odd contents of the signature."""
        other = pe.make_image(b"another")
        self.add("signature of another Image", pe.add_table(
            IMAGE, pe.make_entry(pe.make_signature(other, self.signer))), "EKEYREJECTED")
        changed = flip(CONTENT, len(CONTENT) - 1)
        self.add_message("digest of the file changed in the message", DATA, "EKEYREJECTED",
                         embedded=changed)
        short = der.sequence(*der.children(CONTENT)[:1], der.sequence(
            cms.algorithm(cms.DIGESTS["sha256"]), der.octets(pe.compute_digest(IMAGE)[:20])))
        self.add_message("digest of 20 bytes", der.content(short), "EBADMSG", embedded=short)
        self.add_message("eContentType data", DATA, "EKEYREJECTED", content_type=cms.DATA)
        self.add_message("eContentType TSTInfo", DATA, "EINVAL", content_type=TIMESTAMP_INFO)
        self.add_message("no eContent", DATA, "EKEYREJECTED", embedded=False)
        unknown = pe.make_content(IMAGE, image_data="1.3.6.1.4.1.311.2.1.30")
        self.add_message("contents of type SPC_SIPINFO", der.content(unknown), "EBADMSG",
                         embedded=unknown)

    def add_message(self, name, data, expected, embedded=CONTENT, content_type=pe.INDIRECT_DATA):
        """Adds a file with a message that signs data. embedded: the element in eContent."""
        attributes = cms.make_attributes(data, content_type)
        message = cms.make_signed_data(data, [cms.Info(self.signer, attributes=attributes)],
                                       [self.signer.der], content_type, embedded or None)
        self.add(name, pe.add_table(IMAGE, pe.make_entry(message)), expected)

    def add_attributes(self):
        """Odd signed attributes."""
        kind, digest = cms.make_attributes(DATA, pe.INDIRECT_DATA)
        wrong = cms.make_attributes(b"other", pe.INDIRECT_DATA)[1]
        plain = cms.make_attributes(DATA)[0]
        self.add_signed("no signed attributes", "EBADMSG", attributes=None)
        self.add_signed("no messageDigest", "EBADMSG", attributes=[kind])
        self.add_signed("no contentType", "EBADMSG", attributes=[digest])
        self.add_signed("wrong messageDigest", "EKEYREJECTED", attributes=[kind, wrong])
        self.add_signed("wrong contentType", "EBADMSG", attributes=[plain, digest])
        self.add_signed("contentType twice", "EKEYREJECTED", attributes=[kind, kind, digest])
        self.add_signed("attributes that are not signed",
                        unsigned=[cms.attribute(COUNTER_SIGNATURE, der.octets(b"time"))])

    def add_algorithms(self):
        """Digests and algorithms of signatures, and sizes of keys."""
        self.add_signed("SHA-1", digest="sha1", stricter="SHA-1 is broken")
        mixed = pe.make_content(IMAGE, "sha512")
        self.add_content("SHA-512 of the file, SHA-256 of the message", mixed)
        self.add_signed("sha256WithRSAEncryption in SignerInfo", "ENOPKG",
                        algorithm=cms.RSA_WITH_SHA256)
        self.add_signed("RSASSA-PSS", "ENOPKG", algorithm=PSS, options=cms.PSS)
        self.add_signed("RSASSA-PSS, called rsaEncryption", "EINVAL", options=cms.PSS)
        for name, signer in self.sizes.items():
            self.add_signed(name, "EINVAL" if name == "RSA 2560" else LOADS, signer)
        self.add_signed("ECDSA secp256k1", "ENOPKG",
                        self.authority.issue("pe-secp256k1", "secp256k1"))

    def add_content(self, name, content, expected=LOADS):
        """Adds a file with another SpcIndirectDataContent."""
        self.add_message(name, der.content(content), expected, embedded=content)

    def add_signers(self):
        """Who signed, and how the message names the signer."""
        authority, signer = self.authority, self.signer
        other = keys.make_authority(self.folder, "unknown")
        stranger = other.issue("stranger2")
        self.add_signed("signer of an unknown authority", "ENOKEY", stranger)
        self.add_signed("the same, with the authority's certificate", "ENOKEY", stranger,
                        certificates=[stranger.der, other.der])
        self.add_signed("self-signed signer", "ENOKEY", other)
        self.add_signed("wrong key, the signer's name", "EINVAL", stranger, named=signer,
                        certificates=[signer.der])
        self.add_signed("signed by the authority itself", signer=authority)
        self.add_signed("signed by the authority, no certificate", signer=authority, certificates=[])
        self.add_signed("no certificate of the signer", "ENOKEY", certificates=[])
        self.add_signed("signer named by subjectKeyIdentifier", "ENOKEY", by_skid=True)
        self.add_signed("authority named by subjectKeyIdentifier", signer=authority, by_skid=True)
        attributes = cms.make_attributes(DATA, pe.INDIRECT_DATA)
        good, second, unknown = (cms.Info(who, attributes=attributes)
                                 for who in (signer, self.curve, stranger))
        bad = cms.Info(stranger, attributes=attributes, named=signer)
        one = "verify wants one signer"
        for name, infos, expected, reason in (
                ("two good signers", [good, second], LOADS, one),
                ("a good and an unknown signer", [good, unknown], LOADS, one),
                ("a good signer and a wrong signature", [good, bad], "EINVAL", "")):
            message = cms.make_signed_data(
                DATA, infos, [signer.der, self.curve.der, stranger.der], pe.INDIRECT_DATA, CONTENT)
            self.add(name, pe.add_table(IMAGE, pe.make_entry(message)), expected, stricter=reason)

    def add_certificates(self):
        """Certificates of the signer and chains of certificates."""
        authority = self.authority
        middle = authority.issue_authority("middle")
        leaf = middle.issue("leaf")
        self.add_signed("intermediate authority", signer=leaf, certificates=[leaf.der, middle.der])
        self.add_signed("intermediate authority, the root too", signer=leaf,
                        certificates=[middle.der, authority.der, leaf.der])
        self.add_signed("intermediate authority is missing", "ENOKEY", leaf)
        low = keys.Authority(self.folder, self.signer.key, self.signer.certificate).issue("below")
        self.add_signed("intermediate that is no authority", signer=low,
                        certificates=[low.der, self.signer.der])
        expired = authority.issue_with_validity("expired", YEAR_2020, YEAR_2021)
        future = authority.issue_with_validity("future", FOREVER, FOREVER)
        self.add_signed("expired certificate, no signing time", signer=expired)
        self.add_signed("expired certificate, signed in time", signer=expired, time=YEAR_2020)
        self.add_signed("expired certificate, signed too late", "EKEYREJECTED", expired,
                        time=YEAR_2022)
        self.add_signed("certificate of the future, no signing time", signer=future)
        for name, extensions in (
                ("certificate without subjectKeyIdentifier",
                 "subjectKeyIdentifier=none\nauthorityKeyIdentifier=keyid\n"),
                ("certificate for TLS servers",
                 keys.SIGNER + "extendedKeyUsage=critical,serverAuth\n"),
                ("certificate without digitalSignature",
                 keys.SIGNER.replace("digitalSignature", "keyEncipherment"))):
            self.add_signed(name, signer=authority.issue(name.replace(" ", "-"),
                                                         extensions=extensions))
        bare = authority.issue("bare", extensions="subjectKeyIdentifier=hash\n"
                               "authorityKeyIdentifier=none\n")
        self.add_signed("certificate without authorityKeyIdentifier", "ENOKEY", bare)

    def add_random(self):
        """Random changes of the certificate table. Changes of the headers could stop the kernel: it
        does not check the number and the places of the sections."""
        random = Random(1)
        middle = self.authority.issue_authority("random-middle")
        leaf = middle.issue("random-leaf")
        for signed in (self.signed, pe.sign(IMAGE, self.curve),
                       pe.sign(IMAGE, leaf, certificates=[leaf.der, middle.der])):
            at, size = pe.find_table(signed)
            for _ in range(RANDOM_CASES):
                self.add("random change", change_somewhere(random, signed, at, at + size), None)
