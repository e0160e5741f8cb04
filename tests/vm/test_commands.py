# SPDX-License-Identifier: GPL-2.0-or-later
"""The other actions of kexec on Linux: status, unload, normal kexec, errors."""

import re

import pytest

from conftest import HERE, read_module
from lib.guest import Machine

# With 52-bit addresses, Linux 6.12 crashes in trans_pgd_create_copy() when any normal kernel is
# loaded. This is a bug of that kernel.
NARROW = Machine("no 52-bit addresses", cpu="max,pauth-impdef=on,sve=off,lpa2=off")


@pytest.mark.parametrize("kernel", ["6.1"], indirect=True)
def test_status_and_unload(lab, kernel):
    with lab.boot(kernel) as running:
        assert running.run("kexec -S") == (0, "")
        assert running.check("kexec --print-ckr-size") == str(512 << 20)
        assert running.run("kexec -p -u") == (0, "")        # unloading nothing succeeds
        assert running.run("kexec -p --reuse-cmdline /boot/Image") == (0, "")
        assert running.run("kexec -S") == (1, "")
        assert running.run("kexec -S -l") == (0, "")
        # If a load fails before the system call, the loaded kernel stays.
        status, output = running.run("kexec -p /init")
        assert (status, output) == (255, "kexec: Cannot determine the file type of /init: "
                                         "it is neither an arm64 kernel nor a known wrapper")
        assert running.run("kexec -S") == (1, "")
        assert running.run("kexec -u -p") == (0, "")
        assert running.run("kexec -S") == (0, "")
        for unload in "-p -u", "-a -p -u", "-c -p -u", "-u", "-u -a", "-p -u /boot/Image":
            assert running.run(f"kexec {unload}") == (0, "")
        assert running.check("cat /sys/kernel/kexec_crash_loaded") == "0"
        assert running.run("kexec -e") == (1, "kexec: Nothing has been loaded!")


NO_FILE_LOAD = "Function not implemented (syscall kexec_file_load not available: the running " \
               "kernel was built without CONFIG_KEXEC_FILE)"


@pytest.mark.parametrize("kernel", ["6.1", "6.12", "newest"], indirect=True)
def test_loads_on_a_kernel_without_kexec_file_load(lab, kernel):
    """Debian's arm64 kernels lack kexec_file_load."""
    with lab.boot(kernel, NARROW) as running:
        for load in "-p", "-c -p", "-a -p", "-p --no-checks", "-p -d":
            assert running.run(f"kexec {load} /boot/Image 2>/dev/null") == (0, "")
            assert running.run("kexec -S") == (1, "")
        # With -s the load fails, and the loaded kernel stays.
        assert running.run("kexec -s -p /boot/Image") == (
            253, "kexec: kexec_file_load failed: " + NO_FILE_LOAD)
        assert running.run("kexec -s -p -u") == (
            253, "kexec: kexec_file_load(unload) failed: " + NO_FILE_LOAD)
        assert running.run("kexec -S") == (1, "")
        assert running.run("kexec -p --no-cma /boot/Image") == (
            255, "kexec: kexec_file_load failed: " + NO_FILE_LOAD)
        assert running.run("kexec -p -u") == (0, "")
        assert running.run("kexec -S") == (0, "")
        # A normal kernel is loaded by kexec_load.
        for load in "-l", "-c -l", "-a -l":
            assert running.run(f"kexec {load} /boot/Image") == (0, "")
            assert running.run("kexec -S -l") == (1, "")
            assert running.run("kexec -u") == (0, "")
        assert running.run("kexec -s -l /boot/Image") == (
            253, "kexec: kexec_file_load failed: " + NO_FILE_LOAD)


@pytest.mark.parametrize("kernel", ["6.1"], indirect=True)
def test_kexec_load_disabled_forbids_loads(lab, kernel):
    with lab.boot(kernel) as running:
        running.check("echo 1 > /proc/sys/kernel/kexec_load_disabled")
        reason = "kernel.kexec_load_disabled is 1"
        assert running.run("kexec -c -p /boot/Image") == (255, f"kexec: kexec_load: {reason}")
        assert running.run("kexec -p /boot/Image") == (
            255, f"kexec: kexec_load: {reason}; kexec_file_load: {reason}")


# A 16550 with I/O ports. Linux supports it, purgatory does not.
WITH_PORTS = Machine("16550 on PCI", qemu_options=("-device", "pci-serial"))


@pytest.mark.parametrize("kernel", ["6.1", "6.12"], indirect=True)
def test_serial_selects_the_console_of_purgatory(lab, kernel):
    with lab.boot(kernel, WITH_PORTS) as running:
        # The first of the two lines is for the firmware's console, the second for --serial.
        log = running.check("kexec -d -p --serial=ttyAMA0 /boot/Image 2>&1")
        assert log.count("kexec: purgatory's console is a PL011 at 0x9000000\n") == 2
        assert running.run("kexec -S") == (1, "")
        assert running.run("kexec -p --serial=ttyS0 /boot/Image") == (
            0, "kexec: warning: ttyS0: purgatory cannot drive this UART (type 4, io_type 0, "
               "iomem_base 0x0, iomem_reg_shift 0): purgatory will be silent")
        assert running.run("kexec -p -u") == (0, "")
        assert running.run("kexec -p --serial=ttyS77 /boot/Image") == (
            1, "kexec: cannot open /sys/class/tty/ttyS77: No such file or directory")
        assert running.run("kexec -S") == (0, "")


