# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs packaging/release in a small tree that is ready for a release, and breaks one thing in each case."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

RELEASE = Path(__file__).resolve().parents[2] / "packaging/release"
FILES = {
    "configure.ac": "AC_INIT([crashres], [3.0.0])\n"
                    "AC_SUBST([LIBCRASHRES_LTVERSION], [0:0:0])\nAC_SUBST([LIBCRASHRES_IMA_LTVERSION], [0:0:0])\n",
    "NEWS.md": "# What is new\n\n## 3.0.0 (2020-11-20)\n\nThe first release.\n",
    "README.md": "`kexec --version` prints `kexec-crashres 3.0.0`.\n",
    "man/kexec.8": '.TH KEXEC 8 2020-11-20 "crashres 3.0.0" "System Administration"\n',
    "packaging/debian/changelog": "crashres (3.0.0-1) unstable; urgency=medium\n\n  * First.\n\n"
                                  " -- developers <d@example.org>  Fri, 20 Nov 2020 12:00:00 +0000\n",
    "packaging/crashres.spec": "Version:        3.0.0\n\n%changelog\n"
                               "* Fri Nov 20 2020 developers <d@example.org> - 3.0.0-1\n- First.\n",
    "include/crashres/crashres.h": "",
    "libcrashres/base/ctx.c": "",
    "libcrashres-ima/sign.c": "",
}
CONFIGURE, NEWS, MAN = "configure.ac has the version", "the newest entry of NEWS.md has the version and a date", \
    "each man page names the version"
README, DEBIAN = "README.md names the version", "the Debian changelog has the version, the date of NEWS.md and a suite"
SPEC, LIBTOOL = "the RPM spec has the version and the date of NEWS.md", "the libtool version of each changed library is new"
CLEAN, NO_TAG = "git has all files, and none is changed", "the tag does not exist yet"
TAG = "the tag is signed, and names this commit"
CHECKS = [CONFIGURE, NEWS, MAN, README, DEBIAN, SPEC, LIBTOOL, CLEAN, NO_TAG]

pytestmark = pytest.mark.skipif(not shutil.which("git"), reason="git is missing")


class Clone:
    """A clone with the files that a release needs."""

    def __init__(self, folder):
        self.folder = folder
        # No settings of the machine: neither a signing key nor a date.
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(folder.parent), "GIT_CONFIG_NOSYSTEM": "1"}
        for name, text in FILES.items():
            self.write(name, text)
        shutil.copy(RELEASE, folder / "packaging")
        self.git("init", "-q")
        for key, value in (("user.name", "Developer"), ("user.email", "d@example.org")):
            self.git("config", key, value)
        self.commit()

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def replace(self, name, old, new):
        text = (self.folder / name).read_text()
        assert old in text
        self.write(name, text.replace(old, new, 1))

    def git(self, *arguments):
        subprocess.run(["git", *arguments], cwd=self.folder, env=self.environment, check=True)

    def commit(self):
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "release")

    def release(self, *arguments):
        return subprocess.run(["python3", "-B", "packaging/release", *arguments], cwd=self.folder, env=self.environment,
                              capture_output=True, text=True, check=False)

    def expect_failure(self, check, reason, *arguments):
        """Runs packaging/release: every line is "ok", except that of one check."""
        done = self.release(*arguments, "3.0.0")
        assert [line for line in done.stdout.splitlines() if not line.startswith("ok - ")] == \
            [f"not ok - {check}: {reason}"]
        assert done.returncode == 1


@pytest.fixture
def clone(tmp_path):
    (tmp_path / "clone").mkdir()
    return Clone(tmp_path / "clone")


def test_ready(clone):
    done = clone.release("3.0.0")
    assert (done.returncode, done.stdout, done.stderr) == (0, "".join(f"ok - {check}\n" for check in CHECKS), "")


@pytest.mark.parametrize("name, old, new, check, reason", [
    ("configure.ac", "3.0.0", "3.0.1", CONFIGURE, "configure.ac: the version is 3.0.1, not 3.0.0"),
    ("man/kexec.8", "3.0.0", "2.9.0", MAN, "man/kexec.8: the version is 2.9.0, not 3.0.0"),
    ("README.md", "3.0.0", "2.9.0", README, "README.md: the version is 2.9.0, not 3.0.0"),
    ("README.md", "kexec-crashres 3.0.0", "crashres-2.9.0.tar.gz", README,
     "README.md: the version is 2.9.0, not 3.0.0"),
    ("README.md", "kexec-crashres 3.0.0", "crashres", README, "README.md: no version"),
    ("packaging/debian/changelog", "(3.0.0-1)", "(3.0.1-1)", DEBIAN,
     "packaging/debian/changelog: the version is 3.0.1, not 3.0.0"),
    ("packaging/debian/changelog", "unstable", "UNRELEASED", DEBIAN,
     "packaging/debian/changelog: the suite is UNRELEASED"),
    ("packaging/debian/changelog", "Fri, 20", "Thu, 19", DEBIAN,
     "packaging/debian/changelog: the date is 2020-11-19, in NEWS.md it is 2020-11-20"),
    ("packaging/crashres.spec", "Version:        3.0.0", "Version: 3.1.0", SPEC,
     "packaging/crashres.spec: the version is 3.1.0, not 3.0.0"),
    ("packaging/crashres.spec", "- 3.0.0-1", "- 3.0.0~rc1-1", SPEC,
     "packaging/crashres.spec, %changelog: the version is 3.0.0~rc1, not 3.0.0"),
    ("packaging/crashres.spec", "Fri Nov 20", "Sat Nov 21", SPEC,
     "packaging/crashres.spec: the date is 2020-11-21, in NEWS.md it is 2020-11-20"),
])
def test_one_wrong_line(clone, name, old, new, check, reason):
    clone.replace(name, old, new)
    clone.commit()
    clone.expect_failure(check, reason)


