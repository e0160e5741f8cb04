# SPDX-License-Identifier: GPL-2.0-or-later
"""Output files on vfat, the file system of an EFI system partition.

vfat has no O_TMPFILE, no owners, no modes and no extended attributes. Only the kernel "secure" has
vfat.
"""

import dataclasses
import struct

import pytest

from lib.guest import Machine

SECTOR = 512
SEAL = "crashres seal --kernel=/boot/Image --initrd=/boot/initrd"

pytestmark = pytest.mark.parametrize("kernel", ["secure"], indirect=True)


def write_vfat(path, size):
    """Writes an empty FAT16 file system of size bytes (Microsoft, "FAT32 File System
    Specification")."""
    sectors, cluster, roots = size // SECTOR, 4, 512
    fat = -(-2 * (sectors // cluster + 2) // SECTOR)
    boot = struct.pack("<3s8sHBHBHHBHHHII", b"\xeb\x3c\x90", b"crashres", SECTOR, cluster, 1, 2, roots,
                       0, 0xf8, fat, 32, 2, 0, sectors)
    boot += struct.pack("<BBBI11s8s", 0x80, 0, 0x29, 1, b"TEST       ", b"FAT16   ")
    empty = struct.pack("<HH", 0xfff8, 0xffff).ljust(fat * SECTOR, b"\0")
    path.write_bytes((boot.ljust(SECTOR - 2, b"\0") + b"\x55\xaa" + 2 * empty).ljust(size, b"\0"))


def boot(lab, kernel, tmp_path, size):
    """Boots a machine with a disk of size bytes that contains vfat."""
    disk = tmp_path / "disk"
    write_vfat(disk, size)
    machine = dataclasses.replace(Machine("with a disk"), qemu_options=(
        "-drive", f"if=none,id=disk,format=raw,file={disk}",
        "-device", "virtio-blk-device,drive=disk"))
    return lab.boot(kernel, machine, {"bin/crashres": lab.read_crashres()})


def mount(running):
    running.check("chmod 755 /bin/crashres; mkdir -p /esp; mount -t vfat /dev/vda /esp")


def test_a_sealed_image_is_written_and_replaced(lab, kernel, tmp_path):
    with boot(lab, kernel, tmp_path, 64 << 20) as running:
        mount(running)
        assert running.run(f"{SEAL} -o /esp/vm") == (0, "")
        assert running.run(f"{SEAL} --repair=off -o /boot/other") == (0, "")
        assert running.run("cmp -s /esp/vm /boot/other")[0] == 1
        assert running.run(f"{SEAL} --repair=off -o /esp/vm") == (0, "")
        # Not only the page cache of the guest has the new file.
        running.check("umount /esp; mount -t vfat /dev/vda /esp")
        assert running.run("cmp /esp/vm /boot/other") == (0, "")
        # The output can be the kernel itself.
        running.check("cp /boot/Image /esp/kernel")
        assert running.run("crashres seal --kernel=/esp/kernel -o /esp/kernel") == (0, "")
        assert running.run("crashres seal --unseal --kernel=/esp/kernel -o /esp/back") == (0, "")
        assert running.run("cmp /esp/back /boot/Image") == (0, "")
        assert running.run("ls -1A /esp") == (0, "back\nkernel\nvm")


def test_a_full_disk_leaves_the_old_file(lab, kernel, tmp_path):
    """The disk has room for the kernel, and not for the sealed Image beside it."""
    with boot(lab, kernel, tmp_path, 12 << 20) as running:
        mount(running)
        running.check("cp /boot/Image /esp/vm")
        assert running.run("crashres seal --kernel=/esp/vm -o /esp/vm") == (
            4, "crashres: /esp/vm: cannot write: No space left on device")
        running.check("umount /esp; mount -t vfat /dev/vda /esp")
        assert running.run("cmp /esp/vm /boot/Image") == (0, "")
        assert running.run("ls -1A /esp") == (0, "vm")
