# SPDX-License-Identifier: GPL-2.0-or-later
"""A table of signed files, right and wrong: the kernel's verdict and that of crashres verify.

One boot of the kernel "secure" gives all verdicts:

1. Without lockdown it loads each kernel file, and its log gives the error number of the PE check.
2. Under lockdown it refuses each file without a valid PE signature. The error is always EPERM.
3. With a rule in the IMA policy that demands signatures on kernels, IMA alone decides (EACCES).

crashres verify must never say "valid" where the kernel refuses. A row has the reason if verify is
stricter than the kernel. The table is written to build/vm/verdicts.txt.

lib/fuzzcases.py adds files that are changed by structure and signed again. A longer campaign needs
CRASHRES_FUZZ_FILES=1000 CRASHRES_FUZZ_SEED=2, and runs as a test of its own (-k campaign -s).

crashres verify --machine runs in the guest in steps 2 and 3, for all rows but the random changes.
The answer yes must be right, and so must the answer no, except where verify is stricter. The answer
can be "unknown" if the kernel refuses a file, because the kernel does not give out public keys.
"""

import os
import pathlib
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from lib import keys
from lib.cases import LOADS, Table
from lib.certificatecases import CertificateCases
from lib.fuzzcases import FuzzCases
from lib.guest import Machine
from lib.imacases import AppendedCases, AttributeCases, ImaKeys
from lib.pecases import PeCases

HERE = pathlib.Path(__file__).parent
OUTPUT = HERE.parents[1] / "build/vm/verdicts.txt"
HOST_COMMAND = os.environ.get("CRASHRES_HOST_COMMAND")
FUZZ_FILES = int(os.environ.get("CRASHRES_FUZZ_FILES", "0"))
FUZZ_SEED = int(os.environ.get("CRASHRES_FUZZ_SEED", "2"))

pytestmark = pytest.mark.skipif(not HOST_COMMAND, reason="CRASHRES_HOST_COMMAND does not name a "
                                "crashres for this machine")

MACHINE = Machine("verdicts", words="ima_appraise=enforce log_buf_len=1M "
                  'dyndbg="func kimage_validate_signature +p"')
RULE = "appraise func=KEXEC_KERNEL_CHECK appraise_type=imasig|modsig"

# The error numbers of the PE check (uapi/linux/errno.h, linux/errno.h).
PE_ERRORS = {22: "EINVAL", 61: "ENODATA", 65: "ENOPKG", 74: "EBADMSG", 80: "ELIBBAD",
             90: "EMSGSIZE", 126: "ENOKEY", 129: "EKEYREJECTED", 524: "ENOTSUPP"}


def make_cases(folder, kernel):
    """Returns the table, and the keys for the keyring .ima."""
    beside, table = kernel.parent, Table()
    authority = keys.Authority(folder, beside / "ca.key", beside / "ca.pem")
    signer = keys.Signer(beside / "pe.key", beside / "pe.pem")
    ima_keys = ImaKeys(folder, authority)
    curve = keys.Signer(beside / "pe-ec.key", beside / "pe-ec.pem")
    PeCases(table, folder, authority, signer, curve, ima_keys.sizes).add_all()
    CertificateCases(table, authority, signer).add_all()
    AppendedCases(table, folder, ima_keys, HOST_COMMAND, beside / "sign-file").add_all()
    AttributeCases(table, folder, ima_keys, authority, signer).add_all()
    FuzzCases(table, authority, curve).add_all(files=100, seed=1)
    return table, ima_keys


def list_steps(table):
    """Returns the cases of each step: name -> cases. The guest reads their names from files, because
    a terminal limits the length of a line."""
    return {"pe": [case for case in table.cases if case.kind == "PE"],
            "ima": [case for case in table.cases if case.kind != "PE"],
            "attribute": table.with_attribute(),
            "pe-machine": [case for case in table.named() if case.kind == "PE"],
            "ima-machine": [case for case in table.named() if case.kind != "PE"]}


def list_trusted(table):
    """Returns the certificates for crashres verify --machine: all but one that verify refuses."""
    return sorted({path for case in table.cases for path in case.trusted if path.stem != "rsa2560"})


