# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs crashres verify --machine below --root: text, JSON, exit statuses, wrong command lines.

make check sets CRASHRES_COMMAND. The files of the machines are made here.
"""

import json
import os
import shutil
import subprocess

import pytest

from keyfiles import RSA_2048, make_key
from kernelfiles import image

COMMAND = os.environ["CRASHRES_COMMAND"]
OPEN, LOCKED = "[none] integrity confidentiality\n", "none [integrity] confidentiality\n"
RULE = "appraise func=KEXEC_KERNEL_CHECK appraise_type=imasig|modsig\n"
OPTIONS = "CONFIG_KEXEC_FILE=y\nCONFIG_KEXEC_SIG=y\nCONFIG_KEXEC_IMAGE_VERIFY_SIG=y\n"


def machine(folder, lockdown=OPEN, policy="", options=OPTIONS):
    """Writes a copy of a machine and returns its path."""
    root = folder / "machine"
    for path, text in {"proc/sys/kernel/osrelease": "6.12\n", "boot/config-6.12": options,
                       "sys/kernel/security/lockdown": lockdown, "sys/kernel/security/lsm": "ima",
                       "sys/kernel/security/ima/policy": policy}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="ascii")
    return root


def verify(*arguments):
    """Runs crashres verify. Returns exit status, stdout and stderr."""
    result = subprocess.run([COMMAND, "verify", *map(str, arguments)], text=True, timeout=60,
                            capture_output=True)
    return result.returncode, result.stdout, result.stderr


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "Image"
    path.write_bytes(image())
    return path


def make_signer(folder):
    """Makes a key and its certificate, "CN = kdump" with the serial number 5. Returns their paths."""
    key = make_key(folder, "kdump", *RSA_2048, options=["-set_serial", "5"])
    return key, key.with_suffix(".pem")


UNKNOWN_KEYRINGS = "Keyrings: unknown: the files of another machine do not show its keyrings\n"


def test_a_machine_that_demands_nothing(tmp_path, file):
    root = machine(tmp_path)
    assert verify("--machine", f"--root={root}", file) == (
        0, f"{file}: yes, this machine loads it, and verifies nothing\n"
           "Secure Boot: unknown, lockdown: no\n"
           "IMA: demands no signature: no rule of the IMA policy appraises kernels\n"
           "PE: demands no signature: neither lockdown nor Secure Boot nor CONFIG_KEXEC_SIG_FORCE "
           "demands one\n" + UNKNOWN_KEYRINGS, "")


def test_an_unsigned_file_under_lockdown(tmp_path, file):
    root = machine(tmp_path, LOCKED)
    assert verify("--machine", f"--root={root}", file) == (
        1, f"{file}: no, this machine refuses it\n"
           "Secure Boot: unknown, lockdown: yes\n"
           "IMA: demands no signature: no rule of the IMA policy appraises kernels\n"
           "PE: demands a signature: lockdown\n"
           "  Looks at    PE signature\n"
           "  Passes      no\n"
           "  Problem     the file has no signature at this place\n"
           "  Next step   sign the file with sbsign, pesign or systemd-sbsign\n" +
           UNKNOWN_KEYRINGS, "")


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")
def test_the_keyrings_of_a_copy_are_unknown(tmp_path, file):
    root = machine(tmp_path, policy=RULE)
    key, certificate = make_signer(tmp_path)
    subprocess.run([COMMAND, "sign", f"--key={key}", f"--cert={certificate}", "--append", file],
                   check=True)
    status, out, err = verify("--machine", f"--root={root}", f"--cert={certificate}", "--json", file)
    answer = json.loads(out)
    ima, pe = answer.pop("checks")
    assert (status, err) == (2, "")
    assert answer == {
        "file": str(file), "loads": None, "problem": None, "secure_boot": None, "lockdown": False,
        "kexec_file": True, "kexec_sig": True, "kexec_image_verify_sig": True, "ima": True,
        "keyrings_problem": "the files of another machine do not show its keyrings"}
    assert ima == {
        "check": "ima", "demanded": True, "reason": "a rule of the IMA policy appraises kernels",
        "passes": None, "signature": "appended", "signer": "CN = kdump",
        "key": "issuer CN = kdump, serial 05", "trusted": None, "verified": True, "keyring": None,
        "keyrings": ".ima, .platform",
        "problem": "the keyrings are unknown: the files of another machine do not show its keyrings",
        "step": "privilege"}
    assert (pe["check"], pe["demanded"], pe["signature"]) == ("pe", False, None)


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")
@pytest.mark.parametrize("machine_asked", [False, True])
def test_the_file_is_opened_once(tmp_path, file, machine_asked):
    """A FIFO delivers its bytes only once. So all answers are about one content."""
    key, certificate = make_signer(tmp_path)
    subprocess.run([COMMAND, "sign", f"--key={key}", f"--cert={certificate}", "--append", file],
                   check=True)
    options = ["--machine", f"--root={machine(tmp_path, policy=RULE)}"] if machine_asked else []
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with subprocess.Popen(["cp", file, fifo]):
        status, out, err = verify(*options, f"--cert={certificate}", fifo)
    assert err == ""
    assert (status, out.splitlines()[0]) == (
        (2, f"{fifo}: unknown whether this machine loads it") if machine_asked else
        (0, f"{fifo}: appended signature: valid"))


def test_debian_without_kexec_file_load(tmp_path, file):
    root = machine(tmp_path, LOCKED, options="CONFIG_ARM64=y\n")
    assert verify("--machine", f"--root={root}", file) == (
        2, f"{file}: unknown whether this machine loads it\n"
           "Secure Boot: unknown, lockdown: yes\n"
           "Kernel: the running kernel has no kexec_file_load, which verifies signatures: "
           "/boot/config-RELEASE, which can belong to another build, has no CONFIG_KEXEC_FILE; "
           "and it forbids kexec_load\n" + UNKNOWN_KEYRINGS, "")


@pytest.mark.parametrize("arguments, error", [
    (["--machine", "--appended", "x"], "--machine and --appended exclude each other"),
    (["--cert=c", "--root=/", "x"], "--machine is missing: --root needs it"),
    (["--machine"], "no file to verify"),
    (["x"], "--cert is missing"),
])
def test_wrong_command_lines(arguments, error):
    assert verify(*arguments) == (4, "", f"crashres verify: {error}\n")


def test_files_that_cannot_be_opened(tmp_path, file):
    assert verify("--machine", f"--root={tmp_path}/none", file) == (
        4, "", f"crashres: cannot open root {tmp_path}/none: No such file or directory\n")
    status, out, err = verify("--machine", f"{tmp_path}/none")
    assert (status, out) == (4, "")
    assert err == f"crashres: verify {tmp_path}/none: Cannot open `{tmp_path}/none': No such file " \
                  "or directory\n"
