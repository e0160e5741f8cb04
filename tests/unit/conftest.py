# SPDX-License-Identifier: GPL-2.0-or-later


def pytest_addoption(parser):
    parser.addoption("--update-plans", action="store_true",
                     help="write tests/data/*/plan.txt instead of comparing with it")
