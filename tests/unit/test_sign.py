# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs crashres sign and crashres verify, and compares them with evmctl and openssl.

make check sets CRASHRES_COMMAND (the program) and CRASHRES_TOKEN (the provider token.c).
The tests make all keys themselves.
"""

import errno
import json
import os
import pty
import re
import resource
import select
import shutil
import signal
import stat
import subprocess
import termios
import time

import pytest

from keyfiles import P_256, RSA_2048, make_key, openssl
from kernelfiles import image

COMMAND = os.environ["CRASHRES_COMMAND"]
SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
MARKER = b"~Module signature appended~\n"
TRAILER = 12 + len(MARKER)
PASSPHRASE = "correct horse"

KEYS = {
    "rsa2048": RSA_2048,
    "rsa3072": ["-newkey", "rsa:3072"],
    "p256": P_256,
    "p384": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "other": RSA_2048,
}
TYPES = {"rsa2048": "rsa", "rsa3072": "rsa", "p256": "ecdsa", "p384": "ecdsa"}
HASHES = {"sha256": 4, "sha384": 5, "sha512": 6}

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")
needs_evmctl = pytest.mark.skipif(not shutil.which("evmctl"), reason="evmctl is not installed")


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """A folder with NAME.key, and the certificate as NAME.pem and NAME.der, for each of KEYS."""
    folder = tmp_path_factory.mktemp("keys")
    for name, options in KEYS.items():
        make_key(folder, name, *options, subject=f"/O=crashres/CN={name}",
                 options=["-set_serial", "0x1F2E"])
        openssl("x509", "-in", f"{name}.pem", "-outform", "DER", "-out", f"{name}.der", cwd=folder)
    return folder


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "Image"
    path.write_bytes(bytes(range(256)) * 40)
    return path


def run(*arguments, **options):
    environment = {**os.environ, "LC_ALL": "C", **options.pop("env", {})}
    done = subprocess.run([COMMAND, *arguments], capture_output=True, text=True, check=False,
                          timeout=60, stdin=subprocess.DEVNULL, env=environment, **options)
    return done.returncode, done.stdout, done.stderr


def sign(*arguments, **options):
    assert run("sign", *arguments, **options) == (0, "", "")


def key_id(certificate):
    """Returns the last 4 bytes of the SubjectKeyIdentifier in hexadecimal."""
    text = openssl("x509", "-in", certificate, "-noout", "-ext", "subjectKeyIdentifier",
                   text=True)
    return text.split("\n")[1].strip().replace(":", "").lower()[-8:]


def options(keys, name):
    return [f"--key={keys}/{name}.key", f"--cert={keys}/{name}.pem"]


def valid(keys, file, where, name, hash_name="sha256", key=None):
    """Returns the output of verify for one valid signature."""
    signer_id = key_id(keys / f"{name}.pem")
    return (f"{file}: {where}: valid\n"
            f"  Signer    O = crashres, CN = {name} (id:{signer_id})\n"
            f"  Signed    {TYPES[name]}, {hash_name}\n"
            f"  Digest    matches\n"
            f"  Key       {key or 'id:' + signer_id}\n")


def issuer(name):
    return f"issuer O = crashres, CN = {name}, serial 1F2E"


def content_and_cms(data):
    assert data.endswith(MARKER)
    fields = data[-TRAILER:-len(MARKER)]
    assert fields[:8] == bytes((0, 0, 2, 0, 0, 0, 0, 0))
    size = int.from_bytes(fields[8:], "big")
    return data[:-TRAILER - size], data[-TRAILER - size:-TRAILER]


def appended(content, cms):
    return content + cms + bytes((0, 0, 2, 0, 0, 0, 0, 0)) + len(cms).to_bytes(4, "big") + MARKER


# ---------------------------------------------------------------- signature file

@pytest.mark.parametrize("hash_name", HASHES)
@pytest.mark.parametrize("name", TYPES)
def test_bytes_of_a_signature_file(keys, file, name, hash_name):
    sign(*options(keys, name), "--sigfile", f"--hash={hash_name}", file)
    data = (file.parent / "Image.sig").read_bytes()
    assert data[:3] == bytes((3, 2, HASHES[hash_name]))
    assert data[3:7].hex() == key_id(keys / f"{name}.pem")
    assert int.from_bytes(data[7:9], "big") == len(data) - 9
    # openssl dgst uses the same bytes: PKCS #1 v1.5 with DigestInfo for RSA, DER of r and s for
    # ECDSA.
    (file.parent / "raw").write_bytes(data[9:])
    (file.parent / "public").write_bytes(openssl("x509", "-in", keys / f"{name}.pem", "-pubkey",
                                                 "-noout"))
    assert openssl("dgst", f"-{hash_name}", "-verify", "public", "-signature", "raw", "Image",
                   cwd=file.parent) == b"Verified OK\n"
    assert run("verify", f"--cert={keys}/{name}.pem", "--sigfile", file) == (
        0, valid(keys, file, "signature file", name, hash_name), "")


@needs_evmctl
@pytest.mark.parametrize("hash_name", HASHES)
@pytest.mark.parametrize("name", TYPES)
def test_evmctl_accepts_our_signature_files(keys, file, name, hash_name):
    sign(*options(keys, name), "--sigfile", f"--hash={hash_name}", file)
    command = ["evmctl", "ima_verify", "--sigfile", "--key", keys / f"{name}.der", file]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0 and f"{file}: verification is OK" in done.stdout + done.stderr
    # evmctl must refuse a changed file, otherwise its result above proves nothing.
    file.write_bytes(b"x" + file.read_bytes()[1:])
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode != 0


@needs_evmctl
@pytest.mark.parametrize("hash_name", HASHES)
@pytest.mark.parametrize("name", TYPES)
def test_accepts_signature_files_of_evmctl(keys, file, name, hash_name):
    subprocess.run(["evmctl", "ima_sign", "--sigfile", "--hashalgo", hash_name, "--key",
                    keys / f"{name}.key", file], check=True, capture_output=True, timeout=60)
    assert run("verify", f"--cert={keys}/{name}.der", "--sigfile", file) == (
        0, valid(keys, file, "signature file", name, hash_name), "")


def test_without_certificate_the_key_has_the_same_id(keys, file):
    sign(f"--key={keys}/p256.key", "--sigfile", file)
    status, output, _ = run("verify", f"--cert={keys}/p256.pem", "--sigfile", file)
    assert (status, output) == (0, valid(keys, file, "signature file", "p256"))


def test_key_id_comes_from_the_certificate(keys, file, tmp_path):
    """A SubjectKeyIdentifier can be any number, not only a hash of the key."""
    openssl("req", "-x509", "-key", keys / "p256.key", "-out", tmp_path / "own.pem", "-subj",
            "/CN=own", "-addext", "subjectKeyIdentifier=0011223344AABBCCDD")
    sign(f"--key={keys}/p256.key", f"--cert={tmp_path}/own.pem", "--sigfile", file)
    assert (tmp_path / "Image.sig").read_bytes()[3:7].hex() == "aabbccdd"
    sign(f"--key={keys}/p256.key", "--sigfile", file)
    other = key_id(keys / "p256.pem")
    status, output, error = run("verify", f"--cert={tmp_path}/own.pem", "--sigfile", file)
    assert (status, error) == (1, "")
    assert output == (f"{file}: signature file: not valid: the signature names the key id:{other}, "
                      "but was made with the key id:aabbccdd\n"
                      "  Signer    CN = own (id:aabbccdd)\n  Signed    ecdsa, sha256\n"
                      f"  Digest    matches\n  Key       id:{other}\n")


def test_mode_of_a_signature_file_and_output(keys, file, tmp_path):
    file.chmod(0o750)
    sign(*options(keys, "p256"), "--sigfile", file)
    assert stat.S_IMODE((tmp_path / "Image.sig").stat().st_mode) == 0o640
    sign(*options(keys, "p256"), "--sigfile", f"--output={tmp_path}/elsewhere", file)
    assert (tmp_path / "elsewhere").read_bytes()[:3] == bytes((3, 2, 4))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Image", "Image.sig", "elsewhere"]


# ---------------------------------------------------------------- kinds of keys

@pytest.mark.parametrize("convert", [
    ["pkey", "-outform", "DER"],
    ["pkcs8", "-topk8", "-nocrypt"],
    ["pkcs8", "-topk8", "-nocrypt", "-outform", "DER"],
    ["rsa", "-traditional"],
    ["rsa", "-traditional", "-outform", "DER"],
])
def test_forms_of_a_key(keys, file, tmp_path, convert):
    openssl(*convert, "-in", keys / "rsa2048.key", "-out", tmp_path / "key")
    sign(f"--key={tmp_path}/key", "--sigfile", file)
    assert run("verify", f"--cert={keys}/rsa2048.pem", "--sigfile", file)[0] == 0


def test_a_uri(keys, file):
    sign(f"--key=file:{keys}/p256.key", f"--cert=file:{keys}/p256.pem", "--sigfile", file)
    assert run("verify", f"--cert=file:{keys}/p256.der", "--sigfile", file)[0] == 0


def test_a_uri_that_no_provider_knows(file):
    assert run("sign", "--key=nosuch:object=kdump", "--sigfile", file) == (
        4, "", "crashres: key: nosuch:object=kdump: no private key: unregistered scheme\n")


@pytest.fixture(params=["PEM", "DER"])
def encrypted(keys, tmp_path, request):
    path = tmp_path / "encrypted"
    openssl("pkcs8", "-topk8", "-in", keys / "p256.key", "-out", path, "-outform", request.param,
            "-passout", f"pass:{PASSPHRASE}")
    return path


def sign_with_passphrase(line, *arguments, **options):
    read, write = os.pipe()
    os.write(write, line.encode())
    os.close(write)
    try:
        return run("sign", f"--passphrase-fd={read}", *arguments, pass_fds=[read], **options)
    finally:
        os.close(read)


def test_passphrase_from_a_descriptor(keys, file, encrypted):
    assert sign_with_passphrase(PASSPHRASE + "\nmore", f"--key={encrypted}", "--sigfile",
                                file) == (0, "", "")
    assert run("verify", f"--cert={keys}/p256.pem", "--sigfile", file)[0] == 0


@pytest.mark.parametrize("line, problem", [
    ("wrong\n", "the passphrase is wrong, or the key is damaged"),
    ("", "a passphrase is needed, and there is none"),
    ("x" * 5000, "a passphrase is needed, and there is none"),
])
def test_wrong_passphrase(file, encrypted, line, problem):
    assert sign_with_passphrase(line, f"--key={encrypted}", "--sigfile", file) == (
        4, "", f"crashres: key: {encrypted}: {problem}\n")
    assert not os.path.exists(f"{file}.sig")


def test_no_terminal_to_ask_on(file, encrypted):
    assert run("sign", f"--key={encrypted}", "--sigfile", file, start_new_session=True) == (
        4, "", f"crashres: key: {encrypted}: a passphrase is needed, and there is none\n")


def read_terminal(terminal, child):
    """Returns the next bytes from the terminal, and b"" after the child has ended."""
    if not select.select([terminal], [], [], 30)[0]:
        os.kill(child, signal.SIGKILL)
        pytest.fail("crashres asks again")
    try:
        return os.read(terminal, 1000)
    except OSError as error:
        assert error.errno == errno.EIO
        return b""


def on_terminal(command, answer):
    """Runs the command on a terminal and types the answer when the echo is off.

    Returns the exit status and the text on the terminal.
    """
    child, terminal = pty.fork()
    if child == 0:
        os.execv(command[0], command)
    shown = b""
    while not shown.endswith(b": "):
        shown += read_terminal(terminal, child)
    deadline = time.monotonic() + 30
    while termios.tcgetattr(terminal)[3] & termios.ECHO:
        assert time.monotonic() < deadline
    os.write(terminal, answer)
    while more := read_terminal(terminal, child):
        shown += more
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), shown.decode()


def test_passphrase_on_the_terminal_without_echo(keys, file, encrypted):
    command = [COMMAND, "sign", f"--key={encrypted}", "--sigfile", str(file)]
    assert on_terminal(command, PASSPHRASE.encode() + b"\n") == (
        0, f"Passphrase for {encrypted}: \r\n")
    assert run("verify", f"--cert={keys}/p256.pem", "--sigfile", file)[0] == 0


def test_wrong_passphrase_on_the_terminal_is_asked_for_once(file, encrypted):
    command = [COMMAND, "sign", f"--key={encrypted}", "--sigfile", str(file)]
    assert on_terminal(command, b"wrong\n") == (
        4, f"Passphrase for {encrypted}: \r\n"
           f"crashres: key: {encrypted}: the passphrase is wrong, or the key is damaged\r\n")


def test_interrupt_while_it_asks(file, encrypted):
    command = [COMMAND, "sign", f"--key={encrypted}", "--sigfile", str(file)]
    assert on_terminal(command, b"corr\x03") == (
        4, f"Passphrase for {encrypted}: \r\n"
           f"crashres: key: {encrypted}: a passphrase is needed, and there is none\r\n")


@pytest.fixture
def token(keys, tmp_path):
    """Returns the environment in which OpenSSL loads the provider token.c."""
    module = os.environ.get("CRASHRES_TOKEN", "")
    if not os.path.exists(module):
        pytest.skip("no CRASHRES_TOKEN: the build makes no shared objects")
    openssl("pkcs8", "-topk8", "-nocrypt", "-in", keys / "rsa2048.key", "-outform", "DER", "-out",
            tmp_path / "token.key")
    (tmp_path / "openssl.cnf").write_text(f"""
