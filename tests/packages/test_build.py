# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks how the scripts that build Debian packages refuse wrong arguments. They build nothing here."""

import pathlib
import subprocess

import pytest

PACKAGING = pathlib.Path(__file__).resolve().parents[2] / "packaging"
DEB_USAGE = "Usage: packaging/deb [--arch=ARCH]... [--suite=SUITE] [--lintian] [--check-reproducible]\n"
ROOT_USAGE = "Usage: packaging/build-root [--for=ARCH] SUITE\n"


def run(*command):
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.returncode, result.stdout, result.stderr


@pytest.mark.parametrize("arguments,message", [
    ((), "exactly one SUITE is needed"),
    (("bookworm", "trixie"), "exactly one SUITE is needed"),
    (("../bookworm",), 'SUITE must be a name such as bookworm, not "../bookworm"'),
])
def test_build_root_refuses(arguments, message):
    assert run(PACKAGING / "build-root", *arguments) == (2, "", f"build-root: {message}\n{ROOT_USAGE}")


@pytest.mark.parametrize("argument", ["--arch=", "--lint", "bookworm"])
def test_deb_refuses(argument):
    assert run(PACKAGING / "deb", argument) == (2, "", f'deb: unknown argument "{argument}"\n{DEB_USAGE}')


@pytest.mark.skipif(run("unshare", "--user", "true")[0] != 0, reason="this machine allows no user namespace")
def test_build_root_needs_root():
    """A new user namespace has no root, but the script stays readable."""
    assert run("unshare", "--user", PACKAGING / "build-root", "bookworm") == \
        (1, "", "build-root: only root can make a system in a folder; use sudo\n")


def test_in_root_needs_a_command():
    assert run(PACKAGING / "in-root", "/nowhere", "/nowhere") == \
        (2, "", "Usage: packaging/in-root [--sys=SYS] ROOT FOLDER COMMAND...\n")
