# SPDX-License-Identifier: GPL-2.0-or-later
"""The installed packages: unpacks the .deb files for arm64, and makes user spaces of their files.

The programs are at the paths of the packages, with the shared libraries that they need. /sbin is a
link to /usr/sbin, as in Fedora, openSUSE and Debian 12.
"""

import pathlib
import subprocess

from lib import initramfs

PACKAGES = ("kexec-tools", "crashres", "libcrashres0", "libcrashres-ima0")
LINKS = {"sbin": "usr/sbin"}


def find_package(folder, name):
    """Returns the path of the .deb file of a package for arm64."""
    found = sorted(pathlib.Path(folder).glob(f"{name}_*_arm64.deb"))
    if len(found) != 1:
        raise FileNotFoundError(f"{folder} has {len(found)} files {name}_*_arm64.deb, not one")
    return found[0]


class Folder:
    """A folder on this machine, with the methods of initramfs.Cpio. It becomes a file system."""

    def __init__(self, path):
        self._path = path
        path.mkdir()

    def folder(self, name):
        """Adds a folder and its parents."""
        (self._path / name).mkdir(parents=True, exist_ok=True)

    def file(self, name, data, mode=0o755):
        """Adds a file with these bytes."""
        path = self._path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(mode)

    def link(self, name, target):
        """Adds a symbolic link."""
        (self._path / name).symlink_to(target)

    def copy(self, name, path):
        """Adds a copy of the file at path."""
        self.file(name, pathlib.Path(path).read_bytes())


class Installed:
    """The unpacked packages.

    packages: the folder with the .deb files. folder: a new folder for their files. roots: unpacked
    trees with the shared libraries of Debian.
    """

    def __init__(self, packages, folder, roots):
        self._folder = folder
        self._roots = [folder, *roots]
        for name in PACKAGES:
            subprocess.run(["dpkg-deb", "-x", find_package(packages, name), folder], check=True)

    def add(self, archive, path):
        """Adds a program of the packages and its libraries. path: where it is installed."""
        program = self._folder / path
        if not program.exists():
            raise FileNotFoundError(f"no package has the file /{path}")
        first, _, rest = path.partition("/")
        archive.copy(f"{LINKS.get(first, first)}/{rest}", program)
        initramfs.add_libraries(archive, self._roots, program)

    def add_base(self, archive, guest):
        """Adds init, busybox and folders. guest: the path that "fetch guest" prints."""
        initramfs.add_base(archive, guest)
        archive.folder("usr/sbin")
        for name, target in LINKS.items():
            archive.link(name, target)

    def fill_capture(self, archive, guest):
        """Adds the user space of the capture kernel: makedumpfile and two programs of ours."""
        self.add_base(archive, guest)
        initramfs.add_program(archive, guest, "makedumpfile")
        self.add(archive, "sbin/vmcore-dmesg")
        self.add(archive, "usr/lib/crashres/crashres-report")

    def fill_first(self, archive, guest, shell, files):
        """Adds the user space of the first kernel: kexec, bash, strace, and files (name -> bytes).

        shell: the path that "fetch shell" prints.
        """
        self.add_base(archive, guest)
        self.add(archive, "sbin/kexec")
        for program in "bash", "strace":
            initramfs.add_program(archive, shell, program)
        for name, data in files.items():
            archive.file(name, data)