openssl_conf = all
[all]
providers = providers
[providers]
default = default_section
token = token_section
[default_section]
activate = 1
[token_section]
module = {module}
activate = 1
""", encoding="ascii")
    return {"OPENSSL_CONF": f"{tmp_path}/openssl.cnf", "TOKEN_KEY": f"{tmp_path}/token.key",
            "TOKEN_CERT": f"{keys}/rsa2048.der"}


@pytest.mark.parametrize("kind, place", [("--append", "--appended"), ("--sigfile", "--sigfile")])
def test_a_key_behind_a_provider(keys, file, token, kind, place):
    assert sign_with_passphrase("1234\n", "--key=pkcs11:object=kdump;type=private",
                                "--cert=pkcs11:object=kdump;type=cert", kind, file,
                                env=token) == (0, "", "")
    assert run("verify", f"--cert={keys}/rsa2048.pem", place, file)[0] == 0
    assert run("verify", "--cert=pkcs11:object=kdump;type=cert", place, file, env=token)[0] == 0


def test_a_wrong_pin_is_tried_once(file, token):
    assert sign_with_passphrase("4321\n1234\n", "--key=pkcs11:object=kdump", "--sigfile", file,
                                env=token) == (
        4, "", "crashres: key: pkcs11:object=kdump: the passphrase is wrong, or the key is "
               "damaged\n")
    assert not os.path.exists(f"{file}.sig")


@pytest.mark.parametrize("make, problem", [
    (["genpkey", "-algorithm", "ed25519"], "the key has type ED25519, not RSA or EC"),
    (["genpkey", "-algorithm", "RSA-PSS"], "the key has type RSA-PSS, not RSA or EC"),
    (["ecparam", "-name", "secp256k1", "-genkey", "-noout"],
     "the EC key uses secp256k1, the kernel accepts P-256, P-384 and P-521"),
])
def test_keys_that_the_kernel_cannot_verify(file, tmp_path, make, problem):
    openssl(*make, "-out", tmp_path / "key")
    assert run("sign", f"--key={tmp_path}/key", "--sigfile", file) == (
        4, "", f"crashres: key: {tmp_path}/key: {problem}\n")


def test_p521(file, tmp_path):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521", "-nodes",
            "-keyout", tmp_path / "key", "-out", tmp_path / "cert", "-subj", "/CN=p521")
    sign(f"--key={tmp_path}/key", f"--cert={tmp_path}/cert", "--hash=sha512", "--append", file)
    assert run("verify", f"--cert={tmp_path}/cert", file)[0] == 0


def test_no_part_of_a_damaged_key_is_shown(keys, file, tmp_path):
    text = (keys / "rsa2048.key").read_text(encoding="ascii").splitlines()
    damaged = tmp_path / "damaged"
    damaged.write_text("\n".join(text[:5] + text[6:]) + "\n", encoding="ascii")
    assert run("sign", f"--key={damaged}", "--sigfile", file) == (
        4, "", f"crashres: key: {damaged}: no private key\n")


@pytest.mark.parametrize("arguments, problem", [
    (["--key={keys}/none", "--sigfile"], "key: {keys}/none: cannot open: No such file or directory"),
    (["--key={keys}/p256.pem", "--sigfile"], "key: {keys}/p256.pem: no private key"),
    (["--key={keys}/p256.key", "--cert={keys}/none"],
     "certificate: {keys}/none: cannot open: No such file or directory"),
    (["--key={keys}/p256.key", "--cert={keys}/p256.key"],
     "certificate: {keys}/p256.key: no certificate"),
    (["--key={keys}/p256.key", "--cert={keys}/p384.pem", "--append"],
     'sign: key {keys}/p256.key is not the key of the certificate "O = crashres, CN = p384"'),
])
def test_wrong_keys_and_certificates(keys, file, arguments, problem):
    arguments = [argument.format(keys=keys) for argument in arguments]
    assert run("sign", *arguments, file) == (4, "", f"crashres: {problem.format(keys=keys)}\n")


@pytest.mark.parametrize("arguments, problem", [
    (["--sigfile", "F"], "--key is missing"),
    (["--key=k"], "no file to sign"),
    (["--key=k", "-o", "x", "F"], "--output needs --append or --sigfile"),
    (["--key=k", "--sigfile", "-o", "x", "F", "G"], "--output accepts only one file to sign"),
    (["--key=k", "--append", "F"], "--append needs --cert"),
    (["--key=k", "--append", "--sigfile", "F"], "--append and --sigfile exclude each other"),
    (["--key=k", "--hash=sha1", "F"], '--hash takes sha256, sha384 or sha512, not "sha1"'),
    (["--key=k", "--passphrase-fd=1x", "F"],
     "--passphrase-fd takes the number of a file descriptor"),
    (["--key=k", "--passphrase-fd=-1", "F"],
     "--passphrase-fd takes the number of a file descriptor"),
])
def test_wrong_usage_of_sign(arguments, problem):
    assert run("sign", *arguments) == (4, "", f"crashres sign: {problem}\n")


@pytest.mark.parametrize("arguments, problem", [
    (["F"], "--cert is missing"),
    (["--cert=c"], "no file to verify"),
    (["--cert=c", "F", "G"], 'unexpected operand "G"'),
    (["--cert=c", "--xattr", "--sigfile", "F"],
     "--pe, --xattr, --sigfile and --appended exclude each other"),
])
def test_wrong_usage_of_verify(arguments, problem):
    assert run("verify", *arguments) == (4, "", f"crashres verify: {problem}\n")


@pytest.mark.parametrize("command", ["sign", "verify"])
def test_help(command):
    status, output, error = run(command, "--help")
    assert (status, error) == (0, "")
    assert output.startswith(f"Usage: crashres {command} ")


# ---------------------------------------------------------------- appended

@pytest.mark.parametrize("hash_name", HASHES)
@pytest.mark.parametrize("name", TYPES)
def test_openssl_accepts_the_appended_cms(keys, file, tmp_path, name, hash_name):
    before = file.read_bytes()
    sign(*options(keys, name), "--append", f"--hash={hash_name}", file)
    content, cms = content_and_cms(file.read_bytes())
    assert content == before
    (tmp_path / "content").write_bytes(content)
    (tmp_path / "cms").write_bytes(cms)
    # The structure contains no certificate, so openssl needs one.
    openssl("cms", "-verify", "-binary", "-inform", "DER", "-in", "cms", "-content", "content",
            "-certfile", keys / f"{name}.pem", "-noverify", "-out", "verified", cwd=tmp_path)
    assert (tmp_path / "verified").read_bytes() == before
    assert run("verify", f"--cert={keys}/{name}.pem", file) == (
        0, valid(keys, file, "appended signature", name, hash_name, issuer(name)), "")


@pytest.mark.parametrize("flags, key", [
    (["-noattr"], "issuer O = crashres, CN = {}, serial 1F2E"),
    (["-noattr", "-keyid"], "id:"),
])
@pytest.mark.parametrize("name", ["rsa2048", "p256"])
def test_accepts_cms_of_openssl(keys, file, name, flags, key):
    """Two forms: of the kernel's sign-file, and with a key identifier."""
    before = file.read_bytes()
    cms = openssl("cms", "-sign", "-binary", "-nocerts", "-outform", "DER", "-md", "sha384",
                  "-signer", keys / f"{name}.pem", "-inkey", keys / f"{name}.key", *flags,
                  input=before)
    file.write_bytes(appended(before, cms))
    if key == "id:":
        text = openssl("x509", "-in", keys / f"{name}.pem", "-noout", "-ext",
                       "subjectKeyIdentifier", text=True)
        key += text.split("\n")[1].strip().replace(":", "").lower()
    assert run("verify", f"--cert={keys}/{name}.pem", file) == (
        0, valid(keys, file, "appended signature", name, "sha384", key.format(name)), "")
    file.write_bytes(appended(before + b"x", cms))
    assert run("verify", f"--cert={keys}/{name}.pem", file)[0] == 1


