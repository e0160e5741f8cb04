# SPDX-License-Identifier: GPL-2.0-or-later
"""Signs PE files with a Signer (keys.py). Each function returns the signed bytes."""

import pesigners
from lib import keys


def sbsign(path, signer):
    """sbverify must accept the signature, too."""
    signed = path.with_name(f"{path.name}-sbsign-{signer.key.stem}")
    pesigners.sbsign(signer.key, signer.certificate, path, signed)
    keys.run("sbverify", "--cert", signer.certificate, signed)
    return signed.read_bytes()


def osslsigncode(path, signer, digest):
    signed = path.with_name(f"{path.name}-osslsigncode-{signer.key.stem}-{digest}")
    pesigners.osslsigncode(signer.key, signer.certificate, path, signed, digest)
    return signed.read_bytes()


def pesign(path, signer):
    signed = path.with_name(f"{path.name}-pesign")
    pesigners.pesign(signer.key, signer.certificate, path, signed)
    return signed.read_bytes()
