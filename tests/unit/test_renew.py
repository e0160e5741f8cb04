# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs crashres seal --renew.

make check sets CRASHRES_COMMAND (the program).
"""

import fcntl
import os
import re
import shutil
import subprocess

import pytest

# The fixtures keys and run make the folder with the files.
from keyfiles import P_256, RSA_2048, make_key
from test_seal_sign import COMMAND, SIGN, fails, image, keys, names, needs_sbsign, run  # noqa: F401

MIB = 1 << 20


def images(folder):
    """Returns the names in a folder of sealed Images without that of the lock."""
    return [name for name in names(folder) if name != ".crashres.lock"]


@pytest.fixture
def renew(run):
    """Returns a function that runs crashres seal --renew for the kernel release 6.1."""
    folder = run.folder
    shutil.copy(folder / "Image", folder / "vmlinuz-6.1")
    shutil.copy(folder / "initrd", folder / "initrd-6.1")

    def run_renew(*options):
        return run("seal", "--renew", "--config=seal.conf", "--kernel-release=6.1", *options)

    def configure(*lines):
        (folder / "seal.conf").write_text("".join(f"{line}\n" for line in (
            "sealed = auto", f"kernel = {folder}/vmlinuz-%v", f"initrd = {folder}/initrd-%v",
            f"output = {folder}/state/sealed", *lines)))

    run_renew.run, run_renew.folder, run_renew.configure = run, folder, configure
    run_renew.sealed = folder / "state/sealed/Image-6.1"
    configure("key = key.pem", "cert = cert.pem")
    return run_renew


def renew_all(renew, *options):
    return renew.run("seal", "--renew", "--config=seal.conf", *options)


@pytest.mark.parametrize("option", ["--repair=off", "--on-damage=halt", "--on-timeout=halt",
                                    "--check-time=5", "--passphrase-env=X", "--root=/"])
def test_renew_ignores_no_option(renew, option):
    assert renew(option) == (4, "", "crashres seal: --renew reads files, keys and policies from "
                             "seal.conf, not from options\n")


def test_renew_works_only_if_something_changed(renew):
    path = renew.sealed
    assert renew() == (0, f"{path}: sealed and signed\n", "")
    assert renew.run("verify", "--cert=cert.pem", path)[0] == 0
    first = path.stat().st_ino
    assert renew() == (0, f"{path}: is up to date\n", "")
    assert path.stat().st_ino == first
    assert renew("--force") == (0, f"{path}: sealed and signed\n", "")
    for name in "initrd-6.1", "vmlinuz-6.1":
        with open(renew.folder / name, "ab") as file:
            file.write(b"more")
        assert renew() == (0, f"{path}: sealed and signed\n", ""), name
        assert renew() == (0, f"{path}: is up to date\n", ""), name
    # A newer file with the same bytes is no change.
    (renew.folder / "initrd-6.1").touch()
    assert renew() == (0, f"{path}: is up to date\n", "")
    assert images(renew.folder / "state/sealed") == ["Image-6.1"]


def test_renew_removes_images_without_kernels(renew):
    """Only a run for all releases knows that the kernels are there."""
    assert renew()[0] == 0
    for name in "Image-5.9", "other", "Image-6.2":
        shutil.copy(renew.sealed, renew.sealed.parent / name)
    shutil.copy(renew.folder / "Image", renew.folder / "vmlinuz-6.2")
    assert renew() == (0, f"{renew.sealed}: is up to date\n", "")
    assert images(renew.sealed.parent) == ["Image-5.9", "Image-6.1", "Image-6.2", "other"]
    assert renew_all(renew) == (
        0, f"{renew.sealed}: is up to date\n"
           f"{renew.sealed.parent}/Image-5.9: removed, because its kernel is missing\n", "")
    assert images(renew.sealed.parent) == ["Image-6.1", "Image-6.2", "other"]
    assert renew("--remove") == (0, f"{renew.sealed}: removed\n", "")
    assert renew("--remove") == (0, "", "")
    assert images(renew.sealed.parent) == ["Image-6.2", "other"]


@pytest.mark.parametrize("missing", [["vmlinuz-6.1", "initrd-6.1"], ["vmlinuz-6.1"], ["initrd-6.1"]])
def test_no_image_is_removed_if_no_kernel_is_found(renew, missing):
    """/boot is not mounted. An earlier version removed the sealed Images of all kernels."""
    assert renew()[0] == 0
    shutil.copy(renew.sealed, renew.sealed.parent / "Image-5.9")
    for name in missing:
        (renew.folder / name).unlink()
    assert renew_all(renew) == fails("seal.conf: no kernel with an initrd was found")
    assert renew()[0] == 4
    assert images(renew.sealed.parent) == ["Image-5.9", "Image-6.1"]


@needs_sbsign
def test_renew_with_sbsign(renew):
    renew.configure(f"sign-with = {SIGN}", "on-damage = halt", "repair = off")
    code, out, err = renew()
    assert (code, out) == (0, f"{renew.sealed}: sealed and signed\n"), err
    subprocess.run(["sbverify", "--cert", "cert.pem", renew.sealed], cwd=renew.folder, check=True,
                   capture_output=True)


def test_renew_that_is_switched_off(renew):
    renew.configure("key = key.pem", "cert = cert.pem")
    path = renew.folder / "seal.conf"
    path.write_text(path.read_text().replace("auto", "off"))
    assert renew() == (0, "seal.conf: sealed is off: nothing to do\n", "")
    path.write_text("")
    assert renew() == (0, "seal.conf: sealed is off: nothing to do\n", "")
    path.unlink()
    assert renew() == fails("seal.conf: cannot open: No such file or directory")


@pytest.mark.parametrize("line", ["sign-with = false %i %o", "key = none"])
@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_only_the_owner_may_write_the_configuration(renew, mode, line):
    """An earlier version asked this only with sign-with: a group member chose what root signed."""
    renew.configure(line)
    (renew.folder / "seal.conf").chmod(mode)
    assert renew() == fails("seal.conf: other users can change this file")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the owner")
def test_a_stranger_may_not_own_the_configuration(renew):
    os.chown(renew.folder / "seal.conf", 1000, 1000)
    assert renew() == fails("seal.conf: other users can change this file")


def test_no_other_user_can_change_the_folder(renew):
    renew.sealed.parent.mkdir(parents=True)
    renew.sealed.parent.chmod(0o1777)
    assert renew() == fails(f"{renew.sealed.parent}: other users can change this folder")
    assert not names(renew.sealed.parent)


@pytest.mark.parametrize("lines, sentence", [
    (["sign-wiht = x"], "seal.conf:5: unknown key \"sign-wiht\""),
    ([], "seal.conf: no key"),
    (["key = key.pem"], "seal.conf: no cert"),
    (["signature = pe", "key = key.pem", "cert = cert.pem"], "seal.conf: no sign-with"),
    (["signature = ima"], "seal.conf: no key"),
    (["sign-with = x %i %o", "signature = append"],
     "seal.conf: sign-with makes a PE signature, but signature is not pe"),
])
def test_a_wrong_configuration(renew, lines, sentence):
    renew.configure(*lines)
    assert renew() == fails(sentence)


def test_missing_files_and_wrong_releases(renew):
    renew.folder.joinpath("initrd-6.1").unlink()
    assert renew() == fails(f"Cannot open `{renew.folder}/initrd-6.1': No such file or directory")
    for release in "", "../x":
        assert renew.run("seal", "--renew", f"--kernel-release={release}") == (
            4, "", f'crashres seal: --kernel-release takes a kernel release such as 6.12.5, not "{release}"\n')
    (renew.folder / "seal.conf").write_text("sealed = auto\n")
    assert renew() == fails("seal.conf: no kernel")


def test_no_other_user_can_stop_a_run(renew):
    """An earlier version locked the folder, which every user can open and lock."""
    renew.sealed.parent.mkdir(parents=True)
    folder = os.open(renew.sealed.parent, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    assert renew() == (0, f"{renew.sealed}: sealed and signed\n", "")
    os.close(folder)
    assert (renew.sealed.parent / ".crashres.lock").stat().st_mode & 0o777 == 0o600


def test_a_second_run_waits(renew):
    """The first run waits in its signer. The second one finds the Image that the first one made."""
    os.mkfifo(renew.folder / "fifo")
    renew.configure("sign-with = sh -c 'cat <fifo; exec sbsign --key key.pem --cert cert.pem --output "
                    "$2 $1' x %i %o")
    if not shutil.which("sbsign"):
        pytest.skip("sbsign is not installed")
    arguments = [COMMAND, "seal", "--renew", "--config=seal.conf", "--kernel-release=6.1"]
    runs = [subprocess.Popen(arguments, cwd=renew.folder, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, text=True) for _ in range(2)]
    # open() returns when one signer reads the FIFO.
    with open(renew.folder / "fifo", "wb"):
        pass
    texts = sorted(process.communicate(timeout=120)[0] for process in runs)
    assert texts == [f"{renew.sealed}: is up to date\n", f"{renew.sealed}: sealed and signed\n"]


def test_the_example_file_is_accepted(run):
    """Every line of packaging/seal.conf is a comment; without the marks it is accepted, too."""
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../packaging/seal.conf")
    with open(source, encoding="utf-8") as file:
        text = file.read()
    assert not [line for line in text.splitlines() if line and not line.startswith("#")]
    keys = dict(re.findall(r"^#([a-z-]+) = (.*)$", text, re.M))
    assert set(keys) == {"sealed", "kernel", "initrd", "output", "signature", "key", "cert",
                         "passphrase-file", "sign-with", "serial", "on-damage", "on-timeout", "repair",
                         "check-time"}
    (run.folder / "example").write_text("".join(f"{key} = {value}\n" for key, value in keys.items()
                                                if key != "sealed"))
    assert run("seal", "--renew", "--config=example") == (0, "example: sealed is off: nothing to do\n",
                                                          "")


# ---------------------------------------------------------------- up to date


def new_key(renew, *algorithm):
    make_key(renew.folder, "new", *algorithm, options=["-addext", "keyUsage=digitalSignature"])


def is_renewed(renew, newer):
    """Runs --renew. newer: the Image looks newer than all other files."""
    if newer:
        os.utime(renew.sealed, (2 ** 32, 2 ** 32))
    code, out, err = renew()
    assert (code, err) == (0, "")
    if out == f"{renew.sealed}: sealed and signed\n":
        assert renew() == (0, f"{renew.sealed}: is up to date\n", "")
        return True
    assert out == f"{renew.sealed}: is up to date\n"
    return False


@pytest.mark.parametrize("newer", [False, True])
def test_another_key_is_noticed(renew, newer):
    """By the time of its file, and by the certificate."""
    assert renew()[0] == 0
    new_key(renew, *P_256)
    renew.configure("key = new.key", "cert = new.pem")
    assert is_renewed(renew, newer)
    assert renew.run("verify", "--cert=new.pem", renew.sealed)[0] == 0
    new_key(renew, *P_256)
    os.utime(renew.folder / "new.key", (0, 0))
    os.utime(renew.folder / "new.pem", (0, 0))
    assert is_renewed(renew, newer)
    assert renew.run("verify", "--cert=new.pem", renew.sealed)[0] == 0


@needs_sbsign
def test_another_key_of_the_command_is_noticed(renew):
    new_key(renew, *RSA_2048)
    renew.configure(f"sign-with = sbsign --key {renew.folder}/new.key --cert {renew.folder}/new.pem "
                    "--output %o %i")
    assert renew()[1] == f"{renew.sealed}: sealed and signed\n"
    new_key(renew, *RSA_2048)
    assert renew()[1] == f"{renew.sealed}: sealed and signed\n"
    assert renew()[1] == f"{renew.sealed}: is up to date\n"
    assert renew.run("verify", "--pe", "--cert=new.pem", renew.sealed)[0] == 0


@needs_sbsign
def test_a_command_that_signs_with_another_key(renew):
    """An earlier version signed the Image again in each run, and said nothing."""
    new_key(renew, *RSA_2048)
    renew.configure(f"sign-with = {SIGN}", "cert = new.pem")
    for _ in range(2):
        code, out, err = renew()
        assert (code, out) == (4, f"{renew.sealed}: sealed and signed\n")
        assert err.endswith(f"crashres: {renew.sealed}: the certificate new.pem does not verify the new "
                            "signature\n")
    renew.configure(f"sign-with = {SIGN}", "cert = cert.pem")
    assert renew()[0] == 0


@pytest.mark.parametrize("line", ["on-damage = halt", "on-timeout = halt", "repair = off", "check-time = 7"])
@pytest.mark.parametrize("newer", [False, True])
def test_another_policy_is_noticed(renew, line, newer):
    assert renew()[0] == 0
    renew.configure("key = key.pem", "cert = cert.pem", line)
    assert is_renewed(renew, newer)


@needs_sbsign
def test_another_kind_of_signature_is_noticed(renew):
    assert renew()[0] == 0
    renew.configure(f"sign-with = {SIGN}", "cert = cert.pem")
    os.utime(renew.sealed, (2 ** 32, 2 ** 32))
    code, out, _ = renew()
    assert (code, out) == (0, f"{renew.sealed}: sealed and signed\n")
    assert renew.run("verify", "--pe", "--cert=cert.pem", renew.sealed)[0] == 0
    os.utime(renew.sealed, (2 ** 32, 2 ** 32))
    assert renew() == (0, f"{renew.sealed}: is up to date\n", "")
    renew.configure("key = key.pem", "cert = cert.pem")
    assert is_renewed(renew, True)


def test_only_the_file_itself_is_up_to_date(renew):
    """An earlier version accepted an unsigned sealed Image with any name."""
    renew.sealed.parent.mkdir(parents=True)
    for path in renew.sealed.parent / "copy", renew.sealed:
        assert renew.run("seal", "--kernel=vmlinuz-6.1", "--initrd=initrd-6.1", "-o", path) == (0, "", "")
        assert is_renewed(renew, path == renew.sealed)
        assert renew.run("verify", "--cert=cert.pem", renew.sealed)[0] == 0
    damaged = bytearray(renew.sealed.read_bytes())
    damaged[-3] ^= 1
    renew.sealed.write_bytes(damaged)
    assert is_renewed(renew, True)


@pytest.mark.parametrize("size", [0, 72, 200, 4096, MIB])
@pytest.mark.parametrize("option", [(), ("--force",)])
def test_a_damaged_image_is_made_again(renew, size, option):
    """An earlier version said that the file is not a sealed Image, and left it there."""
    assert renew()[0] == 0
    before = renew.sealed.read_bytes()
    os.truncate(renew.sealed, size)
    warning = f"crashres: warning: {renew.sealed}: the sealed Image is damaged\n"
    assert renew(*option) == (0, f"{renew.sealed}: sealed and signed\n", warning)
    assert renew.sealed.read_bytes() == before
    assert renew() == (0, f"{renew.sealed}: is up to date\n", "")
    os.truncate(renew.sealed, size)
    assert renew("--remove") == (0, f"{renew.sealed}: removed\n", warning)


def test_a_damaged_image_without_its_kernel_is_removed(renew):
    assert renew()[0] == 0
    (renew.sealed.parent / "Image-5.9").write_bytes(renew.sealed.read_bytes()[:200])
    assert renew_all(renew) == (
        0, f"{renew.sealed}: is up to date\n"
           f"{renew.sealed.parent}/Image-5.9: removed, because its kernel is missing\n", "")


# ------------------------------------------------------------ files of others


def test_the_output_is_never_the_kernel(renew):
    """SUSE names kernels Image-RELEASE. An earlier version replaced or removed the kernel."""
    boot = renew.folder / "boot"
    boot.mkdir()
    kernel = boot / "Image-6.1"
    shutil.copy(renew.folder / "Image", kernel)
    before = kernel.read_bytes()
    (renew.folder / "seal.conf").write_text(
        f"sealed = auto\nkernel = {boot}/Image-%v\noutput = {boot}\nkey = key.pem\ncert = cert.pem\n")
    for options in (), ("--force",), ("--remove",):
        assert renew(*options) == fails(f"{kernel}: is the kernel or the initrd itself")
    # Even if the kernel is a sealed Image.
    assert renew.run("seal", "--kernel=Image", "-o", kernel) == (0, "", "")
    assert renew("--remove") == fails(f"{kernel}: is the kernel or the initrd itself")
    assert renew.run("seal", "--unseal", f"--kernel={kernel}", "-o", "back") == (0, "", "")
    assert (renew.folder / "back").read_bytes() == before


def test_a_file_of_others_is_not_replaced(renew):
    renew.sealed.parent.mkdir(parents=True)
    for make in (lambda: renew.sealed.write_text("notes"), renew.sealed.mkdir,
                 lambda: renew.sealed.write_text("notes" * 100),
                 lambda: shutil.copy(renew.folder / "Image", renew.sealed),
                 lambda: renew.sealed.symlink_to(renew.folder / "copy")):
        assert renew.run("seal", "--kernel=Image", "-o", "copy") == (0, "", "")
        make()
        for options in (), ("--force",), ("--remove",):
            assert renew(*options) == fails(
                f"{renew.sealed}: is not a sealed Image, so it is neither replaced nor removed")
        if renew.sealed.is_dir():
            renew.sealed.rmdir()
        else:
            renew.sealed.unlink()


def test_names_that_belong_to_the_command(renew):
    """crashres-seal.conf(5): a sealed Image named Image-* goes with its kernel, any other stays."""
    assert renew()[0] == 0
    for name in "Image-6.1.backup", "Image.backup", "backup-6.1":
        shutil.copy(renew.sealed, renew.sealed.parent / name)
    assert renew_all(renew) == (
        0, f"{renew.sealed}: is up to date\n"
           f"{renew.sealed.parent}/Image-6.1.backup: removed, because its kernel is missing\n", "")
    assert images(renew.sealed.parent) == ["Image-6.1", "Image.backup", "backup-6.1"]


def test_files_of_others_stay_beside_the_images(renew):
    """An earlier version removed every file with this start of its name, and a folder was an error."""
    folder = renew.sealed.parent
    folder.mkdir(parents=True)
    (folder / "Image-notes.txt").write_text("notes")
    (folder / "Image-dir").mkdir()
    (folder / "Image-link").symlink_to(renew.sealed)
    shutil.copy(renew.folder / "Image", folder / "Image-kernel")
    before = images(folder)
    assert renew() == (0, f"{renew.sealed}: sealed and signed\n", "")
    assert images(folder) == sorted(before + ["Image-6.1"])


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_an_image_that_cannot_be_removed_is_a_warning(renew):
    assert renew()[0] == 0
    shutil.copy(renew.sealed, renew.sealed.parent / "Image-5.9")
    done = subprocess.run(["strace", "-qq", "-o", "/dev/null", "-e", "inject=unlink:error=EPERM", COMMAND,
                           "seal", "--renew", "--config=seal.conf"], cwd=renew.folder,
                          capture_output=True, text=True, check=False,
                          env={**os.environ, "LC_ALL": "C", "ASAN_OPTIONS": "detect_leaks=0"})
    assert (done.returncode, done.stdout, done.stderr) == (
        0, f"{renew.sealed}: is up to date\n",
        f"crashres: warning: {renew.sealed.parent}/Image-5.9: cannot remove: Operation not permitted\n")


# ---------------------------------------------------------------- all releases


def test_all_kernels_with_an_initrd_are_renewed(renew):
    """A failure of one does not stop the others."""
    folder = renew.folder
    for release in "6.2", "6.3", "6.4-rt+":
        shutil.copy(folder / "Image", folder / f"vmlinuz-{release}")
    for release in "6.2", "6.4-rt+", "6.5":
        shutil.copy(folder / "initrd", folder / f"initrd-{release}")
    (folder / "vmlinuz-6.2").write_bytes(b"\xd0\x0d\xfe\xed")
    (folder / "vmlinuz-6.5").mkdir()
    code, out, err = renew_all(renew)
    assert (code, out) == (4, "".join(f"{renew.sealed.parent}/Image-{release}: sealed and signed\n"
                                      for release in ("6.1", "6.4-rt+")))
    assert err == (f"crashres: {folder}/vmlinuz-6.2: is a FIT image or a device tree, not a kernel "
                   "(dumpimage of u-boot-tools extracts the kernel of a FIT image)\n")
    assert images(renew.sealed.parent) == ["Image-6.1", "Image-6.4-rt+"]


def test_a_file_that_is_no_kernel_is_left_out(renew):
    """crashres sign --sigfile writes vmlinuz-6.1.sig. In an earlier version, every run failed then."""
    folder = renew.folder
    (folder / "seal.conf").write_text(
        f"sealed = auto\nkernel = {folder}/vmlinuz-%v\noutput = {folder}/state/sealed\n"
        "key = key.pem\ncert = cert.pem\n")
    assert renew.run("sign", "--key=key.pem", "--sigfile", "vmlinuz-6.1")[0] == 0
    warning = f"crashres: warning: {folder}/vmlinuz-6.1.sig: is not a kernel, so it is left out\n"
    assert renew_all(renew) == (0, f"{renew.sealed}: sealed and signed\n", warning)
    assert renew_all(renew) == (0, f"{renew.sealed}: is up to date\n", warning)
    # A file that was a kernel is damaged, and a file that the user names is always an error.
    sentence = ("Cannot determine the file type of {}: it is neither an arm64 kernel nor a known wrapper")
    (folder / "vmlinuz-6.1").write_text("no kernel")
    assert renew_all(renew) == (4, "", "crashres: " + sentence.format(folder / "vmlinuz-6.1") + "\n" + warning)
    assert images(renew.sealed.parent) == ["Image-6.1"]
    assert renew.run("seal", "--renew", "--config=seal.conf", "--kernel-release=6.1.sig") == fails(
        sentence.format(folder / "vmlinuz-6.1.sig"))
    (folder / "vmlinuz-6.1").unlink()
    assert renew_all(renew) == (4, "", warning + "crashres: seal.conf: no kernel was found\n")
    assert images(renew.sealed.parent) == ["Image-6.1"]


def test_no_kernel_with_an_initrd(renew):
    (renew.folder / "initrd-6.1").unlink()
    assert renew_all(renew) == fails("seal.conf: no kernel with an initrd was found")
    (renew.folder / "seal.conf").write_text(
        f"sealed = auto\nkernel = /nowhere/%v\noutput = {renew.folder}/state\nkey = k\ncert = c\n")
    assert renew_all(renew) == fails("seal.conf: no kernel was found")


@pytest.mark.parametrize("pattern, paths, releases", [
    ("%v/vmlinuz", ["6.1/vmlinuz", "6.2/Image", "6.3/x/vmlinuz"], ["6.1"]),
    ("%v/vmlinuz-%v", ["6.1/vmlinuz-6.1", "6.2/vmlinuz-6.1", "6.10/vmlinuz-6.1", "6.22/vmlinuz-6.22"],
     ["6.1", "6.22"]),
    ("%%v[a]*?\\-%v.img", ["%v[a]*?\\-6.1.img", "%va*?\\-6.2.img", "%v[a]bc\\-6.3.img"], ["6.1"]),
    ("vmlinuz-%v", ["vmlinuz-", "vmlinuz-6.1", "vmlinuz-6.1.old", "xvmlinuz-6.2"], ["6.1", "6.1.old"]),
])
def test_a_path_gives_its_release(renew, pattern, paths, releases):
    for path in paths:
        kernel = renew.folder / "lib" / path
        kernel.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(renew.folder / "Image", kernel)
    (renew.folder / "seal.conf").write_text(
        f"sealed = auto\nkernel = {renew.folder}/lib/{pattern}\noutput = {renew.folder}/state\n"
        "key = key.pem\ncert = cert.pem\n")
    code, out, err = renew_all(renew)
    assert (code, err) == (0, "")
    assert out == "".join(f"{renew.folder}/state/Image-{release}: sealed and signed\n"
                          for release in releases)


def test_one_kernel_for_all_releases(renew):
    """Its sealed Image has a fixed name, so no old one stays behind."""
    path = renew.folder / "state/Image"
    (renew.folder / "seal.conf").write_text(
        f"sealed = auto\nkernel = {renew.folder}/Image\ninitrd = {renew.folder}/initrd\n"
        f"output = {renew.folder}/state\nkey = key.pem\ncert = cert.pem\n")
    assert renew() == (0, f"{path}: sealed and signed\n", "")
    assert renew_all(renew) == (0, f"{path}: is up to date\n", "")
    assert renew("--remove") == (0, f"{path}: belongs to no release: not removed\n", "")
    assert images(path.parent) == ["Image"]


# ------------------------------------------------------- changes during a run


CHANGES = "sbsign --key key.pem --cert cert.pem --output $2 $1"


@needs_sbsign
@pytest.mark.parametrize("change, lines", [
    ("echo more >>initrd-6.1", ["6.1: sealed and signed"] * 2),
    ("cp Image vmlinuz-6.2; cp initrd initrd-6.2",
     ["6.1: sealed and signed", "6.1: is up to date", "6.2: sealed and signed"]),
    ("echo on-damage = halt >>seal.conf", ["6.1: sealed and signed"] * 2),
])
def test_a_change_during_a_run_is_not_lost(renew, change, lines):
    """systemd starts no second run for a change while the service runs."""
    renew.configure(f"sign-with = sh -c 'test -e once || {{ : >once; {change}; }}; {CHANGES}' x %i %o")
    code, out, _ = renew_all(renew)
    assert (code, out) == (0, "".join(f"{renew.sealed.parent}/Image-{line}\n" for line in lines))
    assert renew_all(renew)[1].count("is up to date") == len(images(renew.sealed.parent))


@needs_sbsign
def test_files_that_change_all_the_time(renew):
    renew.configure(f"sign-with = sh -c 'echo more >>initrd-6.1; {CHANGES}' x %i %o")
    code, out, err = renew_all(renew)
    assert (code, out) == (4, f"{renew.sealed}: sealed and signed\n" * 5)
    assert err.endswith("crashres: the files to seal still change after 5 attempts\n")
