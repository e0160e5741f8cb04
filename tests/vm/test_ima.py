# SPDX-License-Identifier: GPL-2.0-or-later
"""Signed kernels on a kernel that demands them: IMA appraisal, and a key that .ima takes.

The small kernel trusts the authority that was made when it was built; what that has
signed is taken into .ima from the initramfs (IMA_X509_PATH).
"""

import os
import subprocess

import pytest

from lib.guest import Machine

HOST_COMMAND = os.environ.get("CRASHRES_HOST_COMMAND")

pytestmark = [
    pytest.mark.parametrize("kernel", ["small"], indirect=True),
    pytest.mark.skipif(not HOST_COMMAND, reason="CRASHRES_HOST_COMMAND does not name a crashres "
                       "for this machine"),
]

APPRAISED = Machine("IMA appraises", words="ima_appraise=enforce")
RULE = "appraise func=KEXEC_KERNEL_CHECK appraise_type=imasig|modsig"
REFUSED = "kexec: kexec_file_load failed: Permission denied (IMA finds no valid signature on the " \
          "kernel or the initrd); no crash kernel is loaded now"
LOAD = "kexec -s -p --reuse-cmdline --initrd=/boot/initrd"

EXTENSIONS = """
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


class Signer:
    """A key, and a certificate for it by the authority that @kernel trusts."""

    def __init__(self, folder, kernel, name="signer"):
        self.key, self.certificate = folder / f"{name}.key", folder / f"{name}.pem"
        request, extensions = folder / f"{name}.csr", folder / f"{name}.cnf"
        extensions.write_text(EXTENSIONS)
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}",
                "-keyout", self.key, "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", kernel.parent / "ca.pem",
                "-CAkey", kernel.parent / "ca.key", "-CAcreateserial", "-days", "3650",
                "-CAserial", folder / "serial", "-extfile", extensions, "-out", self.certificate)
        self.der = subprocess.run(["openssl", "x509", "-in", self.certificate, "-outform", "DER"],
                                  check=True, capture_output=True).stdout

    def sign(self, path, *options):
        subprocess.run([HOST_COMMAND, "sign", f"--key={self.key}", f"--cert={self.certificate}",
                        *options, path], check=True)
        return path


@pytest.fixture
def signer(tmp_path, kernel):
    return Signer(tmp_path, kernel)


def seal(lab, kernel, *options):
    """A sealed Image of the kernel and of the initrd that is in every first kernel."""
    initrd, sealed = lab.folder / "capture", lab.folder / "sealed"
    initrd.write_bytes(lab.make_capture_initrd())
    subprocess.run([HOST_COMMAND, "seal", f"--kernel={kernel}", f"--initrd={initrd}", *options,
                    "-o", sealed], check=True)
    return sealed


def boot(lab, kernel, signer, files):
    return lab.boot(kernel, APPRAISED, {"etc/keys/x509_ima.der": signer.der, **files})


def demand(running, *rules):
    running.check("mount -t securityfs none /sys/kernel/security")
    for rule in rules or (RULE,):
        running.check(f"echo '{rule}' > /sys/kernel/security/ima/policy")


def test_a_signed_and_sealed_image_captures(lab, kernel, signer):
    sealed = signer.sign(seal(lab, kernel), "--append")
    with boot(lab, kernel, signer, {"boot/sealed": sealed.read_bytes()}) as running:
        demand(running)
        assert running.run(f"{LOAD} /boot/sealed") == (0, "")
        assert running.run("kexec -S") == (1, "")
        running.panic()
        running.wait_ready("capture")
        status, output = running.run("crashres report")
        assert (status, output.splitlines()[0]) == (
            0, "This kernel was intact when it was started.")


def cut_short(data):
    """The signature loses 100 bytes in its middle; its end, with the length, is as it was."""
    return data[:-200] + data[-100:]


def change(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


def test_what_is_not_signed_well_is_refused(lab, kernel, signer, tmp_path):
    plain = seal(lab, kernel).read_bytes()
    path = tmp_path / "signed"
    path.write_bytes(plain)
    signed = signer.sign(path, "--append").read_bytes()
    path.write_bytes(plain)
    stranger = Signer(tmp_path, kernel, "stranger").sign(path, "--append").read_bytes()
    files = {"unsigned": plain, "changed": change(signed, 3 << 20), "stranger": stranger,
             "short": cut_short(signed), "good": signed}
    with boot(lab, kernel, signer, {f"boot/{name}": data for name, data in files.items()}) as running:
        demand(running)
        for name in "unsigned", "changed", "stranger", "short":
            assert running.run(f"{LOAD} /boot/{name}") == (255, REFUSED), name
            assert running.run("kexec -S") == (0, ""), name
        # Nor by the other call.
        assert running.run("kexec -c -p --initrd=/boot/initrd /boot/good") == (
            255, "kexec: kexec_load failed: Permission denied (IMA demands a signed kernel, which "
                 "only kexec_file_load can bring)")
        assert running.run(f"{LOAD} /boot/good") == (0, "")
        assert running.run("kexec -S") == (1, "")


def test_a_signed_image_is_not_sealed_on_the_fly(lab, kernel, signer, tmp_path):
    """That would break its signature, whether the policy can be read or not."""
    path = tmp_path / "Image"
    path.write_bytes(kernel.read_bytes())
    signed = signer.sign(path, "--append").read_bytes()
    with boot(lab, kernel, signer, {"boot/signed": signed}) as running:
        demand(running)
        said = running.check(f"{LOAD} -d /boot/signed 2>&1")
        assert "Checks        none: the running kernel demands a signature, and sealing would " \
               "break it" in said
        assert running.run("kexec -S") == (1, "")
        assert running.run("kexec -p -u") == (0, "")
        running.check("umount /sys/kernel/security")
        said = running.check(f"{LOAD} -d /boot/signed 2>&1")
        assert "kexec: warning: the crash kernel is loaded, and nothing will check it after a panic: " \
               "the running kernel refused the sealed Image: " in said
        assert running.run("kexec -S") == (1, "")
        assert running.run(f"{LOAD} --seal=always /boot/signed") == (255, REFUSED)


def test_signatures_in_the_attribute_of_kernel_and_initrd(lab, kernel, signer):
    """Made in the guest, on a file system that keeps security.ima."""
    files = {"boot/sealed": seal(lab, kernel).read_bytes(), "bin/crashres": lab.read_crashres(),
             "etc/key": signer.key.read_bytes(), "etc/cert": signer.certificate.read_bytes()}
    sign = "crashres sign --key=/etc/key --cert=/etc/cert"
    with boot(lab, kernel, signer, files) as running:
        running.check("chmod 755 /bin/crashres")
        demand(running, "appraise func=KEXEC_KERNEL_CHECK appraise_type=imasig",
                        "appraise func=KEXEC_INITRAMFS_CHECK appraise_type=imasig")
        assert running.run(f"{LOAD} /boot/sealed") == (255, REFUSED)
        assert running.run(f"{sign} /boot/sealed") == (0, "")
        assert running.run(f"{LOAD} /boot/sealed") == (255, REFUSED)
        assert running.run(f"{sign} /boot/initrd") == (0, "")
        for name in "sealed", "initrd":
            assert running.run(f"crashres verify --cert=/etc/cert /boot/{name} >/dev/null") == (0, "")
        assert running.run(f"{LOAD} /boot/sealed") == (0, "")
        assert running.run("kexec -S") == (1, "")
        # One byte more, and the attribute no longer fits.
        running.check("printf x >> /boot/sealed")
        assert running.run("crashres verify --cert=/etc/cert /boot/sealed >/dev/null")[0] == 1
        assert running.run(f"{LOAD} /boot/sealed") == (255, REFUSED)
