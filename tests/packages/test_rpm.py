# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks the RPM packages of packaging/rpm: files, relations, rpmlint, and the replacement of kexec-tools.

CRASHRES_RPMS is the folder of the packages (default: build/rpms). The replacement runs in an RPM
database below a temporary folder, with stand-ins for the packages of Fedora.
"""

import os
import re
import shutil
import subprocess
import sys

import pytest

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
SPEC = os.path.join(TOP, "packaging/crashres.spec")
RPMS = os.environ.get("CRASHRES_RPMS", os.path.join(TOP, "build/rpms"))
VERSION = "3.0.0-1"
MACHINE = os.uname().machine

pytestmark = pytest.mark.skipif(not shutil.which("rpmbuild"), reason="rpmbuild is not installed")

MAIN_FILES = """
/usr/bin/crashres
/usr/lib/kernel
/usr/lib/kernel/install.d
/usr/lib/kernel/install.d/92-crashres.install
/usr/lib/systemd/system/crashres-seal.path
/usr/lib/systemd/system/crashres-seal.service
/usr/libexec/crashres
/usr/libexec/crashres/crashres-post.sh
/usr/libexec/crashres/crashres-report
/usr/share/bash-completion/completions/crashres
/usr/share/doc/crashres-3.0.0
/usr/share/doc/crashres-3.0.0/NEWS.md
/usr/share/doc/crashres-3.0.0/README.md
/usr/share/doc/crashres-3.0.0/seal.conf
/usr/share/fish
/usr/share/fish/vendor_completions.d
/usr/share/fish/vendor_completions.d/crashres.fish
/usr/share/licenses/crashres-3.0.0
/usr/share/licenses/crashres-3.0.0/COPYING
/usr/share/licenses/crashres-3.0.0/COPYING.LESSER
/usr/share/man/man1/crashres.1.gz
/usr/share/man/man5/crashres-seal.conf.5.gz
/usr/share/man/man7/crashres-secureboot.7.gz
/usr/share/zsh
/usr/share/zsh/site-functions
/usr/share/zsh/site-functions/_crashres
"""
KEXEC_FILES = """
/usr/sbin/kexec
/usr/sbin/vmcore-dmesg
/usr/share/bash-completion/completions/kexec
/usr/share/bash-completion/completions/vmcore-dmesg
/usr/share/fish
/usr/share/fish/vendor_completions.d
/usr/share/fish/vendor_completions.d/kexec.fish
/usr/share/fish/vendor_completions.d/vmcore-dmesg.fish
/usr/share/licenses/crashres-kexec-3.0.0
/usr/share/licenses/crashres-kexec-3.0.0/COPYING
/usr/share/licenses/crashres-kexec-3.0.0/COPYING.LESSER
/usr/share/man/man8/kexec.8.gz
/usr/share/man/man8/vmcore-dmesg.8.gz
/usr/share/zsh
/usr/share/zsh/site-functions
/usr/share/zsh/site-functions/_kexec
/usr/share/zsh/site-functions/_vmcore-dmesg
"""
LIBS_FILES = """
/usr/lib64/libcrashres.so.0
/usr/lib64/libcrashres.so.0.0.0
/usr/share/licenses/crashres-libs-3.0.0
/usr/share/licenses/crashres-libs-3.0.0/COPYING.LESSER
"""
IMA_LIBS_FILES = """
/usr/lib64/libcrashres-ima.so.0
/usr/lib64/libcrashres-ima.so.0.0.0
/usr/share/licenses/crashres-ima-libs-3.0.0
/usr/share/licenses/crashres-ima-libs-3.0.0/COPYING.LESSER
"""
DEVEL_FILES = """
/usr/include/crashres
/usr/include/crashres/crashres.h
/usr/include/crashres/ima.h
/usr/lib64/libcrashres-ima.so
/usr/lib64/libcrashres.so
/usr/lib64/pkgconfig/libcrashres-ima.pc
/usr/lib64/pkgconfig/libcrashres.pc
"""
FILES = {"crashres": MAIN_FILES, "crashres-kexec": KEXEC_FILES, "crashres-libs": LIBS_FILES,
         "crashres-ima-libs": IMA_LIBS_FILES, "crashres-devel": DEVEL_FILES}

# The files of Fedora's kexec-tools and kdump-utils, by their spec files.
KEXEC_TOOLS_FILES = ["/usr/sbin/kexec", "/usr/sbin/vmcore-dmesg", "/usr/share/man/man8/kexec.8.gz",
                     "/usr/share/man/man8/vmcore-dmesg.8.gz", "/usr/share/doc/kexec-tools/News",
                     "/usr/share/doc/kexec-tools/TODO", "/usr/share/licenses/kexec-tools/COPYING"]
KDUMP_UTILS_FILES = ["/usr/bin/kdumpctl", "/usr/sbin/mkdumprd", "/usr/lib/kdump/kdump-lib.sh",
                     "/etc/sysconfig/kdump", "/etc/kdump.conf", "/etc/kdump/pre.d/", "/etc/kdump/post.d/",
                     "/var/crash/", "/var/lib/kdump/", "/usr/lib/udev/rules.d/98-kexec.rules",
                     "/usr/lib/udev/kdump-udev-throttler",
                     "/usr/lib/dracut/modules.d/99kdumpbase/module-setup.sh",
                     "/usr/lib/dracut/modules.d/99earlykdump/module-setup.sh",
                     "/usr/share/man/man8/kdumpctl.8.gz", "/usr/share/man/man8/mkdumprd.8.gz",
                     "/usr/share/man/man5/kdump.conf.5.gz", "/usr/lib/systemd/system/kdump.service",
                     "/usr/lib/systemd/system-generators/kdump-dep-generator.sh",
                     "/usr/lib/kernel/install.d/60-kdump.install",
                     "/usr/lib/kernel/install.d/92-crashkernel.install",
                     "/usr/share/licenses/kdump-utils/COPYING"]


def run(*command, status=0):
    """Runs a command, and returns its output and messages as one text."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                          env={**os.environ, "LC_ALL": "C"})
    assert done.returncode == status, f"{' '.join(command)}\n{done.stdout}"
    return done.stdout


