# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of test_distributions.py: who calls kexec, with which arguments, and what must follow.

The vectors are written out here, and not computed, so a fault in a script of tests/vm/callers fails
a test. They are facts from kdump-utils 1.0.61, kexec-tools 2.0.25 of RHEL 9, kexec-tools 2.0.26 of
openEuler, openSUSE's kdump 2.1.9, perl-bootloader and linuxrc, Debian's kdump-tools 1.8.1 and
kexec-tools 2.0.25, and the callers that the rows name.
"""

from dataclasses import dataclass, field

from lib.guest import Machine

# Without -s, kexec loads a crash kernel by kexec_load and a next kernel by kexec_file_load, and tries
# kexec_file_load first for an unload. Debian's kernel 6.1 has no kexec_file_load.
FILE, LOAD = "kexec_file_load", "kexec_load"
WITHOUT_FILE = [f"{FILE}: ENOSYS", LOAD]
IGNORED = "kexec: warning: --%s is ignored: the option is for another architecture"


class Plain(Machine):
    """A machine whose command line has no quotes."""

    def command_line(self):
        return super().command_line().replace(' test.words="two words"', "")


QUOTED = Machine("with quoted words")
PLAIN = Plain("without quotes")
# Disk vda is the root of a capture kernel without an initrd, vdb holds a kernel.
DISKS = Plain("with disks", words="root=/dev/vda rw init=/init")

# The command line of the running kernel without BOOT_IMAGE= and crashkernel=.
KEPT = "console=ttyAMA0 panic=10 loglevel=4"
KEPT_WITH_DISKS = f"{KEPT} root=/dev/vda rw init=/init"
BOOT_IMAGE = "BOOT_IMAGE=/boot/vmlinuz"

SYSCONFIG = b"""KEXEC_ARGS=${KEXEC_ARGS--s}
KDUMP_COMMANDLINE_REMOVE="hugepages hugepagesz slub_debug quiet log_buf_len swiotlb hugetlb_cma \
ignition.firstboot cma"
KDUMP_COMMANDLINE_APPEND="novmcoredd hugetlb_cma=0 kfence.sample_interval=0 \
initramfs_options=size=90% irqpoll nr_cpus=1 reset_devices cgroup_disable=memory \
udev.children-max=2 panic=10 swiotlb=noforce cma=0"
"""
FEDORA_LINE = (
    f'{BOOT_IMAGE} console=ttyAMA0 panic=10 test.words="two words" loglevel=4 novmcoredd '
    "hugetlb_cma=0 kfence.sample_interval=0 initramfs_options=size=90% irqpoll nr_cpus=1 "
    "reset_devices cgroup_disable=memory udev.children-max=2 panic=10 swiotlb=noforce cma=0 "
    "rd.systemd.gpt_auto=no")
# load.sh keeps the blank behind BOOT_IMAGE=, and adds one blank for each of two empty variables.
SUSE_LINE = (
    f" {KEPT} sysrq=yes reset_devices acpi_no_memhotplug cgroup_disable=memory nokaslr numa=off "
    "irqpoll nr_cpus=32 root=kdump rootflags=bind rd.udev.children-max=8  ")
# The quotes of test.words end the quotes of load.sh, so the rest is another argument.
SUSE_CUT_LINE = " console=ttyAMA0 panic=10 test.words=two"
SUSE_CUT_REST = SUSE_LINE.replace(f" {KEPT}", "words loglevel=4")
DEBIAN_LINE = (f"{BOOT_IMAGE} {KEPT} reset_devices systemd.unit=kdump-tools-dump.service nr_cpus=1")

# Shell commands that bring the kernel and the initrd to the places of a distribution.
FEDORA_FILES = ("mv /boot/vmlinuz /boot/vmlinuz-test && mv /boot/initrd /boot/initramfs-testkdump.img "
                "&& mkdir -p /var/log")
# In the hook of dracut there is no /tmp, the kernel is a link, and its file is not executable.
EARLY_FILES = (f"{FEDORA_FILES} && chmod 644 /boot/vmlinuz-test && rm -r /tmp && "
               "ln -s vmlinuz-test /boot/kernel-earlykdump && "
               "ln -s initramfs-testkdump.img /boot/initramfs-earlykdump")
SUSE_FILES = ("mv /boot/Image /boot/Image-test && mv /boot/initrd /boot/initrd-test-kdump && "
              "mkdir -p /var/lib/kdump && ln -s /boot/Image-test /var/lib/kdump/kernel && "
              "ln -s /boot/initrd-test-kdump /var/lib/kdump/initrd")
DEBIAN_FILES = ("mv /boot/Image /boot/vmlinuz-test && mkdir -p /var/lib/kdump && "
                "mv /boot/initrd /var/lib/kdump/initrd.img-test && "
                "ln -s /boot/vmlinuz-test /var/lib/kdump/vmlinuz && "
                "ln -s initrd.img-test /var/lib/kdump/initrd.img")


@dataclass
class Row:
    """One caller. load, unload: a shell command for a script, or an argument vector."""

    name: str
    load: object
    unload: object
    line: str                               # the command line of the loaded kernel
    load_vector: list = None                # the vectors that a script must make
    unload_vector: list = None
    kernel: str = "small"
    load_calls: list = field(default_factory=lambda: [LOAD])
    unload_calls: list = field(default_factory=lambda: [FILE])
    machine: Machine = field(default_factory=lambda: PLAIN)
    files: str = "true"
    output: str = ""                        # the output of the load
    everywhere: bool = True                 # false: only with CRASHRES_ALL=1


def fedora(name, action, arguments, environment="", secure=False, **others):
    """A row of kdumpctl. arguments: the vector up to --command-line."""
    early = action == "start-early"
    kernel = "/boot/kernel-earlykdump" if early else "/boot/vmlinuz-test"
    initrd = "/boot/initramfs-earlykdump" if early else "/boot/initramfs-testkdump.img"
    settings = f"env KDUMP_KERNEL=/boot/vmlinuz-test KDUMP_INITRD=/boot/initramfs-testkdump.img " \
        f"SECURE_BOOT={int(secure)} {environment} /callers/kdumpctl"
    others.setdefault("load_calls", [FILE] if "-s" in arguments else [LOAD])
    return Row(name, f"{settings} {action}", f"{settings} stop", FEDORA_LINE,
               [*arguments, f"--command-line={FEDORA_LINE}", f"--initrd={initrd}", kernel],
               ["-s", "-p", "-u"] if secure else ["-p", "-u"], machine=QUOTED,
               files=EARLY_FILES if early else FEDORA_FILES, **others)


def suse(name, line=SUSE_LINE, rest=(), **others):
    """A row of load.sh. rest: the arguments that quotes of the command line make."""
    return Row(name, "/callers/load.sh", "/callers/unload.sh", line,
               ["-p", "/var/lib/kdump/kernel", f"--append={line}", *rest,
                "--initrd=/var/lib/kdump/initrd", "-a"], ["-a", "-p", "-u"], files=SUSE_FILES, **others)


def debian(name, options=(), environment="", **others):
    """A row of kdump-config. options: the vector between -p and --command-line."""
    secure = ["-s"] if "SECURE_BOOT=1" in environment else []
    return Row(name, f"env {environment} /callers/kdump-config load",
               f"env {environment} /callers/kdump-config unload", DEBIAN_LINE,
               ["-p", *options, f"--command-line={DEBIAN_LINE}",
                "--initrd=/var/lib/kdump/initrd.img", "/var/lib/kdump/vmlinuz"],
               [*secure, "-p", "-u"], files=DEBIAN_FILES, **others)


# The scripts of tests/vm/callers.
SCRIPTS = (
    fedora("Fedora", "start", ["-s", "-p"]),
    fedora("Fedora with Secure Boot", "start", ["-s", "-s", "-p"], secure=True),
    fedora("Fedora, early kdump", "start-early", ["-s", "-p"]),
    fedora("RHEL 9", "start-rhel9", ["-s", "-d", "-p"]),
    fedora("RHEL 9 with Secure Boot", "start-rhel9", ["-s", "-s", "-d", "-p"], secure=True,
           everywhere=False),
    fedora("openEuler", "start", ["-p"], "KEXEC_ARGS=", kernel="6.1", unload_calls=WITHOUT_FILE,
          everywhere=False),
    suse("openSUSE"),
    suse("openSUSE without kexec_file_load", kernel="6.1", unload_calls=WITHOUT_FILE,
         everywhere=False),
    suse("openSUSE with quoted words", SUSE_CUT_LINE, [SUSE_CUT_REST], machine=QUOTED,
         output=f'kexec: warning: the operand "{SUSE_CUT_REST}" is ignored: the kernel is '
                '"/var/lib/kdump/kernel"'),
    debian("Debian", kernel="6.1", unload_calls=WITHOUT_FILE),
    debian("Debian with Secure Boot", ["-s"], "SECURE_BOOT=1", load_calls=[FILE], everywhere=False),
    debian("Debian with vmlinux", ["--args-linux"], "ELF=1", output=IGNORED % "args-linux",
           everywhere=False),
)
KERNEL, INITRD = "/boot/Image", "/boot/initrd"
WORDS = "irqpoll nr_cpus=1 reset_devices"


def crash(name, load, line, unload=("-p", "-u"), **others):
    """A row with the vector of a crash kernel."""
    return Row(name, load, list(unload), line, **others)


# Vectors that other callers pass, with a panic after each load.
CRASH_VECTORS = (
    crash("Bottlerocket", ["-ps", "--reuse-cmdline", "--append", WORDS, KERNEL],
          f"{KEPT_WITH_DISKS} {WORDS}", machine=DISKS, load_calls=[FILE]),
    crash("EVE", ["-p", "--reuse-cmdline", f"--command-line={WORDS}", KERNEL],
          f"{KEPT_WITH_DISKS} {WORDS}", machine=DISKS, everywhere=False),
    crash("Void", ["--load-panic", KERNEL, f"--initrd={INITRD}", "--reuse-cmdline",
                   f"--append={WORDS}"], f"{KEPT} {WORDS}", everywhere=False),
    crash("OpenWrt with a device", ["-p", "/dev/vdb", "--reuse-cmdline",
                                    "--append=1 maxcpus=1 reset_devices"],
          f"{KEPT_WITH_DISKS} 1 maxcpus=1 reset_devices", ["-p", "-u", "/dev/vdb"], machine=DISKS),
    crash("Yocto", ["-p", KERNEL, f"--append={KEPT_WITH_DISKS}"], KEPT_WITH_DISKS, machine=DISKS,
          everywhere=False),
    crash("SteamOS", ["-s", "-p", KERNEL, "--initrd", INITRD, f"--append={KEPT}"], KEPT,
          load_calls=[FILE], everywhere=False),
    crash("NixOS", ["-p", KERNEL, f"--initrd={INITRD}", "--reset-vga", "--console-vga",
                    f"--command-line={KEPT}"], KEPT,
          output="\n".join(IGNORED % option for option in ("reset-vga", "console-vga")),
          everywhere=False),
    crash("drgn", ["--load-panic", "--kexec-syscall-auto", f"--command-line={KEPT_WITH_DISKS}",
                   KERNEL], KEPT_WITH_DISKS, machine=DISKS, everywhere=False),
    crash("kdump.rst", ["-p", KERNEL, f"--initrd={INITRD}", "--args-linux", f"--append={KEPT}"], KEPT,
          output=IGNORED % "args-linux", everywhere=False),
)


def boot(name, load, line, unload=("-u",), **others):
    """A row with the vector of a next kernel."""
    others.setdefault("everywhere", False)
    return Row(name, load, list(unload), line, load_calls=[FILE], **others)


# Vectors that load the next kernel.
BOOT_VECTORS = (
    boot("SONiC", ["-l", KERNEL, f"--initrd={INITRD}", f"--append={KEPT}", "-a"], KEPT, ["-u", "-a"],
         everywhere=True),
    boot("SONiC with Secure Boot", ["-l", KERNEL, f"--initrd={INITRD}", f"--append={KEPT}", "-s"], KEPT,
         ["-u", "-a"]),
    boot("systemctl kexec", ["--load", KERNEL, "--append", KEPT, "--initrd", INITRD], KEPT),
    boot("kexec-bootloader", ["--kexec-syscall-auto", "--load", KERNEL, f"--initrd={INITRD}",
                              f"--append={KEPT}"], KEPT),
    boot("linuxrc", ["-a", "-l", KERNEL, f"--initrd={INITRD}", f"--append={KEPT} kexec=0"],
         f"{KEPT} kexec=0"),
    boot("Debian's init script", ["-l", KERNEL, f"--initrd={INITRD}", f"--append={KEPT}"], KEPT),
    boot("Gentoo", ["--reuse-cmdline", "-l", KERNEL, "--append=root=/dev/none", f"--initrd={INITRD}"],
         f"{KEPT} root=/dev/none"),
    boot("nixos-images", ["--load", KERNEL, "--kexec-syscall-auto", f"--initrd={INITRD}", "--no-checks",
                          "--command-line", KEPT], KEPT),
    boot("openQA", ["-l", KERNEL, f"--initrd={INITRD}", f"--command-line={KEPT} x=\"a b\""],
         f"{KEPT} x=\"a b\""),
)
