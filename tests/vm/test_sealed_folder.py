# SPDX-License-Identifier: GPL-2.0-or-later
"""kexec -p with sealed=auto: the signed sealed Image is found in its folder and loaded.

The kernel "small" has an IMA policy that demands signatures, as in test_ima.py. /boot/vmlinuz has an
appended signature, as the kernel of a distribution; the sealed Image was made from its content.
"""

import subprocess

import pytest

from lib import keys
from lib.guest import Machine
from lib.petools import sbsign
from test_ima import HOST_COMMAND, LOAD, Signer, add_rules, boot

pytestmark = pytest.mark.skipif(not HOST_COMMAND, reason="CRASHRES_HOST_COMMAND does not name a "
                                "crashres for this machine")
small = pytest.mark.parametrize("kernel", ["small"], indirect=True)
secure = pytest.mark.parametrize("kernel", ["secure"], indirect=True)

SEALED = "/var/lib/crashres/sealed/Image-small"
USED = f"kexec: {SEALED} is loaded instead of /boot/vmlinuz, because the running kernel demands a signature"
UNCHECKED = "kexec: warning: the crash kernel is loaded, and nothing will check it after a panic: "


@pytest.fixture
def signer(tmp_path, kernel):
    return Signer(tmp_path, kernel)


def seal_and_sign(lab, kernel, signer, name):
    """Seals and signs in one step, and returns the bytes of the Image."""
    initrd, sealed = lab.folder / "capture", lab.folder / name
    initrd.write_bytes(lab.make_capture_initrd())
    subprocess.run([HOST_COMMAND, "seal", f"--kernel={kernel}", f"--initrd={initrd}",
                    f"--key={signer.key}", f"--cert={signer.certificate}", "--append",
                    "-o", sealed], check=True)
    return sealed.read_bytes()


def make_files(lab, kernel, signer, sealed):
    """Returns the files of the machine: a signed kernel, the sealed Image and seal.conf."""
    path = lab.folder / "vmlinuz"
    path.write_bytes(kernel.read_bytes())
    return {"boot/vmlinuz": signer.sign(path, "--append").read_bytes(),
            "etc/crashres/seal.conf": b"sealed = auto\n", SEALED[1:]: sealed}


@small
def test_the_sealed_image_is_loaded_and_captures(lab, kernel, signer):
    files = make_files(lab, kernel, signer, seal_and_sign(lab, kernel, signer, "sealed"))
    with boot(lab, kernel, signer, files) as running:
        add_rules(running)
        assert running.run(f"{LOAD} /boot/vmlinuz") == (0, USED)
        assert running.run("kexec -S") == (1, "")
        running.panic()
        running.wait_ready("capture")
        status, output = running.run("crashres report")
        assert (status, output.splitlines()[0]) == (
            0, "This kernel was intact when it was started.")


