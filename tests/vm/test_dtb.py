# SPDX-License-Identifier: GPL-2.0-or-later
"""Loads with a device tree that lacks memory, and loads without /sys/firmware/fdt."""

import base64
import gzip

import pytest

from lib import guest
from lib.guest import Machine

EFI = "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd"

DEVICE_TREE = Machine("device tree")
UEFI = Machine("UEFI, device tree", machine="virt,gic-version=3,acpi=off", qemu_options=("-bios", EFI))

# Bytes of base64 in one command. A terminal accepts lines of up to 4095 bytes.
PIECE = 3000


def write_file(running, path, data):
    """Writes bytes to a file in the guest."""
    text = base64.b64encode(gzip.compress(data)).decode()
    running.check(f": > {path}.txt")
    for start in range(0, len(text), PIECE):
        running.check(f"echo {text[start:start + PIECE]} >> {path}.txt")
    running.check(f"base64 -d {path}.txt | gzip -d > {path}")


def read_compressed(running, path):
    """Returns the bytes of a file. The transfer is compressed, because a DTB is mostly zeros."""
    return gzip.decompress(base64.b64decode(running.check(f"gzip -c {path} | base64")))


def make_tree_without_memory(running):
    """Writes /tree: the machine's device tree without memory nodes and without the UEFI map."""
    tree = read_compressed(running, "/sys/firmware/fdt")
    bare = guest.remove_paths(tree, r"/memory(@.*)?", r"/chosen/linux,uefi-.*")
    assert bare != tree
    write_file(running, "/tree", bare)


def find_memory(running):
    """Returns the (first, end) ranges of System RAM."""
    iomem = guest.parse_iomem(running.check("cat /proc/iomem"))
    # Two adjacent ranges can be one line or two lines of /proc/iomem.
    return guest.join_ranges(guest.find_ranges(iomem, "System RAM"))


def hash_properties(running):
    """Returns a checksum for every property, except those of /chosen, which a load rewrites."""
    found = running.check("cd /proc/device-tree && find . -type f | grep -v ^./chosen/ | sort | "
                          "xargs md5sum")
    assert len(found.splitlines()) > 100
    return found


@pytest.mark.parametrize("kernel", ["6.1"], indirect=True)
@pytest.mark.parametrize("machine, line", [
    (DEVICE_TREE, "the memory nodes of the machine's device tree are added"),
    (UEFI, "the machine's UEFI memory map is added"),
], ids=lambda value: getattr(value, "name", ""))
def test_the_next_kernel_boots_with_a_tree_without_memory(lab, kernel, machine, line):
    with lab.boot(kernel, machine) as running:
        make_tree_without_memory(running)
        before = find_memory(running)
        log = running.check("kexec -d -l --dtb=/tree --reuse-cmdline --append=second.boot=1 "
                            "--initrd=/boot/initrd /boot/Image 2>&1")
        assert f"kexec: /tree describes no memory: {line}\n" in log
        running.send("kexec -e")
        running.wait_ready("first")
        assert "second.boot=1" in running.check("cat /proc/cmdline").split()
        assert find_memory(running) == before
        assert running.run("test -e /sys/firmware/efi") == (int(machine is not UEFI), "")


@pytest.mark.parametrize("kernel", ["6.1"], indirect=True)
@pytest.mark.parametrize("option", ["-l", "-p"])
def test_without_firmware_files_the_memory_comes_from_iomem(lab, kernel, option):
    """/sys/firmware is empty, so kexec cannot read the machine's device tree."""
    with lab.boot(kernel, DEVICE_TREE) as running:
        make_tree_without_memory(running)
        before = find_memory(running)
        crash = guest.find_ranges(guest.parse_iomem(running.check("cat /proc/iomem")), "Crash kernel")
        running.check("mount -t tmpfs none /sys/firmware")
        log = running.check(f"kexec -d {option} --dtb=/tree --reuse-cmdline "
                            "--initrd=/boot/initrd /boot/Image 2>&1")
        assert "kexec: /tree describes no memory: the RAM of /proc/iomem is added\n" in log
        if option == "-p":
            running.panic()
            running.wait_ready("capture")
            assert find_memory(running) == crash
        else:
            running.send("kexec -e")
            running.wait_ready("first")
            assert find_memory(running) == before


@pytest.mark.parametrize("kernel", ["6.1"], indirect=True)
def test_the_crash_kernel_boots_with_a_tree_without_memory(lab, kernel):
    with lab.boot(kernel, DEVICE_TREE) as running:
        make_tree_without_memory(running)
        crash = guest.find_ranges(guest.parse_iomem(running.check("cat /proc/iomem")), "Crash kernel")
        assert running.run("kexec -p --dtb=/tree --reuse-cmdline --initrd=/boot/initrd "
                           "/boot/Image") == (0, "")
        running.panic()
        running.wait_ready("capture")
        assert find_memory(running) == crash
        assert int(running.check("stat -c %s /proc/vmcore")) > 5 << 30


@pytest.mark.parametrize("kernel", ["6.1"], indirect=True)
def test_the_next_kernel_boots_with_the_tree_in_proc(lab, kernel):
    with lab.boot(kernel, DEVICE_TREE) as running:
        before, tree = find_memory(running), hash_properties(running)
        running.check(": > /empty; mount --bind /empty /sys/firmware/fdt")
        assert running.run("kexec -l --reuse-cmdline --initrd=/boot/initrd /boot/Image") == (
            0, "kexec: warning: cannot read /sys/firmware/fdt, /proc/device-tree is used instead: "
               "the new kernel will not reserve memory that only /memreserve/ names")
        running.send("kexec -e")
        running.wait_ready("first")
        assert find_memory(running) == before
        assert hash_properties(running) == tree


@pytest.mark.parametrize("kernel", ["6.1"], indirect=True)
def test_the_crash_kernel_boots_with_the_tree_in_proc(lab, kernel):
    with lab.boot(kernel, DEVICE_TREE) as running:
        tree = hash_properties(running)
        running.check(": > /empty; mount --bind /empty /sys/firmware/fdt")
        assert running.run("kexec -p --reuse-cmdline --initrd=/boot/initrd /boot/Image")[0] == 0
        running.panic()
        running.wait_ready("capture")
        assert hash_properties(running) == tree
        assert running.run("crashres report > /dev/null") == (0, "")
