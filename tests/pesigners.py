# SPDX-License-Identifier: GPL-2.0-or-later
"""The programs that distributions sign PE files with.

Each function signs the file source with a key and its certificate, and writes the file target.
"""

import shutil
import subprocess

import pytest

SYSTEMD_SBSIGN = "/usr/lib/systemd/systemd-sbsign"


def run(*words):
    """Runs a program that must succeed."""
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False,
                          timeout=120)
    assert done.returncode == 0, (words, done.stdout, done.stderr)


def sbsign(key, certificate, source, target):
    run("sbsign", "--key", key, "--cert", certificate, "--output", target, source)


def osslsigncode(key, certificate, source, target, digest="sha256"):
    target.unlink(missing_ok=True)
    run("osslsigncode", "sign", "-certs", certificate, "-key", key, "-h", digest, "-in", source,
        "-out", target)


def pesign(key, certificate, source, target):
    """pesign takes the key from a database of NSS, which lies in a folder beside target."""
    database = target.with_name(f"nss-{key.stem}")
    if not database.exists():
        database.mkdir()
        run("certutil", "-N", "-d", database, "--empty-password")
        run("openssl", "pkcs12", "-export", "-inkey", key, "-in", certificate, "-name", "pe",
            "-passout", "pass:", "-out", database / "p12")
        run("pk12util", "-d", database, "-i", database / "p12", "-W", "", "-K", "")
    run("pesign", "-n", database, "-c", "pe", "-s", "-f", "-i", source, "-o", target)


def systemd_sbsign(key, certificate, source, target):
    run(SYSTEMD_SBSIGN, "sign", f"--private-key={key}", f"--certificate={certificate}",
        f"--output={target}", source)


PROGRAMS = {
    sbsign: ["sbsign"],
    osslsigncode: ["osslsigncode"],
    pesign: ["pesign", "certutil", "pk12util"],
    systemd_sbsign: [SYSTEMD_SBSIGN],
}


def parameters(*signers):
    """Returns the functions as parameters of a test, which is skipped where programs are missing."""
    found = []
    for signer in signers:
        missing = [program for program in PROGRAMS[signer] if not shutil.which(program)]
        found.append(pytest.param(signer, id=signer.__name__, marks=pytest.mark.skipif(
            bool(missing), reason=f"{', '.join(missing)}: not installed")))
    return found