def list_files(table, ima_keys, folder, crashres):
    """Returns the files of the guest: name -> bytes."""
    files = {f"t/{case.file}": case.data for case in table.cases}
    files |= {f"t/trusted{number:02d}.pem": path.read_bytes()
              for number, path in enumerate(list_trusted(table))}
    for case in table.with_attribute():
        files[f"t/{case.file}.ima"] = case.attribute
        for number, path in enumerate(case.trusted):
            files[f"t/{case.file}.{number}.pem"] = path.read_bytes()
    for name, cases in list_steps(table).items():
        files[f"t/{name}.list"] = " ".join(case.file for case in cases).encode()
    files |= {f"t/key{number:02d}": signer.der for number, signer in enumerate(ima_keys.known)}
    return files | {"bin/kernel-verdict": keys.build_guest_program(folder, HERE / "kernel-verdict.c"),
                    "bin/crashres": crashres}


def ask_kernel(running, step):
    """Returns the results of kexec_file_load: file name -> LOADS, or the name of an error."""
    output = running.check(f"kernel-verdict load $(cat {step}.list)", 600)
    results = dict(line.split() for line in output.splitlines())
    return {file: LOADS if result == "ok" else result for file, result in results.items()}


def ask_pe_check(running):
    """Returns the results of the PE check: file name -> LOADS, or the name of an error."""
    results, file = ask_kernel(running, "pe"), None
    assert set(results.values()) == {LOADS}, results
    for line in running.check("dmesg").splitlines():
        if found := re.search(r"kernel-verdict: (\S+)$", line):
            file = found.group(1)
        elif found := re.search(r"kernel signature verification failed \(-(\d+)\)", line):
            results[file] = PE_ERRORS.get(int(found.group(1)), found.group(1))
    return results


def lock_down(running):
    running.check("mount -t securityfs none /sys/kernel/security")
    running.check("echo integrity > /sys/kernel/security/lockdown")


def appraise(running, table, ima_keys):
    """Adds the keys, sets the attributes, and makes IMA demand signatures."""
    names = [f"key{number:02d}" for number in range(len(ima_keys.known))]
    assert running.check("kernel-verdict key " + " ".join(names)).split("\n") == [
        f"{name} ok" for name in names]
    assert running.check("kernel-verdict attribute $(for file in $(cat attribute.list); do "
                         "echo $file $file.ima; done)").split("\n") == [
        f"{case.file} ok" for case in table.with_attribute()]
    running.check(f"echo '{RULE}' > /sys/kernel/security/ima/policy")


def is_valid(status):
    """Returns whether an exit status of crashres verify says valid. 4: an error was reported."""
    assert status in (0, 1, 4), status
    return status == 0


def verify_on_host(folder, case):
    """Returns whether crashres verify says that a file is valid."""
    path = folder / case.file
    path.write_bytes(case.data)
    return is_valid(subprocess.run(
        [HOST_COMMAND, "verify", *[f"--cert={certificate}" for certificate in case.trusted], path],
        capture_output=True).returncode)


