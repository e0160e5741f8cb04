# SPDX-License-Identifier: GPL-2.0-or-later
"""The cases of test_verdicts.py with appended signatures and with security.ima."""

from random import Random

from lib import cms
from lib import der
from lib import keys
from lib import pe
from lib import signedfiles as sf
from lib.cases import LOADS, RANDOM_CASES, YEAR_2020, YEAR_2021, change_somewhere, flip

IMAGE = pe.make_image(b"IMA")
REFUSED = "EACCES"
SIZES = (("RSA 1024", "rsa:1024", LOADS), ("RSA 1536", "rsa:1536", LOADS),
         ("RSA 2560", "rsa:2560", REFUSED), ("RSA 3072", "rsa:3072", LOADS),
         ("RSA 4096", "rsa:4096", LOADS), ("ECDSA P-256", "P-256", LOADS),
         ("ECDSA P-384", "P-384", LOADS), ("ECDSA P-521", "P-521", LOADS))


class ImaKeys:
    """The signers. The kernel gets the certificates of known in its keyring .ima."""

    def __init__(self, folder, authority):
        self.signer = authority.issue("ima")
        self.second = authority.issue("ima-second")
        self.sizes = {name: authority.issue(kind.replace(":", ""), kind) for name, kind, _ in SIZES}
        self.bare = authority.issue("ima-bare", extensions=keys.SIGNER.replace(
            "subjectKeyIdentifier=hash", "subjectKeyIdentifier=none"))
        self.expired = authority.issue_with_validity("ima-expired", YEAR_2020, YEAR_2021)
        self.stranger = keys.make_authority(folder, "ima-other").issue("ima-stranger")
        self.known = [self.signer, self.second, *self.sizes.values(), self.bare, self.expired]


