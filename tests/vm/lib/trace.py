# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs a command in a VM below strace, and returns each run of kexec and its system calls."""

import re
from dataclasses import dataclass, field

# -xx prints every string in hex, so each byte of an argument is read back as it was.
STRACE = "strace -f -v -xx -s 9999 -e trace=execve,kexec_load,kexec_file_load -e signal=none -o /trace"
HEX = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
CALL = re.compile(r"\b(kexec_load|kexec_file_load)\b.*\) += (?:0|-1 (E\w+) \(.*\))$")


@dataclass
class Run:
    """One run of kexec."""

    arguments: list                             # the argument vector, without the program
    calls: list = field(default_factory=list)   # "kexec_load", or "kexec_load: ENOSYS" if it failed


def decode(text):
    """Returns the strings of a part of strace's output."""
    return [bytes.fromhex(word.replace(r"\x", "")).decode() for word in HEX.findall(text)]


def parse(text):
    """Returns the runs of /sbin/kexec in the output of strace."""
    runs = []
    for line in text.splitlines():
        call = CALL.search(line)
        if call:
            name, error = call.groups()
            runs[-1].calls.append(f"{name}: {error}" if error else name)
        elif "execve(" in line:
            program, _, rest = line.partition("[")
            vector = decode(rest.partition("]")[0])
            if decode(program) == ["/sbin/kexec"]:
                runs.append(Run(vector[1:]))
    return runs


def run(running, command):
    """Runs a shell command. Returns its exit status, its output and the runs of kexec."""
    status, output = running.run(f"{STRACE} {command}")
    return status, output, parse(running.read("/trace").decode())
