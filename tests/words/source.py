# SPDX-License-Identifier: GPL-2.0-or-later
"""The files of this tree, and the pattern of a C comment, for the scripts of tests/words."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Matches comments, and strings and characters too, because these can contain "/*".
C_COMMENT_OR_STRING = re.compile(
    r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def tracked_files():
    """Returns the names of the files of this tree that exist (packaging/tracked-files)."""
    listing = subprocess.run([ROOT / "packaging/tracked-files"], check=False, capture_output=True,
                             text=True)
    if listing.returncode:
        sys.exit(f"packaging/tracked-files failed: {listing.stderr.strip()}")
    return [name for name in listing.stdout.splitlines() if (ROOT / name).exists()]
