# SPDX-License-Identifier: GPL-2.0-or-later
"""A Debian system in a VM, with systemd, kdump-tools and Debian's own kernel and initramfs."""

import base64
import pathlib
import shutil
import subprocess

from lib import readme
from lib.guest import Guest
from lib.vm import VmError

# Seconds. Debian boots in 30 s on an idle machine. kdump-tools makes an initrd at the first boot, and
# it saves a dump in the capture kernel.
BOOT_TIMEOUT = 600
APT_TIMEOUT = 600
SHUTDOWN_TIMEOUT = 300
CAPTURE_TIMEOUT = 900

COMMAND_LINE = "root=LABEL=system ro console=ttyAMA0 panic=10 crashkernel=384M loglevel=4"

# A line of the console can have 4096 bytes, so a file is written in pieces. Bytes of the file.
PIECE = 2700

# The folder of packages that README names.
REPOSITORY = "/srv/crashres"

# Makes an archive in the place of Debian's, because the machine has no network. It holds Debian's
# kexec-tools only. apt finds the name of the release in the file Release.
ARCHIVE = "/srv/archive"
MAKE_ARCHIVE = rf"""set -e
. /etc/os-release
mkdir {ARCHIVE}
cd {ARCHIVE}
cp /srv/debian/kexec-tools_*.deb kexec-tools.deb
{{
	dpkg-deb --field kexec-tools.deb
	echo "Filename: ./kexec-tools.deb"
	echo "Size: $(stat -c %s kexec-tools.deb)"
	echo "SHA256: $(sha256sum kexec-tools.deb | cut -c 1-64)"
}} > Packages
{{
	echo "Codename: $VERSION_CODENAME"
	echo "Date: $(LC_ALL=C date -u '+%a, %d %b %Y %H:%M:%S UTC')"
	echo "SHA256:"
	echo " $(sha256sum Packages | cut -c 1-64) $(stat -c %s Packages) Packages"
}} > Release
echo 'deb [trusted=yes] file:{ARCHIVE} ./' > /etc/apt/sources.list
"""


