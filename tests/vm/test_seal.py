# SPDX-License-Identifier: GPL-2.0-or-later
"""Sealed Images on Linux: a kernel loaded by kexec_file_load checks and repairs itself."""

import os
import shutil
import subprocess

import pytest

from lib.guest import Machine
from lib.vm import Vm

BLOCK = 4096
FIRMWARE = "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd"
# The path of a crashres for the machine that runs the tests.
HOST_COMMAND = os.environ.get("CRASHRES_HOST_COMMAND")
PLAIN = Machine("small")
VHE = Machine("EL2 with VHE", machine="virt,gic-version=3,virtualization=on")
NVHE = Machine("EL2 without VHE", machine="virt,gic-version=3,virtualization=on",
               cpu="cortex-a72")

pytestmark = pytest.mark.parametrize("kernel", ["small"], indirect=True)

LOAD = "kexec -s -p --reuse-cmdline --initrd=/boot/initrd /boot/sealed"


def seal(running, *options, console="--root=/"):
    """Makes /boot/sealed in the guest. console: the option that selects purgatory's console."""
    words = ["crashres seal --kernel=/boot/Image --initrd=/boot/initrd -o /boot/sealed", console]
    running.check("chmod 755 /bin/crashres; " + " ".join([*words, *options]))


@pytest.mark.parametrize("machine", [PLAIN, VHE, NVHE], ids=lambda machine: machine.name)
def test_an_intact_image_is_checked_and_reported(lab, kernel, machine):
    with lab.boot(kernel, machine, {"bin/crashres": lab.read_crashres()}) as running:
        seal(running)
        assert running.run(LOAD) == (0, "")
        running.panic()
        running.wait_for(r"^crashres: purgatory: \d+ blocks intact, \d+ ms: starting the kernel$", 60)
        running.wait_ready("capture")
        status, found = running.read_report()
        assert (status, found["outcome"], found["mmu"]) == (0, "intact", True)



def test_by_default_a_sealed_image_has_no_console(lab, kernel):
    """The Image can be for another machine, with another device at the address of this UART."""
    with lab.boot(kernel, PLAIN, {"bin/crashres": lab.read_crashres()}) as running:
        seal(running, console="")
        assert running.run(LOAD) == (0, "")
        running.panic()
        running.wait_ready("capture")
        assert "crashres: purgatory:" not in running.serial
        assert running.read_report()[1]["outcome"] == "intact"


def test_seal_with_serial_uses_the_port_of_this_machine(lab, kernel):
    with lab.boot(kernel, PLAIN, {"bin/crashres": lab.read_crashres()}) as running:
        seal(running, console="--serial=ttyAMA0")
        assert running.run(LOAD) == (0, "")
        running.panic()
        running.wait_for(r"^crashres: purgatory: \d+ blocks intact, \d+ ms: starting the kernel$", 60)


# (segment, offset of the damage in its file, bytes)
@pytest.mark.parametrize("what, offset, size", [
    ("kernel", 0x123456, 64), ("kernel", 0x100000, 3 * BLOCK), ("initrd", 0x100010, 64),
], ids=["kernel", "three pages of the kernel", "initrd"])
def test_damage_is_repaired_and_reported(lab, kernel, what, offset, size):
    data = kernel.read_bytes() if what == "kernel" else lab.make_capture_initrd()
    with lab.boot(kernel, PLAIN, {"bin/crashres": lab.read_crashres()}) as running:
        seal(running)
        assert running.run(LOAD) == (0, "")
        start = running.find_in_crash_region(data[:BLOCK])
        assert running.peek(start + offset, size) == data[offset:offset + size]
        bad = bytes(byte ^ 0xff for byte in data[offset:offset + size])
        running.poke(start + offset, bad)
        running.panic()
        blocks = (offset + size - 1) // BLOCK - offset // BLOCK + 1
        running.wait_for(rf"^crashres: purgatory: {what} damaged at offset {offset:#x}, found "
                         rf"{bad[:16].hex()}; {blocks} of \d+ blocks damaged, {blocks} repaired, "
                         r"\d+ ms: starting the kernel$", 60)
        running.wait_ready("capture")
        status, found = running.read_report()
        assert (status, found["outcome"]) == (1, "repaired")
        assert found["damage"] == [{"segment": what, "offset": offset, "blocks": blocks,
                                    "repaired": blocks, "found": bad[:16].hex()}]


