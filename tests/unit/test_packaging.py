# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the plugin of kernel-install and checks the systemd units.

make check sets CRASHRES_COMMAND (the program) and CRASHRES_BUILD (the build folder).
"""

import os
import pty
import re
import shutil
import subprocess

import pytest

from buildvariables import read_variables
from keyfiles import RSA_2048, make_key, openssl
from kernelfiles import image
from test_sign import read_terminal

COMMAND = os.environ["CRASHRES_COMMAND"]
BUILD = os.environ["CRASHRES_BUILD"]
SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
PLUGIN = os.path.join(BUILD, "packaging/kernel-install/92-crashres.install")
SERVICE = os.path.join(BUILD, "packaging/systemd/crashres-seal.service")
PATH_UNIT = os.path.join(SOURCE, "packaging/systemd/crashres-seal.path")
MIB = 1 << 20

needs_kernel_install = pytest.mark.skipif(not shutil.which("kernel-install"),
                                          reason="kernel-install is not installed")


def bindir():
    """Returns the folder of the installed crashres, as make knows it."""
    return read_variables(BUILD, "bindir")["bindir"]


def settings(path):
    """Returns the lines of a unit file without comments."""
    with open(path, encoding="utf-8") as file:
        return [line for line in file.read().splitlines() if line and not line.startswith("#")]


@pytest.fixture
def machine(tmp_path):
    """A folder with a kernel, an initrd, keys, a configuration, and a crashres that reads it."""
    (tmp_path / "boot").mkdir()
    (tmp_path / "boot/vmlinuz-6.1").write_bytes(image(image_size=3 * MIB))
    (tmp_path / "boot/initrd-6.1").write_bytes(b"initrd" * 1000)
    make_key(tmp_path, "test", *RSA_2048, options=["-addext", "keyUsage=digitalSignature"])
    (tmp_path / "seal.conf").write_text(
        f"sealed = auto\nkernel = {tmp_path}/boot/vmlinuz-%v\ninitrd = {tmp_path}/boot/initrd-%v\n"
        f"output = {tmp_path}/sealed\nkey = {tmp_path}/test.key\ncert = {tmp_path}/test.pem\n")
    # The plugin passes no --config: this program adds it.
    wrapper = tmp_path / "crashres"
    wrapper.write_text(f'#!/bin/sh\nexec {COMMAND} "$@" --config={tmp_path}/seal.conf\n')
    wrapper.chmod(0o755)
    return tmp_path


def images(machine):
    """Returns the names of the sealed Images."""
    return sorted(name for name in os.listdir(machine / "sealed") if name != ".crashres.lock")


def run_plugin(machine, *arguments, verbose=0, **environment):
    """Calls the plugin as kernel-install does."""
    done = subprocess.run([PLUGIN, *arguments], capture_output=True, text=True, check=False, timeout=60,
                          env={**os.environ, "CRASHRES_COMMAND": f"{machine}/crashres",
                               "KERNEL_INSTALL_VERBOSE": str(verbose), "LC_ALL": "C", **environment})
    return done.returncode, done.stdout, done.stderr


def test_the_plugin_adds_and_removes(machine):
    kernel = machine / "boot/vmlinuz-6.1"
    assert run_plugin(machine, "add", "6.1", "/boot/id/6.1", str(kernel)) == (0, "", "")
    assert images(machine) == ["Image-6.1"]
    assert run_plugin(machine, "add", "6.1", "/boot/id/6.1", str(kernel), verbose=1) == (
        0, f"+crashres seal --renew --kernel-release=6.1\n{machine}/sealed/Image-6.1: is up to date\n", "")
    assert run_plugin(machine, "remove", "6.1", "/boot/id/6.1") == (0, "", "")
    assert not images(machine)
    assert run_plugin(machine, "inspect") == (0, "", "")


def test_a_missing_initrd_does_not_stop_the_installation(machine):
    (machine / "boot/initrd-6.1").unlink()
    assert run_plugin(machine, "add", "6.1", "/boot/id/6.1", "kernel") == (
        0, "", f"crashres: Cannot open `{machine}/boot/initrd-6.1': No such file or directory\n"
               "92-crashres.install: the sealed Image of 6.1 was not renewed\n")


def test_the_plugin_without_crashres(machine):
    (machine / "crashres").unlink()
    assert run_plugin(machine, "add", "6.1", "/boot/id/6.1", "kernel") == (0, "", "")


def test_the_plugin_asks_for_nothing(machine):
    """On a terminal: for crashres and for the signer, /dev/tty does not exist."""
    openssl("pkcs8", "-topk8", "-in", "test.key", "-out", "encrypted.key", "-passout", "pass:secret",
            cwd=machine)
    config = (machine / "seal.conf").read_text()
    sign_with = "sign-with = sh -c ': </dev/tty' x %i %o\n"
    for text, sentence in (
            (config.replace("test.key", "encrypted.key"),
             f"key: {machine}/encrypted.key: a passphrase is needed, and there is none"),
            (re.sub("(key|cert) = .*\n", "", config) + sign_with, "sh: failed with exit status 2")):
        (machine / "seal.conf").write_text(text)
        child, terminal = pty.fork()
        if not child:
            os.execve(PLUGIN, [PLUGIN, "add", "6.1", "/boot/id/6.1", "kernel"],
                      {**os.environ, "CRASHRES_COMMAND": f"{machine}/crashres", "LC_ALL": "C"})
        output = b""
        while more := read_terminal(terminal, child):
            output += more
        os.waitpid(child, 0)
        os.close(terminal)
        assert f"crashres: {sentence}\r\n92-crashres.install: the sealed Image of 6.1" in output.decode()
        assert b"Passphrase" not in output


def test_the_plugin_stops_a_signer_that_ignores_sigterm(machine):
    """Its limits are a second here. run_plugin() returns when the signer has closed stderr, too."""
    config = (machine / "seal.conf").read_text()
    (machine / "seal.conf").write_text(
        re.sub("(key|cert) = .*\n", "", config) +
        "sign-with = sh -c 'trap \"\" TERM; for i in $(seq 90); do sleep 1; done' x %i %o\n")
    (machine / "bin").mkdir()
    limit = machine / "bin/timeout"
    limit.write_text("#!/bin/sh\nfor word; do\n\tshift\n\tcase $word in 10|600) word=1 ;; esac\n"
                     f'\tset -- "$@" "$word"\ndone\nexec {shutil.which("timeout")} "$@"\n')
    limit.chmod(0o755)
    code, out, err = run_plugin(machine, "add", "6.1", "/boot/id/6.1", "kernel",
                                PATH=f"{machine}/bin:{os.environ['PATH']}")
    # The shell adds a line of its own about the signal.
    assert (code, out) == (0, "")
    assert err.endswith("92-crashres.install: the sealed Image of 6.1 was not renewed\n")


@needs_kernel_install
def test_kernel_install_calls_the_plugin(machine):
    """kernel-install itself, with this plugin only: its own arguments and environment."""
    (machine / "conf").mkdir()
    (machine / "conf/install.conf").write_text("layout=other\n")
    (machine / "entry").mkdir()
    environment = {**os.environ, "KERNEL_INSTALL_CONF_ROOT": f"{machine}/conf", "LC_ALL": "C",
                   "KERNEL_INSTALL_PLUGINS": PLUGIN, "MACHINE_ID": "0" * 31 + "1",
                   "BOOT_ROOT": f"{machine}/entry", "CRASHRES_COMMAND": f"{machine}/crashres"}
    for command, names in (("add", ["Image-6.1"]), ("remove", [])):
        arguments = [str(machine / "boot/vmlinuz-6.1")] if command == "add" else []
        done = subprocess.run(["kernel-install", "-v", command, "6.1", *arguments], env=environment,
                              capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        assert images(machine) == names, done.stdout + done.stderr


def test_installed_files_name_the_installed_program():
    """Earlier versions had a literal @bindir@ in both files, and did nothing."""
    assert f"ExecStart={bindir()}/crashres seal --renew" in settings(SERVICE)
    assert f"crashres=${{CRASHRES_COMMAND:-{bindir()}/crashres}}" in settings(PLUGIN)
    for path in SERVICE, PLUGIN:
        assert "@" not in "".join(settings(path)).replace("$@", "")


def test_many_changes_do_not_stop_the_units():
    """systemd stops a path unit whose service starts too often, if the service has a limit."""
    assert "StartLimitIntervalSec=0" in settings(SERVICE)
    assert "ExecStartPre=/bin/sleep 2" in settings(SERVICE)


def test_the_service_runs_before_the_crash_kernel_is_loaded():
    assert "Before=kdump.service kdump-tools.service" in settings(SERVICE)
    assert "WantedBy=multi-user.target" in settings(SERVICE)
    assert "Also=crashres-seal.service" in settings(PATH_UNIT)


def test_the_path_unit_works_without_seal_conf():
    """A condition would stop the path unit for ever if seal.conf is made after boot."""
    assert not [line for line in settings(PATH_UNIT) if line.startswith("Condition")]
    assert "PathChanged=/etc/crashres/seal.conf" in settings(PATH_UNIT)


def test_the_command_of_the_service(machine):
    """ExecStart of the unit, run by hand with the path of the built program."""
    with open(SERVICE, encoding="utf-8") as file:
        [command] = re.findall(r"^ExecStart=(.*)$", file.read(), re.M)
    program, *arguments = command.split()
    assert program == bindir() + "/crashres"
    for name in "vmlinuz", "initrd":
        shutil.copy(machine / f"boot/{name}-6.1", machine / f"boot/{name}-6.2")
    done = subprocess.run([f"{machine}/crashres", *arguments], capture_output=True, text=True,
                          check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (
        0, "".join(f"{machine}/sealed/Image-{release}: sealed and signed\n" for release in ("6.1", "6.2")),
        "")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_accepts_the_units(tmp_path):
    shutil.copy(PATH_UNIT, tmp_path)
    with open(SERVICE, encoding="utf-8") as file:
        text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", file.read(), flags=re.M)
    (tmp_path / "crashres-seal.service").write_text(text)
    done = subprocess.run(["systemd-analyze", "verify", "--man=no",
                           tmp_path / "crashres-seal.path", tmp_path / "crashres-seal.service"],
                          capture_output=True, text=True, check=False, timeout=60)
    assert "crashres-seal" not in done.stderr and done.returncode == 0, done.stderr


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed")
def test_shellcheck_accepts_the_plugin():
    done = subprocess.run(["shellcheck", PLUGIN], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
