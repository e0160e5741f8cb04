# SPDX-License-Identifier: GPL-2.0-or-later
"""kexec_file_load, on a kernel that has both system calls (tests/vm/small-kernel.config)."""

import struct
import subprocess

import pytest

from lib.guest import Machine

PLAIN = Machine("small", cpu="max,pauth-impdef=on,sve=off")
# Its CPU has pages of 4 and 64 KiB, and not of 16.
NO_16K = Machine("no pages of 16 KiB", cpu="cortex-a53")
RETAINED = Machine("initrd kept", words="retain_initrd")
APPRAISED = Machine("IMA appraises", words="ima_appraise=enforce")

pytestmark = pytest.mark.parametrize("kernel", ["small"], indirect=True)


@pytest.mark.parametrize("option", ["-s", "-a", "-c", "-s --seal=never"])
def test_crash(lab, kernel, option):
    with lab.boot(kernel, PLAIN) as running:
        assert running.run(f"kexec {option} -p --reuse-cmdline --append=capture.word=1 "
                           "--initrd=/boot/initrd /boot/Image") == (0, "")
        assert running.run("kexec -S") == (1, "")
        before = running.check("cat /proc/cmdline").split()
        running.panic()
        running.wait_ready("capture")
        words = [word for word in before if not word.startswith(("BOOT_IMAGE=", "crashkernel="))]
        assert running.check("cat /proc/cmdline").split() == words + ["capture.word=1"]
        assert int(running.check("stat -c %s /proc/vmcore")) > 1 << 30
        # kexec_load carries purgatory, kexec_file_load a sealed Image.
        status, output = running.run("crashres report")
        if "never" in option:
            assert (status, output) == (
                3, "crashres: /sys/firmware/fdt: no /chosen/crashres,record: no purgatory of "
                   "crashres started this kernel, or purgatory had nothing to check")
        else:
            assert (status, output.splitlines()[0]) == (
                0, "This kernel was intact when it was started.")


@pytest.mark.parametrize("option", ["-s", "-a", "-c"])
def test_unload(lab, kernel, option):
    """By each call what any of them has loaded, and nothing at all."""
    with lab.boot(kernel, PLAIN) as running:
        for slot, status in ("-p", "-S"), ("-l", "-S -l"):
            unload = f"kexec {option} -u" + (" -p" if slot == "-p" else "")
            assert running.run(unload) == (0, "")
            for load in "-s", "-c":
                assert running.run(f"kexec {load} {slot} /boot/Image") == (0, "")
                assert running.run(f"kexec {status}") == (1, "")
                assert running.run(unload) == (0, "")
                assert running.run(f"kexec {status}") == (0, "")


@pytest.mark.parametrize("option, call", [("-s", "kexec_file_load"), ("-a", "kexec_file_load"),
                                          ("-c", "kexec_load")])
def test_next_kernel(lab, kernel, option, call):
    with lab.boot(kernel, PLAIN) as running:
        plan = running.check(f"kexec -d {option} -l --append='console=ttyAMA0 second=1' "
                             "--initrd=/boot/initrd /boot/Image 2>&1")
        assert f"Plan for the next kernel: {call}" in plan
        assert running.run("kexec -S -l") == (1, "")
        running.send("kexec -e -x -y")
        running.wait_ready("first")
        assert running.check("cat /proc/cmdline") == "console=ttyAMA0 second=1"


def test_an_image_alone_is_loaded_and_the_machine_shut_down(lab, kernel):
    with lab.boot(kernel, PLAIN) as running:
        running.check("mkdir -p /sbin; printf '#!/bin/sh\\necho shutdown \"$@\"\\n' > /sbin/shutdown")
        assert running.run("kexec /boot/Image") == (255, "shutdown: No such file or directory")
        assert running.run("kexec -S -l") == (1, "")
        running.check("kexec -u; chmod 755 /sbin/shutdown")
        for option in "", "-s", "-c", "-a":
            assert running.run(f"kexec {option} /boot/Image") == (0, "shutdown -r now")
            assert running.run("kexec -S -l") == (1, "")
            running.check("kexec -u")


def tree_of(dtb):
    """A device tree as text, without what differs between two loads of the same."""
    text = subprocess.run(["dtc", "-q", "-s", "-I", "dtb", "-O", "dts"], input=dtb, check=True,
                          capture_output=True).stdout.decode()
    varying = ("linux,initrd-start", "linux,initrd-end", "kaslr-seed", "rng-seed",
               "/memreserve/", "linux,ima-kexec-buffer")
    return [line.strip() for line in text.splitlines() if not line.strip().startswith(varying)]


