# SPDX-License-Identifier: GPL-2.0-or-later
"""crashres verify --machine on real kernels: its answer agrees with kexec -s -p.

The kernel "secure" demands PE signatures under lockdown, and signatures for IMA after a rule was
added to the policy. Its authority is in .builtin_trusted_keys.
"""

import json
import os
import pathlib
import struct

import pytest

from lib import keys
from lib import pe
from lib import signedfiles
from lib.guest import Machine
from lib.petools import sbsign
from test_image_verify import seal

HOST_COMMAND = os.environ.get("CRASHRES_HOST_COMMAND")

pytestmark = [
    pytest.mark.parametrize("kernel", ["secure"], indirect=True),
    pytest.mark.skipif(not HOST_COMMAND, reason="CRASHRES_HOST_COMMAND does not name a crashres "
                       "for this machine"),
]

LOCKED = Machine("lockdown", words="lockdown=integrity")
APPRAISED = Machine("IMA appraises", words="ima_appraise=enforce")
RULE = "appraise func=KEXEC_KERNEL_CHECK appraise_type=imasig|modsig"
LOADS = {0: True, 1: False, 2: None}


def ask(running, path, *options):
    """Runs crashres verify --machine. Returns its JSON object."""
    status, output = running.run(" ".join(["crashres verify --machine --json", *options, path]))
    assert status in LOADS, output
    answer = json.loads(output)
    assert answer["loads"] == LOADS[status]
    return answer


def compare(running, path, *options):
    """Asks crashres, then the kernel. Both must agree. Returns the object of crashres."""
    answer = ask(running, path, *options)
    status, output = running.run(f"kexec -s -p --reuse-cmdline --initrd=/boot/initrd {path}")
    assert status in (0, 255), output
    assert answer["loads"] is (status == 0), (path, answer, output)
    return answer


def check_of(answer, name):
    return next(check for check in answer["checks"] if check["check"] == name)


def test_pe_signatures_under_lockdown(lab, kernel, tmp_path):
    sealed = seal(lab, kernel)
    signer = keys.Signer(kernel.parent / "pe.key", kernel.parent / "pe.pem")
    stranger = keys.make_authority(tmp_path, "stranger").issue("stranger-signer")
    good = sbsign(sealed, signer)
    files = {
        "bin/crashres": lab.read_crashres(),
        "boot/good": good, "boot/unsigned": sealed.read_bytes(),
        "boot/stranger": sbsign(sealed, stranger),
        "boot/changed": pe.replace(good, 3 << 20, bytes([good[3 << 20] ^ 1])),
        "etc/ca.pem": (kernel.parent / "ca.pem").read_bytes(),
    }
    with lab.boot(kernel, LOCKED, files) as running:
        running.check("chmod 755 /bin/crashres && mount -t securityfs none /sys/kernel/security")
        pe_check = check_of(compare(running, "/boot/unsigned"), "pe")
        assert (pe_check["demanded"], pe_check["reason"], pe_check["passes"], pe_check["step"]) == (
            True, "lockdown", False, "sign")
        assert pe_check["keyrings"] == ".builtin_trusted_keys, .secondary_trusted_keys, .machine, " \
                                       ".platform"
        answer = compare(running, "/boot/stranger")
        pe_check = check_of(answer, "pe")
        assert answer["keyrings_problem"] is None
        assert (pe_check["signer"], pe_check["trusted"], pe_check["step"]) == (
            "CN = stranger-signer", False, "enrol")
        pe_check = check_of(compare(running, "/boot/changed"), "pe")
        assert (pe_check["passes"], pe_check["step"]) == (False, "sign")
        # The signer's issuer is in .builtin_trusted_keys, but its certificate is not in the file.
        answer = ask(running, "/boot/good")
        assert (answer["loads"], check_of(answer, "pe")["step"]) == (None, "certificate")
        pe_check = check_of(compare(running, "/boot/good", "--cert=/etc/ca.pem"), "pe")
        assert (pe_check["passes"], pe_check["verified"], pe_check["keyring"]) == (
            True, True, ".builtin_trusted_keys")
        status, output = running.run("crashres verify --machine --cert=/etc/ca.pem /boot/good")
        assert (status, output.splitlines()[0]) == (0, "/boot/good: yes, this machine loads it")


