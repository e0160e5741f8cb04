# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures of the VM tests: downloaded kernels, and a lab that boots machines with them."""

import lzma
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from lib import guest
from lib import initramfs
from lib import system
from lib import vm

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))        # kernelfiles.py, keyfiles.py, pesigners.py
KEXEC = os.environ.get("CRASHRES_KEXEC")
CRASHRES = os.environ.get("CRASHRES_COMMAND")
VMCORE_DMESG = os.environ.get("CRASHRES_VMCORE_DMESG")
PACKAGES = os.environ.get("CRASHRES_PACKAGES")
ALL = os.environ.get("CRASHRES_ALL") == "1"


# A test fails if these downloads fail. If another download fails, its tests are skipped.
ESSENTIAL = {("kernel", "6.1"), ("guest",), ("shell",)}


def fetch(*arguments):
    """Returns the path that tests/vm/fetch prints. Skips the test if the download fails."""
    result = subprocess.run([HERE / "fetch", *arguments], text=True, capture_output=True)
    if result.returncode == 3 and arguments not in ESSENTIAL:
        pytest.skip(f"{' '.join(arguments)}: {result.stderr.strip()}")
    assert result.returncode == 0, result.stderr
    return pathlib.Path(result.stdout.strip())


@pytest.fixture
def kernel(request):
    """The path of the kernel that the parameter names: 6.1, 6.12, 6.12-16k, newest, small or
    secure."""
    return fetch("kernel", request.param)


def read_module(kernel, name):
    """Returns the bytes of a module of an unpacked kernel package, uncompressed for insmod."""
    [path] = kernel.parents[1].rglob(name + ".ko*")
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data


class Lab:
    """Boots machines. The console of a machine is written to serial.log in the test's folder."""

    def __init__(self, folder):
        self.folder = folder
        self.guest_root = fetch("guest")

    def read_crashres(self):
        """Returns the bytes of the arm64 command crashres, for the initramfs of a first kernel."""
        return pathlib.Path(CRASHRES).read_bytes()

    def make_capture_initrd(self):
        """Returns the bytes of the initrd that the tests load with the crash kernel."""
        return initramfs.make_capture(self.guest_root, CRASHRES, VMCORE_DMESG)

    def make_initramfs(self, kernel, machine, extra_files):
        """Writes the initramfs of the first kernel and returns its path."""
        files = {"boot/Image": kernel.read_bytes(),
                 "boot/initrd": self.make_capture_initrd(), **extra_files}
        if machine.hotplug:
            files["lib/virtio_mem.ko"] = read_module(kernel, "virtio_mem")
        path = self.folder / "initrd"
        path.write_bytes(initramfs.make_first(self.guest_root, KEXEC, files))
        return path

    def boot(self, kernel, machine=guest.Machine("plain"), files=None):
        """Boots a machine and returns its Guest when init runs.

        files: additional files of the first kernel's initramfs, name -> bytes.
        """
        initrd = self.make_initramfs(kernel, machine, files or {})
        running = guest.Guest(machine.arguments(kernel, initrd), self.folder / "serial.log")
        try:
            running.wait_ready("first")
            if machine.hotplug:
                running.plug_in(machine.hotplug)
        except BaseException:
            running.__exit__()
            raise
        return running


@pytest.fixture
def lab(tmp_path):
    """A Lab in the test's own folder. The test is skipped without QEMU or the arm64 programs."""
    if not shutil.which(vm.QEMU):
        pytest.skip(f"{vm.QEMU} is not installed")
    if not KEXEC or not CRASHRES:
        pytest.skip("CRASHRES_KEXEC and CRASHRES_COMMAND do not name static arm64 programs to test")
    return Lab(tmp_path)


def skip_long_form(suite):
    """Skips a test of another release than Debian 12, unless all tests shall run."""
    if suite != "bookworm" and not ALL:
        pytest.skip(f"{suite}: only ./check --all runs this test")


@pytest.fixture
def debian(request, tmp_path):
    """A SystemLab with a Debian system and our packages. The parameter is the suite; without a
    parameter it is bookworm."""
    suite = getattr(request, "param", "bookworm")
    skip_long_form(suite)
    if not shutil.which(vm.QEMU):
        pytest.skip(f"{vm.QEMU} is not installed")
    packages = pathlib.Path(PACKAGES or "/nonexistent")
    if not list(packages.glob("kexec-tools_*_arm64.deb")):
        pytest.skip("CRASHRES_PACKAGES does not name a folder with our arm64 packages")
    return system.SystemLab(fetch("system", suite), tmp_path, packages)