@pytest.mark.parametrize("append", ["console=ttyAMA0 a=1", ""], ids=["words", "none"])
def test_both_calls_make_the_same_device_tree(lab, kernel, append):
    """What the kernel's own helper (drivers/of/kexec.c) makes of it is the measure."""
    trees = []
    for option in "-s", "-c":
        with lab.boot(kernel, PLAIN) as running:
            running.check(f"kexec {option} -l --append='{append}' --initrd=/boot/initrd "
                          "/boot/Image")
            running.send("kexec -e")
            running.wait_ready("first")
            assert running.check("cat /proc/cmdline") == append
            trees.append(running.read("/sys/firmware/fdt"))
    assert tree_of(trees[0]) == tree_of(trees[1])


def test_what_the_kernel_does_not_take(lab, kernel):
    """Point 1.4: the verdict on the page size ends -a too; -c does not ask for one."""
    data = bytearray(kernel.read_bytes())
    flags, = struct.unpack_from("<Q", data, 24)
    struct.pack_into("<Q", data, 24, flags & ~0b110 | 0b100)        # pages of 16 KiB
    with lab.boot(kernel, NO_16K, {"boot/Image-16k": bytes(data)}) as running:
        warning = "kexec: warning: the kernel has pages of 16 KiB, the running kernel has pages of " \
                  "4 KiB: the CPU must support both"
        refused = f"{warning}\nkexec: kexec_file_load failed: Invalid argument (the kernel has " \
                  "another page size than the running kernel: perhaps this CPU does not support it)"
        assert running.run("kexec -s -l /boot/Image-16k") == (253, refused)
        assert running.run("kexec -l /boot/Image-16k") == (255, refused)
        assert running.run("kexec -S -l") == (0, "")
        assert running.run("kexec -c -l /boot/Image-16k") == (0, warning)
        assert running.run("kexec -S -l") == (1, "")
        assert running.run("kexec -u") == (0, "")


@pytest.mark.parametrize("option", ["-s", "-c"])
def test_initrd_that_the_kernel_has_kept(lab, kernel, option):
    with lab.boot(kernel, RETAINED) as running:
        assert running.run(f"kexec {option} -l --reuse-cmdline --append=second=1 --reuseinitrd "
                           "/boot/Image") == (0, "")
        size = running.check("stat -c %s /sys/firmware/initrd")
        running.send("kexec -e")
        running.wait_ready("first")
        assert running.check("cat /proc/cmdline").endswith(" second=1")
        assert running.check("stat -c %s /sys/firmware/initrd") == size


def test_what_is_asked_of_purgatory_is_done_by_either_call(lab, kernel):
    with lab.boot(kernel, PLAIN) as running:
        plan = running.check("kexec -d -s -p --on-damage=boot --repair=off --serial=ttyAMA0 "
                             "--append=console=ttyAMA0 --initrd=/boot/initrd /boot/Image 2>&1")
        assert "Checks        of kernel and initrd, by the kernel as a sealed Image" in plan
        running.panic()
        running.wait_for(r"^crashres: purgatory: \d+ blocks intact, \d+ ms: starting the kernel$", 60)
        running.wait_ready("capture")
        assert running.run("crashres report")[0] == 0


def test_no_initrd_kept(lab, kernel):
    with lab.boot(kernel, PLAIN) as running:
        assert running.run("kexec -l --reuseinitrd /boot/Image") == (
            1, "kexec: the running kernel kept no initrd (this needs retain_initrd and Linux "
               "6.8): cannot open /sys/firmware/initrd: No such file or directory")


def test_a_signature_that_is_missing_is_the_end(lab, kernel):
    with lab.boot(kernel, APPRAISED) as running:
        running.check("mount -t securityfs none /sys/kernel/security")
        assert running.run("kexec -l /boot/Image") == (0, "")
        assert running.run("kexec -u") == (0, "")
        running.check("echo 'appraise func=KEXEC_KERNEL_CHECK appraise_type=imasig' "
                      "> /sys/kernel/security/ima/policy")
        refused = "kexec: kexec_file_load failed: Permission denied (IMA finds no valid signature " \
                  "on the kernel or the initrd)"
        # The normal kernel: kexec_load would be next, and is not asked.
        assert running.run("kexec -l /boot/Image") == (255, refused)
        assert running.run("kexec -s -l /boot/Image") == (255, refused)
        assert running.run("kexec -S -l") == (0, "")
        # The crash kernel: the policy leaves kexec_load out, kexec_file_load wants a signature.
        assert running.run("kexec -p /boot/Image") == (
            255, refused + "; no crash kernel is loaded now")
        assert running.run("kexec -S") == (0, "")
