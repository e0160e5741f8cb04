# SPDX-License-Identifier: GPL-2.0-or-later
"""Other device trees than the running machine's own: what it lacks comes from the machine."""

import base64
import gzip

import pytest

from lib import guest
from lib.guest import Machine

EFI = "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd"

DEVICE_TREE = Machine("device tree")
UEFI = Machine("UEFI, device tree", machine="virt,gic-version=3,acpi=off", qemu_options=("-bios", EFI))

# A terminal takes lines of up to 4095 bytes.
PIECE = 3000


def put(running, path, data):
    """Writes a file in the guest."""
    text = base64.b64encode(gzip.compress(data)).decode()
    running.check(f": > {path}.txt")
    for start in range(0, len(text), PIECE):
        running.check(f"echo {text[start:start + PIECE]} >> {path}.txt")
    running.check(f"base64 -d {path}.txt | gzip -d > {path}")


def get(running, path):
    """The bytes of a file that is mostly zeros."""
    return gzip.decompress(base64.b64decode(running.check(f"gzip -c {path} | base64")))


def bare_tree(running):
    """The running tree without all that says where memory is."""
    tree = get(running, "/sys/firmware/fdt")
    bare = guest.remove_paths(tree, r"/memory(@.*)?", r"/chosen/linux,uefi-.*")
    assert bare != tree
    put(running, "/tree", bare)


def memory(running):
    iomem = guest.parse_iomem(running.check("cat /proc/iomem"))
    # What lies next to each other may be one line or two.
    return guest.join_ranges(guest.find_ranges(iomem, "System RAM"))


def nodes(running):
    """Every property of the tree, but those of /chosen, which a load rewrites."""
    found = running.check("cd /proc/device-tree && find . -type f | grep -v ^./chosen/ | sort | "
                          "xargs md5sum")
    assert len(found.splitlines()) > 100
    return found


@pytest.mark.parametrize("kernel", ["6.1"], indirect=True)
@pytest.mark.parametrize("machine, line", [
    (DEVICE_TREE, "the memory nodes of the machine's device tree are added"),
    (UEFI, "the machine's UEFI memory map is added"),
], ids=lambda value: getattr(value, "name", ""))
def test_next_kernel_by_a_tree_without_memory(lab, kernel, machine, line):
    with lab.boot(kernel, machine) as running:
        bare_tree(running)
        before = memory(running)
        log = running.check("kexec -d -l --dtb=/tree --reuse-cmdline --append=second.boot=1 "
                            "--initrd=/boot/initrd /boot/Image 2>&1")
        assert f"kexec: /tree describes no memory: {line}\n" in log
        running.send("kexec -e")
        running.wait_ready("first")
        assert "second.boot=1" in running.check("cat /proc/cmdline").split()
        assert memory(running) == before
        assert running.run("test -e /sys/firmware/efi") == (int(machine is not UEFI), "")


@pytest.mark.parametrize("kernel", ["6.1"], indirect=True)
@pytest.mark.parametrize("option", ["-l", "-p"])
def test_memory_from_iomem(lab, kernel, option):
    """The machine shows no tree of its own at all."""
    with lab.boot(kernel, DEVICE_TREE) as running:
        bare_tree(running)
        before = memory(running)
        crash = guest.find_ranges(guest.parse_iomem(running.check("cat /proc/iomem")), "Crash kernel")
        running.check("mount -t tmpfs none /sys/firmware")
        log = running.check(f"kexec -d {option} --dtb=/tree --reuse-cmdline "
                            "--initrd=/boot/initrd /boot/Image 2>&1")
        assert "kexec: /tree describes no memory: the RAM of /proc/iomem is added\n" in log
        if option == "-p":
            running.panic()
            running.wait_ready("capture")
            assert memory(running) == crash
        else:
            running.send("kexec -e")
            running.wait_ready("first")
            assert memory(running) == before


@pytest.mark.parametrize("kernel", ["6.1"], indirect=True)
def test_crash_kernel_by_a_tree_without_memory(lab, kernel):
    with lab.boot(kernel, DEVICE_TREE) as running:
        bare_tree(running)
        crash = guest.find_ranges(guest.parse_iomem(running.check("cat /proc/iomem")), "Crash kernel")
        assert running.run("kexec -p --dtb=/tree --reuse-cmdline --initrd=/boot/initrd "
                           "/boot/Image") == (0, "")
        running.panic()
        running.wait_ready("capture")
        assert memory(running) == crash
        assert int(running.check("stat -c %s /proc/vmcore")) > 5 << 30


@pytest.mark.parametrize("kernel", ["6.1"], indirect=True)
def test_next_kernel_by_the_tree_in_files(lab, kernel):
    with lab.boot(kernel, DEVICE_TREE) as running:
        before, tree = memory(running), nodes(running)
        running.check(": > /empty; mount --bind /empty /sys/firmware/fdt")
        assert running.run("kexec -l --reuse-cmdline --initrd=/boot/initrd /boot/Image") == (
            0, "kexec: warning: cannot read /sys/firmware/fdt, /proc/device-tree is used instead: "
               "the new kernel will not reserve memory that only /memreserve/ names")
        running.send("kexec -e")
        running.wait_ready("first")
        assert memory(running) == before
        assert nodes(running) == tree


@pytest.mark.parametrize("kernel", ["6.1"], indirect=True)
def test_crash_kernel_by_the_tree_in_files(lab, kernel):
    with lab.boot(kernel, DEVICE_TREE) as running:
        tree = nodes(running)
        running.check(": > /empty; mount --bind /empty /sys/firmware/fdt")
        assert running.run("kexec -p --reuse-cmdline --initrd=/boot/initrd /boot/Image")[0] == 0
        running.panic()
        running.wait_ready("capture")
        assert nodes(running) == tree
        assert running.run("crashres report > /dev/null") == (0, "")
