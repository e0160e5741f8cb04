# SPDX-License-Identifier: GPL-2.0-or-later
"""Signatures in CMS (RFC 5652), with every field as a test wants it, right or wrong."""

import hashlib
from dataclasses import dataclass

from lib import der
from lib.keys import Signer

DATA, SIGNED_DATA = "1.2.840.113549.1.7.1", "1.2.840.113549.1.7.2"
RSA, RSA_WITH_SHA256 = "1.2.840.113549.1.1.1", "1.2.840.113549.1.1.11"
DIGESTS = {"sha1": "1.3.14.3.2.26", "sha256": "2.16.840.1.101.3.4.2.1",
           "sha384": "2.16.840.1.101.3.4.2.2", "sha512": "2.16.840.1.101.3.4.2.3"}
ECDSA = {"sha256": "1.2.840.10045.4.3.2", "sha384": "1.2.840.10045.4.3.3",
         "sha512": "1.2.840.10045.4.3.4"}
CONTENT_TYPE, MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
SIGNING_TIME = "1.2.840.113549.1.9.5"
PSS = ("-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest")


def algorithm(name):
    """Returns an AlgorithmIdentifier with the parameter NULL."""
    return der.sequence(der.oid(name), der.element(der.NULL))


def attribute(name, *values):
    """Returns an Attribute."""
    return der.sequence(der.oid(name), der.set_of(*values))


@dataclass
class Info:
    """The choices of one SignerInfo.

    attributes: a list of Attributes, or None for a signature without signed attributes.
    algorithm: signatureAlgorithm as text, instead of the usual one. by_skid: name the certificate
    by its subjectKeyIdentifier instead of issuer and serial. named: the Signer whose certificate is
    named, if it is not the one that signs. options: of "openssl dgst". unsigned: Attributes that are
    not signed.
    """

    signer: Signer
    digest: str = "sha256"
    attributes: list = None
    algorithm: str = None
    by_skid: bool = False
    named: Signer = None
    options: tuple = ()
    unsigned: tuple = ()

    def encode(self, data):
        """Returns the SignerInfo for the contents data."""
        named = self.named or self.signer
        if self.by_skid:
            sid = der.element(der.context(0, constructed=False), named.skid)
        else:
            sid = der.sequence(named.issuer, named.serial)
        signed = []
        if self.attributes is not None:
            data = der.set_of(*self.attributes)
            signed = [der.element(der.context(0), der.content(data))]
        usual = RSA if self.signer.is_rsa else ECDSA[self.digest]
        unsigned = [der.element(der.context(1), *self.unsigned)] if self.unsigned else []
        return der.sequence(
            der.integer(3 if self.by_skid else 1), sid, algorithm(DIGESTS[self.digest]), *signed,
            algorithm(self.algorithm or usual),
            der.octets(self.signer.sign(data, self.digest, *self.options)), *unsigned)


def make_attributes(data, content_type=DATA, digest="sha256", time=None):
    """Returns the signed Attributes for contents: type, digest, and the time YYMMDDHHMMSSZ."""
    attributes = [attribute(CONTENT_TYPE, der.oid(content_type)),
                  attribute(MESSAGE_DIGEST, der.octets(hashlib.new(digest, data).digest()))]
    if time:
        attributes.append(attribute(SIGNING_TIME, der.element(der.UTC_TIME, time.encode())))
    return attributes


def make_signed_data(data, infos, certificates=(), content_type=DATA, embedded=None):
    """Returns a ContentInfo with SignedData.

    data: the bytes that are signed. infos: Info objects. certificates: DER. embedded: the element
    in eContent, or None for a detached signature.
    """
    content = [der.element(der.context(0), embedded)] if embedded else []
    certificates = [der.element(der.context(0), *certificates)] if certificates else []
    return der.sequence(der.oid(SIGNED_DATA), der.element(der.context(0), der.sequence(
        der.integer(3 if any(info.by_skid for info in infos) else 1),
        der.set_of(*{algorithm(DIGESTS[info.digest]) for info in infos}),
        der.sequence(der.oid(content_type), *content), *certificates,
        der.element(der.SET, *[info.encode(data) for info in infos]))))
