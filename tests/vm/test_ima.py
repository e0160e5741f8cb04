# SPDX-License-Identifier: GPL-2.0-or-later
"""Signed kernels on a kernel whose IMA policy demands signatures.

The build of the small kernel makes a certificate authority, which the kernel trusts. At boot the
kernel loads a certificate that this authority signed from the initramfs (IMA_X509_PATH) into the
.ima keyring.
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
LOAD = "kexec -s -p --reuse-cmdline --initrd=/boot/initrd"

EXTENSIONS = """
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


def refused(path):
    """The result of kexec for a file without a valid signature."""
    return 255, "kexec: kexec_file_load failed: Permission denied (IMA finds no valid signature on " \
                "the kernel or the initrd); no crash kernel is loaded now: " \
                f'"crashres verify --machine {path}" shows why'


def openssl(*arguments):
    """Runs an openssl command that must succeed."""
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


class Signer:
    """A key, and a certificate for it from the authority that a kernel trusts."""

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
        """Signs a file with "crashres sign" and returns its path."""
        subprocess.run([HOST_COMMAND, "sign", f"--key={self.key}", f"--cert={self.certificate}",
                        *options, path], check=True)
        return path


@pytest.fixture
def signer(tmp_path, kernel):
    return Signer(tmp_path, kernel)


def seal(lab, kernel, *options):
    """Makes a sealed Image of a kernel and of the capture initrd, and returns its path."""
    initrd, sealed = lab.folder / "capture", lab.folder / "sealed"
    initrd.write_bytes(lab.make_capture_initrd())
    subprocess.run([HOST_COMMAND, "seal", f"--kernel={kernel}", f"--initrd={initrd}", *options,
                    "-o", sealed], check=True)
    return sealed


def boot(lab, kernel, signer, files):
    """Boots a machine with the signer's certificate in the .ima keyring."""
    return lab.boot(kernel, APPRAISED, {"etc/keys/x509_ima.der": signer.der, **files})


def add_rules(running, *rules):
    """Adds rules to the IMA policy. The default rule demands a signature on the kernel."""
    running.check("mount -t securityfs none /sys/kernel/security")
    for rule in rules or (RULE,):
        running.check(f"echo '{rule}' > /sys/kernel/security/ima/policy")


def test_a_signed_and_sealed_image_captures(lab, kernel, signer):
    sealed = signer.sign(seal(lab, kernel), "--append")
    with boot(lab, kernel, signer, {"boot/sealed": sealed.read_bytes()}) as running:
        add_rules(running)
        assert running.run(f"{LOAD} /boot/sealed") == (0, "")
        assert running.run("kexec -S") == (1, "")
        running.panic()
        running.wait_ready("capture")
        status, output = running.run("crashres report")
        assert (status, output.splitlines()[0]) == (
            0, "This kernel was intact when it was started.")


def cut_short(data):
    """Returns a signed file without 100 bytes in the middle of its signature. The trailer with the
    length of the signature is unchanged."""
    return data[:-200] + data[-100:]


def change(data, at):
    """Returns the bytes with one bit flipped."""
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


def test_a_missing_or_wrong_signature_is_refused(lab, kernel, signer, tmp_path):
    plain = seal(lab, kernel).read_bytes()
    path = tmp_path / "signed"
    path.write_bytes(plain)
    signed = signer.sign(path, "--append").read_bytes()
    path.write_bytes(plain)
    stranger = Signer(tmp_path, kernel, "stranger").sign(path, "--append").read_bytes()
    files = {"unsigned": plain, "changed": change(signed, 3 << 20), "stranger": stranger,
             "short": cut_short(signed), "good": signed}
    with boot(lab, kernel, signer, {f"boot/{name}": data for name, data in files.items()}) as running:
        add_rules(running)
        for name in "unsigned", "changed", "stranger", "short":
            assert running.run(f"{LOAD} /boot/{name}") == refused(f"/boot/{name}"), name
            assert running.run("kexec -S") == (0, ""), name
        # kexec_load is refused, too.
        assert running.run("kexec -c -p --initrd=/boot/initrd /boot/good") == (
            255, "kexec: kexec_load failed: Permission denied (IMA demands a signed kernel, which "
                 "only kexec_file_load can load)")
        assert running.run(f"{LOAD} /boot/good") == (0, "")
        assert running.run("kexec -S") == (1, "")


