# SPDX-License-Identifier: GPL-2.0-or-later
"""A QEMU virtual machine: boots it, uses its serial port, reads and writes its memory."""

import json
import os
import re
import socket
import subprocess
import threading
import time

QEMU = "qemu-system-aarch64"

# Seconds. QEMU emulates the CPU, and two machines can share two cores, so these limits are
# several times longer than a usual boot or command.
BOOT_TIMEOUT = 240
COMMAND_TIMEOUT = 120

# Bytes of memory in one packet of the GDB protocol. QEMU's gdbstub limits packets to 4 KiB, and
# a packet holds each byte as two hex digits.
PIECE = 1024


class VmError(AssertionError):
    """The machine did not do what the test waits for."""


class Vm:
    """One QEMU process. Its serial console goes to the text .serial and to the file log_path."""

    def __init__(self, arguments, log_path):
        self.log_path = log_path
        self.serial = ""
        self._changed = threading.Condition()
        self._read_to = 0
        self._ended = False
        # setpriv of util-linux makes the kernel end QEMU when this process ends, even if SIGTERM or
        # SIGKILL ends it and no __exit__ runs.
        command = ["setpriv", "--pdeathsig", "TERM", QEMU, "-display", "none", "-monitor", "none", "-serial", "stdio",
                   "-nic", "none", "-no-reboot", *arguments]
        # QEMU inherits these sockets, so the tests need no free TCP port and no socket file.
        listener = socket.socket(socket.AF_UNIX)
        listener.bind("")
        listener.listen()
        self._gdb_address = listener.getsockname()
        self._qmp, qmp = socket.socketpair()
        command += ["-chardev", f"socket,id=gdb,fd={listener.fileno()},server=on,wait=off",
                    "-gdb", "chardev:gdb",
                    "-chardev", f"socket,id=qmp,fd={qmp.fileno()}", "-mon", "qmp,mode=control"]
        self._qmp.sendall(b'{"execute": "qmp_capabilities"}')
        with listener, qmp:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                pass_fds=(listener.fileno(), qmp.fileno()))
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._reader.join()
        self._qmp.close()

    def _read(self):
        """Appends the output of QEMU to .serial and to the log, until QEMU ends."""
        with open(self.log_path, "wb", buffering=0) as log:
            while True:
                data = os.read(self._process.stdout.fileno(), 65536)
                log.write(data)
                with self._changed:
                    if data:
                        self.serial += data.decode("utf-8", "replace").replace("\r", "")
                    else:
                        self._ended = True
                    self._changed.notify_all()
                if not data:
                    return

    def _tail(self):
        """Returns the end of the console for an error message."""
        return f"the console ends with:\n{self.serial[-2000:]}\n(all of it: {self.log_path})"

    def wait_for(self, pattern, timeout):
        """Waits until a line of the console matches a regular expression, and returns the match.

        The search starts after the match of the last wait. timeout: seconds.
        """
        expression = re.compile(pattern, re.MULTILINE)
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                # Search only complete lines, because QEMU can deliver a line in pieces.
                whole = self.serial.rfind("\n") + 1
                match = expression.search(self.serial, self._read_to, whole)
                if match:
                    self._read_to = match.end()
                    return match
                if self._ended:
                    raise VmError(f"QEMU ended before {pattern!r}; {self._tail()}")
                if not self._changed.wait(max(0, deadline - time.monotonic())) and \
                        time.monotonic() >= deadline:
                    raise VmError(f"no {pattern!r} within {timeout} s; {self._tail()}")

    def wait_exit(self, timeout):
        """Waits until the machine powers off or resets. timeout: seconds.

        Returns QEMU's reason: "guest-shutdown" or "guest-reset".
        """
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise VmError(f"QEMU still runs after {timeout} s; {self._tail()}") from None
        self._reader.join()
        with self._qmp.makefile() as messages:
            events = [json.loads(message) for message in messages]
        [reason] = [event["data"]["reason"] for event in events
                    if event.get("event") == "SHUTDOWN"]
        return reason

    def send(self, line):
        """Writes a line to the serial port."""
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def peek(self, address, size):
        """Returns size bytes of physical memory. The machine continues afterwards."""
        pieces = [(address + done, min(PIECE, size - done)) for done in range(0, size, PIECE)]
        with Gdb(self._gdb_address) as gdb:
            return b"".join(bytes.fromhex(gdb.ask(f"m{at:x},{count:x}")) for at, count in pieces)

    def poke(self, address, data):
        """Writes bytes to physical memory while the kernel runs, as a stray DMA transfer does."""
        with Gdb(self._gdb_address) as gdb:
            for done in range(0, len(data), PIECE):
                piece = data[done:done + PIECE]
                reply = gdb.ask(f"M{address + done:x},{len(piece):x}:{piece.hex()}")
                if reply != "OK":
                    raise VmError(f"gdbstub refused to write at {address + done:#x}: {reply}")


class Gdb:
    """A client of QEMU's gdbstub with the commands that access physical memory.

    "Qqemu.PhyMemMode:1" makes the addresses physical (QEMU, docs/system/gdb).
    """

    def __init__(self, address):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(30)
        self._socket.connect(address)
        self._buffer = b""

    def __enter__(self):
        self.ask("?")
        self.ask("Qqemu.PhyMemMode:1")
        return self

    def __exit__(self, *_):
        self.ask("Qqemu.PhyMemMode:0")
        self.ask("D")               # detach; the machine continues
        self._socket.close()

    def ask(self, text):
        """Sends a command and returns the reply."""
        packet = text.encode()
        self._socket.sendall(b"$%s#%02x" % (packet, sum(packet) % 256))
        while True:
            match = re.search(rb"\$([^#]*)#..", self._buffer)
            if match:
                self._buffer = self._buffer[match.end():]
                self._socket.sendall(b"+")
                reply = match.group(1).decode()
                # QEMU can send the stop reply ("T...") at any time after the connection.
                if text == "?" or not reply.startswith("T"):
                    return reply
                continue
            data = self._socket.recv(4096)
            if not data:
                raise VmError("gdbstub closed the connection")
            self._buffer += data
