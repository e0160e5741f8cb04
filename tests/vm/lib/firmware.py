# SPDX-License-Identifier: GPL-2.0-or-later
"""UEFI firmware with Secure Boot for the VMs, the key that it trusts, and its variables.

The firmware is AAVMF of Debian's package qemu-efi-aarch64. In its variables "snakeoil", Secure
Boot is on, and one certificate is PK, KEK and db; its private key is part of the package. The
firmware takes 2 s. QEMU gives it the kernel (-kernel), and it starts the kernel's EFI stub.
"""

import pathlib
import shutil
import struct
import subprocess
import uuid

AAVMF = pathlib.Path("/usr/share/AAVMF")
DB_CERTIFICATE = pathlib.Path("/usr/share/qemu-efi-aarch64/PkKek-1-snakeoil.pem")

# The last line of the firmware if it refused the kernel, and the first line of the EFI stub.
REFUSED = r"BdsDxe: No bootable option or device was found\.$"
STARTED = r"EFI stub: Booting Linux Kernel\.\.\.$"


def flash(variables, snapshot="on"):
    """Returns the options of QEMU for the firmware and for a file with its variables.

    snapshot: "on" discards changes of the variables when the machine ends, "off" keeps them.
    """
    return ("-drive", f"if=pflash,format=raw,readonly=on,file={AAVMF}/AAVMF_CODE.fd",
            "-drive", f"if=pflash,format=raw,snapshot={snapshot},file={variables}")


SECURE_BOOT = flash(AAVMF / "AAVMF_VARS.snakeoil.fd")
NO_KEYS = flash(AAVMF / "AAVMF_VARS.fd")    # no PK is enrolled, so Secure Boot is off


def secure_boot_that_remembers(path):
    """Returns the options for a firmware whose variables stay in a new file at path."""
    shutil.copyfile(AAVMF / "AAVMF_VARS.snakeoil.fd", path)
    return flash(path, snapshot="off")


def write_db_key(path):
    """Writes the private key of the certificate in db to a path, without the passphrase. Returns
    the path."""
    subprocess.run(["openssl", "pkey", "-in", DB_CERTIFICATE.with_suffix(".key"), "-passin",
                    "pass:snakeoil", "-out", path], check=True, capture_output=True)
    return path


# UEFI specification, "EFI_SIGNATURE_LIST": type, size of the list, size of a header (0), size of
# one entry; an entry is the GUID of its owner and a certificate.
CERTIFICATE = uuid.UUID("a5c059a1-94e4-4aa7-87b5-ab155c2bf072")
OWNER = uuid.UUID("605dab50-e046-4300-abb6-3dd810dd8b23")       # shim
NON_VOLATILE, BOOT_SERVICE, RUNTIME = 1, 2, 4


def make_signature_lists(*certificates):
    """Returns EFI_SIGNATURE_LISTs of certificates (DER)."""
    return b"".join(CERTIFICATE.bytes_le + struct.pack("<III", 28 + 16 + len(der), 0, 16 + len(der)) +
                    OWNER.bytes_le + der for der in certificates)


def make_variable(data):
    """Returns the content of a file in efivarfs that creates a variable (Linux, fs/efivarfs)."""
    return struct.pack("<I", NON_VOLATILE | BOOT_SERVICE | RUNTIME) + data