def test_a_signature_made_elsewhere_is_accepted(lab, kernel, signer, tmp_path):
    """The Image is padded up to image_size, so it loses zeros. After the removal of the signature it
    is refused again."""
    plain, digest, signature = tmp_path / "plain", tmp_path / "digest", tmp_path / "signature"
    data = kernel.read_bytes()
    plain.write_bytes(data.ljust(int.from_bytes(data[16:24], "little"), b"\0"))
    common = [f"--cert={signer.certificate}", "--append", plain]
    subprocess.run([HOST_COMMAND, "sign", f"--detached-out={digest}", *common], check=True)
    openssl("pkeyutl", "-sign", "-inkey", signer.key, "-pkeyopt", "digest:sha256", "-in", digest,
            "-out", signature)
    subprocess.run([HOST_COMMAND, "sign", f"--signature-in={signature}", *common], check=True)
    files = {"boot/signed": plain.read_bytes()}
    subprocess.run([HOST_COMMAND, "sign", "--remove", "--append", plain], check=True)
    with boot(lab, kernel, signer, {**files, "boot/removed": plain.read_bytes()}) as running:
        add_rules(running)
        assert running.run(f"{LOAD} /boot/removed") == refused("/boot/removed")
        assert running.run(f"{LOAD} /boot/signed") == (
            0, "kexec: warning: the crash kernel is loaded, and nothing will check it after a panic: "
               "the running kernel demands a signature, and sealing would break the signature")
        assert running.run("kexec -S") == (1, "")


def test_kexec_does_not_seal_a_signed_image(lab, kernel, signer, tmp_path):
    """Sealing would break the signature. The second part hides the IMA policy from kexec."""
    path = tmp_path / "Image"
    path.write_bytes(kernel.read_bytes())
    signed = signer.sign(path, "--append").read_bytes()
    with boot(lab, kernel, signer, {"boot/signed": signed}) as running:
        add_rules(running)
        output = running.check(f"{LOAD} -d /boot/signed 2>&1")
        assert "Checks        none: the running kernel demands a signature, and sealing would " \
               "break the signature" in output
        assert running.run("kexec -S") == (1, "")
        assert running.run("kexec -p -u") == (0, "")
        running.check("umount /sys/kernel/security")
        output = running.check(f"{LOAD} -d /boot/signed 2>&1")
        assert "kexec: warning: the crash kernel is loaded, and nothing will check it after a panic: " \
               "the running kernel refused the sealed Image: " in output
        assert running.run("kexec -S") == (1, "")
        assert running.run(f"{LOAD} --seal=always /boot/signed") == refused("/boot/signed")


def test_signatures_in_security_ima_of_kernel_and_initrd_are_accepted(lab, kernel, signer):
    """crashres signs in the guest, on a file system that stores the attribute security.ima."""
    files = {"boot/sealed": seal(lab, kernel).read_bytes(), "bin/crashres": lab.read_crashres(),
             "etc/key": signer.key.read_bytes(), "etc/cert": signer.certificate.read_bytes()}
    sign = "crashres sign --key=/etc/key --cert=/etc/cert"
    with boot(lab, kernel, signer, files) as running:
        running.check("chmod 755 /bin/crashres")
        add_rules(running, "appraise func=KEXEC_KERNEL_CHECK appraise_type=imasig",
                        "appraise func=KEXEC_INITRAMFS_CHECK appraise_type=imasig")
        assert running.run(f"{LOAD} /boot/sealed") == refused("/boot/sealed")
        assert running.run(f"{sign} /boot/sealed") == (0, "")
        assert running.run(f"{LOAD} /boot/sealed") == refused("/boot/sealed")
        assert running.run(f"{sign} /boot/initrd") == (0, "")
        for name in "sealed", "initrd":
            assert running.run(f"crashres verify --cert=/etc/cert /boot/{name} >/dev/null") == (0, "")
        assert running.run(f"{LOAD} /boot/sealed") == (0, "")
        assert running.run("kexec -S") == (1, "")
        # An additional byte makes the signature in the attribute wrong.
        running.check("printf x >> /boot/sealed")
        assert running.run("crashres verify --cert=/etc/cert /boot/sealed >/dev/null")[0] == 1
        assert running.run(f"{LOAD} /boot/sealed") == refused("/boot/sealed")
