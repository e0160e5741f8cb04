# SPDX-License-Identifier: GPL-2.0-or-later
"""The second half of ./demo: load, damage, panic, repair, capture, in a VM.

demo.py KEXEC CRASHRES GUEST-ROOT IMAGE OUTPUT-FOLDER
"""

import contextlib
import sys
import time
from pathlib import Path

from lib import guest
from lib import initramfs
from lib.vm import VmError

LOAD = "kexec -d -p --reuse-cmdline --initrd=/boot/initrd /boot/Image"
REPORT = "crashres report"
# What a driver gone wild writes over the loaded crash kernel, and where in it.
STRAY = b"A stray write that nobody noticed, since nothing protects this. "
STRAY_OFFSET = 0x123456
PURGATORY = r"^crashres: purgatory: .*$"
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


def make_initrd(kexec, crashres, root, image, path):
    capture = initramfs.make_capture(root, crashres)
    files = {"boot/Image": Path(image).read_bytes(), "boot/initrd": capture}
    path.write_bytes(initramfs.make_first(root, kexec, files))


def boot(image, initrd, out):
    machine = guest.Machine("demo")
    running = guest.Guest(machine.arguments(image, initrd), out / "serial.log")
    print(f"Booting {Path(image).name} in QEMU with 6 GiB, {machine.crashkernel} ... ",
          end="", flush=True)
    return running


def load(running, out):
    """Load the crash kernel; the first kernel's crash regions, high first, and the plan."""
    iomem = running.check("cat /proc/iomem")
    regions = sorted(guest.find_ranges(guest.parse_iomem(iomem), r"Crash kernel( \(low\))?"),
                     reverse=True)
    plan = running.check(LOAD) + "\n"
    (out / "plan.txt").write_text(plan)
    return regions, guest.parse_plan(plan)


def save_log(running, out):
    """The dump is made as a kdump service makes it, and the log is taken from the dump."""
    running.check("makedumpfile -c -d 31 /proc/vmcore /dump >/dump.log 2>&1", 400)
    running.check("makedumpfile --dump-dmesg /dump /dmesg >/dump.log 2>&1", 400)
    log = running.read("/dmesg")
    (out / "dmesg.txt").write_bytes(log)
    size = int(running.check("stat -c %s /dump"))
    [line] = [line for line in log.decode().splitlines() if PANIC in line]
    return size, line


def show_report(status, text, out):
    """What the capture kernel knows of its own repair has to be the truth."""
    (out / "report.txt").write_text(text + "\n")
    print(f"\nIn the capture kernel, {REPORT}:")
    for line in text.splitlines():
        print("    " + line)
    found = " ".join(f"{byte:02x}" for byte in STRAY[:16])
    expected = f"kernel     at {STRAY_OFFSET:#x}: 1 block, 1 repaired; found {found}"
    if status != 1 or text.splitlines()[-1].strip() != expected:
        raise VmError(f"the report (exit status {status}) does not tell of the damage: {expected}")
    print("Found, repaired, captured.")


def show(regions, iomem, vmcore, dump, panic_line, out):
    ram = sorted(guest.find_ranges(iomem, "System RAM"), reverse=True)
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
          f"{out}/plan.txt    what kexec put where\n"
          f"{out}/report.txt  what purgatory found, and what it did")


def demo(kexec, crashres, root, image, out):
    initrd = out / "initrd.cpio"
    make_initrd(kexec, crashres, root, image, initrd)
    with boot(image, initrd, out) as running:
        start = time.monotonic()
        release = running.wait_ready("first")
        initrd.unlink()
        print(f"Linux {release} is up ({time.monotonic() - start:.0f} s)")
        with step(f"There: {LOAD}"):
            regions, plan = load(running, out)
        with step(f"Overwriting {len(STRAY)} bytes of the loaded kernel, from outside"):
            running.poke(plan["kernel"][0][0] + STRAY_OFFSET, STRAY)
        with step("Panic, and waiting for the capture kernel"):
            running.panic()
            said = running.wait_for(PURGATORY, 60).group(0)
            running.wait_ready("capture")
        print(f"    {said}")
        iomem = guest.parse_iomem(running.check("cat /proc/iomem"))
        vmcore = int(running.check("stat -c %s /proc/vmcore"))
        with step("Saving the dump with makedumpfile"):
            dump, panic_line = save_log(running, out)
        status, report = running.run(REPORT)
        running.send("poweroff -f")
        reason = running.wait_exit(60)
    if reason != "guest-shutdown":
        raise VmError(f"the machine ended by {reason}, not by power-off")
    show(regions, iomem, vmcore, dump, panic_line, out)
    show_report(status, report, out)


def main(kexec, crashres, root, image, out):
    out = Path(out)
    out.mkdir(exist_ok=True)
    try:
        demo(kexec, crashres, root, image, out)
    except VmError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