@pytest.mark.parametrize("kernel", ["6.12"], indirect=True)
def test_normal_load_starts_the_next_kernel(lab, kernel):
    with lab.boot(kernel, NARROW) as running:
        release = running.check("uname -r")
        assert running.run("kexec -l --reuse-cmdline --append=second.boot=1 "
                           "--initrd=/boot/initrd /boot/Image") == (0, "")
        assert running.run("kexec -S -l") == (1, "")
        before = running.check("cat /proc/cmdline").split()
        running.send("kexec -e")
        assert running.wait_ready("first") == release
        words = [word for word in before if not word.startswith("BOOT_IMAGE=")]
        assert running.check("cat /proc/cmdline").split() == words + ["second.boot=1"]


def is_interface_up(running):
    """Returns the flag IFF_UP of the dummy interface: 1 if the interface is up."""
    return int(running.check("cat /sys/class/net/dummy0/flags"), 16) & 1


@pytest.mark.parametrize("kernel", ["6.12"], indirect=True)
def test_exec_refuses_before_it_takes_interfaces_down(lab, kernel):
    """An empty /sys/kernel looks like that of a kernel without kexec."""
    with lab.boot(kernel, NARROW, {"lib/dummy.ko": read_module(kernel, "dummy")}) as running:
        running.check("insmod /lib/dummy.ko && ip link set dummy0 up")
        assert is_interface_up(running) == 1
        assert running.run("kexec -e") == (1, "kexec: Nothing has been loaded!")
        assert is_interface_up(running) == 1
        running.check("mount -t tmpfs none /sys/kernel")
        assert running.run("kexec -e") == (
            1, "kexec: Nothing has been loaded! (the running kernel has no kexec support: neither "
               "/sys/kernel/kexec/loaded nor /sys/kernel/kexec_loaded exists)")
        assert is_interface_up(running) == 1
        running.check("umount /sys/kernel")
        # Late in a shutdown sysfs is not mounted. kexec -e starts the kernel nevertheless.
        release = running.check("uname -r")
        running.check("kexec -l --reuse-cmdline --initrd=/boot/initrd /boot/Image")
        running.check("umount /sys")
        running.send("kexec -e")
        assert running.wait_ready("first") == release


@pytest.mark.parametrize("kernel", ["6.12"], indirect=True)
def test_force_starts_a_kernel_in_the_crash_region(lab, kernel):
    with lab.boot(kernel, NARROW) as running:
        release = running.check("uname -r")
        line = running.check("grep 'Crash kernel' /proc/iomem | tail -n 1")
        first, last = re.fullmatch(" *([0-9a-f]+)-([0-9a-f]+) : Crash kernel", line).groups()
        running.send(f"kexec -f --mem-min=0x{first} --mem-max=0x{last} --initrd=/boot/initrd "
                     "--append='console=ttyAMA0 second.boot=1' /boot/Image")
        assert running.wait_ready("first") == release
        assert running.check("cat /proc/cmdline") == "console=ttyAMA0 second.boot=1"
        code = running.check("grep 'Kernel code' /proc/iomem")
        assert int(first, 16) <= int(code.split("-")[0], 16) <= int(last, 16)


@pytest.mark.parametrize("kernel", ["small"], indirect=True)
def test_plan_from_a_copied_machine_is_the_plan_of_the_machine(lab, kernel):
    """copy-machine copies every file that a plan reads, for example the limits of the kernel."""
    script = (HERE.parent / "data" / "copy-machine").read_bytes()
    with lab.boot(kernel, files={"copy-machine": script}) as running:
        running.check("echo 0 > /proc/sys/kernel/kexec_load_limit_panic")
        running.check("sh /copy-machine /copy")
        here = running.run("kexec -d --dry-run -p --serial=ttyAMA0 /boot/Image 2>&1")
        assert "kernel.kexec_load_limit_panic is 0" in here[1]
        assert running.run("kexec -d --root=/copy -p --serial=ttyAMA0 /boot/Image 2>&1") == here
        # Root cannot read every file, for example the IMA policy of some kernels.
        running.check("mount -t tmpfs none /sys/kernel/security")
        running.check("mkdir -p /sys/kernel/security/ima/policy")
        assert running.run("sh /copy-machine /second") == (0, "")
        assert running.check("ls /second/sys/kernel/security/ima /second/proc/kcore") == \
            "/second/proc/kcore\n\n/second/sys/kernel/security/ima:"
