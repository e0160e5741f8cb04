# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernel files of every format, made from Debian's Image, have the same plan and boot."""

import gzip
import lzma
import shutil
import subprocess

import pytest

import kernelfiles
from lib.guest import Machine


def compress(data, *command, otherwise):
    """Compresses bytes with a command. If it is not installed, otherwise(data) is the result."""
    if not shutil.which(command[0]):
        return otherwise(data)
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


def deflate(data):
    """Compresses with gzip at the fastest level, because the size does not matter."""
    return gzip.compress(data, compresslevel=1, mtime=0)


def xz(data):
    return lzma.compress(data, check=lzma.CHECK_CRC32, preset=0)


def lzma_alone(data):
    return lzma.compress(data, format=lzma.FORMAT_ALONE, preset=0)


def zstd(data):
    return compress(data, "zstd", "-1", "-c", otherwise=kernelfiles.zstd_stored)


def lz4(data):
    return compress(data, "lz4", "-1", "-c", otherwise=kernelfiles.lz4_stored)


def lz4_legacy(data):
    return compress(data, "lz4", "-l", "-1", "-c", otherwise=kernelfiles.lz4_legacy)


# All formats of kernelfiles.py. Most of them have faster functions here. The functions for zstd
# and lz4 also compress if the tool is installed; those of kernelfiles.py only store the bytes.
PACKERS = {**kernelfiles.PACKERS, "gzip": deflate, "zstd": zstd, "xz": xz, "lzma": lzma_alone,
           "lz4": lz4, "lz4 legacy": lz4_legacy}


def compressed(image):
    """Returns name -> bytes of the Image in each compression format."""
    return {f"Image.{name.replace(' ', '-')}": pack(image) for name, pack in PACKERS.items()}


def in_containers(image):
    """Returns name -> bytes of the Image in each container."""
    size = len(image)
    return {
        "vmlinuz-gzip": kernelfiles.zboot(deflate(image), "gzip"),
        "vmlinuz-zstd22": kernelfiles.zboot(zstd(image), "zstd22", size),
        "vmlinuz-lz4": kernelfiles.zboot(lz4_legacy(image), "lz4", size),
        "vmlinuz-lzma": kernelfiles.zboot(lzma_alone(image), "lzma", size),
        "vmlinuz-xzkern": kernelfiles.zboot(xz(image), "xzkern", size),
        "uki": kernelfiles.pe((".linux", kernelfiles.zboot(deflate(image), "gzip"))),
        "vmlinux.gz": deflate(kernelfiles.elf(*kernelfiles.cut_up(image, 1 << 20))),
        "uImage": kernelfiles.uimage(deflate(image), 1),
    }


@pytest.mark.parametrize("kernel", ["6.1"], indirect=True)
@pytest.mark.parametrize("make", [compressed, in_containers])
def test_every_kernel_file_plans_as_the_image_and_boots(lab, kernel, make):
    files = make(kernel.read_bytes())
    boot = {f"boot/{name}": data for name, data in files.items()}
    with lab.boot(kernel, files=boot) as running:
        release = running.check("uname -r")
        plan = running.check("kexec -p --dry-run --reuse-cmdline /boot/Image")
        for name in files:
            assert running.check(f"kexec -p --dry-run --reuse-cmdline /boot/{name}") == plan
        running.check("rm /boot/Image /boot/initrd")
        for name in files:
            # The next kernel gets all remaining files in its initrd, because it cannot read the
            # files of this kernel.
            running.check(f"mv /boot/{name} /kernel && cd / && find . -xdev ! -name kernel "
                          "! -name initrd | cpio -o -H newc > /initrd", 300)
            assert running.run(f"kexec -l --no-checks --reuse-cmdline --append=from={name} "
                               "--initrd=/initrd /kernel") == (0, "")
            running.send("kexec -e")
            assert running.wait_ready("first") == release
            assert running.check("cat /proc/cmdline").endswith(f" from={name}")


@pytest.mark.parametrize("kernel", ["small"], indirect=True)
def test_every_kernel_file_loads_by_kexec_file_load(lab, kernel):
    image = kernel.read_bytes()
    files = {**compressed(image), **in_containers(image)}
    with lab.boot(kernel, files={f"boot/{name}": data for name, data in files.items()}) as running:
        for name in files:
            for slot, status in ("-p", "-S"), ("-l", "-S -l"):
                assert running.run(f"kexec -s {slot} /boot/{name}") == (0, ""), name
                assert running.run(f"kexec {status}") == (1, "")
                assert running.run(f"kexec {slot} -u") == (0, "")
        running.send("kexec -f -s --reuse-cmdline --append=from=zboot --initrd=/boot/initrd "
                     "/boot/vmlinuz-zstd22")
        running.wait_ready("first")
        assert running.check("cat /proc/cmdline").endswith(" from=zboot")


@pytest.mark.parametrize("kernel", ["small"], indirect=True)
@pytest.mark.parametrize("option", ["-s", "-c"])
def test_initrd_and_command_line_of_a_uki_are_used_or_replaced(lab, kernel, option):
    uki = kernelfiles.pe((".linux", kernel.read_bytes()), (".initrd", lab.make_capture_initrd()),
                         (".cmdline", b"console=ttyAMA0 from=uki\n\0"))
    with lab.boot(kernel, files={"boot/uki": uki}) as running:
        assert running.run(f"kexec {option} -p --append=x /boot/uki") == (0, "")
        plan = running.check(f"kexec {option} -p --dry-run --append=x --initrd=/init /boot/uki")
        assert "Command line  x" in plan
        running.send(f"kexec {option} -f /boot/uki")
        running.wait_ready("first")
        assert running.check("cat /proc/cmdline") == "console=ttyAMA0 from=uki"


@pytest.mark.parametrize("kernel", ["small"], indirect=True)
@pytest.mark.parametrize("make", [lambda image: image, deflate], ids=["Image", "gzip"])
def test_a_kernel_on_a_block_device_loads_and_boots(lab, kernel, make):
    """The device has other data after the kernel, as on OpenWrt."""
    disk = lab.folder / "disk"
    disk.write_bytes((make(kernel.read_bytes()) + b"something else" * 100).ljust(32 << 20, b"\xff"))
    machine = Machine("a disk", qemu_options=("-drive", f"file={disk},format=raw,if=none,id=disk",
                                      "-device", "virtio-blk-device,drive=disk"))
    with lab.boot(kernel, machine) as running:
        assert running.check("cat /sys/class/block/vda/size") == "65536"
        assert running.check("kexec -p --dry-run /dev/vda") == running.check(
            "kexec -p --dry-run /boot/Image")
        running.check("ln -s /dev/vda /boot/link")
        for option in "-c", "-s":
            assert running.run(f"kexec {option} -p /boot/link") == (0, "")
        running.send("kexec -f -s --reuse-cmdline --append=from=disk --initrd=/boot/initrd "
                     "/boot/link")
        running.wait_ready("first")
        assert running.check("cat /proc/cmdline").endswith(" from=disk")