def test_signing_again_replaces(keys, file):
    before = file.read_bytes()
    sign(*options(keys, "rsa2048"), "--append", file)
    once = file.read_bytes()
    sign(*options(keys, "rsa2048"), "--append", file)
    assert file.read_bytes() == once
    sign(*options(keys, "p256"), "--append", file)
    assert content_and_cms(file.read_bytes())[0] == before
    assert run("verify", f"--cert={keys}/p256.pem", file)[0] == 0


def test_output_leaves_the_file_alone(keys, file, tmp_path):
    before = file.read_bytes()
    file.chmod(0o640)
    sign(*options(keys, "p256"), "--append", "-o", tmp_path / "signed", file)
    assert file.read_bytes() == before
    assert content_and_cms((tmp_path / "signed").read_bytes())[0] == before
    assert stat.S_IMODE((tmp_path / "signed").stat().st_mode) == 0o640


def test_in_place_through_a_link(keys, file, tmp_path):
    (tmp_path / "folder").mkdir()
    link = tmp_path / "folder/vmlinuz"
    link.symlink_to("../Image")
    file.chmod(0o4755)
    sign(*options(keys, "p256"), "--append", link)
    assert link.is_symlink()
    # The new file never has the set-user-id bit.
    assert stat.S_IMODE(file.stat().st_mode) == 0o755
    assert run("verify", f"--cert={keys}/p256.pem", file)[0] == 0
    # No temporary file is left.
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Image", "folder"]
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["vmlinuz"]


