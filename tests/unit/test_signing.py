# SPDX-License-Identifier: GPL-2.0-or-later
"""crashres sign for build services: signatures made elsewhere, tokens, removal, JSON.

test_sign.py has the tests of the signatures themselves, and the fixtures. strace stops crashres in
the middle of a write, so that no test waits for a time.
"""

import fcntl
import json
import os
import shutil
import signal
import stat
import struct
import subprocess

import pytest

from keyfiles import openssl
from kernelfiles import image
from test_sign import (COMMAND, HASHES, PASSPHRASE, TYPES, appended, attributes, content_and_cms,
                       encrypted, file, key_id, keys, on_terminal, options, run, sign,
                       sign_with_passphrase, token, wait_for_stop)

# Fixtures are used by their names only.
__all__ = ["attributes", "encrypted", "file", "keys", "token"]

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")
needs_strace = pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
HASH_SIZES = {"sha256": 32, "sha384": 48, "sha512": 64}


def verified(keys, name, *arguments):
    """FILE.sig counts only with --sigfile."""
    place = ["--sigfile"] if os.path.exists(f"{arguments[-1]}.sig") else []
    status, output, error = run("verify", f"--cert={keys}/{name}.pem", *place, *arguments)
    assert (status, error) == (0, ""), output
    return True


def sign_elsewhere(keys, name, folder, hash_name="sha256"):
    """A build service: signs the file "digest" with openssl and writes the file "signature"."""
    openssl("pkeyutl", "-sign", "-inkey", keys / f"{name}.key", "-in", folder / "digest", "-pkeyopt",
            f"digest:{hash_name}", "-out", folder / "signature")


def write(path, data):
    with open(path, "wb") as output:
        output.write(data)


def pe_with_signature():
    """Returns a PE32+ file with a certificate table at its end (Microsoft, "PE Format")."""
    data = bytearray(1024)
    data[:2], data[60:64], data[64:68] = b"MZ", struct.pack("<I", 64), b"PE\0\0"
    data[68:70], data[84:86] = struct.pack("<H", 0xaa64), struct.pack("<H", 240)
    data[88:90], data[196:200] = struct.pack("<H", 0x20b), struct.pack("<I", 16)
    data[232:240] = struct.pack("<II", 512, 512)
    return bytes(data)


# ---------------------------------------------------------------- made elsewhere

PLACES = {"--sigfile": "signature file", "--append": "appended signature"}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("hash_name", HASHES)
@pytest.mark.parametrize("name", TYPES)
def test_signature_made_elsewhere(keys, file, tmp_path, name, hash_name, place):
    before = file.read_bytes()
    common = [f"--cert={keys}/{name}.pem", f"--hash={hash_name}", place]
    sign(f"--detached-out={tmp_path}/digest", *common, file)
    digest = (tmp_path / "digest").read_bytes()
    assert digest == openssl("dgst", f"-{hash_name}", "-binary", file)
    assert len(digest) == HASH_SIZES[hash_name]
    assert file.read_bytes() == before
    sign_elsewhere(keys, name, tmp_path, hash_name)
    sign(f"--signature-in={tmp_path}/signature", *common, file)
    assert verified(keys, name, file)
    # Our own signature with the same key has the same bytes, because RSA is deterministic.
    if TYPES[name] == "rsa":
        written = tmp_path / ("Image.sig" if place == "--sigfile" else "Image")
        detached = written.read_bytes()
        file.write_bytes(before)
        sign(*options(keys, name), f"--hash={hash_name}", place, file)
        assert written.read_bytes() == detached


def test_attribute_made_elsewhere(keys, attributes, tmp_path):
    sign(f"--detached-out={tmp_path}/digest", attributes)
    sign_elsewhere(keys, "p384", tmp_path)
    sign(f"--signature-in={tmp_path}/signature", f"--cert={keys}/p384.pem", attributes)
    assert verified(keys, "p384", "--xattr", attributes)


@pytest.mark.parametrize("name", ["rsa3072", "p256"])
def test_both_calls_agree_on_the_zeros_of_an_image(keys, file, tmp_path, name):
    """An Image that is full loses zeros. Their number depends on the size of the signature."""
    data = image(60000, image_size=65536).ljust(65536, b"\0")
    file.write_bytes(data)
    common = [f"--cert={keys}/{name}.pem", "--append"]
    sign(f"--detached-out={tmp_path}/digest", *common, file)
    assert (tmp_path / "digest").read_bytes() == openssl("dgst", "-sha256", "-binary",
                                                         input=data[:60000])
    assert file.read_bytes() == data
    sign_elsewhere(keys, name, tmp_path)
    sign(f"--signature-in={tmp_path}/signature", *common, file)
    assert content_and_cms(file.read_bytes())[0] == data[:60000]
    assert verified(keys, name, file)