def package(name, arch="aarch64"):
    """Returns the path of a package of crashres, or skips the test if it was not built."""
    path = os.path.join(RPMS, f"{name}-{VERSION}.{arch}.rpm")
    if not os.path.exists(path):
        pytest.skip(f"{os.path.basename(path)} is missing: run packaging/rpm first")
    return path


def query(option, path):
    """Returns the lines that rpm -qp prints for an option."""
    return run("rpm", "-qp", option, path).splitlines()


def names(spec_options, spec=SPEC):
    """Returns the names of the packages that a spec file makes."""
    return run("rpmspec", "-q", "--qf", "%{name}\n", *spec_options, spec).split()


def expand(*spec_options):
    """Returns the spec file with all macros expanded."""
    return run("rpmspec", "-P", *spec_options, SPEC)


# -------------------------------------------------------------------- files


@pytest.mark.parametrize("arch", sorted({MACHINE, "aarch64"}))
@pytest.mark.parametrize("name", FILES)
def test_files(name, arch):
    if name == "crashres-kexec" and arch != "aarch64":
        package("crashres", arch)
        assert not os.path.exists(os.path.join(RPMS, f"{name}-{VERSION}.{arch}.rpm"))
        return
    files = [file for file in query("--list", package(name, arch)) if "/.build-id" not in file]
    assert files == FILES[name].split()


def test_programs_are_for_arm64(tmp_path):
    command = f"rpm2cpio {package('crashres-kexec')} | cpio -id --quiet -D {tmp_path} ./usr/sbin/kexec"
    run("sh", "-c", command)
    assert "ARM aarch64" in run("file", f"{tmp_path}/usr/sbin/kexec")


