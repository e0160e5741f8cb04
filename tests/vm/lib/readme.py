# SPDX-License-Identifier: GPL-2.0-or-later
"""Cuts commands out of README.md, so that the tests run them as they are printed there."""

import pathlib
import re
import textwrap

README = pathlib.Path(__file__).parents[3] / "README.md"


def read_commands(section, words):
    """Returns the one block of commands in a section that follows a line with these words at its end."""
    [content] = re.findall(rf"^### {section}$(.*?)^##", README.read_text(), re.MULTILINE | re.DOTALL)
    [block] = re.findall(rf"{re.escape(words)}\n\n((?:    .*\n)+)", content)
    return textwrap.dedent(block)
