# SPDX-License-Identifier: GPL-2.0-or-later
"""The programs that distributions sign PE files with. Each function returns the signed bytes."""

from lib import keys


def sbsign(path, signer):
    """sbverify must accept the signature, too."""
    signed = path.with_name(f"{path.name}-sbsign-{signer.key.stem}")
    keys.run("sbsign", "--key", signer.key, "--cert", signer.certificate, "--output", signed, path)
    keys.run("sbverify", "--cert", signer.certificate, signed)
    return signed.read_bytes()


def osslsigncode(path, signer, digest):
    signed = path.with_name(f"{path.name}-osslsigncode-{signer.key.stem}-{digest}")
    keys.run("osslsigncode", "sign", "-certs", signer.certificate, "-key", signer.key, "-h", digest,
             "-in", path, "-out", signed)
    return signed.read_bytes()


def pesign(path, signer):
    """pesign takes the key from a database of NSS."""
    database, bundle = path.with_name("nss"), path.with_name("pe.p12")
    signed = path.with_name(f"{path.name}-pesign")
    database.mkdir()
    keys.run("certutil", "-N", "-d", database, "--empty-password")
    keys.run("openssl", "pkcs12", "-export", "-inkey", signer.key, "-in", signer.certificate,
             "-name", "pe", "-passout", "pass:", "-out", bundle)
    keys.run("pk12util", "-d", database, "-i", bundle, "-W", "")
    keys.run("pesign", "-n", database, "-c", "pe", "-s", "-i", path, "-o", signed)
    return signed.read_bytes()
