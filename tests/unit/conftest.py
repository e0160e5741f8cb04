# SPDX-License-Identifier: GPL-2.0-or-later
"""Settings of pytest for the unit tests: the import path of tests/ and option --update-plans."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))


def pytest_addoption(parser):
    parser.addoption("--update-plans", action="store_true",
                     help="write tests/data/*/plan.txt instead of comparing the plans with it")