def test_several_files_and_one_that_is_missing(keys, file, tmp_path):
    other = tmp_path / "initrd"
    other.write_bytes(b"initrd")
    assert run("sign", *options(keys, "p256"), "--append", file, tmp_path / "none", other) == (
        4, "", f"crashres: sign: Cannot open `{tmp_path}/none': No such file or directory\n")
    for path in (file, other):
        assert run("verify", f"--cert={keys}/p256.pem", path)[0] == 0


def test_an_output_that_is_no_regular_file(keys, file):
    assert run("sign", *options(keys, "p256"), "--append", "-o", "/dev/null", file) == (
        4, "", f"crashres: sign {file}: /dev/null: is not a regular file\n")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.parametrize("kind", ["--sigfile", "--detached-out"])
def test_the_output_is_not_the_file(keys, file, tmp_path, kind):
    """A signature in the place of the kernel would destroy the kernel."""
    before = file.read_bytes()
    link = tmp_path / "link"
    link.symlink_to(file)
    for output in file, link:
        if kind == "--sigfile":
            assert run("sign", *options(keys, "p256"), "--sigfile", "-o", output, file) == (
                4, "", f"crashres: sign {file}: {output}: is the file to sign\n")
        else:
            assert run("sign", f"--detached-out={output}", file) == (
                4, "", f"crashres: sign {file}: {output}: is the file to sign\n")
    assert file.read_bytes() == before