def test_signatures_for_ima(lab, kernel, tmp_path):
    """The signer's certificate gets into .ima at boot (IMA_X509_PATH)."""
    sealed = seal(lab, kernel)
    authority = keys.Authority(tmp_path, kernel.parent / "ca.key", kernel.parent / "ca.pem")
    # The kernel describes the key as "Owner: file-signer: SubjectKeyIdentifier".
    signer = authority.issue("file-signer", organization="Owner")
    other = keys.make_authority(tmp_path, "stranger")
    stranger = other.issue("stranger-signer")
    forger = other.issue("forger", extensions=keys.SIGNER.replace(
        "Identifier=hash", f"Identifier={signer.skid.hex()}"))

    def append(name, who):
        path = tmp_path / name
        path.write_bytes(sealed.read_bytes())
        keys.run(HOST_COMMAND, "sign", f"--key={who.key}", f"--cert={who.certificate}", "--append",
                 path)
        return path.read_bytes()

    good = append("good", signer)
    files = {
        "bin/crashres": lab.read_crashres(),
        "boot/good": good, "boot/unsigned": sealed.read_bytes(),
        "boot/stranger": append("stranger", stranger), "boot/forger": append("forger", forger),
        "boot/changed": pe.replace(good, 3 << 20, bytes([good[3 << 20] ^ 1])),
        "etc/cert.pem": signer.certificate.read_bytes(),
        "etc/stranger.pem": stranger.certificate.read_bytes(),
        "etc/forger.pem": forger.certificate.read_bytes(),
        "etc/keys/x509_ima.der": signer.der,
    }
    with lab.boot(kernel, APPRAISED, files) as running:
        running.check("chmod 755 /bin/crashres && mount -t securityfs none /sys/kernel/security")
        answer = compare(running, "/boot/unsigned")
        assert [check["demanded"] for check in answer["checks"]] == [False, False]
        assert running.run("crashres verify --machine /boot/unsigned")[1].splitlines()[0] == \
            "/boot/unsigned: yes, this machine loads it, and verifies nothing"
        running.check(f"echo '{RULE}' > /sys/kernel/security/ima/policy")
        ima = check_of(compare(running, "/boot/unsigned"), "ima")
        assert (ima["demanded"], ima["passes"], ima["step"]) == (True, False, "sign")
        ima = check_of(compare(running, "/boot/good", "--cert=/etc/cert.pem"), "ima")
        assert (ima["signature"], ima["keyring"], ima["keyrings"]) == (
            "appended", ".ima", ".ima, .platform")
        assert not compare(running, "/boot/changed", "--cert=/etc/cert.pem")["loads"]
        ima = check_of(compare(running, "/boot/stranger", "--cert=/etc/stranger.pem"), "ima")
        assert (ima["trusted"], ima["step"]) == (False, "enrol")
        # The SubjectKeyIdentifier is that of the trusted key, but the subject is not.
        ima = check_of(compare(running, "/boot/forger", "--cert=/etc/forger.pem"), "ima")
        assert (ima["verified"], ima["trusted"], ima["step"]) == (True, False, "enrol")
        # Without the certificate the kernel's key cannot be told from another one.
        assert check_of(ask(running, "/boot/good"), "ima")["step"] == "certificate"


# ------------------------------------------------------------------ small Images

IMAGE = pe.make_image(b"machine")
PLAIN = pe.replace(pe.replace(IMAGE, 64, bytes(pe.HEADERS - 64)), 60, bytes(4))  # no PE file
UNKNOWN, REFUSED, LOADED = 2, 1, 0      # exit statuses


def make_files(lab, kernel, tmp_path, images):
    """Returns the files of the guest. images: name -> bytes."""
    source = pathlib.Path(__file__).parent / "kernel-verdict.c"
    return {"bin/crashres": lab.read_crashres(),
            "bin/kernel-verdict": keys.build_guest_program(tmp_path, source),
            "t/ca.pem": (kernel.parent / "ca.pem").read_bytes(),
            **{f"t/{name}": data for name, data in images.items()}}


def enter(running):
    running.check("chmod 755 /bin/crashres /bin/kernel-verdict; "
                  "mount -t securityfs none /sys/kernel/security")


def judge(running, name, *options):
    """Returns the exit status of verify --machine, and the verdict of the kernel."""
    status, output = running.run(" ".join(["crashres verify --machine", *options, f"/t/{name}"]))
    assert status in LOADS, output
    return status, running.run(f"kernel-verdict load /t/{name}")[1].split()[-1]


