# SPDX-License-Identifier: GPL-2.0-or-later
"""kexec runs in an initramfs that holds only busybox, kexec and the libraries that kexec needs.

CRASHRES_SHARED_KEXEC names a dynamic arm64 kexec that was built with --with-static-libs. One case
takes the kexec of the package in CRASHRES_PACKAGES instead.
"""

import os
import pathlib
import re
import subprocess

import pytest

import kernelfiles
from conftest import fetch
from lib import initramfs
from lib.guest import Guest, Machine
from lib.vm import BOOT_TIMEOUT
from test_formats import deflate, xz, zstd

# The loader, libc and zlib.
LIBRARIES = ["ld-linux-aarch64.so.1", "libc.so.6", "libz.so.1"]
KERNELS = {
    "gzip": deflate,
    "zstd": zstd,
    "xz": xz,
    "zboot": lambda image: kernelfiles.zboot(zstd(image), "zstd22", len(image)),
}


def find_kexec(origin, folder):
    """Returns the path of a dynamic kexec. origin: source or package. folder: for its files."""
    if origin == "source":
        path = os.environ.get("CRASHRES_SHARED_KEXEC")
        return path or pytest.skip("CRASHRES_SHARED_KEXEC names no dynamic arm64 kexec")
    packages = pathlib.Path(os.environ.get("CRASHRES_PACKAGES") or "/nowhere")
    found = sorted(packages.glob("kexec-tools_*_arm64.deb"))
    if not found:
        pytest.skip("CRASHRES_PACKAGES has no package kexec-tools")
    subprocess.run(["dpkg-deb", "-x", found[-1], folder / "package"], check=True)
    return initramfs.find(folder / "package", initramfs.PROGRAM_FOLDERS, "kexec")


class InstalledLab:
    """Boots the kernel small with an initramfs that holds kexec and its own libraries."""

    def __init__(self, lab, kexec, kernel):
        self.lab, self.kexec, self.kernel = lab, kexec, kernel

    def make_initramfs(self, files):
        """Returns the bytes of the initramfs. files: name -> bytes."""
        return initramfs.make_installed_first(self.lab.guest_root, self.kexec, files)

    def boot(self, files):
        """Boots the machine and returns its Guest."""
        path = self.lab.folder / "initrd"
        path.write_bytes(self.make_initramfs(files))
        machine = Machine("initramfs")
        running = Guest(machine.arguments(self.kernel, path), self.lab.folder / "serial.log")
        try:
            running.wait_ready("first")
        except BaseException:
            running.__exit__()
            raise
        return running


@pytest.fixture
def installed_lab(request, lab):
    """An InstalledLab. The parameter, if there is one, is the origin of kexec."""
    kexec = find_kexec(getattr(request, "param", "source"), lab.folder)
    return InstalledLab(lab, kexec, fetch("kernel", "small"))


@pytest.mark.parametrize("installed_lab, compression",
                         [("source", compression) for compression in KERNELS] + [("package", "zstd")],
                         indirect=["installed_lab"])
def test_kexec_loads_starts_and_captures(installed_lab, compression):
    files = {"boot/kernel": KERNELS[compression](installed_lab.kernel.read_bytes()),
             "boot/initrd": installed_lab.lab.make_capture_initrd()}
    files["boot/initramfs"] = installed_lab.make_initramfs(files)
    with installed_lab.boot(files) as running:
        assert running.check("ls /lib").split() == LIBRARIES
        assert running.run("kexec -l --reuse-cmdline --append=second --initrd=/boot/initramfs "
                           "/boot/kernel") == (0, "")
        running.send("kexec -e")
        running.wait_ready("first")
        assert running.check("cat /proc/cmdline").endswith(" second")
        assert running.run("kexec -p --reuse-cmdline --initrd=/boot/initrd /boot/kernel") == (0, "")
        running.panic()
        running.wait_ready("capture")
        status, report = running.read_report()
        assert (status, report["outcome"]) == (0, "intact")