def test_kexec_needs_only_libc_and_zlib():
    """dracut's shutdown hook can copy kexec alone: beside libc, only libz is sure to be there."""
    libraries = {line.split("(")[0] for line in query("--requires", package("crashres-kexec")) if ".so." in line}
    assert libraries == {"ld-linux-aarch64.so.1", "libc.so.6", "libz.so.1"}


def test_relations_of_the_library_packages():
    requires = query("--requires", package("crashres-devel"))
    assert f"crashres-libs(aarch-64) = {VERSION}" in requires
    assert f"crashres-ima-libs(aarch-64) = {VERSION}" in requires
    assert "libcrashres.so.0()(64bit)" in query("--provides", package("crashres-libs"))
    assert "libcrashres.so.0()(64bit)" in query("--requires", package("crashres-ima-libs"))
    assert not [line for line in query("--requires", package("crashres-libs")) if "crypto" in line]


def test_versions_agree():
    with open(os.path.join(TOP, "configure.ac"), encoding="utf-8") as file:
        [version] = re.findall(r"^AC_INIT\(\[crashres\], \[(.*)\]\)", file.read(), re.M)
    with open(SPEC, encoding="utf-8") as file:
        text = file.read()
    assert re.findall(r"^Version: +(.*)$", text, re.M) == [version]
    assert re.findall(r"^%changelog\n\* .* - (.*)-\d+$", text, re.M) == [version]


def test_the_tarball_contains_its_spec_file(tmp_path):
    """rpmbuild -ta builds the packages from the tarball alone."""
    run("rpm", "--root", str(tmp_path), "--ignorearch", "--define", "_topdir /topdir", "-i", package("crashres", "src"))
    tarball = f"{tmp_path}/topdir/SOURCES/crashres-3.0.0.tar.gz"
    run("rpmbuild", "-ts", "--nodeps", "--define", f"_topdir {tmp_path}/again", tarball)
    assert os.listdir(f"{tmp_path}/again/SRPMS") == [f"crashres-{VERSION}.src.rpm"]


@pytest.mark.skipif(not shutil.which("rpmlint"), reason="rpmlint is not installed")
def test_rpmlint():
    paths = [package("crashres", "src"), *(package(name) for name in FILES)]
    if MACHINE != "aarch64":
        paths += [package(name, MACHINE) for name in FILES if name != "crashres-kexec"]
    output = run("rpmlint", "-c", os.path.join(TOP, "packaging/rpmlint.toml"), SPEC, *paths)
    assert "0 errors, 0 warnings" in output, output


# ----------------------------------------------- other distributions, by macros


FEDORA = ["--define", "fedora 42", "--define", "_sbindir /usr/bin", "--define", "_isa (aarch-64)",
          "--define", "systemd_post() SYSTEMD_POST %*", "--define", "systemd_preun() SYSTEMD_PREUN %*",
          "--define", "systemd_postun() SYSTEMD_POSTUN %*"]
SUSE = ["--define", "suse_version 1600", "--define", "regenerate_initrd_post INITRD_POST",
        "--define", "regenerate_initrd_posttrans INITRD_POSTTRANS",
        *[word for name in ("add_pre", "add_post", "del_preun", "del_postun")
          for word in ("--define", f"service_{name}() SERVICE_{name} %*")]]
UNITS = "crashres-seal.path crashres-seal.service"


def section(text, head):
    """Returns the lines of one section of an expanded spec file, without empty lines."""
    body = re.search(rf"^{re.escape(head)}\n((?:(?!%(?:pre|post|files|changelog)).*\n)*)", text, re.M)
    return [line for line in body.group(1).splitlines() if line and not line.startswith("#")]


def build_requires(text):
    return set(re.findall(r"^BuildRequires: +(\S+)", text, re.M))


