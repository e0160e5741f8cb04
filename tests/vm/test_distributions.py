# SPDX-License-Identifier: GPL-2.0-or-later
"""The command lines of the distributions, run with the installed packages.

Scripts in tests/vm/callers make the command lines of Fedora, RHEL, openEuler, openSUSE and Debian.
lib/distributions.py has the argument vectors of all callers. strace shows the vector that kexec gets,
and its system calls: a load that falls back to another system call without need fails a test. After
the load comes a panic, or the start of the next kernel, and the command line of that kernel must be
that of the vector, byte for byte.
"""

import dataclasses
import os
import pathlib
import shlex
import subprocess

import pytest

import kernelfiles
from conftest import ALL, HERE, PACKAGES, Lab, fetch
from lib import distributions, initramfs, trace
from lib.installed import Folder, Installed
from test_formats import deflate

REPORT = "/usr/lib/crashres/crashres-report"
CRASH_SLOT, NEXT_SLOT = "/sys/kernel/kexec_crash_loaded", "/sys/kernel/kexec_loaded"


def read_scripts():
    """Returns the scripts of tests/vm/callers: name in the VM -> bytes."""
    return {f"callers/{script.name}": script.read_bytes() for script in (HERE / "callers").iterdir()}


class InstalledLab(Lab):
    """Boots machines with the installed packages. The kernel of Fedora is EFI ZBOOT."""

    def __init__(self, folder, packages):
        super().__init__(folder)
        self.shell_root = fetch("shell")
        roots = [self.guest_root, fetch("sysroot")]
        self.installed = Installed(packages, folder / "installed", roots)

    def make_initramfs(self, kernel, machine, extra_files):
        image, capture, first = kernel.read_bytes(), initramfs.Cpio(), initramfs.Cpio()
        self.installed.fill_capture(capture, self.guest_root)
        files = {"boot/Image": image, "boot/vmlinuz": kernelfiles.zboot(deflate(image), "gzip"),
                 "boot/initrd": capture.bytes(), "etc/sysconfig/kdump": distributions.SYSCONFIG,
                 **read_scripts(), **extra_files}
        self.installed.fill_first(first, self.guest_root, self.shell_root, files)
        path = self.folder / "initrd"
        path.write_bytes(first.bytes())
        return path

    def make_disks(self, kernel):
        """Writes the disks of the machine distributions.DISKS, and returns the options of QEMU."""
        tree = Folder(self.folder / "root")
        self.installed.fill_capture(tree, self.guest_root)
        root, image = self.folder / "root.ext4", self.folder / "kernel.disk"
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", self.folder / "root", root, "256M"],
                       check=True, env={**os.environ, "PATH": os.environ["PATH"] + ":/sbin:/usr/sbin"})
        # A partition is larger than its kernel. The bytes behind the kernel have no meaning.
        image.write_bytes((kernel.read_bytes() + b"\xa5" * (1 << 20)).ljust(64 << 20, b"\xff"))
        # The last device of the command line gets the first name.
        return [option for name, path in (("vdb", image), ("vda", root)) for option in (
            "-drive", f"if=none,id={name},format=raw,file={path}",
            "-device", f"virtio-blk-device,drive={name}")]

    def boot_row(self, row, kernel):
        """Boots the machine of a row, with the kernel and the initrd at the places of the row."""
        machine = row.machine
        if machine is distributions.DISKS:
            machine = dataclasses.replace(machine, qemu_options=self.make_disks(kernel))
        running = self.boot(kernel, machine)
        running.check(row.files)
        return running


@pytest.fixture
def installed_lab(tmp_path):
    """An InstalledLab with the packages of CRASHRES_PACKAGES."""
    packages = pathlib.Path(PACKAGES or "/nonexistent")
    if not list(packages.glob("kexec-tools_*_arm64.deb")):
        pytest.skip("CRASHRES_PACKAGES does not name a folder with our arm64 packages")
    return InstalledLab(tmp_path, packages)


left_out = pytest.mark.skipif(
    not ALL, reason="not in the sample of ./check: run ./check --all, or set CRASHRES_ALL=1")


def each(rows):
    """Parametrizes a test by rows. CRASHRES_ALL=1 runs the rows outside the sample, too."""
    return pytest.mark.parametrize("row, kernel", [
        pytest.param(row, row.kernel, id=row.name, marks=() if row.everywhere else left_out)
        for row in rows], indirect=["kernel"])


def run_line(running, line, vector=None):
    """Runs a script or an argument vector. Returns the exit status, the output, and the calls.

    vector: the vector that a script must make.
    """
    if not isinstance(line, str):
        vector, line = line, shlex.join(["/sbin/kexec", *line])
    status, output, runs = trace.run(running, line)
    assert [run.arguments for run in runs] == [vector]
    return status, output, runs[0].calls


def unload(running, row, slot):
    assert run_line(running, row.unload, row.unload_vector) == (0, "", row.unload_calls)
    assert running.check(f"cat {slot}") == "0"


def load(running, row, slot):
    assert run_line(running, row.load, row.load_vector) == (0, row.output, row.load_calls)
    assert running.check(f"cat {slot}") == "1"


def load_again(running, row, slot):
    """Loads after an unload of an empty slot, and after an unload of a loaded kernel."""
    for _ in range(2):
        unload(running, row, slot)
        load(running, row, slot)