def test_damage_that_cannot_be_repaired_resets_the_machine(lab, kernel):
    data = kernel.read_bytes()
    with lab.boot(kernel, PLAIN, {"bin/crashres": lab.read_crashres()}) as running:
        seal(running, "--repair=off")
        assert running.run(LOAD) == (0, "")
        running.poke(running.find_in_crash_region(data[:BLOCK]) + 0x123000, bytes(64))
        running.panic()
        running.wait_for(r"^crashres: purgatory: kernel damaged at offset 0x123000, found 0{32}; 1 of "
                         r"\d+ blocks damaged, 0 repaired, \d+ ms: resetting$", 60)
        assert running.wait_exit(30) == "guest-reset"


def test_another_initrd_is_refused(lab, kernel):
    """kexec refuses it. test_sealed.py tests the same mistake in purgatory."""
    with lab.boot(kernel, PLAIN, {"bin/crashres": lab.read_crashres()}) as running:
        seal(running)
        running.check("cp /boot/initrd /boot/other; printf x >> /boot/other")
        size = int(running.check("stat -c %s /boot/initrd"))
        assert running.run(LOAD.replace("--initrd=/boot/initrd", "--initrd=/boot/other")) == (
            1, "kexec: /boot/sealed: is sealed with another initrd than /boot/other: the size is "
               f"{size} bytes, not {size + 1}")
        assert running.run("kexec -S") == (0, "")


def test_a_sealed_image_boots_as_a_plain_kernel(lab, kernel, tmp_path):
    """QEMU's loader boots it like any arm64 Image. The Image was sealed without an initrd, so any
    initrd is allowed."""
    sealed = tmp_path / "sealed"
    subprocess.run([HOST_COMMAND, "seal", f"--kernel={kernel}", "-o", sealed], check=True)
    with lab.boot(sealed, PLAIN) as running:
        running.check("test -e /boot/Image")


@pytest.mark.skipif(not shutil.which("sbsign"), reason="sbsign is not installed")
def test_an_image_with_a_pe_signature_boots_and_is_loaded(lab, kernel, tmp_path):
    """The certificate table lies behind the Image in the file, and in the room for it in memory.

    QEMU's loader boots the signed Image, and the kernel in it loads it again as its crash kernel.
    """
    initrd, sealed, signed = (tmp_path / name for name in ("capture", "sealed", "signed"))
    initrd.write_bytes(lab.make_capture_initrd())
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=kdump",
                    "-keyout", tmp_path / "key", "-out", tmp_path / "pem"], check=True,
                   capture_output=True)

    def make(*options):
        subprocess.run([HOST_COMMAND, "seal", f"--kernel={kernel}", *options, "-o", sealed],
                       check=True)
        subprocess.run(["sbsign", "--key", tmp_path / "key", "--cert", tmp_path / "pem", "--output",
                        signed, sealed], check=True, capture_output=True)
        assert signed.stat().st_size > sealed.stat().st_size
        return signed.read_bytes()

    pinned = make(f"--initrd={initrd}")
    make()
    with lab.boot(signed, PLAIN, {"boot/sealed": pinned}) as running:
        assert running.run(LOAD) == (0, "")
        assert running.run("kexec -S") == (1, "")
        running.panic()
        running.wait_ready("capture")
        status, found = running.read_report()
        assert (status, found["outcome"]) == (0, "intact")


@pytest.mark.skipif(not os.path.exists(FIRMWARE), reason=f"{FIRMWARE} is missing (qemu-efi-aarch64)")
def test_firmware_gets_unsupported(kernel, tmp_path):
    """UEFI firmware loads a sealed Image, starts its stub, and goes on after EFI_UNSUPPORTED.

    QEMU shows the firmware a folder as a vfat disk. It starts this path of each disk.
    """
    program = tmp_path / "disk/EFI/BOOT/BOOTAA64.EFI"
    program.parent.mkdir(parents=True)
    subprocess.run([HOST_COMMAND, "seal", f"--kernel={kernel}", "-o", program], check=True)
    with Vm(["-M", "virt", "-cpu", "cortex-a57", "-m", "512", "-bios", FIRMWARE, "-drive",
             f"if=none,id=disk,format=raw,file=fat:rw:{tmp_path}/disk", "-device",
             "virtio-blk-device,drive=disk"], tmp_path / "serial.log") as running:
        running.wait_for(r'^BdsDxe: starting Boot0001 ', 120)
        running.wait_for(r'^BdsDxe: failed to start Boot0001 .*: Unsupported$', 60)