def test_a_file_from_a_pipe_gives_a_private_output(keys, file, tmp_path):
    done = subprocess.run([COMMAND, "sign", *options(keys, "p256"), "--append", "-o",
                           tmp_path / "out", "/dev/stdin"], input=file.read_bytes(),
                          capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o600


def test_the_umask(keys, file, tmp_path):
    file.chmod(0o755)
    for kind, name in ("--append", "out"), ("--sigfile", "sig"):
        assert run("sign", *options(keys, "p256"), kind, "-o", tmp_path / name, file,
                   preexec_fn=lambda: os.umask(0o027)) == (0, "", "")
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o750
    assert stat.S_IMODE((tmp_path / "sig").stat().st_mode) == 0o640


# ------------------------------------------------------------------- two users

STRANGER = 65533
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of another user")


@pytest.fixture
def strange(file, tmp_path):
    """Returns a folder of a stranger with a kernel. Beside it, root has a private file."""
    folder = tmp_path / "strange"
    folder.mkdir()
    (folder / "Image").write_bytes(file.read_bytes())
    for path in folder, folder / "Image":
        os.chown(path, STRANGER, STRANGER)
    (tmp_path / "shadow").write_text("secret")
    (tmp_path / "shadow").chmod(0o600)
    return folder


@needs_root
@pytest.mark.parametrize("target", ["shadow", "missing"])
def test_a_link_of_a_stranger_beside_the_file(keys, strange, tmp_path, target):
    """FILE.sig gives the stranger neither the content nor the ownership of root's file."""
    link = strange / "Image.sig"
    link.symlink_to(f"../{target}")
    os.lchown(link, STRANGER, STRANGER)
    sign(*options(keys, "p256"), "--sigfile", strange / "Image")
    assert not link.is_symlink() and link.stat().st_uid == 0
    assert (tmp_path / "shadow").read_text() == "secret"
    assert (tmp_path / "shadow").stat().st_uid == 0
    assert not (tmp_path / "missing").exists()
    assert run("verify", f"--cert={keys}/p256.pem", "--sigfile", strange / "Image")[0] == 0


@needs_root
def test_only_the_file_itself_stays_the_strangers(keys, strange, tmp_path):
    sign(*options(keys, "p256"), "--append", "-o", tmp_path / "out", strange / "Image")
    assert (tmp_path / "out").stat().st_uid == 0
    sign(*options(keys, "p256"), "--append", strange / "Image")
    assert (strange / "Image").stat().st_uid == STRANGER
    assert run("sign", "--remove", "--append", strange / "Image") == (0, "", "")
    assert (strange / "Image").stat().st_uid == STRANGER


def wait_for_stop(strace, trace):
    """Returns the process that runs under strace, as soon as a signal has stopped it."""
    while True:
        assert strace.poll() is None
        stopped = re.search("^([0-9]+) +--- stopped by SIGSTOP", trace.read_text(), re.M)
        if stopped:
            return int(stopped[1])
        time.sleep(0.01)


@pytest.mark.parametrize("kind", [(), ("--remove",)])
@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_a_file_that_is_replaced_meanwhile(keys, file, tmp_path, kind):
    """A link takes the place of FILE while the new file is written to the disk."""
    sign(*options(keys, "p256"), "--append", file)
    (tmp_path / "shadow").write_text("secret")
    (tmp_path / "trace").touch()
    arguments = [*(kind or options(keys, "p256")), "--append", file]
    # LeakSanitizer fails below strace.
    with subprocess.Popen(["strace", "-f", "-qq", "-o", tmp_path / "trace", "-e", "trace=fsync",
                           "-e", "inject=fsync:signal=SIGSTOP:when=1", COMMAND, "sign", *arguments],
                          stderr=subprocess.PIPE, text=True,
                          env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}) as process:
        child = wait_for_stop(process, tmp_path / "trace")
        file.rename(tmp_path / "moved")
        file.symlink_to("shadow")
        os.kill(child, signal.SIGCONT)
        error = process.communicate(timeout=60)[1]
    task = "remove" if kind else "sign"
    assert error == f"crashres: {task} {file}: {file}: the file changed after it was read: try again\n"
    assert file.is_symlink() and (tmp_path / "shadow").read_text() == "secret"


