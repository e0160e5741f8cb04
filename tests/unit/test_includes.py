# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests the structure of the source: X.c and X.h are one unit, and no unit includes itself through others.

A circle of includes means that two units cannot be understood, tested or linked apart.
"""

import os
import re
import subprocess

import pytest

SOURCE = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
FOLDERS = ("cli", "crashres", "kexec", "libcrashres", "libcrashres-ima", "purgatory",
           "vmcore-dmesg")


def sources(folder):
    """Yields the paths of all C files, headers and assembly files below folder."""
    for path, _, names in os.walk(os.path.join(SOURCE, folder)):
        for name in sorted(names):
            if name.endswith((".c", ".h", ".S")):
                yield os.path.join(path, name)


def unit(path):
    """Returns the name of the unit: the path below the source tree without its extension."""
    return os.path.splitext(os.path.relpath(path, SOURCE))[0]


def included(path):
    """Yields the files of this tree that a file includes.

    The compiler of purgatory also searches the folder purgatory/.
    """
    with open(path, encoding="utf-8") as file:
        names = re.findall(r'^\s*#\s*include\s+"([^"]+)"', file.read(), re.M)
    for name in names:
        for folder in (os.path.dirname(path), os.path.join(SOURCE, "purgatory")):
            if os.path.exists(os.path.join(folder, name)):
                yield os.path.join(folder, name)
                break
        else:
            pytest.fail(f"{os.path.relpath(path, SOURCE)} includes {name}, which is not in the tree")


def make_graph(paths, includes=included):
    """Returns a dictionary: unit -> set of the units that its files include."""
    graph = {}
    for path in paths:
        edges = graph.setdefault(unit(path), set())
        edges.update(unit(os.path.normpath(name)) for name in includes(path))
        edges.discard(unit(path))
    return graph


def reachable(graph, start):
    """Returns all units that start includes directly or through others."""
    found, left = set(), [start]
    while left:
        for name in graph.get(left.pop(), ()):
            if name not in found:
                found.add(name)
                left.append(name)
    return found


def find_circles(graph):
    """Returns the circles, each as the sorted list of its units."""
    reach = {name: reachable(graph, name) for name in graph}
    circles = {tuple(sorted(other for other in graph
                            if other in reach[name] and name in reach[other]))
               for name in graph if name in reach[name]}
    return sorted(list(circle) for circle in circles)


def test_no_circle_of_includes():
    paths = [path for folder in FOLDERS for path in sources(folder)]
    assert len(paths) > 100
    graph = make_graph(paths)
    assert find_circles(graph) == []


def test_the_search_finds_circles():
    lines = {"a/x.c": ["a/x.h", "a/y.h"], "a/x.h": [], "a/y.h": [], "a/y.c": ["a/y.h", "a/z.h"],
             "a/z.h": ["a/x.h"], "a/w.c": ["a/x.h"], "a/p.h": ["a/q.h"], "a/q.h": ["a/p.h"]}
    graph = make_graph([os.path.join(SOURCE, path) for path in lines],
                       lambda path: (os.path.join(SOURCE, name)
                                     for name in lines[os.path.relpath(path, SOURCE)]))
    assert find_circles(graph) == [["a/p", "a/q"], ["a/x", "a/y", "a/z"]]


# ------------------------------------------------------------------ symbols


def symbols(library, kind):
    """Returns the names of the dynamic symbols that library defines or needs, without versions."""
    path = os.path.join(os.environ["CRASHRES_BUILD"], ".libs", library)
    if not os.path.exists(path):
        pytest.skip(f"this build has no {library}")
    lines = subprocess.run(["nm", "-D", f"--{kind}-only", path], capture_output=True, text=True,
                           check=True).stdout.splitlines()
    return {line.split()[-1].partition("@")[0] for line in lines}


def test_libcrashres_exports_what_libcrashres_ima_needs():
    """The commands link the static libraries, so only other programs would find a missing symbol."""
    needed = {name for name in symbols("libcrashres-ima.so", "undefined")
              if name.startswith(("crs_", "crashres_"))}
    assert "crs_fail" in needed
    assert sorted(needed - symbols("libcrashres.so", "defined")) == []