class System(Guest):
    """One boot of a Debian system, from power-on to power-off or reset.

    A reset ends QEMU, so the next boot is another System with the same image. A kexec does not end
    it: wait_ready() waits for the next kernel.
    """

    def __init__(self, base, image, image_format, log_path, words="", packages=None, memory="1536M"):
        """base: the folder that "fetch system" prints. image: the path of the root file system.

        words: additional words of the kernel command line. packages: the path of an image that
        make_repository() made.
        """
        # Two faults of Linux are not the subject of these tests. Without an ITS there are no LPIs:
        # after a kexec without EFI, Linux 6.1 writes to the LPI table of the kernel before, even if
        # its own image is there now. Without LPA2, virtual addresses have 48 bits: with 52 bits and
        # pages of 4 KiB, kexec_load of a normal kernel stops Linux 6.12 with an Oops.
        arguments = ["-M", "virt,gic-version=3,its=off", "-cpu", "max,pauth-impdef=on,sve=off,lpa2=off",
                     "-smp", "2", "-m", memory,
                     "-kernel", str(base / "vmlinuz"), "-initrd", str(base / "initrd.img"),
                     "-append", f"{COMMAND_LINE} {words}".strip(),
                     "-drive", f"file={image},format={image_format},if=none,id=root,cache=unsafe",
                     "-device", "virtio-blk-pci,drive=root"]
        if packages:
            arguments += ["-drive", f"file={packages},format=raw,if=none,id=packages,readonly=on",
                          "-device", "virtio-blk-pci,drive=packages,serial=packages"]
        super().__init__(arguments, log_path)

    def wait_ready(self, kind="first", timeout=BOOT_TIMEOUT):
        """Waits until the system is booted and executes commands. Returns the kernel's release."""
        return super().wait_ready(kind, timeout)

    def power_off(self):
        """Shuts the system down and waits until QEMU ended."""
        self.send("systemctl poweroff")
        self._wait_end("guest-shutdown", SHUTDOWN_TIMEOUT)

    def wait_reset(self, timeout=CAPTURE_TIMEOUT):
        """Waits until the machine resets, for example after the capture kernel saved the dump."""
        self._wait_end("guest-reset", timeout)

    def _wait_end(self, expected, timeout):
        reason = self.wait_exit(timeout)
        if reason != expected:
            raise VmError(f"the machine ended with {reason}; {self._tail()}")

    def wait_capture(self):
        """Waits until kdump-tools runs makedumpfile in the capture kernel."""
        self.wait_for(r"running makedumpfile --dump-dmesg /proc/vmcore", CAPTURE_TIMEOUT)

    def wait_saved(self):
        """Waits until kdump-tools saved the dump. Returns the folder of the dump."""
        return self.wait_for(r"kdump-tools: saved vmcore in (/var/crash/\d+)", CAPTURE_TIMEOUT)[1]

    def write(self, path, data):
        """Writes bytes to a file of the system."""
        self.check(f": > {path}")
        for done in range(0, len(data), PIECE):
            piece = base64.b64encode(data[done:done + PIECE]).decode()
            self.check(f"echo {piece} | base64 -d >> {path}")

    def run_script(self, commands, timeout=APT_TIMEOUT):
        """Runs lines of shell commands that must all succeed. Returns their output."""
        self.write("/root/commands", commands.encode())
        return self.check("bash -ex /root/commands </dev/null 2>&1 | cat", timeout)

    def install_packages(self):
        """Installs our packages with the commands of README. Returns their output."""
        self.run_script(MAKE_ARCHIVE)
        self.check(f"mkdir {REPOSITORY} && mount -o ro /dev/disk/by-id/virtio-packages {REPOSITORY}")
        return self.run_script(readme.read_commands("Packages", "There, as root:"))

    def return_to_debian(self):
        """Goes back to Debian's kexec-tools with the commands of README. Returns their output."""
        commands = readme.read_commands("Packages", "write `trixie` instead of `bookworm`:")
        codename = self.check(". /etc/os-release; echo $VERSION_CODENAME")
        return self.run_script(commands.replace("bookworm", codename))


def make_repository(packages, image):
    """Writes a file system with the arm64 packages of a folder and their index to image.

    The index is in image's folder during the work.
    """
    folder = image.parent / "repository"
    folder.mkdir()
    for package in [*packages.glob("*_arm64.deb"), *packages.glob("*_all.deb")]:
        shutil.copy(package, folder)
    index = subprocess.run(["dpkg-scanpackages", "--multiversion", "."], cwd=folder, check=True,
                           capture_output=True).stdout
    (folder / "Packages").write_bytes(index)
    size = sum(file.stat().st_size for file in folder.iterdir())
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", folder, image,
                    f"{size * 5 // 4 // 1024 + 8192}k"], check=True, capture_output=True)


class SystemLab:
    """Boots one Debian system several times. All boots use the same image, an overlay in folder.

    The console of boot N is written to serial-N.log.
    """

    def __init__(self, base, folder, packages):
        """base: the folder that "fetch system" prints. packages: a folder with .deb files or None."""
        self.base, self.folder = pathlib.Path(base), folder
        self._boots = 0
        self._image = folder / "root.qcow2"
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b",
                        self.base / "root.ext4", self._image], check=True)
        self._packages = None
        if packages:
            self._packages = folder / "packages.ext4"
            make_repository(packages, self._packages)

    def boot(self, words="", **options):
        """Boots the system and returns the System when it executes commands.

        words: additional words of the kernel command line. options: arguments of System.
        """
        self._boots += 1
        running = System(self.base, self._image, "qcow2", self.folder / f"serial-{self._boots}.log",
                         words, self._packages, **options)
        try:
            running.wait_ready()
        except BaseException:
            running.__exit__()
            raise
        return running