# --------------------------------------------------------------- errors of the output


def test_a_folder_that_does_not_exist(keys, file, tmp_path):
    output = tmp_path / "none/signed"
    assert run("sign", *options(keys, "p256"), "--append", "-o", output, file) == (
        4, "", f"crashres: sign {file}: {output}: cannot write: No such file or directory\n")


@pytest.mark.parametrize("kind", ["--append", "--sigfile"])
def test_a_failed_write_changes_no_file(keys, file, tmp_path, kind):
    """RLIMIT_FSIZE simulates a full disk. The limit also counts for the memfd of the input."""
    file.write_bytes(file.read_bytes()[:100])
    before = file.read_bytes()
    limit = 100

    def prepare():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    name = file if kind == "--append" else f"{file}.sig"
    # Python ignores SIGXFSZ. With restore_signals=False its child ignores it, too.
    assert run("sign", *options(keys, "rsa2048"), kind, file, preexec_fn=prepare,
               restore_signals=False) == (
        4, "", f"crashres: sign {file}: {name}: cannot write: File too large\n")
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["Image"]


def test_an_image_that_is_padded_makes_room(keys, file):
    data = image(60000, image_size=65536).ljust(65536, b"\0")
    file.write_bytes(data)
    sign(*options(keys, "rsa2048"), "--append", file)
    assert len(file.read_bytes()) <= 65536
    assert content_and_cms(file.read_bytes())[0] == data[:60000]
    assert run("verify", f"--cert={keys}/rsa2048.pem", file)[0] == 0


def test_an_image_without_room(keys, file):
    data = image(65500, image_size=65536).ljust(65536, b"\0")
    file.write_bytes(data)
    status, output, error = run("sign", *options(keys, "rsa2048"), "--append", file)
    assert (status, output) == (4, "")
    assert re.fullmatch(f"crashres: sign {file}: no room for a signature: the signed Image has "
                        "6[0-9]+ bytes, kexec_file_load accepts at most image_size, 0x10000\n", error)
    assert file.read_bytes() == data


def test_warns_of_a_zboot_file(keys, file):
    file.write_bytes(b"MZ\0\0zimg" + bytes(4000))
    status, output, error = run("sign", *options(keys, "p256"), "--append", file)
    assert (status, output) == (0, "")
    assert error == (f"crashres: warning: {file}: is an EFI zboot file: kexec loads the "
                     "unpacked Image, which this signature does not cover\n")


# ---------------------------------------------------------------- invalid signatures

def invalid(file, where, problem, *lines):
    return 1, f"{file}: {where}: not valid: {problem}\n" + "".join(f"  {x}\n" for x in lines), ""


CHANGED = {
    "rsa2048": ("the file was changed after it was signed", "differs"),
    "p256": ("the file was changed, or the signature is damaged or was made with another key", "unknown"),
}


@pytest.mark.parametrize("name", CHANGED)
@pytest.mark.parametrize("kind, where", [("--sigfile", "signature file"),
                                         ("--append", "appended signature")])
def test_one_byte_changed(keys, file, name, kind, where):
    sign(*options(keys, name), kind, file)
    data = bytearray(file.read_bytes())
    data[5000] ^= 1
    file.write_bytes(data)
    problem, digest = CHANGED[name]
    signer_id = key_id(keys / f"{name}.pem")
    key = issuer(name) if kind == "--append" else "id:" + signer_id
    assert run("verify", f"--cert={keys}/{name}.pem", file) == invalid(
        file, where, problem, f"Signer    O = crashres, CN = {name} (id:{signer_id})",
        f"Signed    {TYPES[name]}, sha256", f"Digest    {digest}", f"Key       {key}")


def test_wrong_key(keys, file):
    sign(*options(keys, "rsa2048"), "--sigfile", file)
    key = "id:" + key_id(keys / "rsa2048.pem")
    assert run("verify", f"--cert={keys}/other.pem", file) == invalid(
        file, "signature file", f"no given certificate has the key {key}", "Signed    sha256",
        f"Key       {key}")
    os.unlink(f"{file}.sig")
    sign(*options(keys, "rsa2048"), "--append", file)
    key = issuer("rsa2048")
    assert run("verify", f"--cert={keys}/other.pem", file) == invalid(
        file, "appended signature", f"no given certificate matches the signer, {key}",
        "Signed    sha256", f"Key       {key}")
    # With several certificates, the signer's is found.
    assert run("verify", f"--cert={keys}/other.pem", f"--cert={keys}/rsa2048.pem", file) == (
        0, valid(keys, file, "appended signature", "rsa2048", key=key), "")


