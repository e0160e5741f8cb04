# SPDX-License-Identifier: GPL-2.0-or-later
"""Compiles the SELinux module of packaging/selinux, and shows what it adds to Debian's policy.

The policy comes from "tests/vm/fetch policy". Nothing is loaded into the kernel.
"""

import bz2
import os
import shutil
import subprocess

import pytest

setools = pytest.importorskip("setools", reason="python3-setools is not installed")

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
SOURCE = os.path.join(TOP, "packaging/selinux")
DEVEL = "/usr/share/selinux/devel/Makefile"

# Rules that kexec needs: the target type, the class, the permissions.
ALREADY_ALLOWED = [
    ("kdump_t", "process", {"fork"}),
    ("kdump_t", "capability", {"sys_boot", "sys_rawio"}),
    ("boot_t", "file", {"open", "read"}),
    ("proc_t", "file", {"open", "read"}),
    ("proc_kcore_t", "file", {"open", "read"}),
    ("sysfs_t", "file", {"open", "read"}),
    ("etc_t", "file", {"open", "read"}),
]
ADDED = [
    ("crashres_tmpfs_t", "file", {"getattr", "map", "read", "write"}),
    ("crashres_run_t", "dir", {"create", "add_name", "remove_name", "search", "write"}),
    ("crashres_run_t", "file", {"create", "open", "read", "rename", "unlink", "write"}),
    ("sysctl_kernel_t", "file", {"open", "read"}),
    ("security_t", "file", {"open", "read"}),
    ("efivarfs_t", "file", {"open", "read"}),
    ("kdump_t", "capability", {"sys_admin"}),
    ("var_lib_t", "file", {"open", "read"}),
]

# A policy that is just large enough to resolve crashres-newer.cil.
BASE = """
(sid kernel) (sidorder (kernel))
(class system ({system})) (class process (fork)) {classes}
(classorder (system process {order}))
(sensitivity s0) (sensitivityorder (s0)) (category c0) (categoryorder (c0)) (sensitivitycategory s0 (c0))
(role r) (user u) (userrole u r) (userlevel u (s0)) (userrange u ((s0) (s0)))
(type t) (type kdump_t) (type crashres_tmpfs_t) (roletype r t) (roletype r kdump_t) (roletype r crashres_tmpfs_t)
(sidcontext kernel (u r t ((s0) (s0))))
(allow kdump_t self (process (fork)))
"""


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")


def run(*command, cwd=None):
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}"
    return done.stdout


def query(path, **criteria):
    """Returns the rules of a binary policy that have kdump_t as source."""
    return list(setools.TERuleQuery(path, source="kdump_t", **criteria).results())


def is_conditional(rule):
    try:
        return bool(rule.conditional)
    except setools.exception.RuleNotConditional:
        return False


def allowed(policy, target, tclass):
    """Returns the permissions of kdump_t on a type, without those that depend on a boolean."""
    found = query(policy, ruletype=["allow"], target=target, tclass=[tclass])
    return {permission for rule in found if not is_conditional(rule) for permission in rule.perms}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the two modules of Debian's policy that have rules for kdump_t."""
    need("semodule_link", "semodule_expand", "make", "m4", "checkmodule")
    if not os.path.exists(DEVEL):
        pytest.skip("selinux-policy-dev is not installed")
    done = subprocess.run([os.path.join(TOP, "tests/vm/fetch"), "policy"], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("no SELinux policy of Debian: " + done.stderr.strip())
    work = tmp_path_factory.mktemp("selinux")
    for name in "base", "kdump":
        with bz2.open(f"{done.stdout.strip()}/usr/share/selinux/default/{name}.pp.bz2") as packed:
            (work / f"{name}.pp").write_bytes(packed.read())
    return work


@pytest.fixture(scope="module")
def module(folder, tmp_path_factory):
    work = tmp_path_factory.mktemp("module")
    for name in "te", "fc", "if":
        shutil.copy(f"{SOURCE}/crashres.{name}", work)
    run("make", "-f", DEVEL, "crashres.pp", cwd=work)
    return str(work / "crashres.pp")


def link(folder, name, *modules):
    """Links modules with Debian's policy. Returns the policy that the kernel would load."""
    run("semodule_link", "-o", f"{folder}/{name}.mod", f"{folder}/base.pp", f"{folder}/kdump.pp", *modules)
    run("semodule_expand", f"{folder}/{name}.mod", f"{folder}/{name}")
    return setools.SELinuxPolicy(f"{folder}/{name}")


@pytest.fixture(scope="module")
def policies(folder, module):
    """Debian's policy without and with the module."""
    return link(folder, "before"), link(folder, "after", module)


@pytest.mark.parametrize("target, tclass, permissions", ALREADY_ALLOWED)
def test_rule_of_the_base_policy(policies, target, tclass, permissions):
    assert permissions <= allowed(policies[0], target, tclass)


@pytest.mark.parametrize("target, tclass, permissions", ADDED)
def test_added_rule(policies, target, tclass, permissions):
    if not target.startswith("crashres"):
        assert not permissions & allowed(policies[0], target, tclass)
    assert permissions <= allowed(policies[1], target, tclass)


def test_labels_of_new_files(policies):
    before, after = ({str(rule) for rule in query(policy, ruletype=["type_transition"])} for policy in policies)
    assert after - before == {"type_transition kdump_t tmpfs_t:file crashres_tmpfs_t;",
                              "type_transition kdump_t var_run_t:dir crashres_run_t crashres;"}


@pytest.mark.parametrize("newer", [False, True])
def test_rules_for_newer_kernels(tmp_path, newer):
    need("secilc")
    (tmp_path / "base.cil").write_text(BASE.format(
        system="module_load kexec_image_load kexec_initramfs_load" if newer else "module_load",
        classes="(class memfd_file (create getattr map read write execute))" if newer else "",
        order="memfd_file" if newer else ""))
    run("secilc", "-N", "-o", f"{tmp_path}/policy", "-f", "/dev/null", f"{tmp_path}/base.cil",
        f"{SOURCE}/crashres-newer.cil")
    expected = {"allow kdump_t kdump_t:process fork;"}
    if newer:
        expected |= {"allow kdump_t crashres_tmpfs_t:system { kexec_image_load kexec_initramfs_load };",
                     "allow kdump_t kdump_t:memfd_file { create getattr map read write };",
                     "allow kdump_t kdump_t:system { kexec_image_load kexec_initramfs_load };"}
    policy = setools.SELinuxPolicy(f"{tmp_path}/policy")
    assert {str(rule) for rule in query(policy, ruletype=["allow"])} == expected
