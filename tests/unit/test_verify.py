# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs crashres verify on signatures that the kernel accepts and refuses.

The rules are those of Linux 6.12 (crypto/asymmetric_keys, security/integrity). openssl, sbsign,
osslsigncode and pesign make the signatures. make check sets CRASHRES_COMMAND.
"""

import json
import os
import shutil
import struct
import subprocess

import pytest

from keyfiles import P_256, RSA_2048, make_key, openssl
from kernelfiles import image
from pesigners import osslsigncode, parameters, pesign, sbsign

COMMAND = os.environ["CRASHRES_COMMAND"]
MARKER = b"~Module signature appended~\n"
RSA = bytes.fromhex("2a864886f70d010101")		# rsaEncryption
DAMAGED = "the signature is damaged, or was made with another key"
CHANGED = "the file was changed after it was signed"

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")


def needs(*programs):
    """Skips the test if a program is missing."""
    missing = [program for program in programs if not shutil.which(program)]
    return pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)}: not installed")


def run(*arguments, **options):
    done = subprocess.run([COMMAND, *arguments], capture_output=True, text=True, check=False,
                          timeout=30, stdin=subprocess.DEVNULL, **options)
    return done.returncode, done.stdout, done.stderr


def verify(certificate, file, *options):
    """Returns the exit status and the results, each as (place, valid, problem)."""
    status, output, error = run("verify", f"--cert={certificate}", "--json", *options, file)
    assert error == ""
    return status, [(one["signature"], one["valid"], one["problem"])
                    for one in json.loads(output)["signatures"]]


def refuses(certificate, file, problem, place="appended"):
    assert verify(certificate, file) == (1, [(place, False, problem)])


def accepts(certificate, file, place="appended"):
    assert verify(certificate, file) == (0, [(place, True, None)])


def make_leaf(folder, name, *algorithm, extensions="subjectKeyIdentifier=hash\n"
              "authorityKeyIdentifier=keyid\n"):
    """Makes NAME.key and NAME.pem, which the key "ca" signs."""
    (folder / "extensions").write_text(extensions)
    openssl("req", *algorithm, "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj",
            f"/CN={name}", cwd=folder)
    openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-CAcreateserial", "-out", f"{name}.pem", "-extfile", "extensions", cwd=folder)


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    make_key(folder, "rsa", *RSA_2048)
    make_key(folder, "other", *RSA_2048)
    make_key(folder, "ec", *P_256)
    make_key(folder, "ca", *RSA_2048)
    make_leaf(folder, "leaf", *RSA_2048)
    make_leaf(folder, "ecleaf", *P_256)
    return folder


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "Image"
    path.write_bytes(bytes(range(256)) * 40)
    return path


def append(file, cms):
    data = file.read_bytes()
    file.write_bytes(data + cms + bytes((0, 0, 2, 0, 0, 0, 0, 0)) + struct.pack(">I", len(cms)) +
                     MARKER)


def cms_of(keys, name, file, *flags, nocerts=True):
    return openssl("cms", "-sign", "-binary", *(["-nocerts"] if nocerts else []), "-outform", "DER",
                   "-md", "sha256", "-signer", keys / f"{name}.pem", "-inkey", keys / f"{name}.key",
                   *flags, input=file.read_bytes())


# ------------------------------------------------------------ appended signatures

@pytest.mark.parametrize("flags, problem", [
    (["-nosmimecap"], "the CMS structure has signed attributes, which the kernel refuses in an "
                      "appended signature"),
    ([], "a signed attribute is for Authenticode only"),
    (["-noattr", "-econtent_type", "1.2.3.4"],
     "the content type of the CMS structure is neither data nor Authenticode"),
    (["-noattr", "-econtent_type", "1.3.6.1.4.1.311.2.1.4"],
     "an Authenticode signature needs signed attributes"),
    (["-nosmimecap", "-econtent_type", "1.3.6.1.4.1.311.2.1.4"],
     "the content type of the CMS structure is Authenticode, the kernel accepts only data in an "
     "appended signature"),
    (["-noattr", "-keyopt", "rsa_padding_mode:pss"],
     "the signature is RSASSA-PSS, which the kernel cannot verify"),
    (["-noattr", "-md", "sha1"], "the hash is neither sha256, sha384 nor sha512"),
    (["-noattr", "-nodetach"], "the CMS structure contains the signed content"),
    (["-noattr", "-nodetach", "-stream"],
     "the CMS structure has indefinite lengths (BER), it is not DER"),
])
def test_forms_of_cms_that_the_kernel_refuses(keys, file, flags, problem):
    cms = cms_of(keys, "rsa", file, *flags)
    if "-econtent_type" in flags:
        cms = cms.replace(b"\2\1\3", b"\2\1\1", 1)    # openssl writes SignedData version 3
    append(file, cms)
    refuses(keys / "rsa.pem", file, problem)


def test_a_hash_in_the_signature_algorithm(keys, file):
    """The kernel takes the hash from digestAlgorithm and accepts rsaEncryption only."""
    cms = cms_of(keys, "rsa", file, "-noattr")
    before, after = cms.rsplit(RSA, 1)
    append(file, before + RSA[:-1] + b"\x0b" + after)
    refuses(keys / "rsa.pem", file, "the signature algorithm is a combination of RSA and a hash, "
            "the kernel accepts only rsaEncryption")


@pytest.mark.parametrize("version, problem", [
    (3, "the SignerInfo has version 3, the SignedData version 1: the kernel accepts only equal "
        "versions"),
    (0, "the SignerInfo has version 0, the SignedData version 1: the kernel accepts only equal "
        "versions"),
])
def test_version_of_a_signer_info(keys, file, version, problem):
    cms = cms_of(keys, "rsa", file, "-noattr")
    at = cms.rindex(b"\x02\x01\x01\x30")
    append(file, cms[:at + 2] + bytes((version,)) + cms[at + 3:])
    refuses(keys / "rsa.pem", file, problem)


def test_bytes_after_the_cms_are_ignored(keys, file):
    append(file, cms_of(keys, "rsa", file, "-noattr") + b"\0\0\0")
    accepts(keys / "rsa.pem", file)


def test_a_signature_without_content(keys, file):
    cms = cms_of(keys, "rsa", file, "-noattr")
    file.write_bytes(b"")
    append(file, cms)
    refuses(keys / "rsa.pem", file, "the file has no content before the signature")


def test_a_cms_of_more_than_64_kib(keys, file):
    append(file, cms_of(keys, "rsa", file, "-noattr") + bytes(65536))
    status, results = verify(keys / "rsa.pem", file)
    assert status == 1 and results[0][2].startswith("the CMS structure has ")
    assert results[0][2].endswith(" bytes, the kernel accepts at most 65535")


def test_names_are_compared_byte_by_byte(keys, file, tmp_path):
    """OpenSSL ignores the case of letters in a name; the kernel does not."""
    append(file, cms_of(keys, "rsa", file, "-noattr"))
    serial = openssl("x509", "-in", keys / "rsa.pem", "-noout", "-serial", text=True).split("=")[1]
    openssl("req", "-x509", "-key", keys / "rsa.key", "-out", tmp_path / "upper.pem", "-subj",
            "/CN=RSA", "-set_serial", "0x" + serial.strip())
    refuses(tmp_path / "upper.pem", file, "no given certificate matches the signer, issuer CN = "
            f"rsa, serial {serial.strip()}")


@pytest.mark.parametrize("name", ["leaf", "ecleaf"])
def test_certificates_in_the_cms_lead_to_their_issuer(keys, file, name):
    append(file, cms_of(keys, name, file, "-noattr", nocerts=False))
    accepts(keys / "ca.pem", file)
    accepts(keys / f"{name}.pem", file)
    refuses(keys / "other.pem", file,
            f"no given certificate is in the chain of the signer, CN = {name}")


def test_an_untrusted_root_in_the_cms(keys, file):
    append(file, cms_of(keys, "rsa", file, "-noattr", nocerts=False))
    refuses(keys / "other.pem", file,
            "no given certificate is in the chain of the signer, CN = rsa")


def test_an_issuer_of_the_same_name_and_key_id(keys, file, tmp_path):
    key_id = openssl("x509", "-in", keys / "ca.pem", "-noout", "-ext", "subjectKeyIdentifier",
                     text=True).split("\n")[1].strip()
    make_key(tmp_path, "false", *RSA_2048, subject="/CN=ca",
             options=["-addext", f"subjectKeyIdentifier={key_id.replace(':', '')}"])
    append(file, cms_of(keys, "leaf", file, "-noattr", nocerts=False))
    refuses(tmp_path / "false.pem", file,
            "a certificate in the signature was not made by the given certificate")


def make_dated(folder, name, start, end):
    """Makes NAME.key and NAME.pem, valid from start to end (YYYYMMDDHHMMSSZ)."""
    (folder / "index").write_text("")
    (folder / "config").write_text(f"""
