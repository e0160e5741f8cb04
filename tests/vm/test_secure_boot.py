# SPDX-License-Identifier: GPL-2.0-or-later
"""UEFI Secure Boot: the firmware starts a signed kernel, and this kernel loads a crash kernel.

The first kernel is signed with the key whose certificate is in the firmware's db. It locks itself
down, takes the certificates of db into its keyring .platform, and enforces PE signatures
(IMA_ARCH_POLICY), as kernels of Fedora and RHEL do.
"""

import json
import os
import re
import shutil
import subprocess

import pytest

from conftest import HERE
from lib import firmware, keys, pe
from lib.guest import Guest, Machine
from lib.keys import Signer, make_authority
from lib.petools import sbsign
from lib.vm import BOOT_TIMEOUT

DATA = HERE.parent / "data"

HOST_COMMAND = os.environ.get("CRASHRES_HOST_COMMAND")

pytestmark = [
    pytest.mark.skipif(not firmware.AAVMF.exists(), reason="qemu-efi-aarch64 is not installed"),
    pytest.mark.skipif(not HOST_COMMAND, reason="CRASHRES_HOST_COMMAND does not name a crashres "
                       "for this machine"),
]

SECURE = Machine("Secure Boot", qemu_options=firmware.SECURE_BOOT)
INSECURE = Machine("no Secure Boot", qemu_options=firmware.NO_KEYS)
LOAD = "kexec -s -p --reuse-cmdline --initrd=/boot/initrd"


@pytest.fixture
def db(tmp_path):
    """The signer whose certificate is in the firmware's db."""
    return Signer(firmware.write_db_key(tmp_path / "db.key"), firmware.DB_CERTIFICATE)


def sign_for_db(lab, kernel, db):
    """Makes a copy of a kernel that the firmware starts, and returns its path."""
    path = lab.folder / "kernel"
    path.write_bytes(kernel.read_bytes())
    signed = lab.folder / "kernel.signed"
    signed.write_bytes(sbsign(path, db))
    return signed


def seal(lab, kernel):
    """Makes a sealed Image of a kernel and of the capture initrd, and returns its path."""
    initrd, sealed, copy = lab.folder / "capture", lab.folder / "sealed", lab.folder / "machine"
    initrd.write_bytes(lab.make_capture_initrd())
    # A copy of a similar machine, so that the Image has a console
    keys.run(DATA / "make-machine", DATA / "virt-6.12-acpi", copy)
    keys.run(HOST_COMMAND, "seal", f"--kernel={kernel}", f"--initrd={initrd}", f"--root={copy}",
             "-o", sealed)
    return sealed


def boot(lab, kernel, db, files, machine=SECURE):
    """Boots a kernel that is signed for db, and mounts what crashres reads."""
    running = lab.boot(sign_for_db(lab, kernel, db), machine,
                       {"bin/crashres": lab.read_crashres(), **files})
    running.check("chmod 755 /bin/crashres; mount -t securityfs none /sys/kernel/security")
    # This fails on Debian's kernel, where efivarfs is a module.
    running.run("mount -t efivarfs none /sys/firmware/efi/efivars")
    return running


# The firmware prints no line about the kernel. "Security Violation" is about its shell, which it
# starts next, and which is not signed either.
@pytest.mark.parametrize("kernel", ["small"], indirect=True)
@pytest.mark.parametrize("machine, signed, starts", [
    (SECURE, False, False), (SECURE, True, True), (INSECURE, False, True),
], ids=["unsigned", "signed", "unsigned without Secure Boot"])
def test_the_firmware_starts_only_a_signed_kernel(lab, kernel, db, machine, signed, starts):
    path = sign_for_db(lab, kernel, db) if signed else kernel
    initrd = lab.make_initramfs(kernel, machine, {})
    with Guest(machine.arguments(path, initrd), lab.folder / "serial.log") as running:
        running.wait_for(firmware.STARTED if starts else firmware.REFUSED, BOOT_TIMEOUT)
        assert ("EFI stub: Booting" in running.serial) == starts
        assert ("Security Violation" in running.serial) == (not starts)