def test_pe_files_that_lie(lab, kernel, tmp_path):
    """The names of certificates, the header of the Image, and the limits of kexec calls."""
    authority = keys.Authority(tmp_path, kernel.parent / "ca.key", kernel.parent / "ca.pem")
    signer = keys.Signer(kernel.parent / "pe.key", kernel.parent / "pe.pem")
    forged = keys.make_lookalike(tmp_path, "forged", authority)
    renewed = keys.make_lookalike(tmp_path, "renewed", authority, authority.key)
    leaf = forged.issue("forged-leaf")
    files = make_files(lab, kernel, tmp_path, {
        "good": pe.sign(IMAGE, signer),
        "forged": pe.sign(IMAGE, forged),
        "leaf": pe.sign(IMAGE, leaf, certificates=[leaf.der, forged.der]),
        "renewed": pe.sign(IMAGE, renewed),
        "no-size": pe.sign(pe.replace(IMAGE, 16, bytes(8)), signer),
        "long": pe.sign(pe.replace(IMAGE, 16, struct.pack("<Q", 256)), signer)})
    with lab.boot(kernel, LOCKED, files) as running:
        enter(running)
        assert judge(running, "good", "--cert=/t/ca.pem") == (LOADED, "ok")
        for name in "forged", "leaf", "renewed":
            assert judge(running, name) == (UNKNOWN, "EPERM"), name
            # The leaf names the authority's key as its issuer.
            assert judge(running, name, "--cert=/t/ca.pem") == (
                UNKNOWN if name == "leaf" else REFUSED, "EPERM"), name
        for name in "no-size", "long":
            assert judge(running, name, "--cert=/t/ca.pem") == (REFUSED, "EINVAL"), name
        running.check("cd /proc/sys/kernel; echo 0 > kexec_load_limit_reboot")
        assert judge(running, "good", "--cert=/t/ca.pem") == (UNKNOWN, "EPERM")
        running.check("cd /proc/sys/kernel; echo 0 > kexec_load_limit_panic")
        assert judge(running, "good", "--cert=/t/ca.pem") == (REFUSED, "EPERM")


def make_ima_files(lab, kernel, tmp_path):
    """Returns files signed for IMA, whose signer's certificate gets into .ima."""
    authority = keys.Authority(tmp_path, kernel.parent / "ca.key", kernel.parent / "ca.pem")
    signer = authority.issue("file-signer")
    forged = keys.make_lookalike(tmp_path, "forged", signer)
    return make_files(lab, kernel, tmp_path, {
        "cert.pem": signer.certificate.read_bytes(),
        "good": signedfiles.sign_appended(PLAIN, signer),
        "forged": signedfiles.sign_appended(PLAIN, forged, [forged.der]),
        "attribute": PLAIN,
        "attribute.ima": signedfiles.make_attribute(PLAIN, signer),
    }) | {"etc/keys/x509_ima.der": signer.der}


def test_ima_that_does_not_enforce(lab, kernel, tmp_path):
    """Under lockdown IMA replaces the PE signature only if it enforces its rules."""
    machine = Machine("weak", words="lockdown=integrity ima_appraise=log")
    with lab.boot(kernel, machine, make_ima_files(lab, kernel, tmp_path)) as running:
        enter(running)
        running.check(f"echo '{RULE}' > /sys/kernel/security/ima/policy")
        assert judge(running, "good", "--cert=/t/cert.pem") == (REFUSED, "EPERM")


def test_ima_files_that_lie(lab, kernel, tmp_path):
    """The name of a certificate inside the file, and hashes that the policy accepts."""
    with lab.boot(kernel, APPRAISED, make_ima_files(lab, kernel, tmp_path)) as running:
        enter(running)
        running.check("kernel-verdict attribute /t/attribute /t/attribute.ima")
        running.check(f"echo '{RULE} appraise_algos=sha256' > /sys/kernel/security/ima/policy")
        assert judge(running, "attribute", "--cert=/t/cert.pem") == (LOADED, "ok")
        # The default hash of IMA decides about a file without security.ima.
        assert judge(running, "good", "--cert=/t/cert.pem") == (UNKNOWN, "ok")
        assert judge(running, "forged") == (UNKNOWN, "EACCES")
        assert judge(running, "forged", "--cert=/t/cert.pem") == (REFUSED, "EACCES")


def test_hashes_that_the_policy_does_not_accept(lab, kernel, tmp_path):
    with lab.boot(kernel, APPRAISED, make_ima_files(lab, kernel, tmp_path)) as running:
        enter(running)
        running.check("kernel-verdict attribute /t/attribute /t/attribute.ima")
        running.check(f"echo '{RULE} appraise_algos=sha512' > /sys/kernel/security/ima/policy")
        assert judge(running, "attribute", "--cert=/t/cert.pem") == (REFUSED, "EACCES")
        assert judge(running, "good", "--cert=/t/cert.pem") == (UNKNOWN, "EACCES")
