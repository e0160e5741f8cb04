# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads variables of the Makefile of a build folder."""

import os
import subprocess


def run_make(build, *arguments, makefile=None):
    """Runs make in a build folder, outside the make that runs this test. Returns its output.

    makefile: the text of a makefile to use instead of the one in the folder.
    """
    command = ["make", "--no-print-directory", "-s", *arguments]
    environment = {key: value for key, value in os.environ.items() if "MAKE" not in key}
    done = subprocess.run(command + (["-f", "-"] if makefile else []), cwd=build, input=makefile,
                          capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def read_variables(build, *names):
    """Returns the values of variables of the Makefile, expanded: name -> value."""
    lines = [f"\t@echo {name}='$({name})'" for name in names]
    output = run_make(build, "print-variables",
                      makefile="include Makefile\nprint-variables:\n" + "\n".join(lines) + "\n")
    return dict(line.split("=", 1) for line in output.splitlines())