@pytest.mark.parametrize("kernel", ["secure"], indirect=True)
def test_a_sealed_image_that_is_signed_for_db_repairs_itself(lab, kernel, db):
    data, sealed = kernel.read_bytes(), sbsign(seal(lab, kernel), db)
    with boot(lab, kernel, db, {"boot/sealed": sealed}) as running:
        assert "secureboot: Secure boot enabled" in running.check("dmesg")
        assert running.check("cat /sys/kernel/security/lockdown") == "none [integrity] confidentiality"
        assert running.run(f"{LOAD} /boot/sealed") == (0, "")
        assert running.run("kexec -S") == (1, "")
        start = running.find_in_crash_region(data[:4096])
        bad = bytes(byte ^ 0xff for byte in running.peek(start + 0x123456, 64))
        running.poke(start + 0x123456, bad)
        running.panic()
        running.wait_for(r"^crashres: purgatory: kernel damaged at offset 0x123456, found "
                         rf"{bad[:16].hex()}; 1 of \d+ blocks damaged, 1 repaired, \d+ ms: starting the "
                         r"kernel$", 60)
        running.wait_ready("capture")
        status, found = running.read_report()
        assert (status, found["outcome"]) == (1, "repaired")
        assert found["damage"] == [{"segment": "kernel", "offset": 0x123456, "blocks": 1, "repaired": 1,
                                    "found": bad[:16].hex()}]
        assert int(running.check("stat -c %s /proc/vmcore")) > 1 << 30
        # The capture kernel gets the memory map of UEFI from the device tree, so it knows that
        # Secure Boot is on, too.
        assert "secureboot: Secure boot enabled" in running.check("dmesg")


def refusal(path, reason):
    """Returns the message of kexec for a file that the running kernel refuses."""
    return f"kexec: kexec_file_load failed: {reason}; no crash kernel is loaded now: " \
           f"\"crashres verify --machine {path}\" shows why"


def ask(running, name, *options):
    """Asks "crashres verify --machine" about a file in /boot. Returns the exit status, and the
    keyring that has the key of the PE signature, or None."""
    command = " ".join(["crashres verify --machine --json", *options, f"/boot/{name}"])
    status, output = running.run(command)
    checks = {check["check"]: check for check in json.loads(output)["checks"]}
    return status, checks["pe"]["keyring"]


NOT_SIGNED = "No data available (the running kernel demands a PE signature, and the kernel file has none)"
NOT_TRUSTED = "Required key not available (the running kernel does not trust the key of the PE signature)"
CHANGED = "Key was rejected by service (the kernel file or its PE signature was changed after " \
          "signing, or the key is revoked)"
WRONG_VALUE = "Invalid argument (the PE signature of the kernel file does not fit the key, or the " \
              "running kernel cannot use the key)"
EXCLUDED = "kexec: kexec_load: the running kernel is locked down, and accepts only a signed file"
IMA_FORBIDS = "kexec: kexec_load failed: Permission denied (IMA demands a signed kernel, which only " \
              "kexec_file_load can load)"


@pytest.mark.parametrize("kernel", ["secure"], indirect=True)
def test_only_a_pe_signature_of_a_trusted_key_is_accepted(lab, kernel, db, tmp_path):
    """The kernel verifies the PE signature first. Signatures for IMA do not help."""
    sealed = seal(lab, kernel)
    good = sbsign(sealed, db)
    changed = bytearray(good)
    changed[3 << 20] ^= 1
    # One bit of the RSA signature, which ends the message and can be followed by padding
    value = bytearray(good)
    value[sum(pe.find_table(good)) - 100] ^= 1
    stranger = make_authority(tmp_path, "stranger").issue("signer")
    ima = Signer(kernel.parent / "pe.key", kernel.parent / "pe.pem")
    appended = lab.folder / "appended"
    appended.write_bytes(sealed.read_bytes())
    sign = [HOST_COMMAND, "sign", f"--key={ima.key}", f"--cert={ima.certificate}"]
    keys.run(*sign, "--append", appended)
    files = {"good": good, "unsigned": sealed.read_bytes(), "changed": bytes(changed),
             "value": bytes(value),
             "stranger": sbsign(sealed, stranger),
             "appended": appended.read_bytes(), "attribute": sealed.read_bytes(),
             "db.pem": db.certificate.read_bytes(),
             "ima.key": ima.key.read_bytes(), "ima.pem": ima.certificate.read_bytes()}
    files = {f"boot/{name}": data for name, data in files.items()}
    with boot(lab, kernel, db, {"etc/keys/x509_ima.der": ima.der, **files}) as running:
        running.check("crashres sign --key=/boot/ima.key --cert=/boot/ima.pem /boot/attribute")
        for name, reason in [("unsigned", NOT_SIGNED), ("stranger", NOT_TRUSTED), ("changed", CHANGED),
                             ("value", WRONG_VALUE),
                             ("appended", NOT_SIGNED), ("attribute", NOT_SIGNED)]:
            assert running.run(f"{LOAD} /boot/{name}") == (255, refusal(f"/boot/{name}", reason))
            assert running.run("kexec -S") == (0, ""), name
            assert ask(running, name) == (1, None), name
        assert running.run("kexec -c -p --initrd=/boot/initrd /boot/good") == (255, EXCLUDED)
        # A certificate inside the file is not sufficient.
        assert ask(running, "good") == (2, None)
        assert ask(running, "good", "--cert=/boot/db.pem") == (0, ".platform")
        assert running.run(f"{LOAD} /boot/good") == (0, "")
        assert running.run("kexec -S") == (1, "")
        # Without securityfs, kexec does not see the lockdown, and makes the call.
        running.check("umount /sys/kernel/security")
        assert running.run("kexec -c -p --initrd=/boot/initrd /boot/good") == (255, IMA_FORBIDS)