def test_another_key_under_the_right_id(keys, file):
    sign(*options(keys, "other"), "--sigfile", file)
    path = file.parent / "Image.sig"
    signer_id = key_id(keys / "rsa2048.pem")
    data = path.read_bytes()
    path.write_bytes(data[:3] + bytes.fromhex(signer_id) + data[7:])
    assert run("verify", f"--cert={keys}/rsa2048.pem", file) == invalid(
        file, "signature file", "the signature is damaged, or was made with another key",
        f"Signer    O = crashres, CN = rsa2048 (id:{signer_id})", "Signed    rsa, sha256",
        "Digest    unknown", f"Key       id:{signer_id}")


@pytest.mark.parametrize("change, problem", [
    (lambda data: data[:-1], "truncated: the signature ends at byte 265, the data at byte 264"),
    (lambda data: data[:9], "truncated: the signature ends at byte 265, the data at byte 9"),
    (lambda data: data[:8], "truncated: the header ends at byte 9, the data at byte 8"),
    (lambda data: b"", "truncated: the header ends at byte 9, the data at byte 0"),
    (lambda data: data + b"x", "damaged: the signature ends at byte 265, the data at byte 266"),
    (lambda data: b"\x02" + data[1:], "the type byte is 0x02, not 0x03 (signature)"),
    (lambda data: b"\x04\x04" + bytes(32), "the type byte is 0x04 (digest), not 0x03 (signature)"),
    (lambda data: b"\x03\x01" + data[2:], "the signature has version 1, not 2"),
    (lambda data: b"\x03\x02\x02" + data[3:],
     "unknown hash 2: neither 4 (sha256), 5 (sha384) nor 6 (sha512)"),
    (lambda data: bytes(65537), "{}.sig: more than 65536 bytes"),
])
def test_damaged_signature_file(keys, file, change, problem):
    sign(*options(keys, "rsa2048"), "--sigfile", file)
    path = file.parent / "Image.sig"
    path.write_bytes(change(path.read_bytes()))
    assert run("verify", f"--cert={keys}/rsa2048.pem", file) == invalid(
        file, "signature file", problem.format(file))


@pytest.mark.parametrize("change, problem", [
    (lambda data: data[:-TRAILER - 1] + data[-TRAILER:], "the CMS structure is damaged"),
    (lambda data: data[:-TRAILER] + b"\1" + data[-TRAILER + 1:],
     "the signature fields do not describe a CMS signature"),
    (lambda data: data[-TRAILER - 100:], "truncated: the signature has {} bytes, the file has 100 "
                                         "before the signature fields"),
    (lambda data: MARKER, "truncated: the signature fields have 12 bytes, only 0 precede the marker"),
])
def test_damaged_appended_signature(keys, file, change, problem):
    sign(*options(keys, "rsa2048"), "--append", file)
    data = file.read_bytes()
    file.write_bytes(change(data))
    problem = problem.format(len(content_and_cms(data)[1]))
    assert run("verify", f"--cert={keys}/rsa2048.pem", file) == invalid(
        file, "appended signature", problem)


@pytest.mark.parametrize("cut", [1, len(MARKER), TRAILER])
def test_an_appended_signature_cut_at_its_end_is_not_found(keys, file, cut):
    sign(*options(keys, "rsa2048"), "--append", file)
    file.write_bytes(file.read_bytes()[:-cut])
    assert run("verify", f"--cert={keys}/rsa2048.pem", file) == (1, f"{file}: no signature\n", "")
    assert run("verify", f"--cert={keys}/rsa2048.pem", "--appended", file) == (
        1, f"{file}: no appended signature\n", "")


def test_one_invalid_signature_of_two(keys, file):
    """The appended signature changes the file, so the signature file becomes invalid."""
    sign(*options(keys, "rsa2048"), "--sigfile", file)
    sign(*options(keys, "rsa2048"), "--append", file)
    signer_id = key_id(keys / "rsa2048.pem")
    status, output, error = run("verify", f"--cert={keys}/rsa2048.pem", file)
    assert (status, error) == (1, "")
    assert output == (
        invalid(file, "signature file", "the file was changed after it was signed",
                f"Signer    O = crashres, CN = rsa2048 (id:{signer_id})", "Signed    rsa, sha256",
                "Digest    differs", f"Key       id:{signer_id}")[1] +
        valid(keys, file, "appended signature", "rsa2048", key=issuer("rsa2048")))
    assert run("verify", f"--cert={keys}/rsa2048.pem", "--appended", file)[0] == 0


def test_verify_errors(keys, tmp_path):
    assert run("verify", f"--cert={keys}/p256.pem", tmp_path / "none") == (
        4, "", f"crashres: Cannot open `{tmp_path}/none': No such file or directory\n")
    assert run("verify", f"--cert={keys}/none", tmp_path / "none") == (
        4, "", f"crashres: certificate: {keys}/none: cannot open: No such file or directory\n")


def test_control_characters_of_a_subject_are_escaped(keys, file, tmp_path):
    openssl("req", "-x509", "-key", keys / "p256.key", "-out", tmp_path / "cert", "-utf8", "-subj",
            "/CN=\x1b[31mr\u00f6t")
    sign(f"--key={keys}/p256.key", f"--cert={tmp_path}/cert", "--sigfile", file)
    output = run("verify", f"--cert={tmp_path}/cert", file)[1]
    assert f"  Signer    CN = \\1B[31mr\u00f6t (id:{key_id(keys / 'p256.pem')})\n" in output