def test_an_image_with_room_for_exactly_the_signature(keys, file, tmp_path):
    """One byte more, and the zeros must go. The size is known before the key signs."""
    file.write_bytes(b"x")
    sign(*options(keys, "rsa2048"), "--append", "-o", tmp_path / "signed", file)
    more = (tmp_path / "signed").stat().st_size - 1
    for size, kept in (65536 - more, 65536 - more), (65537 - more, 60000):
        data = image(60000, image_size=65536).ljust(size, b"\0")
        file.write_bytes(data)
        sign(*options(keys, "rsa2048"), "--append", file)
        assert content_and_cms(file.read_bytes())[0] == data[:kept]


OTHER_RSA = 'the given signature is damaged, or was not made with the key of the certificate ' \
            '"O = crashres, CN = rsa2048"'
OTHER_EC = 'the given signature is damaged, is of other content, or was not made with the key of ' \
           'the certificate "O = crashres, CN = p256"'


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("signer, content, hash_name, cut, cert, problem", [
    ("rsa2048", b"other", "sha256", None, "rsa2048",
     "the given signature is of other content than this file"),
    ("p256", b"other", "sha256", None, "p256", OTHER_EC),
    ("other", None, "sha256", None, "rsa2048", OTHER_RSA),
    ("p256", None, "sha256", None, "rsa2048", OTHER_RSA),
    ("rsa2048", None, "sha256", None, "p256", OTHER_EC),
    ("rsa2048", None, "sha512", None, "rsa2048", OTHER_RSA),
    ("rsa2048", None, "sha256", 255, "rsa2048", OTHER_RSA),
    ("p256", None, "sha256", 60, "p256", OTHER_EC),
])
def test_a_wrong_signature_is_not_written(keys, file, tmp_path, place, signer, content, hash_name, cut,
                                          cert, problem):
    before = content or file.read_bytes()
    (tmp_path / "digest").write_bytes(openssl("dgst", f"-{hash_name}", "-binary", input=before))
    sign_elsewhere(keys, signer, tmp_path, hash_name)
    signature = (tmp_path / "signature").read_bytes()
    (tmp_path / "signature").write_bytes(signature[:cut])
    before, names = file.read_bytes(), sorted(os.listdir(tmp_path))
    assert run("sign", f"--signature-in={tmp_path}/signature", f"--cert={keys}/{cert}.pem", place,
               file) == (4, "", f"crashres: sign {file}: {problem}\n")
    assert file.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == names


def test_a_certificate_without_a_key_id(keys, file, tmp_path):
    """The kernel finds the key of security.ima only by the subjectKeyIdentifier."""
    openssl("req", "-x509", "-key", keys / "p256.key", "-out", tmp_path / "plain.pem", "-subj",
            "/CN=plain", "-addext", "subjectKeyIdentifier=none", "-addext",
            "authorityKeyIdentifier=none")
    common = [f"--key={keys}/p256.key", f"--cert={tmp_path}/plain.pem"]
    assert run("sign", *common, "--sigfile", file) == (
        4, "", 'crashres: sign: the certificate "CN = plain" has no subjectKeyIdentifier, so the kernel '
               "cannot find its key\n")
    sign(*common, "--append", file)
    assert run("verify", f"--cert={tmp_path}/plain.pem", file)[0] == 0


def test_the_digest_goes_into_a_pipe(file):
    digest = openssl("dgst", "-sha256", "-binary", file)
    done = subprocess.run([COMMAND, "sign", "--detached-out=/dev/stdout", file], check=True,
                          stdout=subprocess.PIPE, timeout=60)
    assert done.stdout == digest


def test_no_signature_file(keys, file, tmp_path):
    common = [f"--cert={keys}/p256.pem", "--sigfile", file]
    assert run("sign", f"--signature-in={tmp_path}/none", *common) == (
        4, "", f"crashres: signature: {tmp_path}/none: cannot open: No such file or directory\n")
    (tmp_path / "empty").touch()
    assert run("sign", f"--signature-in={tmp_path}/empty", *common) == (
        4, "", f"crashres: signature: {tmp_path}/empty: the file is empty\n")
    write(tmp_path / "large", bytes(65537))
    for path in tmp_path / "large", "/dev/zero":
        assert run("sign", f"--signature-in={path}", *common) == (
            4, "", f"crashres: signature: {path}: more than 65536 bytes\n")


def test_a_signature_pipe_without_end_is_not_read_on(keys, file):
    """The writer stays: a command that waits for the end of the pipe waits for ever."""
    read, end = os.pipe()
    fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, 1 << 17)
    os.write(end, bytes(65537))
    assert run("sign", f"--signature-in=/dev/fd/{read}", f"--cert={keys}/p256.pem", "--sigfile", file,
               pass_fds=[read]) == (
        4, "", f"crashres: signature: /dev/fd/{read}: more than 65536 bytes\n")
    os.close(read)
    os.close(end)