def verify_all(folder, cases):
    """Returns the results of verify_on_host(): file name -> whether it is valid."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip((case.file for case in cases),
                        pool.map(lambda case: verify_on_host(folder, case), cases)))


def verify_in_guest(running):
    """Returns the results of crashres verify in the guest: file name -> whether it is valid."""
    output = running.check("for name in $(cat attribute.list); do certs=; for cert in $name.*.pem; do "
                           "certs=\"$certs --cert=$cert\"; done; "
                           "crashres verify $certs $name >/dev/null 2>&1; echo $name $?; done", 600)
    return {name: is_valid(int(status)) for name, status in map(str.split, output.splitlines())}


def ask_machine(running, step):
    """Returns the answers of crashres verify --machine: file name -> yes, no or unknown."""
    output = running.check("certs=; for cert in trusted*; do certs=\"$certs --cert=$cert\"; done; "
                           f"for name in $(cat {step}-machine.list); do crashres verify --machine "
                           "$certs $name >/dev/null 2>&1; echo $name $?; done", 600)
    return {name: ("yes", "no", "unknown")[int(status)]
            for name, status in map(str.split, output.splitlines())}


def write_table(table, kernel, verified, machine):
    """Writes the table to build/vm/verdicts.txt and returns its text."""
    line = "{:<12}  {:<53}  {:<12}  {:<9}  {}\n"
    text = line.format("signature", "file", "kernel", "--machine", "crashres verify")
    for case in table.named():
        verdict = "valid" if verified[case.file] else "invalid"
        text += line.format(case.kind, case.name, kernel[case.file], machine[case.file],
                            verdict + (f" ({case.stricter})" if case.stricter else ""))
    for what, cases in (("files", table.named()),
                        ("random changes", [case for case in table.cases
                                            if not case.expected and not case.fuzz]),
                        ("changes by structure", [case for case in table.cases if case.fuzz])):
        files = [case.file for case in cases]
        text += f"{len(files)} {what}: {sum(kernel[file] == LOADS for file in files)} loaded; crashres " \
                f"verify says valid for {sum(verified[file] for file in files)}\n"
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(text)
    return text


def find_wrong_answers(table, verdicts, machine):
    """Returns a line for each wrong answer of crashres verify --machine."""
    lines = []
    for case in table.named():
        loads = verdicts[case.file] == LOADS
        right = ("yes", "no") if loads and case.stricter else ("yes",) if loads else \
            ("no", "unknown")
        if machine[case.file] not in right:
            lines.append(f"{case.file}, {case.kind}, {case.name}: crashres verify --machine says "
                         f"{machine[case.file]}, the kernel {verdicts[case.file]}")
    return lines


def find_differences(table, verdicts, verified):
    """Returns a line for each verdict that is not as expected."""
    lines = []
    for case in table.cases:
        kernel, valid = verdicts[case.file], verified[case.file]
        name = f"{case.file}, {case.kind}, {case.name}"
        if case.expected and kernel != case.expected:
            lines.append(f"{name}: the kernel says {kernel}, not {case.expected}")
        if valid and kernel != LOADS:
            lines.append(f"{name}: crashres verify says valid, the kernel {kernel}")
        elif case.expected and valid != case.verify_accepts:
            lines.append(f"{name}: crashres verify says {'valid' if valid else 'invalid'}")
    return lines


@pytest.mark.parametrize("kernel", ["secure"], indirect=True)
def test_verify_never_says_valid_where_the_kernel_refuses(lab, kernel, tmp_path):
    table, ima_keys = make_cases(tmp_path, kernel)
    files = list_files(table, ima_keys, tmp_path, lab.read_crashres())
    with lab.boot(kernel, MACHINE, files) as running:
        running.check("cd /t; chmod 755 /bin/crashres /bin/kernel-verdict")
        verdicts = ask_pe_check(running)
        lock_down(running)
        assert ask_kernel(running, "pe") == {
            file: LOADS if verdict == LOADS else "EPERM" for file, verdict in verdicts.items()}
        machine = ask_machine(running, "pe")
        appraise(running, table, ima_keys)
        verdicts |= ask_kernel(running, "ima")
        machine |= ask_machine(running, "ima")
        verified = verify_in_guest(running)
    verified |= verify_all(tmp_path, [case for case in table.cases if case.attribute is None])
    print(write_table(table, verdicts, verified, machine))
    assert not find_differences(table, verdicts, verified)
    assert not find_wrong_answers(table, verdicts, machine)


@pytest.mark.skipif(not FUZZ_FILES, reason="CRASHRES_FUZZ_FILES is not set")
@pytest.mark.parametrize("kernel", ["secure"], indirect=True)
def test_campaign_of_changes_by_structure(lab, kernel, tmp_path):
    """The kernel sees only the files that crashres verify calls valid."""
    beside, table = kernel.parent, Table()
    FuzzCases(table, keys.Authority(tmp_path, beside / "ca.key", beside / "ca.pem"),
              keys.Signer(beside / "pe-ec.key", beside / "pe-ec.pem")).add_all(FUZZ_FILES, FUZZ_SEED)
    verified = verify_all(tmp_path, table.cases)
    valid = [case for case in table.cases if verified[case.file]]
    files = {f"t/{case.file}": case.data for case in valid}
    files |= {"t/pe.list": " ".join(case.file for case in valid).encode(),
              "bin/kernel-verdict": keys.build_guest_program(tmp_path, HERE / "kernel-verdict.c")}
    with lab.boot(kernel, MACHINE, files) as running:
        running.check("cd /t; chmod 755 /bin/kernel-verdict")
        verdicts = ask_pe_check(running)
    refused = [f"{case.file}, {case.name}: {verdicts[case.file]}" for case in valid
               if verdicts[case.file] != LOADS]
    print(f"seed {FUZZ_SEED}: {len(table.cases)} files, crashres verify says valid for {len(valid)}, "
          f"the kernel refuses {len(refused)} of them")
    assert not refused