[ca]
default_ca = own
[own]
database = {folder}/index
new_certs_dir = {folder}
rand_serial = yes
policy = any
default_md = sha256
[any]
commonName = supplied
""")
    openssl("req", *RSA_2048, "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj",
            f"/CN={name}", cwd=folder)
    openssl("ca", "-batch", "-selfsign", "-config", "config", "-in", f"{name}.csr", "-keyfile",
            f"{name}.key", "-out", f"{name}.pem", "-notext", "-startdate", start, "-enddate", end,
            cwd=folder)


def test_an_expired_certificate_signs(keys, file, tmp_path):
    """The kernel reads no clock."""
    make_dated(tmp_path, "old", "20200101000000Z", "20200201000000Z")
    append(file, cms_of(tmp_path, "old", file, "-noattr"))
    accepts(tmp_path / "old.pem", file)


@needs("sbsign")
def test_a_signing_time_outside_the_dates_of_the_certificate(unsigned, tmp_path):
    make_dated(tmp_path, "old", "20200101000000Z", "20200201000000Z")
    signed_by(sbsign, tmp_path, "old", unsigned, tmp_path / "signed")
    refuses(tmp_path / "old.pem", tmp_path / "signed",
            "the signing time is outside the dates of the signer's certificate", "pe")


# ------------------------------------------------------------ names in the output

def verify_named(folder, file, subject, *options):
    """Returns the output of crashres verify, as bytes, for a signer with any subject."""
    make_key(folder, "named", *P_256, "-utf8", subject=subject.encode())
    append(file, cms_of(folder, "named", file, "-noattr"))
    done = subprocess.run([COMMAND, "verify", f"--cert={folder}/named.pem", *options, file],
                          capture_output=True, check=False, timeout=30)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


def test_a_name_gives_no_commands_to_the_terminal(file, tmp_path):
    output = verify_named(tmp_path, file, "/CN=a\u009b31mRED\u202e\u2066\u00e4").decode()
    name = "CN = a\\C2\\9B31mRED\\E2\\80\\AE\\E2\\81\\A6\u00e4"
    assert f"  Signer    {name} (id:" in output
    assert f"  Key       issuer {name}, serial " in output


@pytest.mark.parametrize("first", ["a", "ab"])
def test_a_long_name_is_cut_between_characters(file, tmp_path, first):
    subject = f"/OU={first}" + ("/OU=" + "\u00e4" * 60) * 6
    name = f"OU = {first}" + (", OU = " + "\u00e4" * 60) * 6
    [signature] = json.loads(verify_named(tmp_path, file, subject, "--json").decode())["signatures"]
    issuer, _, serial = signature["key"].rpartition(", serial ")
    assert len(signature["chain"][0].encode()) in (510, 511)
    assert name.startswith(signature["chain"][0])
    assert len(issuer.encode()) in (261, 262) and serial
    assert f"issuer {name}".startswith(issuer)
    make_key(tmp_path, "other", *P_256)
    problem = verify(tmp_path / "other.pem", file)[1][0][2]
    assert problem.startswith("no given certificate matches the signer, issuer OU = a")


# ------------------------------------------------------------ keys and certificates

@pytest.mark.parametrize("bits", [768, 2560, 4608])
def test_rsa_sizes_that_the_kernel_refuses(file, tmp_path, bits):
    make_key(tmp_path, "key", "-newkey", f"rsa:{bits}")
    problem = (f"the RSA key has {bits} bits, the kernel accepts 512, 1024, 1536, 2048, 3072 and "
               "4096\n")
    assert run("sign", f"--key={tmp_path}/key.key", "--sigfile", file) == (
        4, "", f"crashres: key: {tmp_path}/key.key: {problem}")
    assert run("verify", f"--cert={tmp_path}/key.pem", file) == (
        4, "", f"crashres: certificate {tmp_path}/key.pem: {problem}")


@pytest.mark.parametrize("bits", [1024, 1536])
def test_short_rsa_keys_give_a_warning(file, tmp_path, bits):
    make_key(tmp_path, "key", "-newkey", f"rsa:{bits}")
    append(file, cms_of(tmp_path, "key", file, "-noattr"))
    warning = f"RSA key of {bits} bits: a kernel in FIPS mode refuses it"
    assert run("sign", f"--key={tmp_path}/key.key", "--sigfile", file) == (
        0, "", f"crashres: warning: {warning}\n")
    os.unlink(f"{file}.sig")
    status, output, _ = run("verify", f"--cert={tmp_path}/key.pem", file)
    assert (status, output.split("\n")[:2]) == (0, [
        f"{file}: appended signature: valid",
        f"  Warning   {warning}"])


def test_a_small_exponent_gives_a_warning(file, tmp_path):
    openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-pkeyopt",
            "rsa_keygen_pubexp:3", "-out", tmp_path / "key.key")
    openssl("req", "-x509", "-key", tmp_path / "key.key", "-out", tmp_path / "key.pem", "-subj",
            "/CN=key")
    append(file, cms_of(tmp_path, "key", file, "-noattr"))
    assert json.loads(run("verify", f"--cert={tmp_path}/key.pem", "--json", file)[1])[
        "signatures"][0]["warning"] == (
            "RSA key with a small exponent: a kernel in FIPS mode refuses it")


@pytest.mark.parametrize("algorithm, options, problem", [
    (RSA_2048, ["-sigopt", "rsa_padding_mode:pss"],
     "the certificate is signed with neither RSA (PKCS #1 v1.5) nor ECDSA, with sha1, sha256, "
     "sha384 or sha512"),
    (RSA_2048, ["-md5"],
     "the certificate is signed with neither RSA (PKCS #1 v1.5) nor ECDSA, with sha1, sha256, "
     "sha384 or sha512"),
    (RSA_2048, ["-addext", "basicConstraints=pathlen:1"],
     "the kernel cannot read the certificate: basicConstraints"),
    (P_256 + ("-pkeyopt", "ec_param_enc:explicit"), [],
     "the kernel cannot read the certificate: the EC key has parameters instead of a named curve"),
])
def test_certificates_that_the_kernel_cannot_load(file, tmp_path, algorithm, options, problem):
    make_key(tmp_path, "key", *algorithm, options=options)
    assert run("verify", f"--cert={tmp_path}/key.pem", file) == (
        4, "", f"crashres: certificate {tmp_path}/key.pem: {problem}\n")


def test_a_compressed_point(keys, file, tmp_path):
    openssl("pkey", "-in", keys / "ec.key", "-ec_conv_form", "compressed", "-out", tmp_path / "key")
    openssl("req", "-x509", "-key", tmp_path / "key", "-out", tmp_path / "key.pem", "-subj", "/CN=c")
    assert run("verify", f"--cert={tmp_path}/key.pem", file) == (
        4, "", f"crashres: certificate {tmp_path}/key.pem: the kernel cannot read the certificate: "
               "the point of the EC key is compressed\n")


def test_a_self_signature_that_is_wrong(keys, file, tmp_path):
    der = bytearray(openssl("x509", "-in", keys / "rsa.pem", "-outform", "DER"))
    der[-1] ^= 1
    (tmp_path / "der").write_bytes(der)
    assert run("verify", f"--cert={tmp_path}/der", file) == (
        4, "", f"crashres: certificate {tmp_path}/der: the self-signed certificate has a wrong "
               "signature\n")


# ------------------------------------------------------------ signature file

def test_a_certificate_without_key_identifier(keys, file, tmp_path):
    """The kernel finds the key of a signature in security.ima by the SubjectKeyIdentifier."""
    openssl("req", "-x509", "-key", keys / "rsa.key", "-out", tmp_path / "none.pem", "-subj",
            "/CN=none", "-addext", "subjectKeyIdentifier=none")
    problem = "has no subjectKeyIdentifier, so the kernel cannot find its key"
    assert run("sign", f"--key={keys}/rsa.key", f"--cert={tmp_path}/none.pem", "--sigfile",
               file) == (4, "", f'crashres: sign: the certificate "CN = none" {problem}\n')
    assert run("sign", f"--key={keys}/rsa.key", "--sigfile", file) == (0, "", "")
    assert verify(tmp_path / "none.pem", file, "--sigfile") == (1, [
        ("sigfile", False, f"the certificate {problem}")])


def test_a_signature_file_alone_does_not_count(keys, file):
    assert run("sign", f"--key={keys}/rsa.key", f"--cert={keys}/rsa.pem", "--sigfile", file) == (
        0, "", "")
    assert verify(keys / "rsa.pem", file) == (1, [("sigfile", True, None)])
    assert verify(keys / "rsa.pem", file, "--sigfile") == (0, [("sigfile", True, None)])
    status, output, _ = run("verify", f"--cert={keys}/rsa.pem", file)
    assert (status, output.split("\n")[:2]) == (1, [
        f"{file}: signature file: valid",
        "  Warning   the kernel reads this signature only after it is set as security.ima"])
    append(file, cms_of(keys, "rsa", file, "-noattr"))
    assert run("sign", f"--key={keys}/rsa.key", f"--cert={keys}/rsa.pem", "--sigfile", file) == (
        0, "", "")
    assert verify(keys / "rsa.pem", file)[0] == 0


def test_a_fifo_as_signature_file(keys, file):
    os.mkfifo(f"{file}.sig")
    refuses(keys / "rsa.pem", file, "the signature file is not a regular file", "sigfile")


# ------------------------------------------------------------ security.ima before appended

@pytest.fixture
def attributes(file):
    """Returns the file if security.ima can be set here; otherwise the test is skipped."""
    try:
        os.setxattr(file, "security.ima", b"\3")
    except OSError as error:
        pytest.skip(f"security.ima cannot be set here: {error.strerror}")
    return file


@pytest.mark.parametrize("value, problem", [
    (b"\4\4" + bytes(32), None),
    (b"\1" + bytes(20), "security.ima has the type 0x01, so the kernel does not try the appended "
                        "signature"),
    (b"", "security.ima is empty, so the kernel does not try the appended signature"),
])
def test_digests_in_the_attribute(keys, attributes, value, problem):
    append(attributes, cms_of(keys, "rsa", attributes, "-noattr"))
    os.setxattr(attributes, "security.ima", value)
    assert verify(keys / "rsa.pem", attributes, "--appended") == (
        1 if problem else 0, [("appended", not problem, problem)])


@pytest.mark.parametrize("name, status, problem", [
    ("rsa", 1, "the signature in security.ima is not valid, so the kernel does not try the "
               "appended signature"),
    ("other", 0, None),
])
def test_a_wrong_signature_in_the_attribute(keys, attributes, name, status, problem):
    """The kernel goes on only if it does not know the key of the first signature."""
    assert run("sign", f"--key={keys}/{name}.key", f"--cert={keys}/{name}.pem", attributes) == (
        0, "", "")
    append(attributes, cms_of(keys, "rsa", attributes, "-noattr"))
    found, results = verify(keys / "rsa.pem", attributes)
    assert [place for place, *_ in results] == ["xattr", "appended"]
    assert (found, results[0][1], results[1]) == (status, False, ("appended", not problem, problem))


# ------------------------------------------------------------ PE signatures

@pytest.fixture(scope="module")
def unsigned(tmp_path_factory):
    """A PE file that the signers accept: a sealed Image."""
    folder = tmp_path_factory.mktemp("pe")
    (folder / "Image").write_bytes(image(image_size=1 << 20))
    (folder / "initrd").write_bytes(b"070701" * 1000)
    assert run("seal", f"--kernel={folder}/Image", f"--initrd={folder}/initrd", "-o",
               folder / "sealed")[0] == 0
    return folder / "sealed"


def signed_by(signer, keys, name, unsigned, path):
    """Signs a file with a function of pesigners and the key NAME. Returns the path."""
    signer(keys / f"{name}.key", keys / f"{name}.pem", unsigned, path)
    return path


@pytest.mark.parametrize("signer", parameters(sbsign, osslsigncode, pesign))
def test_pe_signatures_of_other_programs(keys, unsigned, tmp_path, signer):
    file = signed_by(signer, keys, "leaf", unsigned, tmp_path / "signed")
    accepts(keys / "leaf.pem", file, "pe")
    accepts(keys / "ca.pem", file, "pe")
    refuses(keys / "other.pem", file,
            "no given certificate is in the chain of the signer, CN = leaf", "pe")
    signature = json.loads(run("verify", f"--cert={keys}/ca.pem", "--json", file)[1])[
        "signatures"][0]
    assert signature["chain"] == ["CN = leaf", "CN = ca"]
    assert signature["signer"]["subject"] == "CN = ca"
    assert (signature["key_type"], signature["hash"], signature["digest"]) == (
        "rsa", "sha256", "matches")
    assert (signature["time_source"], signature["key_unknown"]) == ("signer", False)


@pytest.fixture
def signed(keys, unsigned, tmp_path):
    if not shutil.which("sbsign"):
        pytest.skip("sbsign is not installed")
    return signed_by(sbsign, keys, "rsa", unsigned, tmp_path / "signed")


def table_of(data):
    """Returns the offset of the directory entry, and offset and size of the table."""
    header = struct.unpack_from("<I", data, 60)[0]
    entry = header + 24 + 112 + 8 * 4
    return entry, *struct.unpack_from("<II", data, entry)


def test_text_of_a_pe_signature(keys, signed):
    status, output, error = run("verify", f"--cert={keys}/rsa.pem", signed)
    lines = output.split("\n")
    assert (status, error) == (0, "")
    assert lines[0] == f"{signed}: PE signature: valid"
    assert [line.split()[0] for line in lines[1:-1]] == ["Signer", "Signed", "Time", "Digest",
                                                         "Key"]
    assert run("verify", f"--cert={keys}/rsa.pem", "--pe", signed) == (status, output, error)
    assert run("verify", f"--cert={keys}/rsa.pem", "--appended", signed) == (
        1, f"{signed}: no appended signature\n", "")


@pytest.mark.parametrize("place", ["first", "kernel", "last before the table"])
def test_one_byte_of_a_pe_file_changed(keys, signed, place):
    data = bytearray(signed.read_bytes())
    start = table_of(data)[1]
    data[{"first": 70, "kernel": start // 2, "last before the table": start - 1}[place]] ^= 1
    signed.write_bytes(data)
    refuses(keys / "rsa.pem", signed, CHANGED, "pe")


def test_the_checksum_is_not_signed(keys, signed):
    data = bytearray(signed.read_bytes())
    data[struct.unpack_from("<I", data, 60)[0] + 24 + 64] ^= 1
    signed.write_bytes(data)
    accepts(keys / "rsa.pem", signed, "pe")


def test_bytes_after_the_table(keys, signed):
    signed.write_bytes(signed.read_bytes() + b"x")
    refuses(keys / "rsa.pem", signed, CHANGED, "pe")


def test_a_cut_pe_signature(keys, signed):
    data = signed.read_bytes()
    signed.write_bytes(data[:-1])
    refuses(keys / "rsa.pem", signed, f"truncated: the certificate table ends at byte {len(data)}, "
            f"the file at byte {len(data) - 1}", "pe")
    signed.write_bytes(data[:table_of(data)[1]])
    refuses(keys / "rsa.pem", signed, f"truncated: the certificate table ends at byte {len(data)}, "
            f"the file at byte {table_of(data)[1]}", "pe")


def test_a_pe_file_without_its_table(keys, signed):
    data = bytearray(signed.read_bytes())
    entry, start, _ = table_of(data)
    data[entry:entry + 8] = bytes(8)
    signed.write_bytes(data[:start])
    assert run("verify", f"--cert={keys}/rsa.pem", signed) == (1, f"{signed}: no signature\n", "")


@pytest.mark.parametrize("offset, value, problem", [
    (4, b"\0\1", "the first signature has revision 0x0100 and type 2, the kernel accepts revision "
                 "0x0200 and type 2 (CMS)"),
    (6, b"\1\0", "the first signature has revision 0x0200 and type 1, the kernel accepts revision "
                 "0x0200 and type 2 (CMS)"),
    (0, b"\x0b\0\0\0", "the first signature is empty"),
    (8, b"\x31", "the first signature is not DER of a CMS structure"),
])
def test_a_damaged_entry_of_the_table(keys, signed, offset, value, problem):
    data = bytearray(signed.read_bytes())
    at = table_of(data)[1] + offset
    data[at:at + len(value)] = value
    signed.write_bytes(data)
    refuses(keys / "rsa.pem", signed, problem, "pe")


def test_the_last_byte_of_the_signature(keys, signed):
    data = bytearray(signed.read_bytes())
    cms = data[table_of(data)[1] + 8:]
    size = 4 + int.from_bytes(cms[2:4], "big")
    data[table_of(data)[1] + 8 + size - 1] ^= 1
    signed.write_bytes(data)
    refuses(keys / "rsa.pem", signed, DAMAGED, "pe")


def test_the_first_signature_counts(keys, unsigned, tmp_path, signed):
    """sbsign adds its signature after the others."""
    signed_by(sbsign, keys, "other", signed, tmp_path / "twice")
    accepts(keys / "rsa.pem", tmp_path / "twice", "pe")
    refuses(keys / "other.pem", tmp_path / "twice",
            "no given certificate is in the chain of the signer, CN = rsa", "pe")


def test_an_appended_signature_breaks_the_pe_signature(keys, signed):
    append(signed, cms_of(keys, "rsa", signed, "-noattr"))
    assert verify(keys / "rsa.pem", signed) == (
        1, [("pe", False, CHANGED), ("appended", True, None)])