def test_fedora():
    text = expand(*FEDORA, "--target", "aarch64")
    assert section(text, "%post") == [f"SYSTEMD_POST {UNITS}"]
    assert section(text, "%preun") == [f"SYSTEMD_PREUN {UNITS}"]
    assert section(text, "%postun") == [f"SYSTEMD_POSTUN {UNITS}"]
    assert "Provides:       /usr/sbin/kexec" in text
    assert "/usr/lib/dracut/dracut.conf.d/50-crashres-kexec.conf" in section(text, "%files kexec")
    assert not re.search("^ *--with-static-libs", text, re.M)
    assert {"bzip2-devel", "libfdt-devel", "systemd-rpm-macros"} < build_requires(text)
    assert not [name for name in build_requires(text) if "static" in name or "aarch64" in name]


def test_fedora_on_another_architecture():
    text = expand(*FEDORA, "--target", "x86_64")
    assert {"gcc-aarch64-linux-gnu", "binutils-aarch64-linux-gnu"} < build_requires(text)
    assert "crashres-kexec" not in names([*FEDORA, "--target", "x86_64"])


def test_static_libraries_on_request():
    text = expand(*FEDORA, "--target", "aarch64", "--with", "static_libs")
    assert {name for name in build_requires(text) if "static" in name} == {
        "bzip2-static", "elfutils-libelf-devel-static", "libfdt-static", "libzstd-static", "lz4-static", "xz-static"}
    assert "--with-static-libs" in text


def test_suse():
    text = expand(*SUSE, "--target", "aarch64")
    assert section(text, "%pre") == [f"SERVICE_add_pre {UNITS}"]
    assert section(text, "%post") == [f"SERVICE_add_post {UNITS}"]
    assert section(text, "%preun") == [f"SERVICE_del_preun {UNITS}"]
    assert section(text, "%postun") == [f"SERVICE_del_postun {UNITS}"]
    assert section(text, "%post kexec") == ["INITRD_POST"]
    assert section(text, "%postun kexec") == ["INITRD_POST"]
    assert section(text, "%posttrans kexec") == ["INITRD_POSTTRANS"]
    assert {"libbz2-devel", "libfdt-devel"} < build_requires(text)
    assert "Recommends:     kdump\n" in text


@pytest.mark.parametrize("release", ["fedora 40", "rhel 9"])
def test_no_replacement_where_kdumpctl_is_part_of_kexec_tools(release):
    assert "crashres-kexec" not in names(["--define", release, "--target", "aarch64"])


def test_file_for_dracut():
    conf = os.path.join(TOP, "packaging/dracut/50-crashres-kexec.conf")
    assert run("bash", "-c", f'. {conf}; echo "$install_optional_items"').strip() == "/sbin/kexec"


@pytest.mark.skipif(not shutil.which("dracut"), reason="dracut is not installed")
@pytest.mark.skipif(os.getuid() != 0, reason="dracut needs root")
def test_dracut_takes_kexec_with_its_libraries(tmp_path):
    """A program in the place of /sbin/kexec, which only a private mount namespace shows."""
    (tmp_path / "sbin").mkdir()
    shutil.copy(shutil.which("rpm"), tmp_path / "sbin/kexec")
    conf = os.path.join(TOP, "packaging/dracut")
    output = run("unshare", "--mount", "sh", "-ec",
                 f"mount -t overlay overlay -o lowerdir={tmp_path}/sbin:/usr/sbin /usr/sbin\n"
                 f"dracut --no-kernel --quiet --modules 'base shutdown' --conf /dev/null --confdir {conf} "
                 f"--tmpdir {tmp_path} {tmp_path}/initramfs\n"
                 f"lsinitrd {tmp_path}/initramfs")
    assert re.search(r" usr/sbin/kexec$", output, re.M)
    assert re.search(r" usr/lib/\S+/librpm\.so\.\d+", output, re.M)


# -------------------------------------------------------------- replacement