@pytest.mark.parametrize("task", ["set", "remove"])
def test_an_immutable_file(keys, attributes, task):
    """Root has CAP_SYS_ADMIN, but must clear the flag of the file first."""
    sign(*options(keys, "p256"), attributes)
    if not shutil.which("chattr") or subprocess.run(["chattr", "+i", attributes], check=False,
                                                    capture_output=True).returncode:
        pytest.skip("chattr cannot make the file immutable")
    try:
        arguments = ["--remove"] if task == "remove" else options(keys, "p256")
        verb = "remove" if task == "remove" else "sign"
        assert run("sign", *arguments, attributes) == (
            4, "", f"crashres: {verb} {attributes}: cannot {task} security.ima: the file is immutable "
                   "or append-only (chattr)\n")
    finally:
        subprocess.run(["chattr", "-i", attributes], check=True)


@pytest.mark.parametrize("arguments, problem", [
    (["--detached-out=d", "--key=k", "F"], "--key and --detached-out exclude each other"),
    (["--signature-in=s", "--key=k", "F"], "--key and --signature-in exclude each other"),
    (["--signature-in=s", "F"], "--signature-in needs --cert"),
    (["--signature-in=s", "--detached-out=d", "F"],
     "--remove, --detached-out and --signature-in exclude each other"),
    (["--remove", "--detached-out=d", "F"],
     "--remove, --detached-out and --signature-in exclude each other"),
    (["--remove", "--signature-in=s", "F"],
     "--remove, --detached-out and --signature-in exclude each other"),
    (["--remove", "--key=k", "F"], "--remove needs neither --key nor --cert"),
    (["--remove", "--cert=c", "F"], "--remove needs neither --key nor --cert"),
    (["--detached-out=d", "--append", "F"], "--append needs --cert"),
    (["--detached-out=d", "--sigfile", "-o", "x", "F"],
     "--output and --detached-out exclude each other"),
    (["--detached-out=d", "F", "G"], "--detached-out accepts only one file to sign"),
    (["--signature-in=s", "--cert=c", "F", "G"], "--signature-in accepts only one file to sign"),
    (["--remove"], "no file"),
    (["--remove", "-o", "x", "F"], "--output with --remove needs --append"),
    (["--remove", "--sigfile", "-o", "x", "F"], "--output with --remove needs --append"),
    (["--remove", "--append", "--force", "F"],
     "--force is only for signing with --append or --sigfile"),
    (["--key=k", "--force", "F"], "--force is only for signing with --append or --sigfile"),
    (["--key=k", "--passphrase-file=f", "--passphrase-env=E", "F"],
     "--passphrase-fd, --passphrase-file and --passphrase-env exclude each other"),
    (["--key=k", "--passphrase-fd=3", "--passphrase-file=f", "F"],
     "--passphrase-fd, --passphrase-file and --passphrase-env exclude each other"),
])
def test_wrong_usage(arguments, problem):
    assert run("sign", *arguments) == (4, "", f"crashres sign: {problem}\n")


@pytest.mark.parametrize("output, place, option", [
    *((output, place, option) for option in ("key", "cert", "signature-in", "passphrase-file")
      for output, place in (("--output", "--append"), ("--output", "--sigfile"), ("FILE", "--append"))),
    *(("--detached-out", "--sigfile", option) for option in ("cert", "passphrase-file"))])
def test_no_output_destroys_a_file_that_is_read(keys, file, tmp_path, output, place, option):
    """The output is a link to the other file. A key can be a URI, too."""
    for name in "key", "pem":
        shutil.copy(keys / f"p256.{name}", tmp_path / name)
    victim = tmp_path / {"key": "key", "cert": "pem"}.get(option, "other")
    if option not in ("key", "cert"):
        victim.write_text("secret\n", encoding="ascii")
        victim.chmod(0o600)
    (tmp_path / "link").symlink_to(victim)
    before = victim.read_bytes()
    arguments = [place, f"--cert={tmp_path}/pem"]
    if option == "signature-in":
        arguments.append(f"--signature-in={victim}")
    elif output != "--detached-out":
        arguments.append(f"--key=file:{tmp_path}/key")
    if option == "passphrase-file":
        arguments.append(f"--passphrase-file={victim}")
    operands = [tmp_path / "link"] if output == "FILE" else [f"{output}={tmp_path}/link", file]
    assert run("sign", *arguments, *operands) == (
        4, "", f"crashres sign: {output} and --{option} name the same file\n")
    assert victim.read_bytes() == before


# ---------------------------------------------------------------- tokens

