# SPDX-License-Identifier: GPL-2.0-or-later
"""Changes a small library and lets tests/abi/check find each change of its ABI."""

import platform
import shutil
import subprocess
from pathlib import Path

import pytest

ABI = Path(__file__).resolve().parents[1] / "abi"
LIBRARIES = ("libcrashres.so.0", "libcrashres-ima.so.0")
HEADER = """
enum crashres_status { CRASHRES_OK, CRASHRES_ERR_OS };
struct crashres_range { unsigned long base; unsigned long size; };
enum crashres_status crashres_first(const struct crashres_range *range);
enum crashres_status crashres_second(int number);
"""
SOURCE = """
#include "crashres.h"
struct private { int number; };
enum crashres_status crashres_first(const struct crashres_range *range) { return range->base != 0; }
enum crashres_status crashres_second(int number) { return number != 0; }
int crs_private(struct private *private);
int crs_private(struct private *private) { return private->number; }
"""

pytestmark = [
    pytest.mark.skipif(not shutil.which("abidiff"), reason="abidiff is missing (Debian: abigail-tools)"),
    pytest.mark.skipif(platform.machine() != "x86_64", reason="the dumps are for x86-64"),
]


class Tree:
    """A source tree with two small libraries, whose ABI is stored in it."""

    def __init__(self, folder):
        self.folder = folder
        for name in ("include/crashres", "tests/abi", "build/plain/.libs"):
            (folder / name).mkdir(parents=True)
        for name in ("check", "public.abignore"):
            shutil.copy(ABI / name, folder / "tests/abi")
        self.build(HEADER, SOURCE)

    def build(self, header, source, debug="-g"):
        (self.folder / "include/crashres/crashres.h").write_text(header)
        (self.folder / "library.c").write_text(source)
        for name in LIBRARIES:
            subprocess.run(["cc", debug, "-shared", "-fPIC", "-Iinclude/crashres", f"-Wl,-soname,{name}", "library.c",
                            "-o", f"build/plain/.libs/{name}"], cwd=self.folder, check=True)

    def check(self, *arguments):
        return subprocess.run(["tests/abi/check", *arguments], cwd=self.folder, capture_output=True, text=True,
                              check=False)


@pytest.fixture
def tree(tmp_path):
    """A tree whose dumps are up to date."""
    made = Tree(tmp_path)
    done = made.check("--update")
    assert (done.returncode, done.stdout, done.stderr) == (
        0, "".join(f"wrote tests/abi/{name}.abi\n" for name in LIBRARIES), "")
    return made


def test_no_change(tree):
    done = tree.check()
    assert (done.returncode, done.stdout) == (
        0, "".join(f"ok - ABI of {name}\n" for name in LIBRARIES) + "# PASS:  2\n# FAIL:  0\n# SKIP:  0\n")


@pytest.mark.parametrize("old, new, finding", [
    ("enum crashres_status crashres_second(int number)", "static int second(int number)",
     "[D] 'function crashres_status crashres_second(int)'"),
    ("crashres_second(int number)", "crashres_second(long number)", "parameter 1 of type 'int' changed"),
    ("unsigned long base; unsigned long size;", "unsigned long size; unsigned long base;", "offset changed from 64 to 0"),
    ("unsigned long size; }", "unsigned long size; int node; }", "type size changed from 128 to 192"),
    ("CRASHRES_OK, CRASHRES_ERR_OS", "CRASHRES_OK, CRASHRES_ERR_MEMORY, CRASHRES_ERR_OS", "CRASHRES_ERR_MEMORY"),
    ("enum crashres_status crashres_second(int number);",
     "enum crashres_status crashres_second(int number); void crashres_third(void); void crashres_third(void) {}",
     "[A] 'function void crashres_third()'"),
], ids=["removed function", "other parameter", "other order", "longer struct", "other enum", "new function"])
def test_a_public_change_fails(tree, old, new, finding):
    tree.build(HEADER.replace(old, new), SOURCE.replace(old, new))
    done = tree.check()
    assert done.returncode == 1
    assert finding in done.stdout
    assert "The ABI of libcrashres.so.0 differs from tests/abi/libcrashres.so.0.abi.\n" in done.stdout
    assert done.stdout.endswith("# PASS:  0\n# FAIL:  2\n# SKIP:  0\n")
    assert tree.check("--update").returncode == 0
    assert tree.check().returncode == 0


def test_a_private_change_passes(tree):
    tree.build(HEADER + "\n\n\n", SOURCE.replace("struct private { int number; }", "struct private { long a, number; }"))
    assert tree.check().returncode == 0


def test_a_library_without_debug_information(tree):
    tree.build(HEADER, SOURCE, debug="-g0")
    done = tree.check()
    assert done.returncode == 1
    assert (f"not ok - ABI of {LIBRARIES[0]}: {tree.folder}/build/plain/.libs/{LIBRARIES[0]} has no debug information: "
            'build it with CFLAGS="-g -O2"\n') in done.stdout


def test_a_missing_library(tree):
    (tree.folder / "build/plain/.libs" / LIBRARIES[1]).unlink()
    done = tree.check()
    assert done.returncode == 1
    assert f"not ok - ABI of {LIBRARIES[1]}: no {tree.folder}/build/plain/.libs/{LIBRARIES[1]}\n" in done.stdout
    done = tree.check("--update")
    assert (done.returncode, done.stderr) == (1, f"no {tree.folder}/build/plain/.libs/{LIBRARIES[1]}\n")
