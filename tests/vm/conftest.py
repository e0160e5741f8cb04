# SPDX-License-Identifier: GPL-2.0-or-later
"""What the VM tests share: fetched kernels, and machines to boot them in."""

import lzma
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from lib import guest
from lib import initramfs
from lib import vm

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))        # kernelfiles.py
KEXEC = os.environ.get("CRASHRES_KEXEC")
CRASHRES = os.environ.get("CRASHRES_COMMAND")
VMCORE_DMESG = os.environ.get("CRASHRES_VMCORE_DMESG")


# Debian 12's own: without them nothing is tested, so that is a failure and no reason to skip.
ESSENTIAL = {("kernel", "6.1"), ("guest",)}


def fetch(*what):
    """The path that tests/vm/fetch prints; the test is skipped where it cannot be reached."""
    result = subprocess.run([HERE / "fetch", *what], text=True, capture_output=True)
    if result.returncode == 3 and what not in ESSENTIAL:
        pytest.skip(f"{' '.join(what)}: {result.stderr.strip()}")
    assert result.returncode == 0, result.stderr
    return pathlib.Path(result.stdout.strip())


@pytest.fixture
def kernel(request):
    return fetch("kernel", request.param)


def module(kernel, name):
    """A module of an unpacked kernel package, ready for insmod."""
    [path] = kernel.parents[1].rglob(name + ".ko*")
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data


class Lab:
    """Boots machines; keeps what they printed."""

    def __init__(self, folder):
        self.folder = folder
        self.guest_root = fetch("guest")

    def crashres(self):
        """The command itself, for a first kernel."""
        return pathlib.Path(CRASHRES).read_bytes()

    def capture_initrd(self):
        return initramfs.make_capture(self.guest_root, CRASHRES, VMCORE_DMESG)

    def initramfs_for(self, kernel, machine, more):
        files = {"boot/Image": kernel.read_bytes(),
                 "boot/initrd": self.capture_initrd(), **more}
        if machine.hotplug:
            files["lib/virtio_mem.ko"] = module(kernel, "virtio_mem")
        path = self.folder / "initrd"
        path.write_bytes(initramfs.make_first(self.guest_root, KEXEC, files))
        return path

    def boot(self, kernel, machine=guest.Machine("plain"), files=None):
        """@files: more of them in the first kernel's initramfs, by name."""
        initrd = self.initramfs_for(kernel, machine, files or {})
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
    if not shutil.which(vm.QEMU):
        pytest.skip(f"{vm.QEMU} is not installed")
    if not KEXEC or not CRASHRES:
        pytest.skip("CRASHRES_KEXEC and CRASHRES_COMMAND do not name static arm64 programs to test")
    return Lab(tmp_path)