@pytest.fixture(params=["rsa2048", "p256"])
def hidden(keys, token, tmp_path, request):
    """Returns name, options and environment of a key that signs in the token, without public key."""
    openssl("pkcs8", "-topk8", "-nocrypt", "-in", keys / f"{request.param}.key", "-outform", "DER",
            "-out", tmp_path / "token.key")
    (tmp_path / "count").touch()
    (tmp_path / "pin").write_text("1234\n", encoding="ascii")
    (tmp_path / "pin").chmod(0o600)
    return request.param, ["--key=pkcs11:object=hidden;type=private",
                           f"--passphrase-file={tmp_path}/pin"], \
        {**token, "TOKEN_COUNT": f"{tmp_path}/count"}


@pytest.mark.parametrize("place", PLACES)
def test_a_token_without_a_public_key(keys, file, hidden, place):
    name, key, environment = hidden
    sign(*key, f"--cert={keys}/{name}.pem", place, file, env=environment)
    assert verified(keys, name, file)


def test_a_token_without_a_public_key_needs_a_certificate(file, hidden):
    _, key, environment = hidden
    assert run("sign", *key, "--sigfile", file, env=environment) == (
        4, "", "crashres: sign: key pkcs11:object=hidden;type=private has no public key, so only a "
               "certificate can supply the key id\n")
    assert not os.path.exists(f"{file}.sig")


@pytest.mark.parametrize("place", PLACES)
def test_the_wrong_certificate_for_a_token_without_a_public_key(keys, file, tmp_path, hidden, place):
    name, key, environment = hidden
    wrong = {"rsa2048": "other", "p256": "wrong"}[name]
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
            "/dev/null", "-out", tmp_path / "wrong.pem", "-subj", "/O=crashres/CN=wrong")
    folder = keys if name == "rsa2048" else tmp_path
    before = file.read_bytes()
    assert run("sign", *key, f"--cert={folder}/{wrong}.pem", place, file, env=environment) == (
        4, "", f"crashres: sign {file}: key pkcs11:object=hidden;type=private is not the key of the "
               f'certificate "O = crashres, CN = {wrong}"\n')
    assert file.read_bytes() == before
    assert not os.path.exists(f"{file}.sig")


def test_one_pin_and_one_signature_for_each_file(keys, tmp_path, hidden):
    """Every signature is a touch on some tokens. A full Image was signed twice in the past."""
    name, key, environment = hidden
    full = image(60000, image_size=65536).ljust(65536, b"\0")
    for number in range(3):
        (tmp_path / f"full{number}").write_bytes(full)
    files = [tmp_path / f"full{number}" for number in range(3)]
    sign(*key, f"--cert={keys}/{name}.pem", "--append", *files, env=environment)
    assert (tmp_path / "count").read_bytes() == b"xxx"
    for path in files:
        assert content_and_cms(path.read_bytes())[0] == full[:60000]
        assert verified(keys, name, path)


def test_one_line_with_the_pin_is_enough_for_several_files(keys, file, tmp_path, hidden):
    name, key, environment = hidden
    other = tmp_path / "initrd"
    other.write_bytes(b"initrd")
    assert sign_with_passphrase("1234\n", key[0], f"--cert={keys}/{name}.pem", "--sigfile", file, other,
                                env=environment) == (0, "", "")
    assert verified(keys, name, other)


@pytest.mark.parametrize("uri, shown", [
    ("pkcs11:object=none?pin-value=98765", "pkcs11:object=none?pin-value=***"),
    ("pkcs11:object=none;pin-value=98765", "pkcs11:object=none;pin-value=***"),
    ("pkcs11:object=none?PIN%2dvalue=98765&module-name=x",
     "pkcs11:object=none?PIN%2dvalue=***"),
    ("pkcs11:object=none?pin-value=1&98765", "pkcs11:object=none?pin-value=***"),
    ("pkcs11:object=none/pin-value=98765", "pkcs11:object=none/pin-value=***"),
    ("pkcs11:object=none?pin-source=file:/98765", "pkcs11:object=none?pin-source=***"),
])
def test_no_pin_of_a_uri_is_shown(keys, file, uri, shown):
    for name, option in ("key", "--key"), ("certificate", "--cert"):
        arguments = [f"{option}={uri}"] if option == "--key" else [f"--key={keys}/p256.key",
                                                                   f"{option}={uri}"]
        status, output, error = run("sign", *arguments, "--sigfile", "--json", file)
        kind = "private key" if name == "key" else name
        problem = f"{name}: {shown}: no {kind}: unregistered scheme"
        assert (status, error) == (4, f"crashres: {problem}\n")
        assert json.loads(output)[0]["problem"] == problem
        assert "98765" not in output
    status, output, error = run("verify", f"--cert={uri}", file)
    assert (status, output, error) == (
        4, "", f"crashres: certificate: {shown}: no certificate: unregistered scheme\n")


