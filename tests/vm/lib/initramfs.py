# SPDX-License-Identifier: GPL-2.0-or-later
"""The initramfs of the VMs: a cpio archive ("newc"), busybox, and what a test wants in it."""

import os
import re
import stat
import subprocess

INIT = os.path.join(os.path.dirname(os.path.dirname(__file__)), "init")
LIBRARY_FOLDERS = ("lib/aarch64-linux-gnu", "usr/lib/aarch64-linux-gnu")
PROGRAM_FOLDERS = ("bin", "usr/bin", "sbin", "usr/sbin")


class Cpio:
    """Documentation/driver-api/early-userspace/buffer-format.rst"""

    def __init__(self):
        self._parts = []
        self._names = set()

    def _entry(self, name, mode, data):
        fields = [len(self._parts) + 1, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
        header = b"070701" + b"".join(b"%08x" % field for field in fields)
        entry = header + name.encode() + b"\0"
        entry += bytes(-len(entry) % 4) + data
        self._parts.append(entry + bytes(-len(entry) % 4))

    def folder(self, name):
        if name and name not in self._names:
            self.folder(os.path.dirname(name))
            self._names.add(name)
            self._entry(name, stat.S_IFDIR | 0o755, b"")

    def file(self, name, data, mode=0o755):
        self.folder(os.path.dirname(name))
        self._entry(name, stat.S_IFREG | mode, data)

    def copy(self, name, path):
        with open(path, "rb") as source:
            self.file(name, source.read())

    def bytes(self):
        parts, self._parts = self._parts, []
        self._entry("TRAILER!!!", 0, b"")
        trailer, self._parts = self._parts[0], parts
        return b"".join(parts) + trailer


def needed_libraries(path):
    """The shared libraries that an ELF file names itself, and its loader."""
    listing = subprocess.run(["readelf", "-dlW", path], check=True, text=True,
                             capture_output=True).stdout
    return (re.findall(r"\(NEEDED\).*\[(.*)\]", listing) +
            [os.path.basename(loader) for loader in re.findall(r"interpreter: (.*)\]", listing)])


def find(root, folders, name):
    """Where an unpacked Debian tree holds a file: releases differ about /usr."""
    for folder in folders:
        path = os.path.join(root, folder, name)
        if os.path.exists(path):
            return path
    raise FileNotFoundError(f"no fetched package holds {name}")


def add_libraries(cpio, roots, program):
    """What a dynamic program needs, from the first tree that has it; nothing for a static one."""
    folders = [os.path.join(root, folder) for root in roots for folder in LIBRARY_FOLDERS]
    waiting, done = needed_libraries(program), set()
    while waiting:
        library = waiting.pop()
        if library not in done:
            done.add(library)
            path = find("", folders, library)
            cpio.copy("lib/" + library, path)
            waiting += needed_libraries(path)


def add_program(cpio, root, name, called=None):
    """A dynamic program and its libraries."""
    program = find(root, PROGRAM_FOLDERS, name)
    cpio.copy("bin/" + (called or name), program)
    add_libraries(cpio, [root], program)


def _base(guest):
    cpio = Cpio()
    for folder in ("dev", "proc", "sys", "bin", "tmp"):
        cpio.folder(folder)
    cpio.copy("init", INIT)
    cpio.copy("bin/busybox", find(guest, PROGRAM_FOLDERS, "busybox"))
    return cpio


def make_capture(guest, crashres, vmcore_dmesg=None):
    """What the capture kernel runs: busybox, makedumpfile, crashres and, to compare it with that
    of kexec-tools, vmcore-dmesg."""
    cpio = _base(guest)
    add_program(cpio, guest, "makedumpfile")
    cpio.copy("bin/crashres", crashres)
    if vmcore_dmesg:
        cpio.copy("bin/vmcore-dmesg", vmcore_dmesg)
        add_program(cpio, guest, "vmcore-dmesg", "peer-vmcore-dmesg")
    return cpio.bytes()


def make_first(guest, kexec, files):
    """What the first kernel runs: busybox, kexec, and @files by name."""
    cpio = _base(guest)
    cpio.copy("bin/kexec", kexec)
    for name, data in files.items():
        cpio.file(name, data, 0o644)
    return cpio.bytes()


def make_counted_capture(guest, ticks, filling=b""):
    """What a capture kernel needs to save a dump, @ticks for its init, and what makes it larger."""
    cpio = _base(guest)
    add_program(cpio, guest, "makedumpfile")
    cpio.copy("bin/ticks", ticks)
    if filling:
        cpio.file("filling", filling, 0o644)
    return cpio.bytes()


def make_counted_first(guest, kexec, library_roots, ticks, files):
    """What loads it: as make_first(), but @kexec may be dynamic."""
    cpio = _base(guest)
    cpio.copy("bin/kexec", kexec)
    add_libraries(cpio, library_roots, kexec)
    cpio.copy("bin/ticks", ticks)
    for name, data in files.items():
        cpio.file(name, data, 0o644)
    return cpio.bytes()