class AppendedCases:
    """Adds rows with appended signatures. sign_file: the path of the kernel's scripts/sign-file."""

    def __init__(self, table, folder, ima_keys, crashres, sign_file):
        self.table, self.folder, self.keys = table, folder, ima_keys
        self.crashres, self.sign_file = crashres, sign_file
        self.signer = ima_keys.signer

    def add(self, name, data, expected=LOADS, signer=None, **more):
        self.table.add("appended", name, data, expected, signer or self.signer, **more)

    def add_signed(self, name, expected=LOADS, signer=None, stricter="", trusted=None, **choices):
        """Adds a file that sf.sign_appended() signs. trusted: the signer that verify knows."""
        signer = signer or self.signer
        self.add(name, sf.sign_appended(IMAGE, signer, **choices), expected, trusted or signer,
                 stricter=stricter)

    def add_all(self):
        self.signed = sf.sign_appended(IMAGE, self.signer)
        self.add_tools()
        self.add_changes()
        self.add_messages()
        self.add_signers()
        self.add_random()

    def add_tools(self):
        """Files that crashres, openssl cms and the kernel's sign-file signed."""
        file = self.folder / "appended"
        for text, signer in ("RSA 2048", self.signer), ("ECDSA P-256", self.keys.sizes["ECDSA P-256"]):
            for digest in "sha256", "sha384", "sha512":
                file.write_bytes(IMAGE)
                keys.run(self.crashres, "sign", f"--key={signer.key}", f"--cert={signer.certificate}",
                         f"--hash={digest}", "--append", file)
                self.add(f"crashres sign, {text}, {digest}", file.read_bytes(), signer=signer)
        command = ("openssl", "cms", "-sign", "-binary", "-outform", "DER", "-nosmimecap", "-signer",
                   self.signer.certificate, "-inkey", self.signer.key, "-md", "sha256")
        for text, options, expected in (
                ("openssl cms -noattr", ("-noattr",), LOADS),
                ("openssl cms -noattr -nocerts", ("-noattr", "-nocerts"), LOADS),
                ("openssl cms -noattr -nocerts -keyid", ("-noattr", "-nocerts", "-keyid"), LOADS),
                ("openssl cms (signed attributes)", ("-nocerts",), REFUSED)):
            self.add(text, sf.append(IMAGE, keys.run(*command, *options, stdin=IMAGE)), expected)
        for digest in "sha256", "sha512":
            file.write_bytes(IMAGE)
            keys.run(self.sign_file, digest, self.signer.key, self.signer.certificate, file)
            self.add(f"sign-file, {digest}", file.read_bytes())

    def add_changes(self):
        """Files that changed after signing, and odd trailers."""
        signed, message = self.signed, self.signed[len(IMAGE):-len(sf.make_trailer(0))]
        size = len(message)
        self.add("no signature", IMAGE, REFUSED)
        self.add("byte of the file changed", flip(signed, 1000), REFUSED)
        self.add("byte of the signature value changed",
                 flip(signed, len(IMAGE) + size - 1), REFUSED)
        self.add("marker damaged", flip(signed, len(signed) - 5), REFUSED)
        self.add("marker without its newline", signed[:-1], REFUSED)
        self.add("byte after the marker", signed + b"\n", REFUSED)
        self.add("signature cut in the middle", signed[:-300] + signed[-100:], REFUSED)
        for name, trailer in (
                ("length one too small", sf.make_trailer(size - 1)),
                ("length one too large", sf.make_trailer(size + 1)),
                ("length larger than the file", sf.make_trailer(1 << 20)),
                ("length 0", sf.make_trailer(0)),
                ("id_type PGP", sf.make_trailer(size, kind=0)),
                ("id_type X.509", sf.make_trailer(size, kind=1)),
                ("algorithm not 0", sf.make_trailer(size, algorithm=1)),
                ("signer's length not 0", sf.make_trailer(size, signer_size=1))):
            self.add(name, sf.append(IMAGE, message, trailer), REFUSED)
        self.add("nothing but a signature", self.sign_nothing(), REFUSED)
        self.add("signed twice", sf.sign_appended(signed, self.keys.second),
                 signer=self.keys.second)
        self.add("signed twice, the last signer is unknown",
                 sf.sign_appended(signed, self.keys.stranger), REFUSED)
        self.add("bytes after the message",
                 sf.append(IMAGE, message + bytes(8)))

    def sign_nothing(self):
        """Returns a signed file without contents."""
        return sf.sign_appended(b"", self.signer)

    def add_messages(self):
        """Odd messages."""
        wrong = cms.make_attributes(IMAGE)
        self.add_signed("signed attributes", REFUSED, attributes=wrong)
        self.add_signed("sha256WithRSAEncryption in SignerInfo", REFUSED,
                        algorithm=cms.RSA_WITH_SHA256)
        self.add_signed("eContentType SPC_INDIRECT_DATA", REFUSED, content_type=pe.INDIRECT_DATA)
        self.add_signed("eContentType TSTInfo", REFUSED, content_type="1.2.840.113549.1.9.16.1.4")
        self.add_signed("RSASSA-PSS", REFUSED, algorithm="1.2.840.113549.1.1.10", options=cms.PSS)
        self.add_signed("RSASSA-PSS, called rsaEncryption", REFUSED, options=cms.PSS)
        self.add_signed("SHA-1", digest="sha1", stricter="SHA-1 is broken")
        embedded = cms.make_signed_data(b"other", [cms.Info(self.signer)],
                                        embedded=der.octets(b"other"))
        self.add("message that contains other signed bytes", sf.append(IMAGE, embedded),
                 stricter="the file itself is not signed; Linux 6.12 does not notice")
        embedded = cms.make_signed_data(IMAGE, [cms.Info(self.signer)], embedded=der.octets(IMAGE))
        self.add("message that contains the file", sf.append(IMAGE, embedded),
                 stricter="the file itself is not signed; Linux 6.12 does not notice")
        self.add_signed("attributes that are not signed", unsigned=[
            cms.attribute("1.2.840.113549.1.9.6", der.octets(b"time"))])

    def add_signers(self):
        """Who signed, and how the message names the signer."""
        signer, second, stranger = self.signer, self.keys.second, self.keys.stranger
        for name, _, expected in SIZES:
            who = self.keys.sizes[name]
            self.add_signed(name, expected, who)
        self.add_signed("unknown signer", REFUSED, stranger, trusted=signer)
        self.add_signed("unknown signer, with certificate", REFUSED, stranger, trusted=signer,
                        certificates=[stranger.der])
        self.add_signed("wrong key, the signer's name", REFUSED, stranger, named=signer,
                        trusted=signer)
        self.add_signed("signer named by subjectKeyIdentifier", by_skid=True)
        self.add_signed("certificate of the signer in the message", certificates=[signer.der])
        self.add_signed("certificate without subjectKeyIdentifier", signer=self.keys.bare)
        self.add_signed("expired certificate", signer=self.keys.expired)
        low = keys.Authority(self.folder, signer.key, signer.certificate).issue("ima-below")
        self.add_signed("signer below a known signer", signer=low, trusted=signer,
                        certificates=[low.der])
        self.add_signed("signer below a known signer, no certificate", REFUSED, low, trusted=signer)
        for name, infos, expected, reason in (
                ("two known signers", (signer, second), LOADS, "verify wants one signer"),
                ("a known and an unknown signer", (signer, stranger), LOADS,
                 "verify wants one signer"),
                ("two unknown signers", (stranger, stranger), REFUSED, "")):
            message = cms.make_signed_data(IMAGE, [cms.Info(who) for who in infos])
            self.add(name, sf.append(IMAGE, message), expected, stricter=reason)


    def add_random(self):
        """Random changes of signature and trailer."""
        random = Random(2)
        for signed in self.signed, sf.sign_appended(IMAGE, self.keys.sizes["ECDSA P-256"]):
            for _ in range(RANDOM_CASES):
                self.add("random change", change_somewhere(random, signed, len(IMAGE), len(signed)),
                         None)