def test_no_pin_of_a_uri_is_shown_in_other_messages(keys, file, token):
    uri = "pkcs11:object=kdump;type=private?pin-value=98765"
    shown = "pkcs11:object=kdump;type=private?pin-value=***"
    assert sign_with_passphrase("4321\n", f"--key={uri}", "--sigfile", file, env=token) == (
        4, "", f"crashres: key: {shown}: the passphrase is wrong, or the key is damaged\n")
    assert sign_with_passphrase("1234\n", f"--key={uri}", f"--cert={keys}/other.pem", "--sigfile", file,
                                env=token) == (
        4, "", f'crashres: sign: key {shown} is not the key of the certificate "O = crashres, CN = '
               'other"\n')
    command = ["env", *(f"{name}={value}" for name, value in token.items()), COMMAND, "sign",
               f"--key={uri}", "--sigfile", str(file)]
    status, text = on_terminal([shutil.which("env"), *command[1:]], b"1234\n")
    assert (status, text) == (0, f"Passphrase for {shown}: \r\n")


@pytest.mark.parametrize("command, arguments, problem", [
    ("sign", ["--kye=98765", "F"], "unknown option --kye"),
    ("sign", ["--passphrase=98765", "F"], "--passphrase is the start of several options"),
    ("sign", ["--key=k", "--json=98765", "F"], "--json takes no value"),
    ("sign", ["--key"], "--key needs a value"),
    ("sign", ["-o"], "-o needs a value"),
    ("sign", ["-x98765"], "unknown option -x"),
    ("sign", ["--key=k", "pkcs11:object=x?pin-value=98765"], "a pkcs11: URI is not a file to sign"),
    ("sign", ["--key=k", "--passphrase-fd=98765x", "F"],
     "--passphrase-fd takes the number of a file descriptor"),
    ("seal", ["--kye=98765"], "unknown option --kye"),
    ("seal", ["--kernel=k", "-o", "x", "PKCS11:object=x?pin-value=98765"],
     "unexpected operand: a pkcs11: URI"),
    ("verify", ["--crt=98765", "F"], "unknown option --crt"),
    ("verify", ["--cert=c", "pkcs11:object=x?pin-value=98765"],
     "a pkcs11: URI is not a file to verify"),
    ("verify", ["--cert=c", "F", "pkcs11:object=x?pin-value=98765"],
     "unexpected operand: a pkcs11: URI"),
])
def test_a_wrong_command_line_shows_no_pin(command, arguments, problem):
    status, output, error = run(command, *arguments)
    assert (status, output, error.splitlines()[0]) == (4, "", f"crashres {command}: {problem}")
    assert "98765" not in error


# ---------------------------------------------------------------- passphrases

def test_passphrase_from_a_file(keys, file, tmp_path, encrypted):
    path = tmp_path / "passphrase"
    path.write_text(PASSPHRASE + "\nmore", encoding="ascii")
    path.chmod(0o640)
    sign(f"--key={encrypted}", f"--passphrase-file={path}", "--sigfile", file)
    assert verified(keys, "p256", file)
    path.chmod(0o644)
    assert run("sign", f"--key={encrypted}", f"--passphrase-file={path}", "--sigfile", file) == (
        0, "", f"crashres: warning: {path}: every user can read the passphrase\n")
    path.write_text("wrong", encoding="ascii")
    path.chmod(0o600)
    assert run("sign", f"--key={encrypted}", f"--passphrase-file={path}", "--sigfile", file) == (
        4, "", f"crashres: key: {encrypted}: the passphrase is wrong, or the key is damaged\n")


def test_passphrase_from_a_pipe_as_file(keys, file, encrypted):
    read, write = os.pipe()
    os.write(write, f"{PASSPHRASE}\n".encode())
    os.close(write)
    sign(f"--key={encrypted}", f"--passphrase-file=/dev/fd/{read}", "--sigfile", file, pass_fds=[read])
    os.close(read)
    assert verified(keys, "p256", file)


def test_passphrase_from_the_environment(keys, file, encrypted):
    sign(f"--key={encrypted}", "--passphrase-env=KDUMP_PASSPHRASE", "--sigfile", file,
         env={"KDUMP_PASSPHRASE": PASSPHRASE})
    assert verified(keys, "p256", file)


@pytest.mark.parametrize("option, problem", [
    ("--passphrase-file={}/none", "{}/none: cannot open: No such file or directory"),
    ("--passphrase-env=CRASHRES_NO_SUCH", "--passphrase-env names no environment variable"),
])
def test_no_source_of_the_passphrase(file, tmp_path, encrypted, option, problem):
    problem = problem.format(tmp_path)
    status, output, error = run("sign", f"--key={encrypted}", option.format(tmp_path), "--sigfile",
                                "--json", file)
    assert (status, error) == (4, f"crashres: {problem}\n")
    assert [entry["problem"] for entry in json.loads(output)] == [problem]


def test_a_passphrase_in_the_environment_that_is_too_long(file, encrypted):
    assert run("sign", f"--key={encrypted}", "--passphrase-env=LONG", "--sigfile", file,
               env={"LONG": "x" * 5000}) == (
        4, "", f"crashres: key: {encrypted}: a passphrase is needed, and there is none\n")


