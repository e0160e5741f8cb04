# SPDX-License-Identifier: GPL-2.0-or-later
"""kexec_file_load, on a kernel with both system calls (tests/vm/small-kernel.config)."""

import struct
import subprocess

import pytest

from lib.guest import Machine

PLAIN = Machine("small", cpu="max,pauth-impdef=on,sve=off")
# This CPU supports pages of 4 and 64 KiB, but not of 16 KiB.
NO_16K = Machine("no pages of 16 KiB", cpu="cortex-a53")
RETAINED = Machine("initrd kept", words="retain_initrd")
APPRAISED = Machine("IMA appraises", words="ima_appraise=enforce")

pytestmark = pytest.mark.parametrize("kernel", ["small"], indirect=True)


@pytest.mark.parametrize("option", ["-s", "-a", "-c", "-s --seal=never"])
def test_the_capture_kernel_starts_after_a_panic(lab, kernel, option):
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
        # kexec_load loads purgatory, kexec_file_load loads a sealed Image. Both check the kernel.
        status, output = running.run("crashres report")
        if "never" in option:
            assert (status, output) == (
                3, "crashres: /sys/firmware/fdt: no /chosen/crashres,record: no purgatory of "
                   "crashres started this kernel, or purgatory had nothing to check")
        else:
            assert (status, output.splitlines()[0]) == (
                0, "This kernel was intact when it was started.")


@pytest.mark.parametrize("option", ["-s", "-a", "-c"])
def test_each_call_unloads_a_kernel_that_any_call_has_loaded(lab, kernel, option):
    """An unload without a loaded kernel succeeds, too."""
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
def test_the_next_kernel_boots_by_each_call(lab, kernel, option, call):
    with lab.boot(kernel, PLAIN) as running:
        plan = running.check(f"kexec -d {option} -l --append='console=ttyAMA0 second=1' "
                             "--initrd=/boot/initrd /boot/Image 2>&1")
        assert f"Plan for the next kernel: {call}" in plan
        assert running.run("kexec -S -l") == (1, "")
        running.send("kexec -e -x -y")
        running.wait_ready("first")
        assert running.check("cat /proc/cmdline") == "console=ttyAMA0 second=1"


def test_kexec_without_an_action_loads_and_shuts_down(lab, kernel):
    with lab.boot(kernel, PLAIN) as running:
        running.check("mkdir -p /sbin; printf '#!/bin/sh\\necho shutdown \"$@\"\\n' > /sbin/shutdown")
        assert running.run("kexec /boot/Image") == (255, "shutdown: No such file or directory")
        assert running.run("kexec -S -l") == (1, "")
        running.check("kexec -u; chmod 755 /sbin/shutdown")
        for option in "", "-s", "-c", "-a":
            assert running.run(f"kexec {option} /boot/Image") == (0, "shutdown -r now")
            assert running.run("kexec -S -l") == (1, "")
            running.check("kexec -u")


def print_tree(dtb):
    """Returns the lines of a DTB as text, without properties that differ between two loads."""
    text = subprocess.run(["dtc", "-q", "-s", "-I", "dtb", "-O", "dts"], input=dtb, check=True,
                          capture_output=True).stdout.decode()
    varying = ("linux,initrd-start", "linux,initrd-end", "kaslr-seed", "rng-seed",
               "/memreserve/", "linux,ima-kexec-buffer")
    return [line.strip() for line in text.splitlines() if not line.strip().startswith(varying)]


@pytest.mark.parametrize("append", ["console=ttyAMA0 a=1", ""], ids=["words", "none"])
def test_both_calls_make_the_same_device_tree(lab, kernel, append):
    """The tree that the kernel makes for kexec_file_load (drivers/of/kexec.c) is the reference."""
    trees = []
    for option in "-s", "-c":
        with lab.boot(kernel, PLAIN) as running:
            running.check(f"kexec {option} -l --append='{append}' --initrd=/boot/initrd "
                          "/boot/Image")
            running.send("kexec -e")
            running.wait_ready("first")
            assert running.check("cat /proc/cmdline") == append
            trees.append(running.read("/sys/firmware/fdt"))
    assert print_tree(trees[0]) == print_tree(trees[1])


def test_kexec_file_load_refuses_an_unsupported_page_size(lab, kernel):
    """This error ends -a, too: kexec does not try kexec_load. With -c kexec only warns."""
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
def test_reuseinitrd_loads_the_initrd_that_the_kernel_kept(lab, kernel, option):
    with lab.boot(kernel, RETAINED) as running:
        assert running.run(f"kexec {option} -l --reuse-cmdline --append=second=1 --reuseinitrd "
                           "/boot/Image") == (0, "")
        size = running.check("stat -c %s /sys/firmware/initrd")
        running.send("kexec -e")
        running.wait_ready("first")
        assert running.check("cat /proc/cmdline").endswith(" second=1")
        assert running.check("stat -c %s /sys/firmware/initrd") == size


def test_options_for_purgatory_work_with_kexec_file_load(lab, kernel):
    with lab.boot(kernel, PLAIN) as running:
        plan = running.check("kexec -d -s -p --on-damage=boot --repair=off --serial=ttyAMA0 "
                             "--append=console=ttyAMA0 --initrd=/boot/initrd /boot/Image 2>&1")
        assert "Checks        the sealed Image checks the kernel and the initrd" in plan
        running.panic()
        running.wait_for(r"^crashres: purgatory: \d+ blocks intact, \d+ ms: starting the kernel$", 60)
        running.wait_ready("capture")
        assert running.run("crashres report")[0] == 0


def test_reuseinitrd_fails_without_a_kept_initrd(lab, kernel):
    with lab.boot(kernel, PLAIN) as running:
        assert running.run("kexec -l --reuseinitrd /boot/Image") == (
            1, "kexec: the running kernel kept no initrd (this needs retain_initrd and Linux "
               "6.8): cannot open /sys/firmware/initrd: No such file or directory")


def test_a_missing_signature_ends_the_load_without_kexec_load(lab, kernel):
    with lab.boot(kernel, APPRAISED) as running:
        running.check("mount -t securityfs none /sys/kernel/security")
        assert running.run("kexec -l /boot/Image") == (0, "")
        assert running.run("kexec -u") == (0, "")
        running.check("echo 'appraise func=KEXEC_KERNEL_CHECK appraise_type=imasig' "
                      "> /sys/kernel/security/ima/policy")
        refused = "kexec: kexec_file_load failed: Permission denied (IMA finds no valid signature " \
                  "on the kernel or the initrd)"
        # The normal kernel: kexec does not try kexec_load.
        why = ': "crashres verify --machine /boot/Image" shows why'
        assert running.run("kexec -l /boot/Image") == (255, refused + why)
        assert running.run("kexec -s -l /boot/Image") == (255, refused + why)
        assert running.run("kexec -S -l") == (0, "")
        # The crash kernel: the policy forbids kexec_load, and kexec_file_load needs a signature.
        assert running.run("kexec -p /boot/Image") == (
            255, refused + "; no crash kernel is loaded now" + why)
        assert running.run("kexec -S") == (0, "")
