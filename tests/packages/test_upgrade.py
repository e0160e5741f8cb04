# SPDX-License-Identifier: GPL-2.0-or-later
"""Upgrades Debian's kexec-tools to this package, returns to it, and purges both.

The environment variable CRASHRES_PACKAGES names the folder with our packages. CRASHRES_ALL=1 also
tests with Debian 13. HACKING.md ("Packages") shows how to run these tests.
"""

import glob
import os
import re
import shutil
import subprocess

import pytest

from debian_root import SOURCE, Debian, differences, make_archive

VERSION = "installed 1:3.0.0-1"
CHANGED_SETTINGS = """\
# Changed by the administrator
LOAD_KEXEC=false   # not on this machine
KERNEL_IMAGE=/boot/my-kernel
INITRD=
APPEND="quiet console=ttyAMA0"
USE_GRUB_CONFIG=false
"""


def suites():
    return ["bookworm"] + (["trixie"] if os.environ.get("CRASHRES_ALL", "0") != "0" else [])


@pytest.fixture(scope="session")
def packages():
    folder = os.environ.get("CRASHRES_PACKAGES", "")
    found = glob.glob(f"{folder}/kexec-tools_*_arm64.deb")
    assert len(found) == 1, f"CRASHRES_PACKAGES: exactly one kexec-tools must be in {folder!r}"
    return found


@pytest.fixture(params=suites())
def debian(request, packages, tmp_path):
    """A system of a suite in which Debian's kexec-tools is installed."""
    if os.geteuid():
        pytest.skip("only root can make a Debian system in a folder")
    tarball = subprocess.run([SOURCE / "tests/packages/make-root", request.param], check=True,
                             stdout=subprocess.PIPE, text=True).stdout.strip()
    root = tmp_path / "root"
    root.mkdir()
    subprocess.run(["tar", "-x", "-p", "--numeric-owner", "-f", tarball, "-C", root], check=True)
    make_archive(tmp_path / "archives/ours", packages)
    make_archive(tmp_path / "archives/debian", glob.glob(f"{root}/srv/debian/*.deb"))
    yield Debian(root, tmp_path / "archives")
    shutil.rmtree(root)


def debian_version(debian):
    """Returns the version of Debian's package."""
    return debian.version().removeprefix("installed ")


def settings(debian):
    return debian.root / "etc/default/kexec"


def assert_ours(debian):
    """The package is ours, it is whole, and nothing of another package is left."""
    assert debian.version() == VERSION
    assert debian.verify() == ""
    assert sorted(debian.conffiles()) == ["/etc/init.d/kexec", "/etc/init.d/kexec-load"]
    assert [len(values) for values in debian.conffiles().values()] == [1, 1], "obsolete conffiles"
    assert not debian.names(".dpkg-")
    for name in ("sbin/kexec", "sbin/vmcore-dmesg", "sbin/coldreboot", "sbin/kexec-load-kernel"):
        assert (debian.root / "usr" / name).stat().st_mode & 0o777 == 0o755
    mask = debian.root / "usr/lib/systemd/system/kexec.service"
    assert str(mask.readlink()) == "/dev/null"


def test_upgrade_and_return(debian):
    before = debian.files(), debian.questions(), debian.conffiles(), debian.packages()
    version = debian_version(debian)
    debian.upgrade()
    assert_ours(debian)
    assert "etc/default/kexec" not in differences(before[0], debian.files())
    for question, answer in before[1].items():
        assert debian.questions()[question] == answer
    debian.install(f"kexec-tools:arm64={version}")
    assert debian.verify() == ""
    assert differences(before[0], debian.files()) == {}
    assert (debian.questions(), debian.conffiles(), debian.packages()) == before[1:]


def test_changes_of_the_administrator_stay(debian):
    settings(debian).write_text(CHANGED_SETTINGS)
    settings(debian).chmod(0o640)
    (debian.root / "etc/default/kexec.d").mkdir(exist_ok=True)
    (debian.root / "etc/default/kexec.d/local").write_text("APPEND=local\n")
    version = debian_version(debian)
    debian.upgrade()
    assert_ours(debian)
    assert settings(debian).read_text() == CHANGED_SETTINGS
    assert settings(debian).stat().st_mode & 0o777 == 0o640
    assert (debian.root / "etc/default/kexec.d/local").read_text() == "APPEND=local\n"
    answers = {name.lstrip("* "): value for name, value in debian.questions().items()}
    assert answers == {"kexec-tools/load_kexec": "false", "kexec-tools/use_grub_config": "false"}
    debian.install(f"kexec-tools:arm64={version}")
    assert (debian.root / "etc/default/kexec.d/local").read_text() == "APPEND=local\n"


def test_a_changed_init_script_is_kept_on_the_return_to_debian_13(debian):
    """Debian 13's package has no init scripts; dpkg gives changed ones this name."""
    version = debian_version(debian)
    debian.upgrade()
    script = debian.root / "etc/init.d/kexec-load"
    script.write_text(script.read_text() + "# changed\n")
    text = script.read_text()
    debian.install(f"kexec-tools:arm64={version}")
    kept = debian.root / "etc/init.d/kexec-load.dpkg-bak"
    is_13 = not (debian.root / "etc/init.d/kexec").exists()
    assert kept.exists() == is_13
    assert (kept if is_13 else script).read_text() == text


