# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes private keys and self-signed certificates with openssl, for the tests of the commands."""

import subprocess

RSA_2048 = ("-newkey", "rsa:2048")
P_256 = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")


def openssl(*arguments, **options):
    """Runs openssl, which must succeed. Returns its output as bytes, or as text with text=True."""
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=60,
                          **options).stdout


def make_key(folder, name, *algorithm, subject=None, options=()):
    """Makes NAME.key and the self-signed certificate NAME.pem. algorithm: as RSA_2048."""
    openssl("req", "-x509", *algorithm, "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem",
            "-subj", subject or f"/CN={name}", *options, cwd=folder)
    return folder / f"{name}.key"
