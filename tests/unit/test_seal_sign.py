# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs crashres seal with a signature in one step.

make check sets CRASHRES_COMMAND (the program).
"""

import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from kernelfiles import image
from test_sign import wait_for_stop

COMMAND = os.environ["CRASHRES_COMMAND"]
MIB = 1 << 20
IMAGE = image(image_size=3 * MIB)

needs_sbsign = pytest.mark.skipif(not shutil.which("sbsign"), reason="sbsign is not installed")


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """Returns a folder with key.pem, cert.pem and an encrypted key (passphrase "secret")."""
    folder = tmp_path_factory.mktemp("keys")
    for arguments in (["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem",
                       "-out", "cert.pem", "-days", "30", "-subj", "/CN=test",
                       "-addext", "keyUsage=digitalSignature"],
                      ["pkcs8", "-topk8", "-in", "key.pem", "-out", "encrypted.pem", "-passout",
                       "pass:secret"]):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def run(tmp_path, keys):
    """Returns a function that runs crashres in a folder with Image, initrd and the keys."""
    (tmp_path / "Image").write_bytes(IMAGE)
    (tmp_path / "initrd").write_bytes(b"initrd" * 1000)
    for path in keys.iterdir():
        (tmp_path / path.name).symlink_to(path)

    def run_command(*arguments, environment=None, **options):
        done = subprocess.run([COMMAND, *arguments], cwd=tmp_path, capture_output=True, text=True,
                              check=False, timeout=120,
                              env={**os.environ, "LC_ALL": "C", **(environment or {})}, **options)
        return done.returncode, done.stdout, done.stderr

    run_command.folder = tmp_path
    return run_command


def seal(run, *options, output="out", **more):
    return run("seal", "--kernel=Image", "--initrd=initrd", *options, "-o", output, **more)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def fails(sentence):
    return 4, "", f"crashres: {sentence}\n"


# ------------------------------------------------------------------ one step


def test_one_step_gives_the_same_file_as_two(run):
    """RSA signatures of the same bytes are equal; the CMS structure has no time."""
    before = names(run.folder)
    assert seal(run, output="two") == (0, "", "")
    assert run("sign", "--key=key.pem", "--cert=cert.pem", "--append", "two") == (0, "", "")
    assert seal(run, "--key=key.pem", "--cert=cert.pem", output="one") == (0, "", "")
    assert (run.folder / "one").read_bytes() == (run.folder / "two").read_bytes()
    assert names(run.folder) == sorted(before + ["one", "two"])
    assert run("verify", "--cert=cert.pem", "one")[0] == 0


@pytest.mark.parametrize("option, name", [
    ("key", "encrypted.pem"), ("cert", "cert.pem"), ("passphrase-file", "pass")])
def test_the_output_destroys_no_file_that_is_read(run, option, name):
    (run.folder / "pass").write_text("secret\n")
    (run.folder / "pass").chmod(0o600)
    before = (run.folder / name).read_bytes()
    assert seal(run, "--key=encrypted.pem", "--cert=cert.pem", "--passphrase-file=pass",
                output=name) == (
        4, "", f"crashres seal: --output and --{option} name the same file\n")
    assert (run.folder / name).read_bytes() == before


def test_passphrase_from_a_file(run):
    (run.folder / "pass").write_text("secret\n")
    (run.folder / "pass").chmod(0o600)
    assert seal(run, "--key=encrypted.pem", "--cert=cert.pem", "--append",
                "--passphrase-file=pass") == (0, "", "")
    assert run("verify", "--cert=cert.pem", "out")[0] == 0


def test_a_wrong_key_leaves_no_file(run):
    """The key is opened before the kernel is sealed."""
    before = names(run.folder)
    (run.folder / "pass").write_text("wrong\n")
    (run.folder / "pass").chmod(0o600)
    code, out, err = seal(run, "--key=encrypted.pem", "--cert=cert.pem", "--passphrase-file=pass")
    assert (code, out) == (4, "") and err == (
        "crashres: key: encrypted.pem: the passphrase is wrong, or the key is damaged\n")
    assert names(run.folder) == sorted(before + ["pass"])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can set security.ima")
def test_the_attribute_is_set_before_the_name(run):
    code, _, err = seal(run, "--key=key.pem", "--cert=cert.pem", "--ima")
    if "does not support security.ima" in err:
        pytest.skip("the file system does not support security.ima")
    assert (code, err) == (0, "")
    assert os.getxattr(run.folder / "out", "security.ima")[:2] == b"\3\2"
    assert run("verify", "--xattr", "--cert=cert.pem", "out")[0] == 0


SIGN = "sbsign --key key.pem --cert cert.pem --output %o %i"


@needs_sbsign
def test_sbsign_makes_a_pe_signature(run):
    before = names(run.folder)
    code, out, err = seal(run, f"--sign-with={SIGN}")
    assert (code, out) == (0, ""), err
    subprocess.run(["sbverify", "--cert", "cert.pem", "out"], cwd=run.folder, check=True,
                   capture_output=True)
    assert names(run.folder) == sorted(before + ["out"])
    assert run("seal", "--unseal", "--kernel=out", "-o", "back") == (0, "", "")
    assert (run.folder / "back").read_bytes() == IMAGE


@needs_sbsign
def test_the_output_has_the_mode_of_kernel_and_initrd(run):
    (run.folder / "Image").chmod(0o644)
    (run.folder / "initrd").chmod(0o600)
    assert seal(run, f"--sign-with={SIGN}")[0] == 0
    assert (run.folder / "out").stat().st_mode & 0o7777 == 0o600
    (run.folder / "initrd").chmod(0o644)
    assert seal(run, f"--sign-with={SIGN}")[0] == 0
    assert (run.folder / "out").stat().st_mode & 0o7777 == 0o644


@needs_sbsign
def test_a_link_stays_and_its_target_is_replaced(run):
    (run.folder / "target").write_text("old")
    (run.folder / "out").symlink_to("target")
    assert seal(run, f"--sign-with={SIGN}")[0] == 0
    assert (run.folder / "out").is_symlink()
    assert (run.folder / "target").stat().st_size > 5 * MIB


@pytest.mark.parametrize("command, sentence", [
    ("false %i %o", "false: failed with exit status 1"),
    ("true %i %o", "true: wrote no file"),
    ("cp %i %o", "the output of cp: the file has no PE signature"),
    ("cp Image %o %i", "cp: failed with exit status 1"),
    ("sh -c 'echo text >$2' x %i %o", "the output of sh: Cannot determine the file type of "),
    ("/nowhere %i %o", "/nowhere: cannot start: No such file or directory"),
    ("sbsign %o", 'the command "sbsign %o" cannot sign: no %i, the file to sign'),
    ("sbsign 'x %i %o", "the command \"sbsign 'x %i %o\" cannot sign: a quote is not closed"),
])
def test_a_failed_signer_leaves_the_old_file(run, command, sentence):
    before = names(run.folder)
    (run.folder / "out").write_text("old")
    code, out, err = seal(run, f"--sign-with={command}")
    assert (code, out) == (4, "")
    assert f"crashres: {sentence}" in err
    assert (run.folder / "out").read_text() == "old"
    assert names(run.folder) == sorted(before + ["out"])


@needs_sbsign
def test_a_signer_that_signs_another_file_is_refused(run):
    (run.folder / "other").write_bytes(b"other" * 1000)
    assert run("seal", "--kernel=Image", "--initrd=other", "-o", "wrong") == (0, "", "")
    code, _, err = seal(run, "--sign-with=sh -c 'sbsign --key key.pem --cert cert.pem --output $2 "
                             "wrong' x %i %o")
    assert code == 4
    assert err.endswith("crashres: the output of sh: without its signature, the file is not the "
                        "sealed Image\n")
    assert not (run.folder / "out").exists()


def test_a_signal_leaves_no_file(run):
    """SIGTERM waits until the private folder is removed. A terminal sends SIGINT to the signer, too."""
    before = names(run.folder)
    (run.folder / "tmp").mkdir()
    with subprocess.Popen([COMMAND, "seal", "--kernel=Image", "--sign-with=sh -c 'touch $1.go; cat "
                           "<fifo' x %i %o", "-o", "out"], cwd=run.folder, stderr=subprocess.DEVNULL,
                          start_new_session=True,
                          env={**os.environ, "TMPDIR": str(run.folder / "tmp")}) as process:
        os.mkfifo(run.folder / "fifo")
        while not list(run.folder.glob("tmp/crashres-*/unsigned.go")):
            assert process.poll() is None
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGTERM)
        assert process.wait(60) == -signal.SIGTERM
    assert names(run.folder) == sorted(before + ["fifo", "tmp"])
    # The signer's own files are removed, too.
    assert not names(run.folder / "tmp")


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_the_owner_of_the_folder_cannot_choose_what_is_signed(run):
    """An earlier version signed the file "unsigned" in a folder that the owner could replace.

    The second fsync() followed when this file was complete.
    """
    folder = run.folder / "strange"
    folder.mkdir()
    (run.folder / "trace").touch()
    with subprocess.Popen(["strace", "-f", "-qq", "-o", "trace", "-e", "trace=fsync", "-e",
                           "inject=fsync:signal=SIGSTOP:when=2", COMMAND, "seal", "--kernel=Image",
                           "--key=key.pem", "--cert=cert.pem", "-o", "strange/out"],
                          cwd=run.folder,
                          env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}) as process:
        child = wait_for_stop(process, run.folder / "trace")
        for path in folder.glob(".crashres-*"):
            path.rename(folder / "moved")
            path.mkdir()
            (path / "unsigned").write_text("attacker kernel\n")
        os.kill(child, signal.SIGCONT)
        assert process.wait(60) == 0
    assert names(folder) == ["out"]
    assert run("verify", "--cert=cert.pem", "strange/out")[0] == 0
    assert run("seal", "--unseal", "--kernel=strange/out", "-o", "back") == (0, "", "")
    assert (run.folder / "back").read_bytes() == IMAGE


@pytest.mark.parametrize("mode, safe", [(0o755, True), (0o777, False), (0o775, False), (0o1777, True)])
def test_a_command_works_in_a_private_folder(run, mode, safe):
    """Nobody else can rename one of the folders above the file to sign."""
    upper, place = run.folder / "upper", run.folder / "upper/tmp"
    place.mkdir(parents=True)
    upper.chmod(mode)
    done = subprocess.run([COMMAND, "seal", "--kernel=Image", "-o", "out",
                           "--sign-with=sh -c 'stat -c %%a:%%n $(dirname $1) $1; exit 7' x %i %o"],
                          cwd=run.folder, capture_output=True, text=True, check=False,
                          env={**os.environ, "LC_ALL": "C", "TMPDIR": str(place)})
    assert done.returncode == 4
    if safe:
        assert re.fullmatch(f"700:{place}/crashres-[^/]+\n644:{place}/crashres-[^/]+/unsigned\n"
                            "crashres: sh: failed with exit status 7\n", done.stderr)
    else:
        assert done.stderr == (f"crashres: {upper}: other users can change this folder, so no "
                               "temporary file is safe below it\n")
    assert not names(place) and not (run.folder / "out").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder of another user")
def test_a_command_does_not_work_in_the_folder_of_a_stranger(run):
    place = run.folder / "tmp"
    place.mkdir()
    os.chown(place, 65533, 65533)
    assert run("seal", "--kernel=Image", "-o", "out", "--sign-with=false %i %o",
               environment={"TMPDIR": str(place)}) == fails(
        f"{place}: other users can change this folder, so no temporary file is safe below it")


@pytest.mark.parametrize("options, line", [
    (["--append"], "--key is missing"),
    (["--ima"], "--key is missing"),
    (["--cert=c"], "--key is missing"),
    (["--key=k"], "--cert is missing"),
    (["--key=k", "--append", "--ima"], "--append and --ima exclude each other"),
    (["--sign-with=x", "--append"], "--sign-with and --append exclude each other"),
    (["--sign-with=x", "--key=k"], "--key and --sign-with exclude each other"),
    (["--unseal", "--sign-with=x"], "--unseal writes the kernel, which this command does not sign"),
    (["--force"], "--config, --kernel-release, --force and --remove need --renew"),
    (["--renew"], "--renew reads files, keys and policies from seal.conf, not from options"),
    (["--renew", "--unseal"], "--renew and --unseal exclude each other"),
])
def test_wrong_options(run, options, line):
    assert seal(run, *options) == (4, "", f"crashres seal: {line}\n")
