# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU must not outlive the test that started it."""

import os
import pathlib
import select
import signal
import subprocess
import sys

START = """
import sys
from lib.vm import Vm
print(Vm([], sys.argv[1])._process.pid, flush=True)
sys.stdin.read()
"""


def test_qemu_ends_when_the_test_is_killed(tmp_path):
    qemu = tmp_path / "qemu-system-aarch64"
    qemu.write_text("#!/bin/sh\nexec sleep 1000\n")
    qemu.chmod(0o755)
    test = subprocess.Popen([sys.executable, "-B", "-c", START, tmp_path / "serial.log"], text=True,
                            cwd=pathlib.Path(__file__).parent, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE,
                            env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"})
    with test:
        process = os.pidfd_open(int(test.stdout.readline()))
        test.kill()
    ended = select.select([process], [], [], 60)[0]
    if not ended:
        signal.pidfd_send_signal(process, signal.SIGKILL)
    os.close(process)
    assert ended