# ---------------------------------------------------------------- PE signature

def test_a_pe_signature_is_not_made_invalid(keys, file, tmp_path):
    data = pe_with_signature()
    file.write_bytes(data)
    refused = f"crashres: sign {file}: the file has a PE signature, which an appended signature makes " \
              "invalid; --force appends it anyway\n"
    common = [f"--cert={keys}/p256.pem", "--append"]
    assert run("sign", f"--key={keys}/p256.key", *common, file) == (4, "", refused)
    assert run("sign", f"--detached-out={tmp_path}/digest", *common, file) == (4, "", refused)
    assert file.read_bytes() == data
    assert sorted(os.listdir(tmp_path)) == ["Image"]
    warning = f"crashres: warning: {file}: the appended signature makes the PE signature invalid\n"
    assert run("sign", f"--key={keys}/p256.key", *common, "--force", file) == (0, "", warning)
    assert content_and_cms(file.read_bytes())[0] == data
    # Beside the file a signature changes nothing.
    file.write_bytes(data)
    sign(f"--key={keys}/p256.key", "--sigfile", file)


# ---------------------------------------------------------------- removal

def test_remove_an_appended_signature(keys, file, tmp_path):
    before = file.read_bytes()
    file.chmod(0o640)
    sign(*options(keys, "p256"), "--append", file)
    signed = file.read_bytes()
    sign("--remove", "--append", "-o", tmp_path / "plain", file)
    assert (tmp_path / "plain").read_bytes() == before
    assert file.read_bytes() == signed
    sign("--remove", "--append", file)
    assert file.read_bytes() == before
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert run("sign", "--remove", "--append", file) == (
        4, "", f"crashres: remove {file}: no appended signature\n")
    assert sorted(os.listdir(tmp_path)) == ["Image", "plain"]


def test_remove_several_appended_signatures(keys, file, tmp_path):
    """Other programs append a signature to a signed file. All of them go."""
    before = file.read_bytes()
    sign(*options(keys, "p256"), "--append", file)
    cms = content_and_cms(file.read_bytes())[1]
    file.write_bytes(appended(file.read_bytes(), cms))
    sign("--remove", "--append", file)
    assert file.read_bytes() == before
    assert os.listdir(tmp_path) == ["Image"]


def test_removed_zeros_do_not_come_back(keys, file):
    data = image(60000, image_size=65536).ljust(65536, b"\0")
    file.write_bytes(data)
    sign(*options(keys, "rsa2048"), "--append", file)
    sign("--remove", "--append", file)
    assert file.read_bytes() == data[:60000]


def test_remove_a_damaged_appended_signature(keys, file):
    sign(*options(keys, "p256"), "--append", file)
    data = file.read_bytes()
    data = data[:-40] + b"\1" + data[-39:]
    file.write_bytes(data)
    assert run("sign", "--remove", "--append", file) == (
        4, "", f"crashres: remove {file}: the signature fields do not describe a CMS signature\n")
    assert file.read_bytes() == data


def test_remove_a_signature_file(keys, file, tmp_path):
    sign(*options(keys, "p256"), "--sigfile", file)
    sign("--remove", "--sigfile", file)
    assert os.listdir(tmp_path) == ["Image"]
    assert run("sign", "--remove", "--sigfile", file) == (
        4, "", f"crashres: remove {file}: no {file}.sig\n")


@pytest.mark.parametrize("make", [
    os.mkdir, os.mkfifo, lambda path: os.symlink("/dev/zero", path),
    lambda path: os.symlink("other.sig", path), lambda path: write(path, b""),
    lambda path: write(path, b"-----BEGIN PGP SIGNATURE-----\n"), lambda path: write(path, bytes(70000)),
], ids=["folder", "fifo", "device", "link", "empty", "pgp", "large"])
def test_only_a_signature_file_is_removed(keys, file, tmp_path, make):
    """GnuPG and other programs write FILE.sig, too."""
    sign(*options(keys, "p256"), "--sigfile", "-o", tmp_path / "other.sig", file)
    make(f"{file}.sig")
    before = os.lstat(f"{file}.sig")
    assert run("sign", "--remove", "--sigfile", file) == (
        4, "", f"crashres: remove {file}: {file}.sig: is not a signature file\n")
    assert os.lstat(f"{file}.sig").st_ino == before.st_ino


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PGP SIGNATURE-----\n", bytes(70000)],
                         ids=["empty", "pgp", "large"])
def test_only_a_signature_file_is_replaced(keys, file, tmp_path, content):
    """FILE.sig of GnuPG stays, unless --force or --output asks for it."""
    arguments = [*options(keys, "p256"), "--sigfile"]
    write(f"{file}.sig", content)
    assert run("sign", *arguments, file) == (
        4, "", f"crashres: sign {file}: {file}.sig: is not a signature file\n")
    assert (tmp_path / "Image.sig").read_bytes() == content
    sign(*arguments, "--force", file)
    assert verified(keys, "p256", file)
    write(f"{file}.sig", content)
    sign(*arguments, f"--output={file}.sig", file)
    assert verified(keys, "p256", file)
    sign(*arguments, file)
    assert verified(keys, "p256", file)


