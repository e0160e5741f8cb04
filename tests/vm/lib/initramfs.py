# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes the initramfs of the VMs: a cpio archive ("newc") with busybox and files of a test."""

import os
import re
import stat
import subprocess

FOLDER = os.path.dirname(os.path.dirname(__file__))
LIBRARY_FOLDERS = ("lib/aarch64-linux-gnu", "usr/lib/aarch64-linux-gnu")
PROGRAM_FOLDERS = ("bin", "usr/bin", "sbin", "usr/sbin")


class Cpio:
    """A cpio archive (Linux, Documentation/driver-api/early-userspace/buffer-format.rst)."""

    def __init__(self):
        self._parts = []
        self._names = set()

    def _entry(self, name, mode, data):
        """Appends one entry to the archive. mode: type and permissions as in stat."""
        fields = [len(self._parts) + 1, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
        header = b"070701" + b"".join(b"%08x" % field for field in fields)
        entry = header + name.encode() + b"\0"
        entry += bytes(-len(entry) % 4) + data
        self._parts.append(entry + bytes(-len(entry) % 4))

    def folder(self, name):
        """Adds a folder and its parents."""
        if name and name not in self._names:
            self.folder(os.path.dirname(name))
            self._names.add(name)
            self._entry(name, stat.S_IFDIR | 0o755, b"")

    def file(self, name, data, mode=0o755):
        """Adds a file with these bytes."""
        self.folder(os.path.dirname(name))
        self._entry(name, stat.S_IFREG | mode, data)

    def link(self, name, target):
        """Adds a symbolic link."""
        self.folder(os.path.dirname(name))
        self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def copy(self, name, path):
        """Adds a copy of the file at path."""
        with open(path, "rb") as source:
            self.file(name, source.read())

    def bytes(self):
        """Returns the archive."""
        parts, self._parts = self._parts, []
        self._entry("TRAILER!!!", 0, b"")
        trailer, self._parts = self._parts[0], parts
        return b"".join(parts) + trailer


def list_needed_libraries(path):
    """Returns the names of the shared libraries that an ELF file needs, and of its loader."""
    listing = subprocess.run(["readelf", "-dlW", path], check=True, text=True,
                             capture_output=True).stdout
    return (re.findall(r"\(NEEDED\).*\[(.*)\]", listing) +
            [os.path.basename(loader) for loader in re.findall(r"interpreter: (.*)\]", listing)])


def find(root, folders, name):
    """Returns the path of a file in an unpacked Debian tree.

    Debian's releases differ: a file is in /lib or /bin, or in the same folder below /usr.
    """
    for folder in folders:
        path = os.path.join(root, folder, name)
        if os.path.exists(path):
            return path
    raise FileNotFoundError(f"no fetched package holds {name}")


def add_libraries(cpio, roots, program):
    """Adds all shared libraries of a program, each one from the first tree that has it.

    roots: paths of unpacked trees. A static program needs no libraries.
    """
    folders = [os.path.join(root, folder) for root in roots for folder in LIBRARY_FOLDERS]
    waiting, done = list_needed_libraries(program), set()
    while waiting:
        library = waiting.pop()
        if library not in done:
            done.add(library)
            path = find("", folders, library)
            cpio.copy("lib/" + library, path)
            waiting += list_needed_libraries(path)


def add_program(cpio, root, name, called=None):
    """Adds a dynamic program and its libraries. called: its name in the archive."""
    program = find(root, PROGRAM_FOLDERS, name)
    cpio.copy("bin/" + (called or name), program)
    add_libraries(cpio, [root], program)


def add_base(cpio, guest):
    """Adds init and busybox. guest: the path that "fetch guest" prints."""
    for folder in ("dev", "proc", "sys", "bin", "tmp"):
        cpio.folder(folder)
    for script in ("init", "serve-commands"):
        cpio.copy(script, os.path.join(FOLDER, script))
    cpio.copy("bin/busybox", find(guest, PROGRAM_FOLDERS, "busybox"))


def _make_base(guest):
    """Returns an archive with init and busybox."""
    cpio = Cpio()
    add_base(cpio, guest)
    return cpio


def make_capture(guest, crashres, vmcore_dmesg=None):
    """Returns the initrd of the capture kernel: busybox, makedumpfile and crashres.

    vmcore_dmesg: the path of our vmcore-dmesg, or None. With this program the initrd also gets
    the vmcore-dmesg of kexec-tools, as peer-vmcore-dmesg.
    """
    cpio = _make_base(guest)
    add_program(cpio, guest, "makedumpfile")
    cpio.copy("bin/crashres", crashres)
    if vmcore_dmesg:
        cpio.copy("bin/vmcore-dmesg", vmcore_dmesg)
        add_program(cpio, guest, "vmcore-dmesg", "peer-vmcore-dmesg")
    return cpio.bytes()


def make_first(guest, kexec, files):
    """Returns the initrd of the first kernel: busybox, kexec, and files (name -> bytes)."""
    cpio = _make_base(guest)
    cpio.copy("bin/kexec", kexec)
    for name, data in files.items():
        cpio.file(name, data, 0o644)
    return cpio.bytes()


def make_installed_first(guest, kexec, files):
    """Returns the initrd of the first kernel with a dynamic kexec: busybox, kexec, the libraries that
    kexec names, and files (name -> bytes)."""
    cpio = _make_base(guest)
    cpio.copy("sbin/kexec", kexec)
    add_libraries(cpio, [guest], kexec)
    for name, data in files.items():
        cpio.file(name, data, 0o644)
    return cpio.bytes()


def make_counted_capture(guest, ticks, filling=b""):
    """Returns the initrd of a capture kernel for bench/purgatory.

    ticks: the path of the program that init runs to print the counter. filling: bytes of a file
    that makes the initrd larger.
    """
    cpio = _make_base(guest)
    add_program(cpio, guest, "makedumpfile")
    cpio.copy("bin/ticks", ticks)
    if filling:
        cpio.file("filling", filling, 0o644)
    return cpio.bytes()


def make_counted_first(guest, kexec, library_roots, ticks, files):
    """Returns the initrd of the first kernel for bench/purgatory.

    kexec: the path of a static or dynamic program. library_roots: trees with its libraries.
    ticks, files: as above.
    """
    cpio = _make_base(guest)
    cpio.copy("bin/kexec", kexec)
    add_libraries(cpio, library_roots, kexec)
    cpio.copy("bin/ticks", ticks)
    for name, data in files.items():
        cpio.file(name, data, 0o644)
    return cpio.bytes()