@pytest.mark.parametrize("kernel", ["secure"], indirect=True)
def test_a_signed_sealed_image_pins_its_initrd(lab, kernel, db):
    """The running kernel verifies no initrd, so a signed kernel that is not sealed takes any."""
    with boot(lab, kernel, db, {"boot/sealed": sbsign(seal(lab, kernel), db)}) as running:
        running.check("cp /boot/initrd /boot/other; printf x >> /boot/other")
        load = LOAD.replace("/boot/initrd", "/boot/other")
        size = int(running.check("stat -c %s /boot/initrd"))
        assert running.run(f"{load} --seal=never /boot/Image") == (0, "")
        assert running.run("kexec -p -u") == (0, "")
        assert running.run(f"{load} /boot/sealed") == (
            1, "kexec: /boot/sealed: is sealed with another initrd than /boot/other: the size is "
               f"{size} bytes, not {size + 1}")


def count_keys(running, keyring):
    """Returns the number of keys in a keyring, as /proc/keys shows it."""
    [count] = re.findall(rf"keyring +\{keyring}: (\d+|empty)$", running.check("cat /proc/keys"),
                         re.MULTILINE)
    return 0 if count == "empty" else int(count)


def read_commands(section):
    """Returns the command blocks in a section of crashres-secureboot.7, without roff's escapes."""
    page = (HERE.parents[1] / "man" / "crashres-secureboot.7").read_text()
    for escape, text in ("\\-", "-"), ("\\e", "\\"), ("\\(dq", '"'):
        page = page.replace(escape, text)
    [content] = re.findall(rf"^\.SH {section}$(.*?)^\.SH ", page, re.MULTILINE | re.DOTALL)
    return re.findall(r"^\.EX\n(.*?)^\.EE$", content, re.MULTILINE | re.DOTALL)


def run_commands(folder, commands):
    """Runs commands of the page in a folder, with its folder boot in place of /boot."""
    script = f'crashres() {{ {HOST_COMMAND} "$@"; }}\n' + commands.replace("/boot/", f"{folder}/boot/")
    result = subprocess.run(["bash", "-ec", script], cwd=folder, text=True, capture_output=True)
    assert result.returncode == 0, (script, result.stdout, result.stderr)


def follow_the_page(lab, kernel, folder):
    """Runs the commands of sections 1 to 3, except the one that sets security.ima: this needs
    a file system with extended attributes. Returns the signed Images, tool -> bytes."""
    boot_folder = folder / "boot"
    boot_folder.mkdir(parents=True)
    (boot_folder / "vmlinuz").write_bytes(kernel.read_bytes())
    (boot_folder / "initrd-kdump.img").write_bytes(lab.make_capture_initrd())
    for commands in read_commands("1. MAKE A KEY") + read_commands("2. SEAL THE KERNEL"):
        run_commands(folder, commands)
    shutil.copy(boot_folder / "kdump.sealed", folder / "sealed")
    images, signed = {}, boot_folder / "kdump.signed"
    for commands in read_commands("3. SIGN THE IMAGE"):
        if commands.startswith("crashres sign --key"):
            continue
        run_commands(folder, commands)
        if signed.exists():
            [tool] = re.findall("^(?:sbsign|pesign|osslsigncode)|--sign-with", commands, re.MULTILINE)
            images[tool.strip("-")] = signed.read_bytes()
            signed.unlink()
    assert keys.run(HOST_COMMAND, "verify", f"--cert={folder / 'kdump.pem'}", "--appended",
                    boot_folder / "kdump.sealed").count(b": valid") == 1
    return images


MOKS = "/sys/firmware/efi/efivars/MokListRT-605dab50-e046-4300-abb6-3dd810dd8b23"


def enroll(lab, kernel, db, machine, *certificates):
    """Makes the firmware of a machine remember certificates of the owner.

    On a machine with shim, mokutil asks for a key, and shim makes the variable MokListRT at each
    boot. Here, a boot of Linux makes the variable.
    """
    moks = firmware.make_variable(firmware.make_signature_lists(*certificates))
    with boot(lab, kernel, db, {"moks": moks}, machine) as running:
        assert (count_keys(running, ".machine"), count_keys(running, ".platform")) == (0, 1)
        running.check(f"dd if=/moks of={MOKS} bs=64k 2>/dev/null")
        running.send("reboot -f")
        assert running.wait_exit(60) == "guest-reset"


