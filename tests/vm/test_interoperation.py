# SPDX-License-Identifier: GPL-2.0-or-later
"""crashres sign and verify on this machine, beside programs that are not part of Debian 12.

pkcs11-provider with SoftHSM2: tests/vm/fetch unpacks the provider of Debian 13 with its libraries.
crashres of this build runs with them through the dynamic loader of Debian 13. The kernel's sign-file
was built with the kernel "secure". evmctl and openssl cms are in tests/unit/test_sign.py.
"""

import os
import pathlib
import shutil
import subprocess

import pytest

from conftest import fetch
from keyfiles import P_256, RSA_2048, make_key

HOST_COMMAND = os.environ.get("CRASHRES_HOST_COMMAND")
MARKER = b"~Module signature appended~\n"
TRAILER = 12 + len(MARKER)
PIN = "1234"

pytestmark = pytest.mark.skipif(not HOST_COMMAND, reason="CRASHRES_HOST_COMMAND does not name a "
                                "crashres for this machine")

KEYS = {
    "rsa": RSA_2048,
    "ec": P_256,
    "other": RSA_2048,
}


def run(*command, **options):
    """Returns the output of a command that must succeed."""
    done = subprocess.run(command, text=True, capture_output=True, timeout=120, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """A folder with NAME.key, NAME.pem and NAME.der for each of KEYS."""
    folder = tmp_path_factory.mktemp("keys")
    for name, options in KEYS.items():
        make_key(folder, name, *options)
        run("openssl", "x509", "-in", f"{name}.pem", "-outform", "DER", "-out", f"{name}.der", cwd=folder)
    return folder


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "Image"
    path.write_bytes(bytes(range(256)) * 40)
    return path


def verify(keys, name, file, place="--appended"):
    """Asserts that crashres finds a valid signature at the place. Returns the line "Signed"."""
    lines = run(HOST_COMMAND, "verify", f"--cert={keys}/{name}.pem", place, file).splitlines()
    assert [line for line in lines if not line.startswith(" ")] == [lines[0]]
    assert lines[0].endswith(": valid")
    return next(line for line in lines if line.startswith("  Signed"))


# ---------------------------------------------------------------- pkcs11-provider

# The module of SoftHSM2 on Debian and on Fedora.
MODULES = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so"]


class Token:
    """A token of SoftHSM2 with the PIN 1234, and a crashres that reaches it."""

    def __init__(self, folder, module, root):
        self.folder, self.module = folder, module
        [provider] = root.rglob("ossl-modules/pkcs11.so")
        loader = sorted(root.glob("usr/lib/**/ld-linux-*"))[0]
        self.command = [loader, "--library-path", provider.parents[1], HOST_COMMAND]
        (folder / "tokens").mkdir()
        (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\n"
                                              "objectstore.backend = file\n")
        # no-deinit: SoftHSM2 crashes if it is finalized after OpenSSL has cleaned up.
        (folder / "openssl.cnf").write_text(f"""
openssl_conf = all
[all]
providers = providers
[providers]
default = default_section
pkcs11 = pkcs11_section
[default_section]
activate = 1
[pkcs11_section]
module = {provider}
pkcs11-module-path = {module}
pkcs11-module-quirks = no-deinit
activate = 1
""")
        (folder / "pin").write_text(PIN + "\n")
        (folder / "pin").chmod(0o600)
        self.environment = {**os.environ, "SOFTHSM2_CONF": f"{folder}/softhsm2.conf", "LC_ALL": "C"}
        run("softhsm2-util", "--init-token", "--free", "--label", "kdump", "--so-pin", "0000", "--pin",
            PIN, env=self.environment)

    def add(self, keys, name, number):
        """Imports the private key, the public key and the certificate."""
        run("softhsm2-util", "--import", keys / f"{name}.key", "--token", "kdump", "--label", name,
            "--id", number, "--pin", PIN, env=self.environment)
        self.tool("--write-object", keys / f"{name}.der", "--type", "cert", "--label", name, "--id", number)

    def keep_only_private_key(self, name):
        for kind in "pubkey", "cert":
            self.tool("--delete-object", "--type", kind, "--label", name)
        assert self.tool("--list-objects").count(f"label:      {name}") == 1

    def tool(self, *arguments):
        return run("pkcs11-tool", "--module", self.module, "--token-label", "kdump", "--login", "--pin",
                   PIN, *arguments, env=self.environment)

    def crashres(self, *arguments):
        """Runs crashres with the provider. Returns exit status, output and errors."""
        done = subprocess.run([*self.command, *arguments], text=True, capture_output=True, timeout=120,
                              check=False, stdin=subprocess.DEVNULL,
                              env={**self.environment, "OPENSSL_CONF": f"{self.folder}/openssl.cnf"})
        return done.returncode, done.stdout, done.stderr

    def sign(self, name, *arguments):
        return self.crashres("sign", f"--key={uri(name)}", f"--passphrase-file={self.folder}/pin",
                             *arguments)


def uri(name, kind="private"):
    return f"pkcs11:token=kdump;object={name};type={kind}"


@pytest.fixture(scope="module")
def token_root():
    """The folder with pkcs11-provider. It is tried once: without network, each try takes a while."""
    return fetch("token")


@pytest.fixture
def token(keys, tmp_path, token_root):
    module = next((path for path in MODULES if os.path.exists(path)), None)
    if not module or not shutil.which("softhsm2-util") or not shutil.which("pkcs11-tool"):
        pytest.skip("softhsm2 or opensc is not installed")
    token = Token(tmp_path, module, token_root)
    token.add(keys, "rsa", "01")
    token.add(keys, "ec", "02")
    return token


SIGNED = {"rsa": "  Signed    rsa, sha256", "ec": "  Signed    ecdsa, sha256"}


@pytest.mark.parametrize("option, place", [("--append", "--appended"), ("--sigfile", "--sigfile")])
@pytest.mark.parametrize("name", ["rsa", "ec"])
def test_softhsm_signs(keys, file, token, name, option, place):
    assert token.sign(name, f"--cert={keys}/{name}.pem", option, file) == (0, "", "")
    assert verify(keys, name, file, place) == SIGNED[name]
    # A changed file must be refused, otherwise the result above proves nothing.
    file.write_bytes(b"x" + file.read_bytes()[1:])
    assert subprocess.run([HOST_COMMAND, "verify", f"--cert={keys}/{name}.pem", place, file], check=False,
                          capture_output=True, timeout=60).returncode == 1


@pytest.mark.parametrize("name", ["rsa", "ec"])
def test_key_and_certificate_from_softhsm(keys, file, token, name):
    certificate = f"--cert={uri(name, 'cert')}"
    assert token.sign(name, certificate, "--append", file) == (0, "", "")
    assert verify(keys, name, file) == SIGNED[name]
    status, output, error = token.crashres("verify", certificate, file)
    assert (status, error) == (0, "")
    assert output.startswith(f"{file}: appended signature: valid\n  Signer    CN = {name} (id:")


@pytest.mark.parametrize("name", ["rsa", "ec"])
def test_softhsm_without_public_key(keys, file, token, name):
    """Many tokens hold only private keys. The certificate comes from a file."""
    token.keep_only_private_key(name)
    assert token.sign(name, f"--cert={keys}/{name}.pem", "--append", file) == (0, "", "")
    assert verify(keys, name, file) == SIGNED[name]
    data = file.read_bytes()
    status, output, error = token.sign(name, f"--cert={keys}/other.pem", "--append", file)
    assert (status, output) == (4, "")
    assert error == f'crashres: sign: key {uri(name)} is not the key of the certificate "CN = other"\n'
    assert file.read_bytes() == data


def test_a_wrong_pin_is_not_shown(keys, file, token):
    status, output, error = token.crashres(
        "sign", f"--key={uri('rsa')}?pin-value=98765", f"--cert={keys}/rsa.pem", "--append", file)
    assert (status, output) == (4, "")
    assert error.startswith(f"crashres: key: {uri('rsa')}?pin-value=***: ")
    assert "98765" not in error
    assert token.crashres("sign", f"--key={uri('rsa')}?pin-value={PIN}", f"--cert={keys}/rsa.pem",
                          "--append", file) == (0, "", "")
    assert verify(keys, "rsa", file) == SIGNED["rsa"]


# ---------------------------------------------------------------- sign-file

@pytest.fixture
def sign_file():
    """The kernel's scripts/sign-file, which signs modules. The kernel's build signs with it."""
    path = fetch("kernel", "secure").parent / "sign-file"
    if not path.exists():
        pytest.skip(f"no {path}")
    return path


def content_and_cms(path):
    data = pathlib.Path(path).read_bytes()
    assert data.endswith(MARKER)
    size = int.from_bytes(data[-TRAILER:-len(MARKER)][8:], "big")
    return data[:-TRAILER - size], data[-TRAILER - size:-TRAILER]


def print_cms(folder, cms):
    """Returns the structure of a CMS signature as openssl prints it, without the signature itself."""
    (folder / "cms").write_bytes(cms)
    lines = run("openssl", "asn1parse", "-inform", "DER", "-in", folder / "cms").splitlines()
    return [line.split(":", 1)[1] for line in lines[:-1]]


@pytest.mark.parametrize("hash_name", ["sha256", "sha512"])
@pytest.mark.parametrize("name", ["rsa", "ec"])
def test_sign_file_makes_the_same_signature(keys, file, tmp_path, sign_file, name, hash_name):
    before = file.read_bytes()
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    run(sign_file, hash_name, keys / f"{name}.key", keys / f"{name}.pem", file, theirs)
    assert verify(keys, name, theirs) == SIGNED[name].replace("sha256", hash_name)
    run(HOST_COMMAND, "sign", f"--key={keys}/{name}.key", f"--cert={keys}/{name}.pem", "--append",
        f"--hash={hash_name}", "-o", ours, file)
    assert content_and_cms(theirs)[0] == content_and_cms(ours)[0] == before
    if name == "rsa":
        # RSA signatures are deterministic, so all bytes are the same.
        assert theirs.read_bytes() == ours.read_bytes()
    else:
        # An ECDSA signature has a random part, and its size can differ by some bytes.
        shapes = [[line.split(" l=", 1)[0] + line.rsplit(":", 1)[-1] for line in
                   print_cms(tmp_path, content_and_cms(path)[1])] for path in (theirs, ours)]
        assert shapes[0] == shapes[1]
    run(HOST_COMMAND, "sign", "--remove", "--append", theirs)
    assert theirs.read_bytes() == before
