# SPDX-License-Identifier: GPL-2.0-or-later
"""Keys and X.509 certificates of the tests: authorities, signers, and unusual certificates."""

import subprocess
from dataclasses import dataclass

from lib import der

SHA256_RSA = der.sequence(der.oid("1.2.840.113549.1.1.11"), der.element(der.NULL))
SIGNER = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n" \
         "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
CA = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n" \
     "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"


def run(*arguments, stdin=None):
    """Runs a program that must succeed, and returns its output as bytes."""
    result = subprocess.run(list(map(str, arguments)), input=stdin, capture_output=True)
    assert result.returncode == 0, (arguments, result.stdout, result.stderr)
    return result.stdout


def build_guest_program(folder, source):
    """Returns the bytes of a static arm64 program. source: the path of its only C file."""
    program = folder / source.stem
    run("aarch64-linux-gnu-gcc", "-D_GNU_SOURCE", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror",
        "-static", "-o", program, source)
    return program.read_bytes()


@dataclass
class Signer:
    """A private key and its certificate, two PEM files."""

    key: object
    certificate: object

    @property
    def der(self):
        """The certificate as DER."""
        return run("openssl", "x509", "-in", self.certificate, "-outform", "DER")

    def _fields(self):
        """Returns the elements of TBSCertificate (RFC 5280, 4.1)."""
        return der.children(der.children(self.der)[0])

    @property
    def is_rsa(self):
        algorithm = der.children(self._fields()[6])[0]
        return der.children(algorithm)[0] == der.oid("1.2.840.113549.1.1.1")

    @property
    def serial(self):
        """The element serialNumber."""
        return self._fields()[1]

    @property
    def issuer(self):
        """The element issuer."""
        return self._fields()[3]

    @property
    def skid(self):
        """The bytes of the subjectKeyIdentifier, or None."""
        for extension in der.children(der.content(self._fields()[-1])):
            name, *_, value = der.children(extension)
            if name == der.oid("2.5.29.14"):
                return der.content(der.content(value))
        return None

    def sign(self, data, digest="sha256", *options):
        """Returns the signature of data: PKCS#1 v1.5, or X9.62 for a key on a curve."""
        return run("openssl", "dgst", f"-{digest}", "-sign", self.key, *options, stdin=data)


class Authority(Signer):
    """A certificate authority, which makes signers in a folder."""

    def __init__(self, folder, key, certificate):
        super().__init__(key, certificate)
        self.folder = folder

    def issue(self, name, kind="rsa:2048", extensions=SIGNER, organization=None):
        """Returns a new Signer whose certificate this authority signed.

        kind: "rsa:BITS", or a curve such as "P-256". organization: in the subject, before the name.
        """
        signer = make_key(self.folder, name, kind)
        subject = f"/O={organization}/CN={name}" if organization else f"/CN={name}"
        request = run("openssl", "req", "-new", "-key", signer.key, "-subj", subject)
        options = self.folder / f"{name}.cnf"
        options.write_text(extensions)
        signer.certificate.write_bytes(run(
            "openssl", "x509", "-req", "-sha256", "-days", "3650", "-CA", self.certificate,
            "-CAkey", self.key, "-extfile", options, stdin=request))
        return signer

    def issue_authority(self, name, extensions=CA):
        """Returns a new Authority below this one."""
        signer = self.issue(name, extensions=extensions)
        return Authority(self.folder, signer.key, signer.certificate)

    def issue_with_validity(self, name, first, last):
        """Returns a new Signer with a period of validity. first, last: YYMMDDHHMMSSZ."""
        signer = self.issue(name)
        fields = signer._fields()
        fields[4] = der.sequence(der.element(der.UTC_TIME, first.encode()),
                                 der.element(der.UTC_TIME, last.encode()))
        to_be_signed = der.sequence(*fields)
        certificate = der.sequence(to_be_signed, SHA256_RSA,
                                   der.element(der.BITS, b"\0", self.sign(to_be_signed)))
        signer.certificate.write_bytes(run("openssl", "x509", "-inform", "DER", stdin=certificate))
        return signer


def make_key(folder, name, kind="rsa:2048"):
    """Makes a private key and returns a Signer, whose certificate does not exist yet."""
    key = folder / f"{name}.key"
    algorithm, _, bits = kind.partition(":")
    options = ("RSA", "-pkeyopt", f"rsa_keygen_bits:{bits}") if bits else \
        ("EC", "-pkeyopt", f"ec_paramgen_curve:{algorithm}")
    run("openssl", "genpkey", "-algorithm", *options, "-out", key)
    return Signer(key, folder / f"{name}.pem")


def make_authority(folder, name):
    """Returns a new Authority with a self-signed certificate. No kernel trusts it."""
    signer = make_key(folder, name)
    run("openssl", "req", "-x509", "-new", "-key", signer.key, "-sha256", "-days", "3650",
        "-subj", f"/CN={name}", "-addext", "keyUsage=critical,keyCertSign",
        "-out", signer.certificate)
    return Authority(folder, signer.key, signer.certificate)


def make_lookalike(folder, name, authority, key=None):
    """Returns a new Authority with the subject and the subjectKeyIdentifier of another one.

    key: the path of its private key; None: a new key.
    """
    signer = Signer(key, folder / f"{name}.pem") if key else make_key(folder, name)
    subject = run("openssl", "x509", "-in", authority.certificate, "-noout", "-subject", "-nameopt",
                  "RFC2253").decode().split("=", 1)[1].strip()
    run("openssl", "req", "-x509", "-new", "-key", signer.key, "-sha256", "-days", "3650",
        "-subj", f"/{subject}", "-addext", f"subjectKeyIdentifier={authority.skid.hex()}",
        "-set_serial", "0x4711", "-out", signer.certificate)
    return Authority(folder, signer.key, signer.certificate)
