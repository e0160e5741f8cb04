# SPDX-License-Identifier: GPL-2.0-or-later
"""Sealed Images with PE signatures on a kernel under lockdown, which demands such signatures.

The kernel "secure" verifies them by KEXEC_IMAGE_VERIFY_SIG, as kernels of Fedora and RHEL do. It
trusts the authority whose certificate its build put into .builtin_trusted_keys.
"""

import os
import pathlib
import subprocess

import pytest

from lib import keys
from lib import pe
from lib.guest import Machine
from lib.petools import osslsigncode, pesign, sbsign

HERE = pathlib.Path(__file__).parent
DATA = HERE.parent / "data"
HOST_COMMAND = os.environ.get("CRASHRES_HOST_COMMAND")

pytestmark = [
    pytest.mark.parametrize("kernel", ["secure"], indirect=True),
    pytest.mark.skipif(not HOST_COMMAND, reason="CRASHRES_HOST_COMMAND does not name a crashres "
                       "for this machine"),
]

LOCKED = Machine("lockdown", words="lockdown=integrity")
LOAD = "kexec -s -p --reuse-cmdline --initrd=/boot/initrd /boot/"
CLASSIC = "kexec -c -p --reuse-cmdline --initrd=/boot/initrd /boot/good"
LOAD_REFUSED = "kexec: kexec_load failed: Operation not permitted (kexec needs root, or " \
               "kernel.kexec_load_disabled is 1, or lockdown forbids the call)"
LOAD_EXCLUDED = "kexec: kexec_load: the running kernel is locked down, and accepts only a signed file"
SENTENCE = "kexec: kexec_file_load failed: Operation not permitted (lockdown demands {}): " \
           '"crashres verify --machine {}" shows why'
NO_SIGNATURE = "a PE signature, and the kernel file has none"
CUT = "a PE signature, and that of the kernel file is cut off"
NOT_VALID = "a valid PE signature: the kernel file was changed after signing, or the running " \
            "kernel does not trust the key"


def seal(lab, kernel):
    """Makes an unsigned sealed Image of a kernel and of the capture initrd. Returns its path."""
    initrd, sealed = lab.folder / "capture", lab.folder / "sealed"
    initrd.write_bytes(lab.make_capture_initrd())
    # A copy of QEMU's machine "virt", so that the Image has a console
    machine = lab.folder / "machine"
    keys.run(DATA / "make-machine", DATA / "virt-6.1", machine)
    subprocess.run([HOST_COMMAND, "seal", f"--kernel={kernel}", f"--initrd={initrd}",
                    f"--root={machine}", "-o", sealed], check=True)
    return sealed


def test_a_signed_and_sealed_image_is_loaded_under_lockdown_and_repaired(lab, kernel, tmp_path):
    sealed = seal(lab, kernel)
    signer = keys.Signer(kernel.parent / "pe.key", kernel.parent / "pe.pem")
    curve = keys.Signer(kernel.parent / "pe-ec.key", kernel.parent / "pe-ec.pem")
    stranger = keys.make_authority(tmp_path, "stranger").issue("signer")
    good = sbsign(sealed, signer)
    at, size = pe.find_table(good)
    refused = {
        "unsigned": (sealed.read_bytes(), NO_SIGNATURE),
        "changed": (pe.replace(good, 3 << 20, bytes([good[3 << 20] ^ 1])), NOT_VALID),
        "stranger": (sbsign(sealed, stranger), NOT_VALID),
        "cut": (good[:at + size // 2], CUT)}
    accepted = {"ecdsa": sbsign(sealed, curve), "sha512": osslsigncode(sealed, signer, "sha512"),
                "pesign": pesign(sealed, signer), "good": good}
    files = {f"boot/{name}": data for name, (data, _) in refused.items()}
    files |= {f"boot/{name}": data for name, data in accepted.items()}
    with lab.boot(kernel, LOCKED, files) as running:
        # Without securityfs kexec does not see that the kernel is locked down.
        assert running.run(CLASSIC) == (255, LOAD_REFUSED)
        running.check("mount -t securityfs none /sys/kernel/security")
        assert running.run(CLASSIC) == (255, LOAD_EXCLUDED)
        for name, (_, reason) in refused.items():
            assert running.run(f"{LOAD}{name}") == (255, SENTENCE.format(reason, f"/boot/{name}")), name
            assert running.run("kexec -S") == (0, ""), name
        for name in accepted:
            assert running.run(f"{LOAD}{name}") == (0, ""), name
            assert running.run("kexec -S") == (1, ""), name
        offset, data = 0x123456, kernel.read_bytes()
        start = running.find_in_crash_region(data[:4096])
        bad = bytes(byte ^ 0xff for byte in data[offset:offset + 1])
        running.poke(start + offset, bad)
        running.panic()
        running.wait_for(rf"^crashres: purgatory: kernel damaged at offset {offset:#x}, found "
                         rf"{bad.hex()}\w+; 1 of \d+ blocks damaged, 1 repaired, \d+ ms: starting the "
                         "kernel$", 60)
        running.wait_ready("capture")
        status, found = running.read_report()
        assert (status, found["outcome"], found["damaged"], found["repaired"]) == (1, "repaired", 1, 1)
        assert found["damage"][0]["segment"] == "kernel"
        running.check("test -s /proc/vmcore")


def test_another_initrd_than_the_pinned_one_is_loaded_and_resets_the_machine(lab, kernel):
    """KEXEC_SIG does not cover the initrd, so the kernel loads it. The sealed Image pins it. kexec
    refuses another initrd, so another program makes the system call. The initrd differs in all
    blocks, because purgatory repairs a few blocks: it then starts the pinned initrd."""
    sealed = seal(lab, kernel)
    signed = sbsign(sealed, keys.Signer(kernel.parent / "pe.key", kernel.parent / "pe.pem"))
    other = bytes(byte ^ 0xff for byte in lab.make_capture_initrd())
    files = {"boot/signed": signed, "boot/other": other,
             "bin/kernel-verdict": keys.build_guest_program(lab.folder, HERE / "kernel-verdict.c")}
    with lab.boot(kernel, LOCKED, files) as running:
        assert running.run(LOAD.replace("/boot/initrd", "/boot/other") + "signed") == (
            1, "kexec: /boot/signed: is sealed with another initrd than /boot/other: the sizes are "
               "equal, the bytes differ")
        running.check("chmod 755 /bin/kernel-verdict")
        assert running.run("kernel-verdict crash /boot/signed /boot/other") == (0, "/boot/signed ok")
        assert running.run("kexec -S") == (1, "")
        running.panic()
        running.wait_for(rf"^crashres: purgatory: initrd damaged at offset 0x0, found {other[:16].hex()}; "
                         r"\d+ of \d+ blocks damaged, 0 repaired, \d+ ms: resetting$", 60)
        assert running.wait_exit(30) == "guest-reset"