class Database:
    """An RPM system below a folder."""

    def __init__(self, folder):
        self.folder = str(folder)
        # rpm changes its root folder, which needs root or a namespace.
        self.prefix = [] if os.getuid() == 0 else ["unshare", "--user", "--map-root-user"]

    def rpm(self, *arguments, status=0):
        return run(*self.prefix, "rpm", "--root", self.folder, *arguments, status=status)

    def change(self, *arguments, status=0):
        """Installs packages. Those of arm64 are accepted on every machine."""
        return self.rpm("--ignorearch", *arguments, status=status)

    def transaction(self, install, erase):
        """Installs and removes packages in one transaction, as "dnf swap" does. Returns the problems."""
        program = ("import rpm, sys\n"
                   "root, install, erase = sys.argv[1:]\n"
                   "ts = rpm.TransactionSet(root)\n"
                   "ts.setVSFlags(rpm._RPMVSF_NOSIGNATURES)\n"
                   "ts.setProbFilter(rpm.RPMPROB_FILTER_IGNOREARCH)\n"
                   "with open(install, 'rb') as file:\n"
                   "    ts.addInstall(ts.hdrFromFdno(file.fileno()), install, 'i')\n"
                   "ts.addErase(erase)\n"
                   "problems = list(ts.check())\n"
                   "ts.order()\n"
                   "opened = {}\n"
                   "def callback(what, amount, total, key, data):\n"
                   "    if what == rpm.RPMCALLBACK_INST_OPEN_FILE:\n"
                   "        opened[key] = open(key, 'rb')\n"
                   "        return opened[key].fileno()\n"
                   "problems += ts.run(callback, '') or []\n"
                   "print(problems)\n")
        return run(*self.prefix, sys.executable, "-c", program, self.folder, install, erase).strip()

    def installed(self):
        return set(self.rpm("-qa", "--qf", "%{name}-%{version}-%{release}\n").split())

    def verify(self):
        """Checks the dependencies and the files of all packages."""
        assert self.rpm("-Va") == ""


def make_package(folder, name, version, lines=(), files=(), arch="aarch64"):
    """Builds a stand-in package with small files, and returns its path."""
    spec = folder / f"{name}-{version}.spec"
    make = "".join(f"mkdir -p %{{buildroot}}{file}\n" if file.endswith("/") else
                   f"install -D /dev/null %{{buildroot}}{file}; echo {name} {version} >%{{buildroot}}{file}\n"
                   for file in files)
    listed = "".join(f"%dir {file}\n" if file.endswith("/") else f"{file}\n" for file in files)
    number, release = version.split("-")
    spec.write_text("%global __os_install_post %{nil}\n%global debug_package %{nil}\n"
                    f"Name: {name}\nVersion: {number}\nRelease: {release}\nSummary: Test\nLicense: None\n"
                    f"AutoReqProv: no\n" + "".join(f"{line}\n" for line in lines) +
                    f"%description\nTest.\n%install\n{make}%files\n{listed}")
    run("rpmbuild", "-bb", "--quiet", "--target", arch, "--define", f"_topdir {folder}/topdir", str(spec))
    return f"{folder}/topdir/RPMS/{arch}/{name}-{version}.{arch}.rpm"


class Fedora:
    """The stand-ins for Fedora's packages."""

    def __init__(self, folder):
        required = {line.split(" ")[0] for name in FILES for line in query("--requires", package(name))
                    if not line.startswith(("rpmlib(", "crashres", "libcrashres"))}
        self.system = make_package(folder, "system", "1-1", [f"Provides: {name}" for name in sorted(required)] +
                                   ["Provides: pkgconfig(libcrypto) = 3.0", "Provides: makedumpfile"])
        self.kexec_tools = make_package(folder, "kexec-tools", "2.0.28-8", files=KEXEC_TOOLS_FILES)
        self.latest = make_package(folder, "kexec-tools", "2.0.32-9", files=KEXEC_TOOLS_FILES)
        self.next = make_package(folder, "kexec-tools", "2.0.33-1", files=KEXEC_TOOLS_FILES)
        self.kdump_utils = make_package(folder, "kdump-utils", "1.0.44-1", [
            "Requires: kexec-tools >= 2.0.28-8", "Requires: makedumpfile"], KDUMP_UTILS_FILES)


@pytest.fixture(scope="module")
def fedora(tmp_path_factory):
    return Fedora(tmp_path_factory.mktemp("fedora"))