class AttributeCases:
    """Adds rows with the attribute security.ima."""

    def __init__(self, table, folder, ima_keys, authority, pe_signer):
        self.table, self.folder, self.keys = table, folder, ima_keys
        self.authority, self.pe_signer, self.signer = authority, pe_signer, ima_keys.signer

    def add(self, name, attribute, expected=LOADS, signer=None, data=IMAGE, stricter="", more=()):
        """more: more signers whose certificates crashres verify gets."""
        self.table.add("security.ima", name, data, expected, signer or self.signer, *more,
                       attribute=attribute, stricter=stricter)

    def add_all(self):
        self.good = sf.make_attribute(IMAGE, self.signer)
        self.add_signatures()
        self.add_changes()
        self.add_digests()
        self.add_pairs()
        self.add_pe_pairs()
        self.add_random()

    def add_signatures(self):
        """Right signatures."""
        file = self.folder / "evmctl"
        file.write_bytes(IMAGE)
        for digest in "sha256", "sha512":
            keys.run("evmctl", "ima_sign", "--sigfile", "-a", digest, "--key", self.signer.key,
                     "--keyid-from-cert", self.signer.certificate, file)
            self.add(f"evmctl, {digest}", file.with_name("evmctl.sig").read_bytes())
        for digest in "sha256", "sha384", "sha512":
            self.add(f"RSA 2048, {digest}", sf.make_attribute(IMAGE, self.signer, digest))
        self.add("SHA-1", sf.make_attribute(IMAGE, self.signer, "sha1"), stricter="SHA-1 is broken")
        for name, _, expected in SIZES:
            signer = self.keys.sizes[name]
            self.add(name, sf.make_attribute(IMAGE, signer), expected, signer)
        self.add("expired certificate", sf.make_attribute(IMAGE, self.keys.expired),
                 signer=self.keys.expired)

    def add_changes(self):
        """Wrong signatures."""
        signer, good = self.signer, self.good
        self.add("no attribute", None, "EACCES")
        self.add("byte of the file changed", good, REFUSED, data=flip(IMAGE, 1000))
        self.add("byte appended to the file", good, REFUSED, data=IMAGE + b"\0")
        self.add("byte of the signature value changed", flip(good, len(good) - 1), REFUSED)
        for version in 1, 3:
            self.add(f"version {version}", sf.make_attribute(IMAGE, signer, version=version), REFUSED)
        self.add("key id of another key", sf.make_attribute(
            IMAGE, signer, key_id=self.keys.second.skid[-4:]), REFUSED)
        self.add("key id of no key", sf.make_attribute(IMAGE, signer, key_id=b"\1\2\3\4"), REFUSED)
        self.add("unknown signer", sf.make_attribute(IMAGE, self.keys.stranger), REFUSED)
        self.add("hash number of SHA-512", sf.make_attribute(IMAGE, signer, number=6), REFUSED)
        self.add("hash number that does not exist", sf.make_attribute(IMAGE, signer, number=99),
                 REFUSED)
        self.add("last byte missing", good[:-1], REFUSED)
        self.add("half of the attribute", good[:len(good) // 2], REFUSED)
        self.add("only the header", good[:9], REFUSED)
        self.add("only the type", good[:1], REFUSED)
        self.add("one more byte", good + b"\0", REFUSED)
        self.add("RSASSA-PSS", self.sign_pss(), REFUSED)
        self.add("type of fs-verity", sf.make_attribute(IMAGE, signer, kind=sf.VERITY, version=3),
                 REFUSED)
        self.add("type of EVM", b"\2" + good[1:], REFUSED)
        self.add("certificate without subjectKeyIdentifier", sf.make_attribute(
            IMAGE, self.keys.bare, key_id=self.hash_bare()), REFUSED, self.keys.bare)

    def sign_pss(self):
        """Returns the good attribute with another kind of RSA signature."""
        return self.good[:9] + self.signer.sign(IMAGE, "sha256", *cms.PSS)

    def hash_bare(self):
        """Returns the key id that evmctl computes for a key, without its certificate."""
        file = self.folder / "bare"
        file.write_bytes(IMAGE)
        keys.run("evmctl", "ima_sign", "--sigfile", "-a", "sha256", "--key", self.keys.bare.key, file)
        return file.with_name("bare.sig").read_bytes()[3:7]

    def add_digests(self):
        """Digests instead of signatures."""
        for digest in "sha1", "sha256":
            self.add(f"{digest} digest with hash number", sf.make_digest_attribute(
                IMAGE, True, digest), REFUSED)
        self.add("SHA-1 digest", sf.make_digest_attribute(IMAGE, False, "sha1"), REFUSED)

    def add_pairs(self):
        """An attribute beside a good appended signature."""
        appended = sf.sign_appended(IMAGE, self.signer)
        good = sf.make_attribute(appended, self.signer)
        for name, attribute, expected, stricter in (
                ("a good one", good, LOADS, ""),
                ("an unknown signer", sf.make_attribute(appended, self.keys.stranger), LOADS, ""),
                ("a wrong signature", flip(good, len(good) - 1), LOADS,
                 "one of the signatures is not valid"),
                ("a digest with hash number", sf.make_digest_attribute(appended, True, "sha256"),
                 LOADS, ""),
                ("a SHA-1 digest", sf.make_digest_attribute(appended, False, "sha1"), REFUSED, ""),
                ("an attribute of type EVM", b"\2" + good[1:], REFUSED, "")):
            self.add(f"appended signature and {name}", attribute, expected, data=appended,
                     stricter=stricter)
        broken = flip(appended, len(appended) - 100)
        self.add("wrong appended signature and a good one", sf.make_attribute(broken, self.signer),
                 LOADS, data=broken, stricter="one of the signatures is not valid")

    def add_pe_pairs(self):
        """An attribute on a PE file that is signed, too. The rule of the IMA policy decides."""
        signed = pe.sign(IMAGE, self.pe_signer)
        unknown = pe.sign(IMAGE, self.keys.stranger)
        good = sf.make_attribute(signed, self.signer)
        for name, data, attribute, expected, stricter in (
                ("PE signature and a good one", signed, good, LOADS, ""),
                ("PE signature and a wrong one", signed, flip(good, len(good) - 1), REFUSED, ""),
                ("PE signature of an unknown signer and a good one", unknown,
                 sf.make_attribute(unknown, self.signer), LOADS,
                 "one of the signatures is not valid")):
            self.add(name, attribute, expected, data=data, stricter=stricter, more=[self.authority])

    def add_random(self):
        """Random changes of the attribute. The type stays right, because setxattr refuses others."""
        random = Random(3)
        for _ in range(RANDOM_CASES):
            self.add("random change", change_somewhere(random, self.good, 1, len(self.good)), None)