@pytest.mark.parametrize("kernel", ["secure"], indirect=True)
def test_the_commands_of_the_page_with_keys_of_the_owner(lab, kernel, db, tmp_path):
    """The authority of the page goes to .machine; a certificate that is no authority goes to
    .platform. Both are sufficient."""
    images = follow_the_page(lab, kernel, tmp_path / "page")
    assert list(images) == ["sbsign", "pesign", "osslsigncode", "sign-with"]
    site = Signer(tmp_path / "page" / "ca.key", tmp_path / "page" / "ca.pem")
    other = make_authority(tmp_path, "other")
    enrolled, unknown = other.issue("enrolled"), other.issue("unknown")
    machine = Machine("keys of the owner",
                      qemu_options=firmware.secure_boot_that_remembers(tmp_path / "variables"))
    enroll(lab, kernel, db, machine, site.der, enrolled.der)
    sealed = tmp_path / "page" / "sealed"
    for signer in enrolled, unknown:
        images[signer.key.stem] = sbsign(sealed, signer)
    images["ca.pem"] = site.certificate.read_bytes()
    images["enrolled.pem"] = enrolled.certificate.read_bytes()
    files = {f"boot/{name}": data for name, data in images.items()}
    with boot(lab, kernel, db, files, machine) as running:
        assert (count_keys(running, ".machine"), count_keys(running, ".platform")) == (1, 2)
        for name, keyring in [("sbsign", ".machine"), ("pesign", ".machine"),
                              ("osslsigncode", ".machine"), ("sign-with", ".machine"),
                              ("enrolled", ".platform")]:
            assert ask(running, name, "--cert=/boot/ca.pem", "--cert=/boot/enrolled.pem") == (
                0, keyring), name
            assert running.run(f"{LOAD} /boot/{name}") == (0, ""), name
            assert running.run("kexec -p -u") == (0, "")
        # The commands of sections 4 and 5
        running.check("cd /boot && ln -s initrd initrd-kdump.img && ln -s sbsign kdump.signed")
        verify, verify_here, *_ = read_commands("4. VERIFY")
        load = read_commands("5. LOAD THE IMAGE")[0].replace("\\\n", " ")
        for command in verify, verify_here, load.replace("\n", ";"):
            running.check(command.strip())
        assert running.run("kexec -S") == (1, "")
        assert running.run("kexec -p -u") == (0, "")
        assert ask(running, "unknown", "--cert=/boot/ca.pem") == (1, None)
        assert running.run(f"{LOAD} /boot/unknown") == (255, refusal("/boot/unknown", NOT_TRUSTED))


@pytest.mark.parametrize("kernel", ["6.12"], indirect=True)
def test_debians_kernel_can_load_nothing(lab, kernel, db):
    """Debian builds without KEXEC_FILE, and Secure Boot forbids kexec_load."""
    locked_down = "the running kernel is locked down, and accepts only a signed file"
    missing = "the running kernel was built without CONFIG_KEXEC_FILE"
    with boot(lab, kernel, db, {}) as running:
        log = running.check("dmesg")
        assert "secureboot: Secure boot enabled" in log
        assert "Kernel is locked down from EFI Secure Boot" in log
        load = "kexec -p --reuse-cmdline --initrd=/boot/initrd /boot/Image"
        assert running.run(load) == (
            255, f"kexec: no system call is left: kexec_load is excluded ({locked_down}), and "
                 f"kexec_file_load is missing ({missing})")
        assert running.run(load.replace("-p", "-c -p", 1)) == (255, EXCLUDED)
        assert running.run("kexec -S") == (0, "")
        # The machine has no /proc/config.gz. The configuration is as short as the answer needs.
        running.check("echo CONFIG_ARM64=y > /boot/config-$(uname -r)")
        status, output = running.run("crashres verify --machine /boot/Image")
        assert (status, output.splitlines()[0], output.splitlines()[2]) == (
            2, "/boot/Image: unknown whether this machine loads it",
            "Kernel: the running kernel has no kexec_file_load, which verifies signatures: "
            "/boot/config-RELEASE, which can belong to another build, has no CONFIG_KEXEC_FILE; and it "
            "forbids kexec_load")
        # Without securityfs, kexec does not see the lockdown, and makes both calls.
        running.check("umount /sys/kernel/security")
        assert running.run(load) == (
            255, f"{IMA_FORBIDS}; then kexec_file_load failed: Function not implemented (syscall "
                 f"kexec_file_load not available: {missing})")