# Settings that an administrator can write, and the answers that debconf takes from them.
UNUSUAL_SETTINGS = (
    ("# only the kernel\nKERNEL_IMAGE=/vmlinuz\n", "false", "false"),
    ("LOAD_KEXEC=1\nexport USE_GRUB_CONFIG='true' # GRUB\n", "true", "true"),
    ("LOAD_KEXEC=yes\n", "false", "false"),
    ("LOAD_KEXEC=true\nLOAD_KEXEC=false\n", "false", "false"),
    ("LOAD_KEXEC=true\nif broken\n", "false", "false"),
    ("echo text; LOAD_KEXEC=true; exit 7\n", "false", "false"),
    ("", "false", "false"),
)


def test_unusual_settings(debian):
    debian.upgrade()
    for text, *answers in UNUSUAL_SETTINGS:
        settings(debian).write_text(text)
        debian.run("dpkg-reconfigure", "kexec-tools")
        assert settings(debian).read_text() == text
        found = {name.lstrip("* "): value for name, value in debian.questions().items()}
        assert [found["kexec-tools/load_kexec"], found["kexec-tools/use_grub_config"]] == answers


def test_settings_behind_a_link(debian):
    settings(debian).rename(debian.root / "etc/local-kexec")
    settings(debian).symlink_to("../local-kexec")
    debian.upgrade()
    assert str(settings(debian).readlink()) == "../local-kexec"


def assert_nothing_left(debian, before):
    """After a purge: no file, no link of an init script, no question of debconf."""
    assert differences(before, debian.files()) == {}
    assert debian.names("kexec") == []
    assert debian.questions() == {}
    for name in ("config.dat", "templates.dat", "passwords.dat"):
        path = debian.root / "var/cache/debconf" / name
        assert not path.exists() or "kexec" not in path.read_text()
    assert "kexec" not in debian.packages()


def test_fresh_installation_and_purge(debian):
    debian.purge()
    before = debian.files()
    assert_nothing_left(debian, before)
    debian.install("kexec-tools:arm64")
    assert_ours(debian)
    values = dict(re.findall(r"(?m)^(\w+)=(.*)$", settings(debian).read_text()))
    assert values == {"LOAD_KEXEC": "true", "KERNEL_IMAGE": '"/vmlinuz"', "INITRD": '"/initrd.img"',
                      "APPEND": '""', "USE_GRUB_CONFIG": "false"}
    assert settings(debian).stat().st_mode & 0o777 == 0o644
    debian.purge()
    assert_nothing_left(debian, before)


def test_answers_before_a_fresh_installation(debian):
    debian.purge()
    (debian.root / "etc/kernel-img.conf").write_text("do_symlinks = yes\nlink_in_boot = yes\n")
    (debian.root / "boot/grub").mkdir(parents=True)
    debian.run("sh", "-c", "printf '%s\n' 'kexec-tools kexec-tools/load_kexec boolean false' "
               "'kexec-tools kexec-tools/use_grub_config boolean true' | debconf-set-selections")
    debian.install("kexec-tools:arm64")
    values = dict(re.findall(r"(?m)^(\w+)=(.*)$", settings(debian).read_text()))
    assert values == {"LOAD_KEXEC": "false", "KERNEL_IMAGE": '"/boot/vmlinuz"',
                      "INITRD": '"/boot/initrd.img"', "APPEND": '""', "USE_GRUB_CONFIG": "true"}


def test_a_new_answer_changes_one_value(debian):
    settings(debian).write_text(CHANGED_SETTINGS)
    debian.upgrade()
    (debian.root / "boot/grub").mkdir(parents=True, exist_ok=True)
    # This frontend of debconf needs a terminal, which script makes, and reads an answer to each question.
    debian.run("sh", "-c", "printf 'yes\\nyes\\n' | "
               "script -q -e -c 'dpkg-reconfigure -plow kexec-tools' /dev/null",
               DEBIAN_FRONTEND="teletype", TERM="dumb")
    assert settings(debian).read_text() == CHANGED_SETTINGS.replace(
        "LOAD_KEXEC=false", "LOAD_KEXEC=true").replace("CONFIG=false", "CONFIG=true")


@pytest.mark.parametrize("operation", ["remove", "purge"])
def test_a_removal_starts_no_kernel(debian, operation):
    """A kernel is loaded, and kexec is a program that writes down its arguments."""
    debian.upgrade()
    (debian.root / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 0\n")
    debian.set_kexec_loaded(1)
    debian.replace_kexec()
    debian.run("apt-get", operation, "-q", "-y", "kexec-tools:arm64")
    assert not (debian.root / "calls").exists()


def test_init_scripts_of_the_package(debian):
    """The scripts run with Debian's own functions for init scripts."""
    debian.upgrade()
    debian.replace_kexec()
    (debian.root / "usr/sbin/runlevel").write_text("#!/bin/sh\necho 2 6\n")
    (debian.root / "usr/sbin/runlevel").chmod(0o755)
    settings(debian).write_text("LOAD_KEXEC=true\nKERNEL_IMAGE=/vmlinuz\nAPPEND='a  b'\n")
    debian.run("/etc/init.d/kexec-load", "stop")
    debian.run("/etc/init.d/kexec", "stop")
    assert (debian.root / "calls").read_text() == "-l /vmlinuz --append=a  b\n"
    debian.set_kexec_loaded(1)
    debian.run("/etc/init.d/kexec-load", "stop")
    debian.run("/etc/init.d/kexec", "stop")
    assert (debian.root / "calls").read_text() == "-l /vmlinuz --append=a  b\n-e\n"