def test_json(keys, file):
    sign(*options(keys, "rsa2048"), "--sigfile", file)
    sign(*options(keys, "p256"), "--append", file)
    status, output, error = run("verify", f"--cert={keys}/p256.pem", "--json", file)
    beside = "id:" + key_id(keys / "rsa2048.pem")
    assert (status, error) == (1, "")
    assert json.loads(output) == {
        "file": str(file), "valid": False, "signatures": [
            {"signature": "sigfile", "valid": False,
             "problem": f"no given certificate has the key {beside}", "warning": None,
             "key_unknown": True, "signer": None, "chain": [], "time": None, "time_source": None,
             "key_type": None, "hash": "sha256", "digest": "unknown", "key": beside},
            {"signature": "appended", "valid": True, "problem": None, "warning": None,
             "key_unknown": False, "chain": ["O = crashres, CN = p256"], "time": None,
             "time_source": None, "signer": {"subject": "O = crashres, CN = p256",
                        "key_id": key_id(keys / "p256.pem")},
             "key_type": "ecdsa", "hash": "sha256", "digest": "matches",
             "key": issuer("p256")}]}


def test_json_of_no_signature(keys, file):
    status, output, error = run("verify", f"--cert={keys}/p256.pem", "--json", file)
    assert (status, error) == (1, "")
    assert json.loads(output) == {"file": str(file), "valid": False, "signatures": []}


# ---------------------------------------------------------------- security.ima

@pytest.fixture
def attributes(file):
    """Returns the file if security.ima can be set here; otherwise the test is skipped."""
    try:
        os.setxattr(file, "security.ima", b"\3")
    except OSError as error:
        pytest.skip(f"security.ima cannot be set here: {error.strerror}")
    return file


@pytest.mark.parametrize("name", TYPES)
def test_attribute(keys, attributes, name):
    sign(*options(keys, name), attributes)
    data = os.getxattr(attributes, "security.ima")
    assert data[:3] == bytes((3, 2, 4)) and len(data) == 9 + int.from_bytes(data[7:9], "big")
    assert run("verify", f"--cert={keys}/{name}.pem", "--xattr", attributes) == (
        0, valid(keys, attributes, "security.ima", name), "")


def test_a_digest_in_the_attribute_is_no_signature(keys, attributes):
    """The kernel stores digests in security.ima for rules without imasig."""
    for digest in (b"\4\4" + bytes(32), b"\1" + bytes(20)):
        os.setxattr(attributes, "security.ima", digest)
        assert run("verify", f"--cert={keys}/p256.pem", attributes) == (
            1, f"{attributes}: no signature\n", "")
        assert run("verify", f"--cert={keys}/p256.pem", "--xattr", attributes) == (
            1, f"{attributes}: no signature in security.ima\n", "")
    os.setxattr(attributes, "security.ima", b"")
    assert run("verify", f"--cert={keys}/p256.pem", attributes) == invalid(
        attributes, "security.ima", "truncated: the header ends at byte 9, the data at byte 0")


@needs_evmctl
def test_evmctl_accepts_the_attribute(keys, attributes):
    sign(*options(keys, "rsa2048"), attributes)
    done = subprocess.run(["evmctl", "ima_verify", "--key", keys / "rsa2048.der", attributes],
                          capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0
    assert f"{attributes}: verification is OK" in done.stdout + done.stderr


def test_appending_drops_the_attribute_and_keeps_others(keys, attributes):
    os.setxattr(attributes, "user.note", b"kept")
    sign(*options(keys, "p256"), attributes)
    sign(*options(keys, "p256"), "--append", attributes)
    assert "security.ima" not in os.listxattr(attributes)
    assert os.getxattr(attributes, "user.note") == b"kept"
    assert run("verify", f"--cert={keys}/p256.pem", attributes)[0] == 0


def test_attribute_without_the_capability(keys, attributes):
    os.removexattr(attributes, "security.ima")
    done = subprocess.run(["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", COMMAND,
                           "sign", *options(keys, "p256"), attributes], capture_output=True,
                          text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (
        4, "", f"crashres: sign {attributes}: cannot set security.ima (this needs CAP_SYS_ADMIN): "
               "Operation not permitted\n")


@pytest.mark.usefixtures("attributes")
def test_file_system_without_attributes(keys):
    assert run("sign", *options(keys, "p256"), "/proc/version") == (
        4, "", "crashres: sign /proc/version: the file system does not support security.ima\n")


# ---------------------------------------------------------------- the manual

def test_manual_has_all_options_and_json_keys(keys, file):
    with open(os.path.join(SOURCE, "man/crashres.1"), encoding="utf-8") as page:
        sections = page.read().replace("\\", "").split("\n.SH ")
    manual = {part.split("\n")[0]: part for part in sections}
    for command in ("sign", "verify"):
        named = re.findall(r"^ .{4}--([a-z-]+)", run(command, "--help")[1], re.M)
        named = [name for name in named if name != "help"]
        assert named
        for name in named:
            assert f"--{name}" in manual[command.upper()], name
    sign(*options(keys, "p256"), "--sigfile", file)
    object = json.loads(run("verify", f"--cert={keys}/p256.pem", "--json", file)[1])
    for key in [*object, *object["signatures"][0], *object["signatures"][0]["signer"]]:
        assert re.search(rf"\b{key}\b", manual["VERIFY"]), key