@pytest.fixture
def database(tmp_path, fedora):
    """A system with Fedora's kexec-tools and kdump-utils."""
    system = Database(tmp_path / "root")
    system.change("-i", fedora.system, fedora.kexec_tools, fedora.kdump_utils)
    system.verify()
    return system


def ours():
    return [package(name) for name in FILES]


def test_relations_of_crashres_kexec():
    path = package("crashres-kexec")
    assert query("--provides", path) == [f"crashres-kexec = {VERSION}", f"crashres-kexec(aarch-64) = {VERSION}",
                                         "kexec-tools = 2.0.32", "kexec-tools(aarch-64) = 2.0.32"]
    assert query("--obsoletes", path) == ["kexec-tools < 2.0.32.1"]
    assert query("--conflicts", path) == ["kexec-tools"]


def test_the_installation_replaces_kexec_tools(database):
    database.change("-U", *ours())
    assert database.installed() == {"system-1-1", "kdump-utils-1.0.44-1", *(f"{name}-{VERSION}" for name in FILES)}
    assert database.rpm("-q", "--whatprovides", "kexec-tools").split() == [f"crashres-kexec-{VERSION}.aarch64"]
    assert not os.path.exists(database.folder + "/usr/share/doc/kexec-tools/News")
    # The requirement of kdump-utils holds, and no package lost a file to another one.
    database.verify()


def test_the_latest_package_is_replaced_too(database, fedora):
    database.change("-U", fedora.latest)
    database.change("-U", package("crashres-kexec"))
    assert f"crashres-kexec-{VERSION}" in database.installed()
    assert "kexec-tools-2.0.32-9" not in database.installed()
    database.verify()


def test_a_second_installation_is_refused(database):
    """rpm -i removes nothing, so both packages would have the same files."""
    output = database.change("-i", package("crashres-kexec"), status=1)
    assert f"kexec-tools conflicts with crashres-kexec-{VERSION}.aarch64" in output
    database.verify()


def test_a_system_without_kexec_tools(tmp_path, fedora):
    database = Database(tmp_path / "root")
    database.change("-i", fedora.system, fedora.kdump_utils, *ours())
    database.verify()


def test_kdump_utils_keeps_crashres_kexec(database):
    database.change("-U", package("crashres-kexec"))
    output = database.rpm("-e", "crashres-kexec", status=1)
    assert "kexec-tools >= 2.0.28-8 is needed by (installed) kdump-utils-1.0.44-1.aarch64" in output


def test_an_upgrade_replaces_only_itself(database, tmp_path):
    relations = ["Provides: kexec-tools = 2.0.32", "Obsoletes: kexec-tools < 2.0.32.1", "Conflicts: kexec-tools"]
    newer = make_package(tmp_path, "crashres-kexec", "3.0.0-2", relations, ["/usr/sbin/kexec"])
    database.change("-U", package("crashres-kexec"))
    database.change("-U", newer)
    assert database.installed() == {"system-1-1", "kdump-utils-1.0.44-1", "crashres-kexec-3.0.0-2"}
    database.verify()


def test_a_later_kexec_tools_does_not_come_beside(database, fedora):
    database.change("-U", package("crashres-kexec"))
    output = database.change("-U", fedora.next, status=1)
    assert f"kexec-tools conflicts with (installed) crashres-kexec-{VERSION}.aarch64" in output
    database.verify()


def test_back_to_kexec_tools(database, fedora):
    """As "dnf swap crashres-kexec kexec-tools"; afterwards the system is as before."""
    before = database.installed()
    database.change("-U", package("crashres-kexec"))
    assert database.transaction(fedora.kexec_tools, "crashres-kexec") == "[]"
    assert database.installed() == before
    database.verify()


def test_back_to_kexec_tools_with_rpm(database, fedora):
    before = database.installed()
    database.change("-U", package("crashres-kexec"))
    database.rpm("-e", "--nodeps", "crashres-kexec")
    database.change("-i", fedora.kexec_tools)
    assert database.installed() == before
    database.verify()