@pytest.mark.parametrize("option", ["-c", "-s"])
def test_kexec_needs_no_standard_files_no_dev_and_no_tmp(installed_lab, option):
    """Files that kexec opens must not get the numbers 0 to 2: a message would go into such a file."""
    with installed_lab.boot({"boot/kernel": installed_lab.kernel.read_bytes(),
                             "boot/initrd": installed_lab.lab.make_capture_initrd()}) as running:
        running.check("mkdir /empty && mount --bind /empty /dev && rmdir /tmp")
        assert running.run(f"kexec {option} -d -p --reuse-cmdline --initrd=/boot/initrd /boot/kernel "
                           "<&- >&- 2>&-") == (0, "")
        running.check("umount /dev")
        running.panic()
        running.wait_ready("capture")
        status, report = running.read_report()
        assert (status, report["outcome"]) == (0, "intact")


# The initramfs to which systemd-shutdown returns, as dracut makes it, but without kexec: its
# script copies kexec from the old root. systemd-shutdown binds /proc, /sys and /dev into it.
MAKE_SHUTDOWN_ROOT = """
mkdir -p /run/initramfs && mount -t tmpfs none /run/initramfs && cd /run/initramfs
mkdir bin sbin usr usr/bin usr/sbin lib dev proc sys run oldroot tmp
cp /bin/busybox bin && cp -a /shutdown/. . && chmod 755 shutdown
for name in $(busybox --list); do [ $name = busybox ] || ln -s busybox bin/$name; done
cp /lib/*.so* lib && mount --bind / oldroot
mknod dev/console c 5 1 && mknod dev/null c 1 3 && mknod dev/kmsg c 1 11
for name in proc sys; do mount --bind /$name $name; done
"""


def read_dracut(path):
    """Returns the bytes of a file in the modules of dracut."""
    return (fetch("dracut") / "usr/lib/dracut/modules.d" / path).read_bytes()


def boot_before_shutdown(installed_lab):
    """Boots, loads a kernel, and makes the initramfs for the shutdown. Returns the Guest."""
    kernel, first = installed_lab.kernel.read_bytes(), installed_lab.make_initramfs({})
    running = installed_lab.boot({
        "boot/kernel": kernel, "boot/initramfs": first,
        "shutdown/shutdown": read_dracut("99shutdown/shutdown.sh"),
        "shutdown/lib/dracut-lib.sh": read_dracut("99base/dracut-lib.sh"),
        "shutdown/lib/dracut-dev-lib.sh": read_dracut("99base/dracut-dev-lib.sh")})
    assert running.run("kexec -l --reuse-cmdline --append=second --initrd=/boot/initramfs "
                       "/boot/kernel") == (0, "")
    for line in MAKE_SHUTDOWN_ROOT.strip().splitlines():
        running.check(line)
    return running


SHUT_DOWN = "exec chroot /run/initramfs /shutdown kexec"


@pytest.mark.parametrize("streams", ["", " <&- >&- 2>&-"], ids=["console", "closed"])
@pytest.mark.parametrize("mounts", ["proc and sys", "nothing"])
def test_the_shutdown_hook_of_dracut_copies_kexec_alone(installed_lab, streams, mounts):
    with boot_before_shutdown(installed_lab) as running:
        if mounts == "nothing":
            running.check("umount proc sys")
        if streams:
            running.check("rm dev/console")
        running.send(SHUT_DOWN + streams)
        running.wait_ready("first")
        assert running.check("cat /proc/cmdline").endswith(" second")


def test_without_zlib_the_shutdown_hook_resets_the_machine(installed_lab):
    with boot_before_shutdown(installed_lab) as running:
        running.check("rm lib/libz.so.1")
        running.send(SHUT_DOWN)
        assert running.wait_exit(BOOT_TIMEOUT) == "guest-reset"
        assert re.search(r"^kexec: error while loading shared libraries: libz\.so\.1: cannot open shared "
                         r"object file: No such file or directory$", running.serial, re.MULTILINE)
        assert "dracut Warning: kexec failed!" in running.serial