@needs_strace
@pytest.mark.parametrize("remove", [False, True], ids=["sign", "remove"])
def test_the_signature_file_is_in_the_folder_of_the_file(keys, file, tmp_path, remove):
    """A folder of the path becomes a link to another folder after the file was opened.

    strace stops crashres after it has opened the file, so that the folder changes in between.
    """
    (tmp_path / "sub").mkdir()
    (tmp_path / "victim").mkdir()
    for folder in "sub", "victim":
        shutil.copy(file, tmp_path / folder / "vm")
        if remove:
            sign(*options(keys, "p256"), "--sigfile", tmp_path / folder / "vm")
    path = tmp_path / "sub" / "vm"
    before = sorted(os.listdir(tmp_path / "victim"))
    arguments = ["--remove", "--sigfile"] if remove else [*options(keys, "p256"), "--sigfile"]
    trace = tmp_path / "trace"
    trace.touch()
    # LeakSanitizer fails below strace.
    with subprocess.Popen(["strace", "-f", "-qq", "-o", trace, "-P", path, "-e", "trace=openat", "-e",
                           "inject=openat:signal=SIGSTOP:when=1", COMMAND, "sign", *arguments, path],
                          stderr=subprocess.PIPE, text=True,
                          env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}) as process:
        child = wait_for_stop(process, trace)
        os.rename(tmp_path / "sub", tmp_path / "old")
        (tmp_path / "sub").symlink_to("victim")
        os.kill(child, signal.SIGCONT)
        error = process.communicate(timeout=60)[1]
    task = "remove" if remove else "sign"
    assert error == f"crashres: {task} {path}: {path}: the file changed after it was read: try again\n"
    assert process.returncode == 4
    assert sorted(os.listdir(tmp_path / "victim")) == before
    assert sorted(os.listdir(tmp_path / "old")) == before


