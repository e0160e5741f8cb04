# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs crashres seal: exact output, exit status and bytes of the sealed Image.

make check sets CRASHRES_COMMAND and CRASHRES_KEXEC (the programs) and CRASHRES_DATA (the
machine snapshots).
"""

import gzip
import hashlib
import os
import re
import shutil
import stat
import struct
import subprocess

import pytest

from keyfiles import RSA_2048, make_key
from kernelfiles import image, pe, zboot
from pesigners import osslsigncode, parameters, pesign, sbsign, systemd_sbsign

COMMAND = os.environ["CRASHRES_COMMAND"]
KEXEC = os.environ["CRASHRES_KEXEC"]
DATA = os.environ["CRASHRES_DATA"]
SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
KIB, MIB = 1 << 10, 1 << 20
IMAGE = image(image_size=3 * MIB)


@pytest.fixture
def run(tmp_path):
    """Returns a function that runs crashres in a folder with Image, Image.gz and initrd."""
    (tmp_path / "Image").write_bytes(IMAGE)
    (tmp_path / "Image.gz").write_bytes(gzip.compress(IMAGE, mtime=0))
    (tmp_path / "initrd").write_bytes(b"initrd" * 1000)

    def run_command(*arguments):
        done = subprocess.run([COMMAND, *arguments], cwd=tmp_path, capture_output=True, text=True,
                              check=False, timeout=60, env={**os.environ, "LC_ALL": "C"})
        return done.returncode, done.stdout, done.stderr

    run_command.folder = tmp_path
    return run_command


def fails(sentence):
    return 4, "", f"crashres: {sentence}\n"


def test_unseal_returns_the_kernel(run):
    for kernel in "Image", "Image.gz":
        assert run("seal", f"--kernel={kernel}", "--initrd=initrd", "-o", "sealed") == (0, "", "")
        sealed = (run.folder / "sealed").read_bytes()
        start, branch, text_offset, image_size, flags = struct.unpack_from("<IIQQQ", sealed)
        assert (start, branch) == (0xfa405a4d, 0x140003ff)      # "MZ" as an instruction; b to 4096
        assert (text_offset, flags) == (0, 0b1010)
        assert len(sealed) == 5 * MIB and image_size == 5 * MIB + 64 * KIB
        assert sealed[2 * MIB:5 * MIB] == IMAGE.ljust(3 * MIB, b"\0")
        assert run("seal", "--unseal", "--kernel=sealed", "--output=back") == (0, "", "")
        assert (run.folder / "back").read_bytes() == IMAGE


def test_sealing_twice_gives_the_same_bytes(run):
    for name in "one", "two":
        assert run("seal", "--kernel=Image", "--initrd=initrd", "-o", name) == (0, "", "")
    assert (run.folder / "one").read_bytes() == (run.folder / "two").read_bytes()


def test_each_policy_for_the_time_limit(run):
    """Each policy makes another Image, and boot is the default."""
    images = {}
    for policy in "boot", "reset", "halt":
        assert run("seal", "--kernel=Image", f"--on-timeout={policy}", "-o", policy) == (0, "", "")
        images[policy] = (run.folder / policy).read_bytes()
    assert run("seal", "--kernel=Image", "-o", "default") == (0, "", "")
    assert (run.folder / "default").read_bytes() == images["boot"]
    assert len(set(images.values())) == 3
    assert run("seal", "--kernel=Image", "--on-timeout=x", "-o", "bad") == (
        4, "", 'crashres seal: --on-timeout takes boot, reset or halt, not "x"\n')


def test_kexec_plans_a_sealed_image(run):
    assert run("seal", "--kernel=Image", "-o", "sealed") == (0, "", "")
    done = subprocess.run([KEXEC, "--root", os.path.join(DATA, "virt-6.1"), "-s", "-p",
                           run.folder / "sealed"], capture_output=True, text=True, check=True)
    assert ("Checks        the sealed Image checks itself, with the options it was sealed with\n"
            in done.stdout)


def test_the_console_of_another_machine(run):
    """--root puts the address of the UART into purgatory. It occurs nowhere else in the Image."""
    uart = struct.pack("<Q", 0x9000000)
    assert run("seal", "--kernel=Image", "--root", os.path.join(DATA, "virt-6.1"), "-o",
               "sealed") == (0, "", "")
    assert uart in (run.folder / "sealed").read_bytes()[4096:2 * MIB]
    assert run("seal", "--kernel=Image", "-o", "sealed") == (0, "", "")
    assert uart not in (run.folder / "sealed").read_bytes()[4096:2 * MIB]


@pytest.mark.skipif(os.uname().machine == "aarch64", reason="this machine is arm64")
def test_a_serial_port_of_a_machine_that_is_not_arm64(run):
    """An earlier version ignored --serial here without a message."""
    assert run("seal", "--kernel=Image", "--serial=ttyAMA0", "-o", "sealed") == fails(
        "--serial=ttyAMA0: this machine is not arm64: use --root=DIR with a copy of /proc and /sys "
        "of the machine with this port")
    assert not (run.folder / "sealed").exists()


def usage():
    return re.search(r'usage\[\] =\n(.*?);\n', source_text("crashres/seal.c"), re.S).group(1)


def source_text(path):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as file:
        return file.read()


@pytest.mark.parametrize("arguments, line", [
    ([], "crashres seal: --kernel is missing"),
    (["--kernel=Image"], "crashres seal: --output is missing"),
    (["--kernel=Image", "-o", "x", "more"], 'crashres seal: unexpected operand "more"'),
    (["--kernel=Image", "-o", "x", "--on-damage=no"],
     'crashres seal: --on-damage takes reset, halt or boot, not "no"'),
    (["--kernel=Image", "-o", "x", "--repair=0"],
     'crashres seal: --repair takes auto, off or a number from 0.01 to 100, not "0"'),
    (["--kernel=Image", "-o", "x", "--check-time=x"],
     'crashres seal: --check-time takes a number of seconds from 0 to 86400, not "x"'),
    (["--kernel=Image", "--initrd=initrd", "-o", "./initrd"],
     "crashres seal: --output and --initrd name the same file"),
    (["--bad"], "crashres seal: unknown option --bad\nTry 'crashres seal --help'."),
])
def test_wrong_usage(run, arguments, line):
    assert run("seal", *arguments) == (4, "", line + "\n")


def test_help(run):
    code, out, err = run("seal", "--help")
    assert (code, err) == (0, "")
    page = source_text("man/crashres.1").replace("\\", "")
    text = usage()
    if run("sign", "--help")[0] != 0:  # built with --disable-ima
        text = re.sub("#ifdef HAVE_IMA.*?#endif", "", text, flags=re.S)
    for name in re.findall(r"--([a-z-]+)", text):
        assert f"--{name}" in out and f"--{name}" in page


def test_inputs_that_cannot_be_sealed(run):
    assert run("seal", "--kernel=none", "-o", "x") == fails(
        "Cannot open `none': No such file or directory")
    assert run("seal", "--kernel=initrd", "-o", "x") == fails(
        "Cannot determine the file type of initrd: it is neither an arm64 kernel nor a "
        "known wrapper")
    assert run("seal", "--kernel=Image", "--initrd=none", "-o", "x") == fails(
        "Cannot open `none': No such file or directory")
    assert run("seal", "--unseal", "--kernel=Image", "-o", "x") == fails(
        "Image: is not a sealed Image")
    assert run("seal", "--kernel=Image", "--root=none", "-o", "x") == fails(
        "cannot open root none: No such file or directory")
    assert not (run.folder / "x").exists()
    assert run("seal", "--kernel=Image", "-o", "sealed") == (0, "", "")
    assert run("seal", "--kernel=sealed", "-o", "x") == fails("sealed: is already sealed")


def test_outputs_that_cannot_be_written(run):
    assert run("seal", "--kernel=Image", "-o", "none/x") == fails(
        "none/x: cannot write: No such file or directory")
    assert run("seal", "--kernel=Image", "-o", "/dev/full") == fails(
        "/dev/full: cannot write: No space left on device")
    assert os.path.exists("/dev/full")


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_a_full_disk_leaves_the_kernel(run):
    """An earlier version deleted the kernel here. write(2) is used for the output only."""
    done = subprocess.run(
        ["strace", "-f", "-qq", "-o", "log", "-e", "inject=write:error=ENOSPC:when=1", COMMAND,
         "seal", "--kernel=Image", "-o", "Image"], cwd=run.folder, capture_output=True, text=True,
        check=False, env={**os.environ, "LC_ALL": "C", "ASAN_OPTIONS": "detect_leaks=0"})
    assert (done.returncode, done.stderr) == (
        4, "crashres: Image: cannot write: No space left on device\n")
    assert (run.folder / "Image").read_bytes() == IMAGE
    assert sorted(path.name for path in run.folder.iterdir()) == [
        "Image", "Image.gz", "initrd", "log"]


@pytest.mark.parametrize("kernel, initrd, mode", [
    (0o644, 0o644, 0o644), (0o644, 0o600, 0o600), (0o600, 0o644, 0o600), (0o640, 0o604, 0o600),
    (0o4755, 0o755, 0o755),
])
def test_permissions(run, kernel, initrd, mode):
    """A sealed Image is as private as the more private of its parts."""
    for name in "Image", "Image.gz":
        (run.folder / name).chmod(kernel)
        (run.folder / "initrd").chmod(initrd)
        for _ in range(2):      # the second call replaces the file
            assert run("seal", f"--kernel={name}", "--initrd=initrd", "-o", "x") == (0, "", "")
            assert stat.S_IMODE((run.folder / "x").stat().st_mode) == mode
        assert run("seal", "--unseal", "--kernel=x", "-o", "back") == (0, "", "")
        assert stat.S_IMODE((run.folder / "back").stat().st_mode) == mode
        assert run("seal", f"--kernel={name}", "-o", "x") == (0, "", "")
        assert stat.S_IMODE((run.folder / "x").stat().st_mode) == kernel & 0o777


@pytest.mark.parametrize("call", ["-c", "-s", "-a"])
def test_a_sealed_image_and_another_initrd(run, call):
    """An earlier version loaded such a pair, and the machine was reset after the panic."""
    def plan(*arguments):
        done = subprocess.run([KEXEC, "--root", os.path.join(DATA, "virt-6.1"), call, "-p",
                               *arguments, "sealed"], cwd=run.folder, capture_output=True,
                              text=True, check=False, env={**os.environ, "LC_ALL": "C"})
        return done.returncode, done.stderr

    assert run("seal", "--kernel=Image", "--initrd=initrd", "-o", "sealed") == (0, "", "")
    assert plan("--initrd=initrd") == (0, "")
    assert plan() == (
        1, "kexec: sealed: is sealed with an initrd, but the load has no initrd\n")
    (run.folder / "longer").write_bytes(b"initrd" * 1000 + b"x")
    assert plan("--initrd=longer") == (
        1, "kexec: sealed: is sealed with another initrd than longer: the size is 6000 bytes, not "
           "6001\n")
    for place in 0, 4095, 4096, 5999:
        other = bytearray(b"initrd" * 1000)
        other[place] ^= 1
        (run.folder / "other").write_bytes(other)
        assert plan("--initrd=other") == (
            1, "kexec: sealed: is sealed with another initrd than other: the sizes are equal, the "
               "bytes differ\n")
    # Damaged params: the offsets of the tables lead out of the file.
    sealed = bytearray((run.folder / "sealed").read_bytes())
    params, = struct.unpack_from("<Q", sealed, 4096 + 24)
    table = sealed.index(struct.pack("<Q", 6000), 4096 + params)
    for value in 1 << 63, len(sealed), (1 << 64) - 32:
        damaged = bytearray(sealed)
        for offset in range(4096 + params, table, 8):
            struct.pack_into("<Q", damaged, offset, value)
        (run.folder / "sealed").write_bytes(damaged)
        assert plan("--initrd=initrd") == (
            255, "kexec: sealed: the sealed Image is damaged: the digests of the initrd are "
                 "missing\n")
    # An Image sealed without an initrd checks no initrd. With kexec_load, purgatory checks it.
    assert run("seal", "--kernel=Image", "-o", "sealed") == (0, "", "")
    assert plan("--initrd=initrd") == (0, UNCHECKED if call == "-s" else "")
    assert plan() == (0, "")


UNCHECKED = "kexec: warning: sealed is sealed without an initrd: nothing checks initrd\n"


@pytest.mark.parametrize("call", ["-c", "-s", "-a"])
@pytest.mark.parametrize("options, differs", [
    ([], False), (["--on-damage=reset", "--repair=auto", "--check-time=30"], False),
    (["--on-damage=halt"], True), (["--repair=off"], True), (["--check-time=31"], True),
    (["--on-timeout=halt"], True), (["--on-damage=boot", "--repair=5"], True),
])
def test_a_policy_for_an_image_with_another_policy(run, call, options, differs):
    """A sealed Image keeps its own policies. With kexec_load, the options of kexec count."""
    assert run("seal", "--kernel=Image", "-o", "sealed") == (0, "", "")
    done = subprocess.run([KEXEC, "--root", os.path.join(DATA, "virt-6.1"), call, "-p", *options,
                           "sealed"], cwd=run.folder, capture_output=True, text=True, check=False,
                          env={**os.environ, "LC_ALL": "C"})
    assert (done.returncode, done.stderr) == (0, (
        "kexec: warning: sealed is already sealed: the requested settings for damage, repair and "
        "time are ignored\n") if differs and call == "-s" else "")


def test_a_sealed_image_has_purgatory_in_the_normal_slot(run):
    """An option that needs purgatory was refused here."""
    assert run("seal", "--kernel=Image", "-o", "sealed") == (0, "", "")
    done = subprocess.run([KEXEC, "--root", os.path.join(DATA, "virt-6.1"), "-s", "-l",
                           "--on-damage=reset", "sealed"], cwd=run.folder, capture_output=True,
                          text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert ("Checks        the sealed Image checks itself, with the options it was sealed with\n"
            in done.stdout)


# ---------------------------------------------------------------- PE signatures
# A second parser of PE, from Microsoft's "PE Format".

COFF = struct.Struct("<4sHHIIIHH")
OPTIONAL = struct.Struct("<HBBIIIIIQIIHHHHHHIIIIHHQQQQII")
SECTION = struct.Struct("<8sIIIIIIHHI")
CHECKSUM = 64           # offset in the optional header
CERTIFICATES = 4        # index of the data directory


def find_certificates(data):
    """Returns (offset of the data directory, offset and size of the certificate table)."""
    at = struct.unpack_from("<I", data, 60)[0] + COFF.size + OPTIONAL.size + 8 * CERTIFICATES
    return at, *struct.unpack_from("<II", data, at)


def authenticode(data):
    """Returns the digest that a signature of a PE file with one section covers (SHA-256)."""
    optional = struct.unpack_from("<I", data, 60)[0] + COFF.size
    directory, _, size = find_certificates(data)
    sha = hashlib.sha256(data[:optional + CHECKSUM])
    sha.update(data[optional + CHECKSUM + 4:directory])
    sha.update(data[directory + 8:len(data) - size])
    return sha.digest()


def test_every_field_of_the_pe_header(run):
    assert run("seal", "--kernel=Image", "--initrd=initrd", "-o", "sealed") == (0, "", "")
    data = (run.folder / "sealed").read_bytes()
    assert data[:2] == b"MZ" and struct.unpack_from("<I", data, 60) == (512,)
    code = len(data) - 4096
    assert COFF.unpack_from(data, 512) == (b"PE\0\0", 0xaa64, 1, 0, 0, 0, OPTIONAL.size + 48, 0x206)
    optional = OPTIONAL.unpack_from(data, 512 + COFF.size)
    entry = optional[6]
    assert optional == (
        0x20b, 0, 0, code, 0, 0,                # magic, linker version, sizes of code and data
        entry, 4096, 0, 4096, 512,              # entry, base of code, image base, alignments
        0, 0, 0, 0, 0, 0, 0,                    # versions
        len(data), 4096, 0, 10, 0x100,          # sizes, checksum, EFI application, NX
        0, 0, 0, 0, 0, 6)                       # stack, heap, loader flags, data directories
    at = 512 + COFF.size + OPTIONAL.size
    assert data[at:at + 48] == bytes(48)
    assert SECTION.unpack_from(data, at + 48) == (
        b".text\0\0\0", code, 4096, code, 4096, 0, 0, 0, 0, 0x60000020)
    assert data[at + 48 + SECTION.size:4096] == bytes(4096 - at - 48 - SECTION.size)
    # bti c; mov x0, #1 << 63; orr x0, x0, #3; ret
    assert struct.unpack_from("<4I", data, entry) == (
        0xd503245f, 0xd2f00000, 0xb2400400, 0xd65f03c0)
    assert entry % 4 == 0 and 4096 < entry < 2 * MIB


def test_the_digests_in_the_header(run):
    initrd = (run.folder / "initrd").read_bytes()
    for option, digest in ((f"--initrd={run.folder}/initrd", hashlib.sha256(initrd).digest()),
                           ("--repair=auto", bytes(32))):
        assert run("seal", "--kernel=Image.gz", option, "-o", "sealed") == (0, "", "")
        data = (run.folder / "sealed").read_bytes()
        assert struct.unpack_from("<8sQQ32sQ32s", data, 64) == (
            b"crsseal2", 2 * MIB, len(IMAGE), hashlib.sha256(IMAGE).digest(),
            len(initrd) if any(digest) else 0, digest)


def call(*words, **options):
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=120,
                          **options)


@pytest.fixture(scope="session")
def key(tmp_path_factory):
    """Returns the path of a private key. The certificate has the suffix .pem instead of .key."""
    folder = tmp_path_factory.mktemp("key")
    return make_key(folder, "pe", *RSA_2048, subject="/CN=kdump",
                    options=["-addext", "extendedKeyUsage=codeSigning"])


def sign(signer, key, source, target):
    """Signs a file with a function of pesigners. Returns the signed bytes."""
    signer(key, key.with_suffix(".pem"), source, target)
    return target.read_bytes()


def verify(key, path):
    """Returns the verdicts of sbverify and osslsigncode, those that are installed."""
    verdicts = {}
    if shutil.which("sbverify"):
        verdicts["sbverify"] = call("sbverify", "--cert", key.with_suffix(".pem"), path).returncode == 0
    if shutil.which("osslsigncode") and not is_refused_for_its_length(path.read_bytes()):
        done = call("osslsigncode", "verify", "-CAfile", key.with_suffix(".pem"), "-in", path)
        verdicts["osslsigncode"] = done.returncode == 0
    return verdicts


def is_refused_for_its_length(signed):
    """Returns whether osslsigncode refuses a file because of the length of its signature.

    sbsign and pesign write the length without the padding to 8 bytes. osslsigncode 2.5, that of
    Debian 12, says "Invalid signature" then.
    """
    _, offset, _ = find_certificates(signed)
    length = struct.unpack_from("<I", signed, offset)[0]
    version = re.search(r"osslsigncode (\d+)\.(\d+)", call("osslsigncode", "--version").stdout)
    return length % 8 != 0 and tuple(map(int, version.groups())) <= (2, 5)


@pytest.mark.parametrize("signer", parameters(sbsign, osslsigncode, pesign, systemd_sbsign))
def test_a_signed_sealed_image(run, key, signer):
    """The tools of distributions sign it; it still opens, unseals, and has room in memory."""
    assert run("seal", "--kernel=Image", "--initrd=initrd", "-o", "sealed") == (0, "", "")
    sealed = (run.folder / "sealed").read_bytes()
    signed = sign(signer, key, run.folder / "sealed", run.folder / "signed")
    _, offset, size = find_certificates(signed)
    assert (offset, offset + size) == (len(sealed), len(signed))
    # Only the checksum and the entry of the certificate table differ before the signature.
    assert authenticode(signed) == authenticode(sealed)
    assert signed[offset:].count(authenticode(sealed)) == 1
    assert len(signed) <= struct.unpack_from("<Q", sealed, 16)[0]       # image_size
    verdicts = verify(key, run.folder / "signed")
    assert all(verdicts.values()), verdicts
    # A changed byte of the kernel, of purgatory and of the seal header is noticed.
    for place in 2 * MIB, 4096, 72:
        damaged = bytearray(signed)
        damaged[place] ^= 1
        (run.folder / "damaged").write_bytes(damaged)
        assert authenticode(damaged) != authenticode(signed)
        verdicts = verify(key, run.folder / "damaged")
        assert not any(verdicts.values()), verdicts
    assert run("seal", "--unseal", "--kernel=signed", "-o", "back") == (0, "", "")
    assert (run.folder / "back").read_bytes() == IMAGE
    assert run("seal", "--kernel=signed", "-o", "x") == fails("signed: is already sealed")
    done = call(KEXEC, "--root", os.path.join(DATA, "virt-6.1"), "-s", "-p", "--initrd=initrd",
                "signed", cwd=run.folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Checks        the sealed Image checks itself" in done.stdout
    # An Image that is cut in its section is an error; before, nothing showed that.
    (run.folder / "cut").write_bytes(sealed[:-1])
    assert run("seal", "--unseal", "--kernel=cut", "-o", "x") == fails(
        f"kernel cut: truncated: the sections end at byte {len(sealed)}, the file at byte "
        f"{len(sealed) - 1}")


def efi_kernel(size):
    """An Image with an EFI stub, size bytes: one section from 4096 to the end."""
    section = size - 4096
    header = (COFF.pack(b"PE", 0xaa64, 1, 0, 0, 0, OPTIONAL.size + 48, 0x206) +
              OPTIONAL.pack(0x20b, 2, 20, section, 0, 0, 4096, 4096, 0, 4096, 512, 0, 0, 0, 0, 0, 0, 0,
                            size, 4096, 0, 10, 0x100, 0, 0, 0, 0, 0, 6) + bytes(48) +
              SECTION.pack(b".text", section, 4096, section, 4096, 0, 0, 0, 0, 0x60000020))
    return image(size, image_size=3 * MIB, pe_header=header.ljust(4096 - 64, b"\0"))


@pytest.mark.parametrize("signer", parameters(sbsign, osslsigncode, pesign))
def test_a_signed_kernel_is_sealed_without_its_signature(run, key, signer):
    """Debian's kernels are signed. Their signature is of no use in a sealed Image."""
    kernel = efi_kernel(MIB)
    (run.folder / "vm").write_bytes(kernel)
    signed = sign(signer, key, run.folder / "vm", run.folder / "signed")
    assert len(signed) > len(kernel)
    (run.folder / "signed.efi").write_bytes(zboot(
        gzip.compress(signed.ljust(3 * MIB, b"\0"), mtime=0), "gzip"))
    (run.folder / "uki.efi").write_bytes(pe((".linux", signed), (".initrd", b"initrd")))
    names = {"signed": "signed", "signed.efi": "signed.efi (vmlinuz)",
             "uki.efi": "uki.efi (.linux)"}
    assert run("seal", "--kernel=vm", "-o", "sealed") == (0, "", "")
    for path, name in names.items():
        assert run("seal", f"--kernel={path}", "-o", "x") == (
            0, "", f"crashres: warning: {name}: the sealed Image does not contain the signature of "
                   "the kernel\n")
        assert (run.folder / "x").read_bytes() == (run.folder / "sealed").read_bytes()
        assert run("seal", "--unseal", "--kernel=x", "-o", "back") == (0, "", "")
        assert (run.folder / "back").read_bytes() == kernel
    # kexec seals such a kernel without a warning.
    done = call(KEXEC, "--root", os.path.join(DATA, "virt-6.1"), "-s", "-p", "--seal=always", "signed",
                cwd=run.folder)
    assert (done.returncode, done.stderr) == (0, "")
