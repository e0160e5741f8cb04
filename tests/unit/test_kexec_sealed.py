# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs kexec -p with sealed=auto in seal.conf, on copies of machines that demand a signature.

make check sets CRASHRES_COMMAND and CRASHRES_KEXEC (the programs) and CRASHRES_DATA (the
machine snapshots).
"""

import os
import re
import shutil
import subprocess

import pytest

from kernelfiles import image

COMMAND = os.environ["CRASHRES_COMMAND"]
KEXEC = os.environ["CRASHRES_KEXEC"]
DATA = os.environ["CRASHRES_DATA"]
MIB = 1 << 20
SEALED = "/var/lib/crashres/sealed/Image-6.1"


class Machine:
    """A copy of a machine with seal.conf and a folder of sealed Images."""

    def __init__(self, folder):
        self.folder, self.root = folder, folder / "root"
        shutil.copytree(os.path.join(DATA, "virt-6.1"), self.root)
        (folder / "vmlinuz").write_bytes(image(image_size=3 * MIB))
        (folder / "initrd").write_bytes(b"initrd" * 1000)
        self.configure("sealed = auto")
        self.lock_down("integrity")
        (self.root / SEALED[1:]).parent.mkdir(parents=True)
        (self.root / SEALED[1:]).parent.chmod(0o755)

    def configure(self, text):
        path = self.root / "etc/crashres/seal.conf"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")

    def lock_down(self, level):
        path = self.root / "sys/kernel/security/lockdown"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(" ".join(f"[{word}]" if word == level else word for word in
                                 ("none", "integrity", "confidentiality")) + "\n")
        (path.parent / "ima").mkdir(exist_ok=True)
        (path.parent / "ima/policy").write_text("measure func=BPRM_CHECK\n")

    def seal(self, *options, output=SEALED):
        path = self.root / output[1:]
        subprocess.run([COMMAND, "seal", "--kernel=vmlinuz", "--initrd=initrd", *options,
                        "-o", path], cwd=self.folder, check=True)
        # The umask can have any value, and kexec uses no file that other users can change.
        path.chmod(0o644)

    def kexec(self, *options):
        done = subprocess.run([KEXEC, f"--root={self.root}", "-p", *options, "vmlinuz"],
                              cwd=self.folder, capture_output=True, text=True, check=False, timeout=60)
        return done.returncode, done.stdout, done.stderr


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


UNCHECKED = ("Checks        none: the running kernel demands a signature, and sealing would break "
             "the signature\n")
CHECKED = "Checks        the sealed Image checks itself, with the options it was sealed with\n"


def test_the_sealed_image_is_used_under_lockdown(machine):
    machine.seal()
    code, out, err = machine.kexec("--initrd=initrd", "--append=x")
    assert (code, err) == (0, "")
    assert out == (
        "Plan for the crash kernel: kexec_file_load\n"
        f"Kernel        {SEALED}\n"
        "Initrd        initrd\n" + CHECKED +
        "Command line  x\n"
        "Attempts\n"
        "  1 kexec_load       impossible: the running kernel is locked down, and accepts only a "
        "signed file\n"
        "  2 kexec_file_load  already sealed, checks itself; if the sealed Image is refused, "
        "attempt 3 follows\n"
        "  3 kexec_file_load  not sealed, not checked; no attempt follows\n")


def test_arguments_of_the_distributions(machine):
    """kdump-utils, kdump-tools and SUSE pass these, with -s or -a or nothing."""
    machine.seal()
    for options in (["-s", "-s"], ["-a"], ["-d"], []):
        code, out, _ = machine.kexec(*options, "--command-line=x", "--initrd=initrd")
        assert code == 0 and f"Kernel        {SEALED}\n" in out, options


def test_another_initrd_is_an_error(machine):
    machine.seal()
    (machine.folder / "initrd").write_bytes(b"changed")
    assert machine.kexec("--initrd=initrd") == (
        1, "", f'kexec: {SEALED}: is sealed with another initrd than initrd: run "crashres seal --renew"\n')
    assert machine.kexec() == (
        1, "", f'kexec: {SEALED}: is sealed with an initrd, but the load has no initrd: run "crashres '
               'seal --renew"\n')


def test_a_missing_sealed_image_is_a_warning(machine):
    code, out, err = machine.kexec("--initrd=initrd")
    assert (code, err) == (0, "kexec: warning: /var/lib/crashres/sealed has no sealed Image of vmlinuz: "
                              'run "crashres seal --renew"\n')
    assert UNCHECKED in out and "Kernel        vmlinuz\n" in out
    # The folder can be missing.
    (machine.root / SEALED[1:]).parent.rmdir()
    assert machine.kexec("--initrd=initrd") == (code, out, err)


def test_a_file_that_cannot_be_used_is_a_warning(machine):
    """The next sealed Image is used, or else the kernel."""
    machine.seal()
    bad = (machine.root / SEALED[1:]).with_name("bad")
    machine.seal(output="/var/lib/crashres/sealed/bad")
    os.utime(machine.root / SEALED[1:], (1, 1))
    bad.chmod(0o666)
    warning = ("kexec: warning: this sealed Image is not used: /var/lib/crashres/sealed/bad: other users can "
               "write to it\n")
    code, out, err = machine.kexec("--initrd=initrd")
    assert (code, err) == (0, warning) and f"Kernel        {SEALED}\n" in out
    (machine.root / SEALED[1:]).unlink()
    code, out, err = machine.kexec("--initrd=initrd")
    assert (code, err) == (0, warning + "kexec: warning: /var/lib/crashres/sealed has no sealed Image of "
                           'vmlinuz: run "crashres seal --renew"\n')
    assert UNCHECKED in out
    # The same if nothing shows whether a signature is demanded: kexec_load can still work.
    shutil.rmtree(machine.root / "sys/kernel/security")
    bad.chmod(0o644)
    with open(bad, "r+b") as file:
        file.truncate(5 << 30)
    code, out, err = machine.kexec("--initrd=initrd")
    assert code == 0 and re.fullmatch(
        "kexec: warning: this sealed Image is not used: /var/lib/crashres/sealed/bad: has 5368709120 bytes, and "
        "its header allows [0-9]+\n", err)
    assert out.startswith("Plan for the crash kernel: kexec_load, pages of 4 KiB\n")


def test_a_folder_that_cannot_be_read_is_a_warning(machine):
    (machine.root / SEALED[1:]).parent.rmdir()
    (machine.root / SEALED[1:]).parent.write_text("")
    code, out, err = machine.kexec("--initrd=initrd")
    assert (code, err) == (0, "kexec: warning: cannot open /var/lib/crashres/sealed: Not a directory\n")
    assert UNCHECKED in out


def test_no_sealed_image_is_used_without_a_demand(machine):
    machine.seal()
    machine.lock_down("none")
    code, out, err = machine.kexec("--initrd=initrd")
    assert (code, err) == (0, "")
    assert out.startswith("Plan for the crash kernel: kexec_load, pages of 4 KiB\n")
    assert SEALED not in out


def test_an_unknown_demand_keeps_kexec_load_first(machine):
    shutil.rmtree(machine.root / "sys/kernel/security")
    machine.seal()
    code, out, err = machine.kexec("--initrd=initrd")
    assert (code, err) == (0, "")
    assert ("  1 kexec_load       checked by purgatory; if the call is refused, attempt 2 follows\n"
            "  2 kexec_file_load  already sealed, checks itself; if the sealed Image is refused, "
            "attempt 3 follows\n") in out
    (machine.folder / "initrd").write_bytes(b"changed")
    code, out, err = machine.kexec("--initrd=initrd")
    assert (code, err) == (0, f"kexec: warning: {SEALED}: is sealed with another initrd than initrd: "
                              'run "crashres seal --renew"\n')
    assert SEALED not in out


@pytest.mark.parametrize("options", [["-i"], ["--seal=never"], ["-c"], ["-l"]])
def test_options_that_mean_the_kernel_itself(machine, options):
    machine.seal()
    _, out, err = machine.kexec("--initrd=initrd", *options)
    assert SEALED not in out and "renew" not in err


def test_policies_of_the_command_line_are_ignored_with_a_warning(machine):
    machine.seal()
    code, out, err = machine.kexec("--initrd=initrd", "--on-damage=halt")
    assert (code, err) == (0, f"kexec: warning: {SEALED} is already sealed: the requested settings for "
                              "damage, repair and time are ignored\n")
    assert "  3 " not in out


@pytest.mark.parametrize("text", ["sealed = off", "", "# sealed = auto"])
def test_switched_off(machine, text):
    machine.configure(text)
    machine.seal()
    code, out, err = machine.kexec("--initrd=initrd")
    assert (code, err) == (0, "") and UNCHECKED in out


def test_a_missing_file_is_switched_off(machine):
    machine.seal()
    (machine.root / "etc/crashres/seal.conf").unlink()
    code, out, err = machine.kexec("--initrd=initrd")
    assert (code, err) == (0, "") and UNCHECKED in out


def test_a_wrong_configuration_is_an_error_with_p_only(machine):
    machine.configure("sealed = auto\nkrenel = x")
    assert machine.kexec("--initrd=initrd") == (
        1, "", 'kexec: /etc/crashres/seal.conf:2: unknown key "krenel"\n')
    code, out, err = machine.kexec("-l")
    assert code == 0 and "seal.conf" not in err
    path = machine.root / "etc/crashres/seal.conf"
    path.write_bytes(b"#" * (65 << 10))
    assert machine.kexec() == (1, "", "kexec: /etc/crashres/seal.conf: more than 64 KiB\n")
    path.unlink()
    os.mkfifo(path)
    assert machine.kexec() == (
        1, "", "kexec: /etc/crashres/seal.conf is a FIFO, not a regular file\n")


def test_another_folder(machine):
    machine.configure("sealed = auto\noutput = /sealed")
    (machine.root / "sealed").mkdir()
    (machine.root / "sealed").chmod(0o755)
    machine.seal(output="/sealed/x")
    _, out, _ = machine.kexec("--initrd=initrd")
    assert "Kernel        /sealed/x\n" in out
