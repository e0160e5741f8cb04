# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks the Debian packages that packaging/deb wrote to the folder CRASHRES_PACKAGES."""

import io
import os
import pathlib
import re
import subprocess
import tarfile

import pytest

PACKAGES = pathlib.Path(os.environ["CRASHRES_PACKAGES"])
EVERYWHERE = ("crashres", "libcrashres0", "libcrashres-dev", "libcrashres-ima0")
TRIPLETS = {"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}
# The file of a package that each package has; PACKAGE is its name.
COMMON = {"usr/share/doc/PACKAGE/changelog.Debian.gz", "usr/share/doc/PACKAGE/copyright",
          "usr/share/lintian/overrides/PACKAGE"}
# Further files; TRIPLET is the name of the architecture in file names.
FILES = {
    "kexec-tools": {
        "etc/init.d/kexec", "etc/init.d/kexec-load",
        "sbin/coldreboot", "sbin/kexec", "sbin/vmcore-dmesg", "usr/sbin/kexec-load-kernel",
        "usr/lib/systemd/system/kexec.service",
        "usr/share/bash-completion/completions/kexec", "usr/share/bash-completion/completions/vmcore-dmesg",
        "usr/share/doc/kexec-tools/NEWS.md.gz", "usr/share/doc/kexec-tools/README.Debian",
        "usr/share/fish/vendor_completions.d/kexec.fish",
        "usr/share/fish/vendor_completions.d/vmcore-dmesg.fish",
        "usr/share/man/man8/coldreboot.8.gz", "usr/share/man/man8/kexec-load-kernel.8.gz",
        "usr/share/man/man8/kexec.8.gz", "usr/share/man/man8/vmcore-dmesg.8.gz",
        "usr/share/zsh/vendor-completions/_kexec", "usr/share/zsh/vendor-completions/_vmcore-dmesg",
    },
    "crashres": {
        "lib/systemd/system/crashres-report-keep.service",
        "lib/systemd/system/crashres-report-place.service",
        "lib/systemd/system/crashres-seal.path", "lib/systemd/system/crashres-seal.service",
        "lib/systemd/system/kdump-tools-dump.service.wants/crashres-report-keep.service",
        "lib/systemd/system/kdump-tools.service.wants/crashres-report-keep.service",
        "lib/systemd/system/kdump-tools.service.wants/crashres-report-place.service",
        "usr/bin/crashres",
        "usr/lib/crashres/crashres-post.sh", "usr/lib/crashres/crashres-report",
        "usr/lib/kernel/install.d/92-crashres.install",
        "usr/share/bash-completion/completions/crashres",
        "usr/share/doc/crashres/NEWS.md.gz", "usr/share/doc/crashres/README.md.gz",
        "usr/share/doc/crashres/seal.conf",
        "usr/share/fish/vendor_completions.d/crashres.fish",
        "usr/share/man/man1/crashres.1.gz", "usr/share/man/man5/crashres-seal.conf.5.gz",
        "usr/share/man/man7/crashres-secureboot.7.gz",
        "usr/share/zsh/vendor-completions/_crashres",
    },
    "libcrashres0": {"usr/lib/TRIPLET/libcrashres.so.0", "usr/lib/TRIPLET/libcrashres.so.0.0.0"},
    "libcrashres-ima0": {"usr/lib/TRIPLET/libcrashres-ima.so.0", "usr/lib/TRIPLET/libcrashres-ima.so.0.0.0"},
    "libcrashres-dev": {
        "usr/include/crashres/crashres.h", "usr/include/crashres/ima.h",
        "usr/lib/TRIPLET/libcrashres-ima.so", "usr/lib/TRIPLET/libcrashres.so",
        "usr/lib/TRIPLET/pkgconfig/libcrashres-ima.pc", "usr/lib/TRIPLET/pkgconfig/libcrashres.pc",
    },
}
UNPACKERS = {"libbz2-1.0", "libc6", "libelf1", "libfdt1", "liblz4-1", "liblzma5", "libzstd1", "zlib1g"}
DEPENDS = {
    "kexec-tools": {"libc6", "zlib1g", "debconf"},
    "crashres": UNPACKERS | {"libjson-c5", "libssl3"},
    "libcrashres0": UNPACKERS,
    "libcrashres-ima0": {"libcrashres0", "libc6", "libssl3"},
    "libcrashres-dev": {"libcrashres0", "libcrashres-ima0"},
}
# Programs of each package, and the libraries that they link.
LINKED = {
    "kexec-tools": {"sbin/kexec": {"libc.so.6", "libz.so.1"}, "sbin/vmcore-dmesg": {"libc.so.6"}},
    "crashres": {"usr/lib/crashres/crashres-report": {"libc.so.6", "libfdt.so.1", "libjson-c.so.5"}},
}


class Package:
    """One .deb file."""

    def __init__(self, path):
        self.path = path
        self.name, self.version, self.arch = path.stem.split("_")

    def field(self, name):
        return run("dpkg-deb", "-f", self.path, name).strip()

    def depends(self):
        """Returns the names of the packages it depends on; of alternatives, the first one."""
        return {re.split(r"[ |]", item)[0] for item in self.field("Depends").split(", ")}

    def members(self):
        with tarfile.open(fileobj=io.BytesIO(run("dpkg-deb", "--fsys-tarfile", self.path, text=False))) as tar:
            return tar.getmembers()

    def files(self):
        """Returns the names of its files and links, without the folders."""
        return {member.name.removeprefix("./") for member in self.members() if not member.isdir()}

    def scripts(self):
        """Returns the texts of its maintainer scripts by name."""
        with tarfile.open(fileobj=io.BytesIO(run("dpkg-deb", "--ctrl-tarfile", self.path, text=False))) as tar:
            members = [member for member in tar.getmembers() if member.isfile()]
            return {member.name.removeprefix("./"): tar.extractfile(member).read().decode()
                    for member in members}


def run(*command, text=True):
    return subprocess.run(command, check=True, capture_output=True, text=text).stdout


def find_packages():
    return [Package(path) for path in sorted(PACKAGES.glob("*.deb")) if "-dbgsym_" not in path.name]


architectures = pytest.mark.parametrize("arch", sorted({package.arch for package in find_packages()}))
packages = pytest.mark.parametrize("package", find_packages(), ids=lambda package: package.path.stem)


def package_of(name, arch):
    [package] = [package for package in find_packages() if (package.name, package.arch) == (name, arch)]
    return package


def unpack(package, folder):
    run("dpkg-deb", "-x", package.path, folder)
    return folder


def read_elf(path):
    """Returns what readelf prints on the headers and the dynamic section."""
    return run("readelf", "--wide", "--file-header", "--program-headers", "--dynamic", path)


def linked_libraries(path):
    """Returns the libraries that a program needs. The loader is a part of libc."""
    found = re.findall(r"\(NEEDED\) .*\[(.*)\]", read_elf(path))
    return {name for name in found if not name.startswith("ld-linux")}


def test_the_packages_are_built():
    native = run("dpkg", "--print-architecture").strip()
    expected = {(name, arch) for name in EVERYWHERE for arch in (native, "arm64")}
    expected.add(("kexec-tools", "arm64"))
    assert {(package.name, package.arch) for package in find_packages()} == expected


@packages
def test_the_version_has_an_epoch_in_kexec_tools_only(package):
    epoch = "1:" if package.name == "kexec-tools" else ""
    assert package.field("Version") == f"{epoch}{package.version}"


@pytest.mark.parametrize("older", ["1:2.0.25-3+deb12u3", "1:2.0.29-2", "1:2.0.32-1"])
def test_kexec_tools_is_an_upgrade_of(older):
    version = package_of("kexec-tools", "arm64").field("Version")
    run("dpkg", "--compare-versions", version, "gt", older)


@packages
def test_the_files_are(package):
    expected = {name.replace("PACKAGE", package.name).replace("TRIPLET", TRIPLETS[package.arch])
                for name in COMMON | FILES[package.name]}
    assert package.files() == expected


@packages
def test_every_file_belongs_to_root_and_is_readable(package):
    wrong = [(member.name, member.uid, member.gid, oct(member.mode)) for member in package.members()
             if (member.uid, member.gid) != (0, 0) or
             member.mode not in ((0o777,) if member.issym() else (0o644, 0o755))]
    assert wrong == []


@architectures
def test_no_file_is_in_two_packages(arch):
    names = [name for package in find_packages() if package.arch == arch for name in package.files()]
    assert sorted(names) == sorted(set(names))


@packages
def test_the_dependencies_are(package):
    assert package.depends() == DEPENDS[package.name]


@packages
def test_a_library_is_of_the_same_version(package):
    libraries = re.findall(r"libcrashres\S* \(= (\S+)\)", package.field("Depends"))
    assert libraries == [package.version] * len(DEPENDS[package.name] & {"libcrashres0", "libcrashres-ima0"})


@packages
def test_every_program_has_a_page(package):
    pages = {pathlib.Path(name).name.removesuffix(".gz").rpartition(".")[0]
             for name in package.files() if "/man/" in name}
    programs = {pathlib.Path(name).name for name in package.files() if re.match(r"(usr/)?s?bin/", name)}
    assert programs - pages == set()


@packages
def test_the_linked_libraries_are(package, tmp_path):
    expected = LINKED.get(package.name, {})
    unpack(package, tmp_path)
    assert {name: linked_libraries(tmp_path / name) for name in expected} == expected


@architectures
def test_a_compiler_needs_only_the_packages_of_the_libraries(arch, tmp_path):
    unpack(package_of("libcrashres-dev", arch), tmp_path)
    folder = next(tmp_path.glob("usr/lib/*/pkgconfig"))
    for name in ("libcrashres", "libcrashres-ima"):
        done = subprocess.run(["pkg-config", "--cflags", name], check=False, capture_output=True, text=True,
                              env={**os.environ, "PKG_CONFIG_LIBDIR": str(folder)})
        assert (done.returncode, done.stderr) == (0, "")


@packages
def test_programs_and_libraries_are_hardened(package, tmp_path):
    unpack(package, tmp_path)
    for name in package.files():
        path = tmp_path / name
        if path.is_symlink() or not path.read_bytes().startswith(b"\x7fELF"):
            continue
        elf = read_elf(path)
        assert re.search(r"Type: +DYN ", elf) and "BIND_NOW" in elf and "GNU_RELRO" in elf, name
        assert re.search(r"GNU_STACK .* RW ", elf), name


@architectures
def test_no_unit_is_enabled_or_started(arch):
    """debhelper enables a unit only if an earlier version of the package was installed and somebody enabled it."""
    scripts = package_of("crashres", arch).scripts()
    units = ["crashres-seal.path", "crashres-seal.service"]
    guard = r"debian-installed '(\S+)'; then\n[^}]*?was-enabled '\1'; then\n.*\n\s*deb-systemd-helper enable '\1'"
    assert re.findall(guard, scripts["postinst"]) == units
    assert re.findall(r"deb-systemd-helper enable '(\S+)'", scripts["postinst"]) == units
    for name in {"postinst", "prerm", "postrm", "preinst"} & set(scripts):
        assert not re.search(r"(deb-systemd-invoke|invoke-rc.d|systemctl).* (re)?start", scripts[name])


@architectures
def test_only_a_removal_stops_the_units(arch):
    """Nothing would start them again after an upgrade."""
    scripts = package_of("crashres", arch).scripts()
    stops = {name: re.findall(r"deb-systemd-invoke stop (.*?) >", text) for name, text in scripts.items()}
    assert {name: units for name, units in stops.items() if units} == {
        "prerm": ["crashres-seal.path crashres-seal.service"]}
    assert 'if [ "$1" = remove ]' in scripts["prerm"]


def test_kexec_tools_registers_the_init_scripts():
    scripts = package_of("kexec-tools", "arm64").scripts()
    assert re.findall(r"update-rc.d (\S+) defaults", scripts["postinst"]) == ["kexec", "kexec-load"]
    assert re.findall(r"invoke-rc.d (\S+ \S+)", scripts["postinst"]) == ["kexec-load start"]
    assert "invoke-rc.d" not in scripts.get("prerm", "")
    assert scripts["conffiles"].split() == ["/etc/init.d/kexec", "/etc/init.d/kexec-load"]