def check_capture(running, row):
    """Checks the capture kernel: command line, report, log and dump."""
    assert running.read("/proc/cmdline") == row.line.encode() + b"\n"
    status, report = running.run(REPORT)
    assert (status, report.splitlines()[0]) == (0, "This kernel was intact when it was started.")
    log = running.check("/sbin/vmcore-dmesg /proc/vmcore")
    assert log.count("Kernel panic - not syncing: sysrq triggered crash") == 1
    # The dump fits into the memory of the capture kernel, because init is all that runs.
    running.check("makedumpfile -l --message-level 1 -d 31 /proc/vmcore /dump", 300)
    assert running.read("/dump", 1).startswith(b"KDUMP   ")


@each(distributions.SCRIPTS + distributions.CRASH_VECTORS)
def test_a_crash_kernel_is_loaded_unloaded_and_captures(installed_lab, kernel, row):
    with installed_lab.boot_row(row, kernel) as running:
        load_again(running, row, CRASH_SLOT)
        running.panic()
        running.wait_ready("capture")
        check_capture(running, row)


@each(distributions.BOOT_VECTORS)
def test_the_next_kernel_is_loaded_unloaded_and_starts(installed_lab, kernel, row):
    with installed_lab.boot_row(row, kernel) as running:
        load_again(running, row, NEXT_SLOT)
        running.send("/sbin/kexec -e")
        running.wait_ready("first")
        assert running.read("/proc/cmdline") == row.line.encode() + b"\n"


RELOADED = distributions.fedora("reload", "reload", ["-s", "-p"])


@pytest.mark.parametrize("kernel", ["small"], indirect=True)
def test_kdumpctl_unloads_and_loads_in_one_run(installed_lab, kernel):
    """kdumpctl reload unloads also if no crash kernel is loaded."""
    with installed_lab.boot_row(RELOADED, kernel) as running:
        for action in "reload", "reload", "restart":
            status, output, runs = trace.run(running, RELOADED.load.replace("reload", action))
            assert (status, output) == (0, "")
            assert [(run.arguments, run.calls) for run in runs] == [
                (["-p", "-u"], ["kexec_file_load"]), (RELOADED.load_vector, ["kexec_file_load"])]
            assert running.check(f"cat {CRASH_SLOT}") == "1"
        # RHEL 9 appends the plan of -d, which goes to stderr, to its log.
        assert running.run(RELOADED.load.replace("reload", "start-rhel9")) == (0, "")
        log = running.check("cat /var/log/kdump.log")
        assert log.count("Plan for the crash kernel: kexec_file_load") == 1


DEBIAN = distributions.debian("quoted words")


@pytest.mark.parametrize("kernel", ["small"], indirect=True)
def test_quoted_words_break_the_load_of_debian_visibly(installed_lab, kernel):
    """kdump-config makes two arguments of a quoted word, so the rest of the line is the kernel."""
    row = dataclasses.replace(DEBIAN, machine=distributions.QUOTED)
    with installed_lab.boot_row(row, kernel) as running:
        status, output, [run] = trace.run(running, row.load)
        rest = "words loglevel=4 reset_devices systemd.unit=kdump-tools-dump.service nr_cpus=1"
        assert run.arguments == [
            "-p", "--command-line=BOOT_IMAGE=/boot/vmlinuz console=ttyAMA0 panic=10 "
            "test.words=\\two", rest, "--initrd=/var/lib/kdump/initrd.img", "/var/lib/kdump/vmlinuz"]
        assert (status, output, run.calls) == (
            255, 'kexec: warning: the operand "/var/lib/kdump/vmlinuz" is ignored: '
                 f'the kernel is "{rest}"\n'
                 f"kexec: Cannot open `{rest}': No such file or directory", [])
        assert running.check(f"cat {CRASH_SLOT}") == "0"


# In Debian the initrd and the capture service are those of kdump-tools, which need these words.
NEEDED = "root=LABEL=system systemd.unit=kdump-tools-dump.service"


@left_out
@pytest.mark.parametrize("load", [
    "env KEXEC_ARGS= KDUMP_KERNEL=$(echo /boot/vmlinuz-*) "
    "KDUMP_INITRD=$(readlink -f /var/lib/kdump/initrd.img) /callers/kdumpctl start",
    f"env KDUMP_CPUS=1 KDUMP_COMMANDLINE_APPEND='{NEEDED}' /callers/load.sh",
], ids=["Fedora", "openSUSE"])
def test_a_script_loads_in_debian_and_kdump_tools_saves_the_dump(debian, load):
    settings = distributions.SYSCONFIG + f'KDUMP_COMMANDLINE_APPEND+=" {NEEDED}"\n'.encode()
    with debian.boot() as running:
        running.install_packages()
        running.check("mkdir -p /callers /etc/sysconfig && cd /var/lib/kdump && "
                      "ln -sf vmlinuz kernel && ln -sf initrd.img initrd")
        for name, data in {**read_scripts(), "etc/sysconfig/kdump": settings}.items():
            running.write(f"/{name}", data)
        running.check("chmod 755 /callers/*")
        assert running.run("/callers/unload.sh") == (0, "")
        assert running.check(f"cat {CRASH_SLOT}") == "0"
        assert running.run(load) == (0, "")
        assert running.check(f"cat {CRASH_SLOT}") == "1"
        running.panic()
        running.wait_capture()
        folder = running.wait_saved()
        running.wait_reset()
    with debian.boot() as running:
        log = running.check(f"cat {folder}/dmesg.*")
        assert log.count("Kernel panic - not syncing: sysrq triggered crash") == 1
        assert running.check(f"head -c 8 {folder}/dump.*") == "KDUMP   "