@small
def test_each_state_of_the_folder(lab, kernel, signer, tmp_path):
    stranger = Signer(tmp_path, kernel, "stranger")
    files = make_files(lab, kernel, signer, seal_and_sign(lab, kernel, signer, "sealed"))
    files["boot/stranger"] = seal_and_sign(lab, kernel, stranger, "strange")
    plain = "kexec -p --reuse-cmdline --initrd=/boot/initrd /boot/vmlinuz"
    with boot(lab, kernel, signer, files) as running:
        # No signature is demanded: kexec_load, without a word about the sealed Image.
        running.check("mount -t securityfs none /sys/kernel/security")
        status, output = running.run(f"{plain} -d 2>&1")
        assert status == 0 and "Plan for the crash kernel: kexec_load, pages" in output
        assert SEALED not in output
        assert running.run("kexec -p -u") == (0, "")
        running.check("umount /sys/kernel/security")
        add_rules(running)
        # A demand: the sealed Image, also without -s, and -d shows it.
        assert running.run(plain) == (0, USED)
        status, output = running.run(f"{plain} -d 2>&1")
        assert status == 0 and f"Kernel        {SEALED}" in output and output.endswith(USED)
        assert running.run("kexec -p -u") == (0, "")
        # The running kernel does not trust the key: the kernel itself is loaded.
        running.check(f"mv {SEALED} /boot/good && cp /boot/stranger {SEALED}")
        status, output = running.run(plain)
        assert status == 0 and output.startswith(
            f"{UNCHECKED}the running kernel refused the sealed Image: kexec_file_load failed: ")
        assert running.run("kexec -S") == (1, "")
        assert running.run("kexec -p -u") == (0, "")
        # A policy requires purgatory, so the kernel itself does not follow. The file that was refused is named.
        assert running.run(f"{plain} --on-damage=halt") == (255, (
            f"kexec: warning: {SEALED} is already sealed: the requested settings for damage, repair and time "
            "are ignored\nkexec: kexec_file_load failed: Permission denied (IMA finds no valid signature on the "
            f'kernel or the initrd); no crash kernel is loaded now: "crashres verify --machine {SEALED}" shows why'))
        # A newer file that another user can change is skipped, and so is a damaged one.
        bad = "/var/lib/crashres/sealed/bad"
        running.check(f"cp /boot/good {SEALED} && cp /boot/good {bad} && chmod 666 {bad}")
        skipped = f"kexec: warning: this sealed Image is not used: {bad}"
        assert running.run(plain) == (0, f"{skipped}: other users can write to it\n{USED}")
        running.check(f"chmod 644 {bad} && chown 65534 {bad}")
        assert running.run(plain) == (0, f"{skipped}: belongs to another user\n{USED}")
        running.check(f"chown 0 {bad} && truncate -s 5G {bad}")
        status, output = running.run(plain)
        assert status == 0 and output.startswith(f"{skipped}: has 5368709120 bytes, and its header allows ")
        assert output.endswith(f"\n{USED}")
        running.check(f"rm {bad}")
        assert running.run("kexec -p -u") == (0, "")
        # No sealed Image of this kernel.
        running.check(f"rm {SEALED}")
        assert running.run(plain) == (0, (
            "kexec: warning: /var/lib/crashres/sealed has no sealed Image of /boot/vmlinuz: run \"crashres "
            f"seal --renew\"\n{UNCHECKED}the running kernel demands a signature, and sealing would break "
            "the signature"))
        assert running.run("kexec -p -u") == (0, "")
        # Another initrd than the sealed one: nothing is loaded.
        running.check(f"mv /boot/good {SEALED} && printf x >> /boot/initrd")
        assert running.run(plain) == (1, (
            f"kexec: {SEALED}: is sealed with another initrd than /boot/initrd: run \"crashres seal --renew\""))
        assert running.run("kexec -S") == (0, "")


@secure
def test_an_image_of_sbsign_is_loaded_under_lockdown(lab, kernel):
    """Sealed from a kernel with a PE signature, and signed by --sign-with in the same step."""
    signer = keys.Signer(kernel.parent / "pe.key", kernel.parent / "pe.pem")
    vmlinuz, initrd, sealed = (lab.folder / name for name in ("vmlinuz", "capture", "sealed"))
    vmlinuz.write_bytes(sbsign(kernel, signer))
    initrd.write_bytes(lab.make_capture_initrd())
    subprocess.run([HOST_COMMAND, "seal", f"--kernel={vmlinuz}", f"--initrd={initrd}",
                    f"--sign-with=sbsign --key '{signer.key}' --cert '{signer.certificate}' "
                    "--output %o %i", "-o", sealed], check=True)
    files = {"boot/vmlinuz": vmlinuz.read_bytes(), SEALED[1:]: sealed.read_bytes(),
             "etc/crashres/seal.conf": b"sealed = auto\n"}
    with lab.boot(kernel, Machine("lockdown", words="lockdown=integrity"), files) as running:
        running.check("mount -t securityfs none /sys/kernel/security")
        assert running.run("kexec -p --reuse-cmdline --initrd=/boot/initrd /boot/vmlinuz") == (0, USED)
        running.panic()
        running.wait_ready("capture")
        status, output = running.run("crashres report")
        assert (status, output.splitlines()[0]) == (
            0, "This kernel was intact when it was started.")
