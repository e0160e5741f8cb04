# SPDX-License-Identifier: GPL-2.0-or-later
"""make install and make uninstall, and the copy of kexec that an initramfs gets.

make check sets CRASHRES_BUILD (the build folder).
"""

import os
import pathlib
import re
import shlex
import shutil
import subprocess

import pytest

from buildvariables import read_variables, run_make

BUILD = pathlib.Path(os.environ["CRASHRES_BUILD"])
SOURCE = pathlib.Path(__file__).resolve().parents[2]
DRACUT_INSTALL = "/usr/lib/dracut/dracut-install"
HOOK_FUNCTIONS = "/usr/share/initramfs-tools/hook-functions"

# A word in braces is a variable of the Makefile.
INSTALLED = """
{sbindir}/kexec
{sbindir}/vmcore-dmesg
{bindir}/crashres
{pkglibexecdir}/crashres-report
{pkglibexecdir}/crashres-post.sh
{includedir}/crashres/crashres.h
{includedir}/crashres/ima.h
{libdir}/libcrashres.so
{libdir}/libcrashres.so.0
{libdir}/libcrashres.so.0.0.0
{libdir}/libcrashres.la
{libdir}/libcrashres-ima.so
{libdir}/libcrashres-ima.so.0
{libdir}/libcrashres-ima.so.0.0.0
{libdir}/libcrashres-ima.la
{libdir}/pkgconfig/libcrashres.pc
{libdir}/pkgconfig/libcrashres-ima.pc
{mandir}/man8/kexec.8
{mandir}/man8/vmcore-dmesg.8
{mandir}/man1/crashres.1
{mandir}/man5/crashres-seal.conf.5
{mandir}/man7/crashres-secureboot.7
{bashcompletiondir}/kexec
{bashcompletiondir}/vmcore-dmesg
{bashcompletiondir}/crashres
{zshcompletiondir}/_kexec
{zshcompletiondir}/_vmcore-dmesg
{zshcompletiondir}/_crashres
{fishcompletiondir}/kexec.fish
{fishcompletiondir}/vmcore-dmesg.fish
{fishcompletiondir}/crashres.fish
{docdir}/seal.conf
"""
# The following files depend on options of configure.
STATIC_LIBRARIES = "{libdir}/libcrashres.a\n{libdir}/libcrashres-ima.a\n"
UNITS = """
{systemdsystemunitdir}/crashres-report-keep.service
{systemdsystemunitdir}/crashres-report-place.service
{systemdsystemunitdir}/crashres-seal.path
{systemdsystemunitdir}/crashres-seal.service
{systemdsystemunitdir}/kdump-tools-dump.service.wants/crashres-report-keep.service
{systemdsystemunitdir}/kdump-tools.service.wants/crashres-report-keep.service
{systemdsystemunitdir}/kdump-tools.service.wants/crashres-report-place.service
"""
PLUGIN = "{kernelinstalldir}/92-crashres.install\n"


def list_expected_files():
    """Returns the paths that make install must make, sorted."""
    text = INSTALLED
    libtool = subprocess.run([BUILD / "libtool", "--config"], capture_output=True, text=True, check=True)
    if "build_old_libs=yes" in libtool.stdout:
        text += STATIC_LIBRARIES
    folders = read_variables(BUILD, "systemdsystemunitdir", "kernelinstalldir")
    if folders["systemdsystemunitdir"] != "no":
        text += UNITS
    if folders["kernelinstalldir"] != "no":
        text += PLUGIN
    return sorted(text.format(**read_variables(BUILD, *re.findall(r"\{(\w+)\}", text))).split())


def list_files(folder):
    """Returns the paths of all files and links below a folder, as if it were /, sorted."""
    return sorted("/" + str(path.relative_to(folder)) for path in folder.rglob("*")
                  if path.is_symlink() or not path.is_dir())


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    """A folder with the installed files. It has a merged /usr, as all current distributions."""
    folder = tmp_path_factory.mktemp("system")
    (folder / "usr/sbin").mkdir(parents=True)
    (folder / "sbin").symlink_to("usr/sbin")
    run_make(BUILD, "install", f"DESTDIR={folder}")
    return folder


def test_install_makes_exactly_these_files(system):
    assert list_files(system) == sorted([*list_expected_files(), "/sbin"])


def test_uninstall_removes_every_file(system, tmp_path):
    copy = shutil.copytree(system, tmp_path / "copy", symlinks=True)
    run_make(BUILD, "uninstall", f"DESTDIR={copy}")
    assert list_files(copy) == ["/sbin"]


