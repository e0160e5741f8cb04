# SPDX-License-Identifier: GPL-2.0-or-later
"""The second half of ./demo: load, panic, capture, in a VM.

demo.py KEXEC GUEST-ROOT IMAGE OUTPUT-FOLDER
"""

import contextlib
import sys
import time
from pathlib import Path

import guest
import initramfs
from vm import VmError

LOAD = "kexec -d -p --reuse-cmdline --initrd=/boot/initrd /boot/Image"
PANIC = "Kernel panic - not syncing: sysrq triggered crash"


@contextlib.contextmanager
def step(what):
    """One line: what, and how long it took."""
    start = time.monotonic()
    print(f"{what} ... ", end="", flush=True)
    try:
        yield
    except BaseException:
        print("FAILED")
        raise
    print(f"done ({time.monotonic() - start:.0f} s)")


def make_initrd(kexec, root, image, path):
    capture = initramfs.make_capture(root)
    files = {"boot/Image": Path(image).read_bytes(), "boot/initrd": capture}
    path.write_bytes(initramfs.make_first(root, kexec, files))


def boot(image, initrd, out):
    machine = guest.Machine("demo")
    running = guest.Guest(machine.arguments(image, initrd), out / "serial.log")
    print(f"Booting {Path(image).name} in QEMU with 6 GiB, {machine.crashkernel} ... ",
          end="", flush=True)
    return running


def load(running, out):
    """Load the crash kernel; the first kernel's crash regions, high first."""
    iomem = running.check("cat /proc/iomem")
    regions = sorted(guest.named(guest.parse_iomem(iomem), r"Crash kernel( \(low\))?"),
                     reverse=True)
    (out / "plan.txt").write_text(running.check(LOAD) + "\n")
    return regions


def save_log(running, out):
    """The dump is made as a kdump service makes it, and the log is taken from the dump."""
    running.check("makedumpfile -c -d 31 /proc/vmcore /dump >/dump.log 2>&1", 400)
    running.check("makedumpfile --dump-dmesg /dump /dmesg >/dump.log 2>&1", 400)
    log = running.read("/dmesg")
    (out / "dmesg.txt").write_bytes(log)
    size = int(running.check("stat -c %s /dump"))
    [line] = [line for line in log.decode().splitlines() if PANIC in line]
    return size, line


def show(regions, iomem, vmcore, dump, panic_line, out):
    ram = sorted(guest.named(iomem, "System RAM"), reverse=True)
    if ram != regions:
        raise VmError(f"the capture kernel's RAM is {ram}, the crash regions are {regions}")
    print("\nThe capture kernel runs in its two memory ranges, and in nothing else:")
    for name, what, (start, end) in zip(("high", "low"),
                                        ("it was loaded here", "for devices that need it"), ram):
        print(f"    {name:4}  {start:#018x} - {end - 1:#018x}  {(end - start) >> 20:4} MiB  {what}")
    print(f"It saw {vmcore / 2**30:.2f} GiB of the dead kernel's memory as /proc/vmcore,"
          f" saved {dump >> 20} MiB of it, and in there:")
    print(f"    {panic_line}")
    print(f"{out}/serial.log  all that both kernels said\n"
          f"{out}/dmesg.txt   the dead kernel's log, taken from the dump\n"
          f"{out}/plan.txt    what kexec put where")


def demo(kexec, root, image, out):
    initrd = out / "initrd.cpio"
    make_initrd(kexec, root, image, initrd)
    with boot(image, initrd, out) as running:
        start = time.monotonic()
        release = running.wait_ready("first")
        initrd.unlink()
        print(f"Linux {release} is up ({time.monotonic() - start:.0f} s)")
        with step(f"There: {LOAD}"):
            regions = load(running, out)
        with step("Panic, and waiting for the capture kernel"):
            running.panic()
            running.wait_ready("capture")
        iomem = guest.parse_iomem(running.check("cat /proc/iomem"))
        vmcore = int(running.check("stat -c %s /proc/vmcore"))
        with step("Saving the dump with makedumpfile"):
            dump, panic_line = save_log(running, out)
        running.send("poweroff -f")
        reason = running.wait_exit(60)
    if reason != "guest-shutdown":
        raise VmError(f"the machine ended by {reason}, not by power-off")
    show(regions, iomem, vmcore, dump, panic_line, out)


def main(kexec, root, image, out):
    out = Path(out)
    out.mkdir(exist_ok=True)
    try:
        demo(kexec, root, image, out)
    except VmError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
