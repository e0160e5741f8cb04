# SPDX-License-Identifier: GPL-2.0-or-later
"""A small Debian system in a folder, with Debian's kexec-tools for arm64 and two local archives."""

import hashlib
import os
import pathlib
import shutil
import stat
import subprocess

SOURCE = pathlib.Path(__file__).resolve().parents[2]
# Folders whose files are caches, logs and lists of apt. Debconf's files are compared by their contents.
IGNORED = ("build", "dev", "proc", "sys", "tmp", "run", "var/cache", "var/log", "var/lib/apt",
           "var/backups", "etc/ld.so.cache", "etc/apt/sources.list")
# Files of dpkg that change with each operation. dpkg-query shows their contents.
DPKG_FILES = ("available", "lock", "lock-frontend", "status", "diversions", "triggers")


class Debian:
    """The system. Commands run in it as root, without network."""

    def __init__(self, root, archives):
        self.root = root
        self.archives = archives
        # The scripts see this folder as /sys. No kernel is loaded.
        self.sys = archives.parent / "sys"
        (self.sys / "kernel").mkdir(parents=True)
        self.set_kexec_loaded(0)
        (root / "etc/apt/sources.list").write_text(
            "deb [trusted=yes] file:/build/ours ./\ndeb [trusted=yes] file:/build/debian ./\n")
        # No init system runs here, so nothing must be started.
        policy = root / "usr/sbin/policy-rc.d"
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
        self.run("apt-get", "update", "-q")

    def call(self, *command, **environment):
        """Runs a command in the system. Returns the completed process."""
        variables = {"DEBIAN_FRONTEND": "noninteractive", **environment}
        return subprocess.run(
            [SOURCE / "packaging/in-root", f"--sys={self.sys}", self.root, self.archives, "env",
             *[f"{key}={value}" for key, value in variables.items()], *command],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=600)

    def run(self, *command, **environment):
        """Runs a command that must succeed. Returns its output."""
        done = self.call(*command, **environment)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def set_kexec_loaded(self, number):
        (self.sys / "kernel/kexec_loaded").write_text(f"{number}\n")

    def replace_kexec(self):
        """Makes kexec a program that appends its arguments to the file /calls."""
        (self.root / "usr/sbin/kexec").write_text('#!/bin/sh\necho "$@" >>/calls\n')

    def install(self, *packages):
        return self.run("apt-get", "install", "-q", "-y", "--allow-downgrades",
                        "-o", "Dpkg::Options::=--force-confdef", *packages)

    def upgrade(self):
        return self.run("apt-get", "upgrade", "-q", "-y")

    def purge(self):
        return self.run("apt-get", "purge", "-q", "-y", "kexec-tools:arm64")

    def version(self):
        return self.run("dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", "kexec-tools:arm64")

    def verify(self):
        """Returns the findings of dpkg in the package."""
        return self.run("dpkg", "--verify", "kexec-tools:arm64")

    def conffiles(self):
        text = self.run("dpkg-query", "-W", "-f", "${Conffiles}", "kexec-tools:arm64")
        return {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.strip()}

    def questions(self):
        """Returns the answers of debconf: a dict of "*" (asked) or " ", and the value."""
        return dict(line.split(": ", 1) if ": " in line else (line.rstrip(":"), "")
                    for line in self.run("debconf-show", "kexec-tools").splitlines())

    def packages(self):
        return self.run("dpkg-query", "-W", "-f", "${binary:Package} ${Version} ${db:Status-Abbrev}\n")

    def files(self):
        """Returns type, permissions and contents of each file."""
        found = {}
        for folder, folders, names in os.walk(self.root):
            inside = os.path.relpath(folder, self.root)
            folders[:] = [name for name in folders if os.path.normpath(f"{inside}/{name}") not in IGNORED]
            for name in [*folders, *names]:
                path = os.path.normpath(f"{inside}/{name}")
                if path not in IGNORED and not is_dpkg_file(path):
                    found[path] = describe(self.root / path)
        return found

    def names(self, word):
        """Returns the files below /etc with the word in their name."""
        return sorted(path for path in self.files()
                      if path.startswith("etc/") and word in os.path.basename(path))


def is_dpkg_file(path):
    folder, name = os.path.split(path)
    return folder == "var/lib/dpkg" and name.removesuffix("-old") in DPKG_FILES


def describe(path):
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        return "link", os.readlink(path)
    if stat.S_ISREG(status.st_mode):
        return oct(status.st_mode), hashlib.sha256(path.read_bytes()).hexdigest()
    return oct(status.st_mode), None


def differences(before, after):
    """Returns the files that were added, removed or changed."""
    return {name: (before.get(name), after.get(name)) for name in {*before, *after}
            if before.get(name) != after.get(name)}


def make_archive(folder, packages):
    """Makes a folder of packages that apt can read."""
    folder.mkdir(parents=True)
    for package in packages:
        shutil.copy(package, folder)
    index = subprocess.run(["dpkg-scanpackages", "--multiversion", "."], cwd=folder, check=True,
                           capture_output=True)
    (folder / "Packages").write_bytes(index.stdout)
