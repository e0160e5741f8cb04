# SPDX-License-Identifier: GPL-2.0-or-later
"""A virtual machine: boot it, talk to it over its serial port, poke its memory."""

import json
import os
import re
import socket
import subprocess
import threading
import time

QEMU = "qemu-system-aarch64"

# On two cores and emulated, twice in parallel: generous, a good run never waits.
BOOT_TIMEOUT = 240
COMMAND_TIMEOUT = 120

# QEMU's gdbstub takes and gives packets of at most 4 KiB, in hex.
PIECE = 1024


class VmError(AssertionError):
    pass


class Vm:
    """One QEMU process. Everything it prints goes to .serial and to a log file."""

    def __init__(self, arguments, log_path):
        self.log_path = log_path
        self.serial = ""
        self._changed = threading.Condition()
        self._read_to = 0
        self._ended = False
        command = [QEMU, "-display", "none", "-monitor", "none", "-serial", "stdio",
                   "-nic", "none", "-no-reboot", *arguments]
        # Sockets that QEMU inherits: no port that is taken, no path that is too long.
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
        return f"the console ends with:\n{self.serial[-2000:]}\n(all of it: {self.log_path})"

    def wait_for(self, pattern, timeout):
        """Waits for a line of the console, from where the last wait ended; gives the match."""
        expression = re.compile(pattern, re.MULTILINE)
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                # Whole lines only: the last one may still be on its way.
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
        """Waits until the machine powers off or resets: "guest-shutdown" or "guest-reset"."""
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
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def peek(self, address, size):
        """Reads physical memory from outside."""
        pieces = [(address + done, min(PIECE, size - done)) for done in range(0, size, PIECE)]
        with Gdb(self._gdb_address) as gdb:
            return b"".join(bytes.fromhex(gdb.ask(f"m{at:x},{count:x}")) for at, count in pieces)

    def poke(self, address, data):
        """Writes physical memory from outside, as a stray DMA would, while the kernel runs."""
        with Gdb(self._gdb_address) as gdb:
            for done in range(0, len(data), PIECE):
                piece = data[done:done + PIECE]
                reply = gdb.ask(f"M{address + done:x},{len(piece):x}:{piece.hex()}")
                if reply != "OK":
                    raise VmError(f"gdbstub refused to write at {address + done:#x}: {reply}")


class Gdb:
    """As much of the GDB remote protocol as physical memory needs (QEMU, docs/system/gdb)."""

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
        self.ask("D")               # detach, and the machine goes on
        self._socket.close()

    def ask(self, text):
        packet = text.encode()
        self._socket.sendall(b"$%s#%02x" % (packet, sum(packet) % 256))
        while True:
            match = re.search(rb"\$([^#]*)#..", self._buffer)
            if match:
                self._buffer = self._buffer[match.end():]
                self._socket.sendall(b"+")
                reply = match.group(1).decode()
                # That the machine stopped for us is said at a time of QEMU's choosing.
                if text == "?" or not reply.startswith("T"):
                    return reply
                continue
            data = self._socket.recv(4096)
            if not data:
                raise VmError("gdbstub closed the connection")
            self._buffer += data
