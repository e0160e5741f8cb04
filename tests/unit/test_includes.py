# SPDX-License-Identifier: GPL-2.0-or-later
"""No circle of includes: X.c and X.h are one unit, and no unit depends on itself through others."""

import os
import re

import pytest

SOURCE = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
FOLDERS = ("cli", "crashres", "kexec", "libcrashres", "libcrashres-ima", "purgatory",
           "vmcore-dmesg")


def sources(folder):
    for path, _, names in os.walk(os.path.join(SOURCE, folder)):
        for name in sorted(names):
            if name.endswith((".c", ".h", ".S")):
                yield os.path.join(path, name)


def unit(path):
    return os.path.splitext(os.path.relpath(path, SOURCE))[0]


def included(path):
    """What a file includes of this tree. purgatory's compiler also searches purgatory/."""
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
    graph = {}
    for path in paths:
        edges = graph.setdefault(unit(path), set())
        edges.update(unit(os.path.normpath(name)) for name in includes(path))
        edges.discard(unit(path))
    return graph


def reachable(graph, start):
    found, left = set(), [start]
    while left:
        for name in graph.get(left.pop(), ()):
            if name not in found:
                found.add(name)
                left.append(name)
    return found


def find_circles(graph):
    """Each as the sorted list of its units."""
    reach = {name: reachable(graph, name) for name in graph}
    circles = {tuple(sorted(other for other in graph
                            if other in reach[name] and name in reach[other]))
               for name in graph if name in reach[name]}
    return sorted(list(circle) for circle in circles)


def test_no_circle_of_includes():
    """Issue 10, section 4."""
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