@pytest.mark.parametrize("date, reason", [
    ("(not released yet)", 'NEWS.md: version 3.0.0 has no date: replace "(not released yet)"'),
    ("(soon)", 'NEWS.md: "(soon)" is not a date like (2026-12-31)'),
    ("(2020-02-30)", 'NEWS.md: "(2020-02-30)" is not a date like (2026-12-31)'),
])
def test_news_without_a_date(clone, date, reason):
    clone.replace("NEWS.md", "(2020-11-20)", date)
    clone.commit()
    done = clone.release("3.0.0")
    assert done.returncode == 1
    assert [line for line in done.stdout.splitlines() if not line.startswith("ok - ")] == \
        [f"not ok - {check}: {reason}" for check in (NEWS, DEBIAN, SPEC)]


def test_news_of_another_version(clone):
    clone.replace("NEWS.md", "# What is new\n", "# What is new\n\n## 3.1.0 (not released yet)\n")
    clone.commit()
    assert f"not ok - {NEWS}: NEWS.md: the version is 3.1.0, not 3.0.0\n" in clone.release("3.0.0").stdout


def test_news_of_the_future(clone):
    for name, old, new in (("NEWS.md", "2020", "2926"), ("packaging/debian/changelog", "Fri, 20 Nov 2020", "Sun, 20 Nov 2926"),
                           ("packaging/crashres.spec", "Fri Nov 20 2020", "Sun Nov 20 2926")):
        clone.replace(name, old, new)
    clone.commit()
    clone.expect_failure(NEWS, "NEWS.md: 2926-11-20 is in the future")


def test_a_missing_file(clone):
    (clone.folder / "packaging/crashres.spec").unlink()
    clone.commit()
    clone.expect_failure(SPEC, "cannot read packaging/crashres.spec: No such file or directory")


def test_changed_and_unknown_files(clone):
    clone.write("libcrashres/base/ctx.c", "int changed;\n")
    clone.write("new", "")
    clone.expect_failure(CLEAN, "git status: 2 files are changed or unknown to git")


@pytest.mark.parametrize("name, variable", [
    ("include/crashres/crashres.h", "LIBCRASHRES_LTVERSION"), ("libcrashres/base/ctx.c", "LIBCRASHRES_LTVERSION"),
    ("libcrashres-ima/sign.c", "LIBCRASHRES_IMA_LTVERSION"),
])
def test_a_changed_library_needs_another_libtool_version(clone, name, variable):
    clone.git("tag", "v2.9.0")
    clone.write(name, "int changed;\n")
    clone.commit()
    library = "libcrashres-ima" if "IMA" in variable else "libcrashres"
    clone.expect_failure(LIBTOOL, f"configure.ac: {variable} is that of v2.9.0, but {library} has changed since")
    clone.replace("configure.ac", f"[{variable}], [0:0:0]", f"[{variable}], [0:1:0]")
    clone.commit()
    assert clone.release("3.0.0").returncode == 0


def test_the_tag_exists(clone):
    clone.git("tag", "v3.0.0")
    clone.expect_failure(NO_TAG, "the tag v3.0.0 exists")


def test_a_tag_without_signature(clone):
    clone.git("tag", "v3.0.0")
    clone.expect_failure(TAG, "the tag v3.0.0 has no signature: make it with git tag -s", "--tagged")
    clone.git("tag", "-f", "-a", "-m", "crashres 3.0.0", "v3.0.0")
    clone.expect_failure(TAG, "git verify-tag: error: no signature found", "--tagged")


def sign_with_ssh(clone):
    """Makes an SSH key that the clone signs with, and that it trusts."""
    if not shutil.which("ssh-keygen"):
        pytest.skip("ssh-keygen is missing (Debian: openssh-client)")
    key = clone.folder.parent / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    allowed = clone.folder.parent / "allowed"
    allowed.write_text(f"d@example.org {key.with_suffix('.pub').read_text()}")
    for name, value in (("gpg.format", "ssh"), ("user.signingKey", f"{key}.pub"), ("gpg.ssh.allowedSignersFile", allowed)):
        clone.git("config", name, str(value))


def test_a_signed_tag(clone):
    sign_with_ssh(clone)
    clone.git("tag", "-s", "-m", "crashres 3.0.0", "v3.0.0")
    done = clone.release("--tagged", "3.0.0")
    assert (done.returncode, done.stdout) == (0, "".join(f"ok - {check}\n" for check in CHECKS[:-1] + [TAG]))


def test_a_tag_of_another_commit(clone):
    sign_with_ssh(clone)
    clone.git("tag", "-s", "-m", "crashres 3.0.0", "v3.0.0")
    clone.write("later", "later\n")
    clone.commit()
    clone.expect_failure(TAG, "the tag v3.0.0 names another commit than HEAD", "--tagged")


@pytest.mark.parametrize("arguments, message", [
    ([], "the following arguments are required: VERSION"),
    (["3.0"], 'VERSION takes three numbers such as 3.0.0, not "3.0"'),
    (["v3.0.0"], 'VERSION takes three numbers such as 3.0.0, not "v3.0.0"'),
])
def test_wrong_arguments(clone, arguments, message):
    done = clone.release(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(f"packaging/release: error: {message}\n")
