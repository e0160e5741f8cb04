# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks that packaging/debian/copyright has the licence that each file of the tree names."""

import fnmatch
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Texts of licences, generated files, data and settings whose format has no room for a licence.
NO_LICENCE_LINE = ("COPYING", "COPYING.LESSER", "MANIFEST", "packaging/debian/*", "tests/abi/*.abi",
                   "tests/data/*", "tests/vm/system/*", "tests/words/dictionary.txt")


def read_rules():
    """Returns the patterns and licences of the Files paragraphs, in their order."""
    text = (ROOT / "packaging/debian/copyright").read_text()
    found = re.findall(r"^Files: (.*?)\nCopyright: .*?\nLicense: (\S+)", text, re.MULTILINE | re.DOTALL)
    return [(pattern, licence) for patterns, licence in found for pattern in patterns.split()]


def licence_of(name):
    """Returns the licence of the last paragraph that matches, as the format demands."""
    return [licence for pattern, licence in read_rules() if fnmatch.fnmatchcase(name, pattern)][-1]


def stated_licence(name):
    """Returns the licence that the first lines of a file name, or None."""
    with open(ROOT / name, "rb") as file:
        match = re.search(rb"SPDX-License-Identifier: ([\w.-]+)", file.read(600))
    return match and match[1].decode()


def tracked_files():
    return subprocess.run([ROOT / "packaging/tracked-files"], check=True, capture_output=True,
                          text=True).stdout.split("\n")[:-1]


def test_each_file_has_the_licence_of_the_package():
    wrong = [(name, stated_licence(name), licence_of(name)) for name in tracked_files()
             if (ROOT / name).is_file() and stated_licence(name) not in (None, licence_of(name))]
    assert wrong == []


def test_each_file_names_its_licence():
    missing = [name for name in tracked_files() if (ROOT / name).is_file() and not stated_licence(name) and
               not any(fnmatch.fnmatchcase(name, pattern) for pattern in NO_LICENCE_LINE)]
    assert missing == []


@pytest.mark.parametrize("licence", ["GPL-2.0-or-later", "LGPL-2.1-or-later"])
def test_each_licence_has_its_text(licence):
    text = (ROOT / "packaging/debian/copyright").read_text()
    assert len(re.findall(rf"^License: {re.escape(licence)}\n .*\n", text, re.MULTILINE)) == 1