def test_the_signature_file_of_a_link_is_beside_the_link(keys, file, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link").symlink_to(file)
    sign(*options(keys, "p256"), "--sigfile", tmp_path / "folder" / "link")
    assert sorted(os.listdir(tmp_path / "folder")) == ["link", "link.sig"]
    sign("--remove", "--sigfile", tmp_path / "folder" / "link")
    assert os.listdir(tmp_path / "folder") == ["link"]


def test_remove_the_attribute(keys, attributes):
    sign(*options(keys, "p256"), attributes)
    sign("--remove", attributes)
    assert "security.ima" not in os.listxattr(attributes)
    assert run("sign", "--remove", attributes) == (
        4, "", f"crashres: remove {attributes}: no security.ima\n")
    digest = b"\4\4" + bytes(32)
    os.setxattr(attributes, "security.ima", digest)
    assert run("sign", "--remove", attributes) == (
        4, "", f"crashres: remove {attributes}: security.ima contains a digest, not a signature\n")
    assert os.getxattr(attributes, "security.ima") == digest


# ---------------------------------------------------------------- several files and JSON

def entry(file, **values):
    return {"file": str(file), "task": "sign", "signed": True, "problem": None, "signature": "appended",
            "hash": "sha256", "key_id": None, "output": str(file), **values}


def test_json_of_several_files_and_a_failure(keys, file, tmp_path):
    signer = key_id(keys / "p256.pem")
    status, output, error = run("sign", *options(keys, "p256"), "--append", "--json", tmp_path / "none",
                                file)
    problem = f"sign: Cannot open `{tmp_path}/none': No such file or directory"
    assert (status, error) == (4, f"crashres: {problem}\n")
    assert json.loads(output) == [
        entry(tmp_path / "none", signed=False, problem=problem, key_id=signer, output=None),
        entry(file, key_id=signer)]
    assert verified(keys, "p256", file)


def test_json_of_other_tasks(keys, file, tmp_path):
    signer = key_id(keys / "p256.pem")

    def result(*arguments):
        status, output, error = run("sign", "--json", *arguments, file)
        assert (status, error) == (0, "")
        return json.loads(output)
    assert result(f"--key={keys}/p256.key", "--hash=sha384", "--sigfile") == [
        entry(file, signature="sigfile", hash="sha384", key_id=signer, output=f"{file}.sig")]
    assert result(f"--detached-out={tmp_path}/digest", f"--cert={keys}/p256.pem", "--append") == [
        entry(file, task="digest", signed=False, key_id=signer, output=f"{tmp_path}/digest")]
    assert result("--remove", "--sigfile") == [
        entry(file, task="remove", signed=False, signature="sigfile", hash=None,
              output=f"{file}.sig")]
    assert result(f"--detached-out={tmp_path}/digest") == [
        entry(file, task="digest", signed=False, signature="xattr", output=f"{tmp_path}/digest")]


def test_json_if_the_key_cannot_be_opened(keys, file, tmp_path):
    status, output, error = run("sign", f"--key={keys}/none", "--sigfile", "--json", file,
                                tmp_path / "other")
    problem = f"key: {keys}/none: cannot open: No such file or directory"
    assert (status, error) == (4, f"crashres: {problem}\n")
    assert json.loads(output) == [
        entry(path, signed=False, problem=problem, signature="sigfile", output=None)
        for path in (file, tmp_path / "other")]


# ---------------------------------------------------------------- files

@pytest.mark.parametrize("place", ["--append", "--sigfile"])
def test_no_special_bit_is_copied(keys, file, tmp_path, place):
    """Root signs the set-user-id program of a stranger. No copy is such a program."""
    file.chmod(0o7755)
    sign(*options(keys, "p256"), place, "-o", tmp_path / "copy", file)
    expected = 0o755 if place == "--append" else 0o644
    assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == expected
    sign(*options(keys, "p256"), "--append", file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o755
    file.chmod(0o6755)
    sign("--remove", "--append", file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o755


def test_no_capability_is_copied(keys, attributes, tmp_path):
    """The attribute is struct vfs_cap_data, version 2, with CAP_SYS_ADMIN (linux/capability.h)."""
    os.setxattr(attributes, "security.capability", struct.pack("<5I", 0x02000001, 1 << 21, 0, 0, 0))
    sign(*options(keys, "p256"), "--append", "-o", tmp_path / "copy", attributes)
    assert "security.capability" not in os.listxattr(tmp_path / "copy")


def test_links_are_followed(keys, file, tmp_path):
    """The command replaces the targets. A link can also name a file that does not exist yet."""
    before = file.read_bytes()
    (tmp_path / "folder").mkdir()
    links = {name: tmp_path / "folder" / name for name in ("in", "out", "digest")}
    for name, path in links.items():
        path.symlink_to({"in": "../Image"}.get(name, f"../new-{name}"))
    sign(*options(keys, "p256"), "--append", "-o", links["out"], links["in"])
    assert verified(keys, "p256", tmp_path / "new-out")
    sign(f"--detached-out={links['digest']}", links["in"])
    assert (tmp_path / "new-digest").read_bytes() == openssl("dgst", "-sha256", "-binary", file)
    sign(*options(keys, "p256"), "--append", links["in"])
    assert verified(keys, "p256", file)
    sign("--remove", "--append", links["in"])
    assert file.read_bytes() == before
    assert all(path.is_symlink() for path in links.values())
    assert sorted(os.listdir(tmp_path)) == ["Image", "folder", "new-digest", "new-out"]


@needs_strace
@pytest.mark.parametrize("name, call", [
    (name, call) for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGKILL")
    for call in ("write", "fsync", "linkat", "renameat")
    if (name, call) != ("SIGKILL", "renameat")])
@pytest.mark.parametrize("task", ["--append", "--sigfile", "--remove"])
def test_no_signal_leaves_a_temporary_file(keys, file, tmp_path, task, call, name):
    """strace sends a signal at the first call of a kind, in the middle of the write.

    Nothing can remove the complete file after SIGKILL between linkat and rename (replace.h).
    """
    arguments = [*options(keys, "p256"), task] if task != "--remove" else ["--remove", "--append"]
    if task == "--remove":
        sign(*options(keys, "p256"), "--append", file)
    before = file.read_bytes()
    # The caller of the tests can ignore signals, as nohup does. LeakSanitizer fails below strace.
    command = ["env", "--default-signal=INT,HUP", "strace", "-f", "-o", "/dev/null",
               "-e", f"trace={call}", "-e", f"inject={call}:signal={name}:when=1",
               COMMAND, "sign", *arguments, str(file)]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60,
                          env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
    assert done.returncode != 0, "the signal did not arrive"
    left = sorted(os.listdir(tmp_path))
    # A signal can wait until the new file is complete.
    assert left in (["Image"], ["Image", "Image.sig"])
    if "Image.sig" in left:
        assert verified(keys, "p256", file)
    elif file.read_bytes() != before:
        assert task != "--sigfile"
        assert task == "--remove" or verified(keys, "p256", file)


# ---------------------------------------------------------------- the manual

def test_manual_has_all_json_keys(keys, file):
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../man/crashres.1")
    with open(path, encoding="utf-8") as page:
        sections = page.read().replace("\\", "").split("\n.SH ")
    manual = next(part for part in sections if part.startswith("SIGN\n"))
    output = run("sign", *options(keys, "p256"), "--sigfile", "--json", file)[1]
    for key in json.loads(output)[0]:
        assert f"\n.B {key}\n" in manual, key