def test_kexec_is_a_file_that_works_under_both_names(system):
    """dracut copies kexec with cp -a, so a link would lead to nothing."""
    sbindir = read_variables(BUILD, "sbindir")["sbindir"]
    if sbindir != "/usr/sbin":
        pytest.skip(f"sbindir is {sbindir} in this build, not /usr/sbin")
    for name in "sbin/kexec", "usr/sbin/kexec":
        done = subprocess.run([system / name, "--version"], capture_output=True, text=True, check=True)
        assert done.stdout.startswith("kexec-crashres ")
    assert not (system / "usr/sbin/kexec").is_symlink()


def list_needed(path):
    """Returns the names of the shared libraries that an ELF file names, without the loader."""
    listing = subprocess.run(["readelf", "-d", path], capture_output=True, text=True, check=True).stdout
    return {name for name in re.findall(r"\(NEEDED\).*\[(.*)\]", listing) if not name.startswith("ld-")}


def has_static_libs():
    """Returns whether this build was configured with --with-static-libs."""
    return "-l:" in read_variables(BUILD, "KEXEC_LIBS")["KEXEC_LIBS"]


needs_static_libs = pytest.mark.skipif(not has_static_libs(),
                                       reason="this build was configured without --with-static-libs")


@needs_static_libs
def test_with_static_libs_kexec_needs_only_libc_and_zlib(system):
    sbindir, libdir = read_variables(BUILD, "sbindir", "libdir").values()
    assert list_needed(f"{system}{sbindir}/kexec") == {"libc.so.6", "libz.so.1"}
    assert list_needed(f"{system}{libdir}/libcrashres.so") >= {"libc.so.6", "libz.so.1", "libelf.so.1",
                                                              "libfdt.so.1"}


@needs_static_libs
@pytest.mark.parametrize("name, message", [
    ("lz4", "liblz4.a is missing: install it (Debian: liblz4-dev), use --with-lz4=no, or leave out "
            "--with-static-libs"),
    ("elf", "libelf.a is missing: install it (Debian: libelf-dev), or leave out --with-static-libs"),
])
def test_configure_names_a_missing_static_library(tmp_path, name, message):
    """This compiler does not find one file. The results of the other checks come from config.log."""
    cache = re.findall(r"^(ac_cv_(?!env|lib__|prog_)\w+=.*|am_cv_\w+=.*|lt_cv_\w+=.*)$",
                       (BUILD / "config.log").read_text(), re.M)
    (tmp_path / "config.cache").write_text("\n".join(cache) + "\n")
    compiler = tmp_path / "cc"
    compiler.write_text(f'#!/bin/sh\ncase " $* " in *" -l:lib{name}.a "*) exit 1 ;; esac\n'
                        f'exec {read_variables(BUILD, "CC")["CC"]} "$@"\n')
    compiler.chmod(0o755)
    options = subprocess.run([BUILD / "config.status", "--config"], capture_output=True, text=True,
                             check=True).stdout
    done = subprocess.run([SOURCE / "configure", "-C", *shlex.split(options), f"CC={compiler}"],
                          cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, f"configure: error: {message}\n")


def copy_by_dracut(program, folder):
    """Copies a program into an initramfs with the tool that dracut's function inst_binary calls."""
    subprocess.run([DRACUT_INSTALL, "-D", folder, "-l", program], check=True)


def copy_by_initramfs_tools(program, folder):
    """Copies a program into an initramfs with the shell function of initramfs-tools."""
    subprocess.run(["sh", "-ec", f'. {HOOK_FUNCTIONS}; verbose=n; copy_exec "$1"', "sh", program],
                   check=True, env={**os.environ, "DESTDIR": str(folder)})


@pytest.mark.parametrize("copy, tool", [(copy_by_dracut, DRACUT_INSTALL),
                                        (copy_by_initramfs_tools, HOOK_FUNCTIONS)])
def test_the_copy_in_an_initramfs_runs_alone(tmp_path, copy, tool):
    if not os.path.exists(tool):
        pytest.skip(f"{tool} is not installed")
    initramfs = tmp_path / "initramfs"
    initramfs.mkdir()
    copy(shutil.copy(BUILD / "kexec/kexec", tmp_path), initramfs)
    files = [path for path in initramfs.rglob("*") if not path.is_dir()]
    [kexec] = [path for path in files if path.name == "kexec"]
    loader = next(path for path in files if path.name.startswith("ld-linux"))
    folders = {str(path.parent) for path in files if path.name.startswith("lib")}
    done = subprocess.run([loader, "--inhibit-cache", "--library-path", ":".join(folders), kexec, "--version"],
                          capture_output=True, text=True, check=True)
    assert done.stdout.startswith("kexec-crashres ")
    if has_static_libs():
        names = {re.sub(r"\.so.*", "", path.name) for path in files}
        assert names == {"kexec", loader.name.split(".so")[0], "libc", "libz"}
