# SPDX-License-Identifier: GPL-2.0-or-later
"""The second half of ./demo: a guided tour in a VM, from loading a crash kernel to its dump.

demo.py KEXEC CRASHRES GUEST-ROOT IMAGE OUTPUT-FOLDER

KEXEC and CRASHRES are static arm64 programs, GUEST-ROOT is the folder that "fetch guest"
prints, IMAGE is an arm64 kernel. The tour writes its files to OUTPUT-FOLDER.
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
# The bytes that the demo writes over the loaded crash kernel, and their offset in the kernel.
STRAY = b"A stray write that nobody noticed, since nothing protects this. "
STRAY_OFFSET = 0x123456
PURGATORY_LINE = r"^crashres: purgatory: .*$"
PANIC = "Kernel panic - not syncing: sysrq triggered crash"


@contextlib.contextmanager
def step(text):
    """Prints the text before a step, and its time in seconds after the step."""
    start = time.monotonic()
    print(f"{text} ... ", end="", flush=True)
    try:
        yield
    except BaseException:
        print("FAILED")
        raise
    print(f"done ({time.monotonic() - start:.0f} s)")


def explain(*lines):
    """Prints indented lines that tell the reader what a step showed."""
    for line in lines:
        print("    " + line)


def make_initrd(kexec, crashres, root, image, path):
    """Writes the initramfs of the first kernel, which contains the crash kernel and its initrd."""
    capture = initramfs.make_capture(root, crashres)
    files = {"boot/Image": Path(image).read_bytes(), "boot/initrd": capture}
    path.write_bytes(initramfs.make_first(root, kexec, files))


def load(running, out):
    """Loads the crash kernel. Returns the crash regions, the high one first, and the plan."""
    iomem = running.check("cat /proc/iomem")
    regions = sorted(guest.find_ranges(guest.parse_iomem(iomem), r"Crash kernel( \(low\))?"),
                     reverse=True)
    plan = running.check(LOAD) + "\n"
    (out / "plan.txt").write_text(plan)
    return regions, guest.parse_plan(plan)


def save_log(running, out):
    """Saves a dump as a kdump service does, and the kernel log from the dump.

    Returns the size of the dump in bytes and the line of the log with the panic.
    """
    running.check("makedumpfile -c -d 31 /proc/vmcore /dump >/dump.log 2>&1", 400)
    running.check("makedumpfile --dump-dmesg /dump /dmesg >/dump.log 2>&1", 400)
    log = running.read("/dmesg")
    (out / "dmesg.txt").write_bytes(log)
    size = int(running.check("stat -c %s /dump"))
    [line] = [line for line in log.decode().splitlines() if PANIC in line]
    return size, line


def show_report(status, text, out):
    """Prints the report of the capture kernel and checks that it describes the stray write."""
    (out / "report.txt").write_text(text + "\n")
    print(f"\nThe capture kernel knows about the repair. It ran: {REPORT}")
    explain(*text.splitlines())
    found = " ".join(f"{byte:02x}" for byte in STRAY[:16])
    expected = f"kernel     at {STRAY_OFFSET:#x}: 1 block, 1 repaired; found {found}"
    if status != 1 or text.splitlines()[-1].strip() != expected:
        raise VmError(f"the report (exit status {status}) does not describe the damage: {expected}")


def show_memory(regions, iomem):
    """Prints the memory of the capture kernel, which must be the crash regions."""
    ram = sorted(guest.find_ranges(iomem, "System RAM"), reverse=True)
    if ram != regions:
        raise VmError(f"the capture kernel's RAM is {ram}, the crash regions are {regions}")
    print("\nThe capture kernel uses only the two crash regions. The memory of the crashed kernel "
          "is untouched:")
    for name, purpose, (start, end) in zip(
            ("high", "low"), ("the kernel is here", "for devices with 32-bit addresses"), ram):
        explain(f"{name:4}  {start:#018x} - {end - 1:#018x}  {(end - start) >> 20:4} MiB  {purpose}")


def show_dump(vmcore, dump, panic_line):
    """Prints the sizes of /proc/vmcore and of the dump, in bytes, and the panic."""
    print(f"\nThe capture kernel saw {vmcore / 2**30:.2f} GiB of the crashed kernel's memory in "
          "/proc/vmcore.")
    print(f"makedumpfile saved {dump >> 20} MiB of them. The log in the dump ends with the panic:")
    explain(panic_line)


def show_files(out):
    """Prints the files that the tour wrote."""
    print("\nLook at these files next:")
    explain(f"{out}/plan.txt    the plan of kexec: the address of each part of the crash kernel",
            f"{out}/serial.log  the console of both kernels",
            f"{out}/dmesg.txt   the log of the crashed kernel, from the dump",
            f"{out}/report.txt  the damage that purgatory found and repaired")


def crash(running, plan):
    """Damages the loaded crash kernel and panics. Returns when the capture kernel runs."""
    with step(f"Overwriting {len(STRAY)} bytes of the loaded crash kernel"):
        running.poke(plan["kernel"][0][0] + STRAY_OFFSET, STRAY)
    explain("A faulty driver or a stray DMA transfer can do the same.")
    with step("Causing a kernel panic and waiting for the capture kernel"):
        running.panic()
        line = running.wait_for(PURGATORY_LINE, 60).group(0)
        running.wait_ready("capture")
    explain("Purgatory runs between both kernels. It found the damage, repaired it and printed:",
            line)


def run_tour(kexec, crashres, root, image, out):
    """Runs all steps of the tour in one VM."""
    initrd = out / "initrd.cpio"
    make_initrd(kexec, crashres, root, image, initrd)
    machine = guest.Machine("demo")
    print("\nThe tour starts: a machine crashes, although its crash kernel was damaged before.")
    with guest.Guest(machine.arguments(image, initrd), out / "serial.log") as running:
        with step(f"Booting {Path(image).name} in QEMU with 6 GiB of memory"):
            release = running.wait_ready("first")
            initrd.unlink()
        explain(f"Linux {release} runs. This option reserves memory for the crash kernel:",
                machine.crashkernel)
        with step("Loading the crash kernel into the reserved memory"):
            regions, plan = load(running, out)
        explain(f"The command was: {LOAD}")
        crash(running, plan)
        iomem = guest.parse_iomem(running.check("cat /proc/iomem"))
        vmcore = int(running.check("stat -c %s /proc/vmcore"))
        with step("Saving the dump with makedumpfile"):
            dump, panic_line = save_log(running, out)
        status, report = running.run(REPORT)
        running.send("poweroff -f")
        reason = running.wait_exit(60)
    if reason != "guest-shutdown":
        raise VmError(f"the machine ended with {reason}, not with power-off")
    show_memory(regions, iomem)
    show_dump(vmcore, dump, panic_line)
    show_report(status, report, out)
    show_files(out)


def main(kexec, crashres, root, image, out):
    """Runs the tour. Returns the exit status: 1 if a step failed."""
    out = Path(out)
    out.mkdir(exist_ok=True)
    try:
        run_tour(kexec, crashres, root, image, out)
    except VmError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
