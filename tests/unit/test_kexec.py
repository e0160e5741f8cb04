# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests the kexec command as a program: exact output and exit status.

make check sets CRASHRES_KEXEC (the program) and CRASHRES_DATA (the machine snapshots
of tests/data in the form of folders). The tests make their own kernels and initrds,
and change files of a snapshot. All plans are dry runs: no test loads a kernel.
"""

import gzip
import os
import re
import shutil
import struct
import subprocess
import threading
from typing import NamedTuple

import pytest

from kernelfiles import (PACKERS, cut_up, elf, image, lz4_legacy, lzma_alone, pe, uimage,
                         zboot, zstd_stored)

KEXEC = os.environ["CRASHRES_KEXEC"]
DATA = os.environ["CRASHRES_DATA"]
SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
ARM64 = os.uname().machine == "aarch64"

KIB, MIB = 1 << 10, 1 << 20
HIGH, LOW = "  199200000-1b91fffff : Crash kernel\n", "  f8000000-fbffffff : Crash kernel\n"
NO_KERNEL = "No kernel specified\n"
RESERVE_MORE = ": reserve more memory with crashkernel="


class Result(NamedTuple):
    code: int
    out: str
    err: str


def fails(code, line):
    """The result of a failed command: nothing on stdout, one line on stderr."""
    return Result(code, "", line + "\n")


# -------------------------------------------------------------------- inputs

def sections(*ends):
    """Returns PE headers with one section of 4 KiB that ends at each of the offsets."""
    table = b"".join(struct.pack("<8sIIII16s", b".text", 0, 0, 4096, end - 4096, bytes(16))
                     for end in ends)
    return struct.pack("<4sHH12sHH", b"PE\0\0", 0xaa64, len(ends), bytes(12), 0, 0) + table


INPUTS = {
    "Image": image(),
    "Image.gz": gzip.compress(image(), mtime=0),
    "initrd": b"i" * (3 * MIB + 1),
    "empty": b"",
    "text": b"no kernel\n" * 100,
}


class Kexec:
    """Runs kexec in an empty folder, and checks that the folder stays empty."""

    def __init__(self, folder):
        self.inputs = folder / "in"
        self.machines = folder / "machines"
        self.empty = folder / "empty"
        for path in (self.inputs, self.machines, self.empty):
            path.mkdir()
        for name, data in INPUTS.items():
            self.file(name, data)

    def file(self, name, data):
        (self.inputs / name).write_bytes(data)
        return f"../in/{name}"

    def machine(self, base="virt-6.1", **files):
        """Copies a machine snapshot and replaces files. Returns the path of the copy.

        proc_iomem=TEXT replaces /proc/iomem; None removes the file.
        """
        root = self.machines / str(len(list(self.machines.iterdir())))
        shutil.copytree(os.path.join(DATA, base), root)
        for name, content in files.items():
            path = root / name.replace("_", "/", 2 if name.startswith("sys") else 1)
            path.unlink(missing_ok=True)
            if content is not None:
                path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(root)

    def __call__(self, *arguments, wrapper=(), stdout=subprocess.PIPE, **environment):
        done = subprocess.run([*wrapper, KEXEC, *arguments], cwd=self.empty, stdout=stdout,
                              stderr=subprocess.PIPE, text=True, check=False, timeout=60,
                              env={**os.environ, "TMPDIR": str(self.empty), "LC_ALL": "C",
                                   **environment})
        assert not list(self.empty.iterdir())
        return Result(done.returncode, done.stdout, done.stderr)

    def plan(self, *arguments, root=None, kernel="../in/Image", **environment):
        """Runs kexec -p for a machine snapshot; the default is Debian with Linux 6.1."""
        return self("--root", root or os.path.join(DATA, "virt-6.1"), "-p", *arguments, kernel,
                    **environment)


@pytest.fixture
def kexec(tmp_path):
    return Kexec(tmp_path)


def text_of(path, machine="virt-6.1"):
    with open(os.path.join(DATA, machine, path), encoding="ascii") as file:
        return file.read()


def source_text(path):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as file:
        return file.read()


def iomem(*replacements):
    """Returns /proc/iomem of virt-6.1 with lines replaced. Each line must exist once."""
    text = text_of("proc/iomem")
    for old, new in replacements:
        assert text.count(old) == 1
        text = text.replace(old, new)
    return text


def dtb(source):
    return subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb"], input=source.encode(),
                          capture_output=True, check=True).stdout


def segments(plan):
    """Returns the segments of a plan: {name: (first address, last address)}."""
    table = plan.partition("\nSegments\n")[2]
    found = re.findall(r"^  (\w+) +0x([0-9a-f]{16}) - 0x([0-9a-f]{16})  .* [KM]iB$", table, re.M)
    return {name: (int(first, 16), int(last, 16)) for name, first, last in found}


# --------------------------------------------------------------------- plans

@pytest.mark.parametrize("name", ["virt-6.1", "virt-6.12-acpi"])
def test_plan_of_a_snapshot(kexec, request, name):
    result = kexec.plan("--reuse-cmdline", "--initrd=../in/initrd", root=os.path.join(DATA, name))
    golden = os.path.join(SOURCE, "tests/data", name, "plan.txt")
    if request.config.getoption("--update-plans"):
        with open(golden, "w", encoding="ascii") as file:
            file.write(result.out)
    assert (result.code, result.err) == (0, "")
    assert result.out == source_text(golden)


def test_same_plan_twice(kexec):
    first = kexec.plan("--reuse-cmdline", "--initrd=../in/initrd")
    assert first.code == 0
    assert kexec.plan("--reuse-cmdline", "--initrd=../in/initrd") == first


@pytest.mark.parametrize("name", ["virt-6.1", "virt-6.12-acpi"])
def test_layout_rules(kexec, name):
    result = kexec.plan("--initrd=../in/initrd", root=os.path.join(DATA, name))
    base, end = ((0x199200000, 0x1b91fffff) if name == "virt-6.1" else
                 (0x18b600000, 0x1ab5fffff))
    found = segments(result.out)
    assert list(found) == ["purgatory", "kernel", "initrd", "parity", "dtb", "elfcorehdr"]
    places = sorted(found.values())
    assert places == list(found.values())
    assert all(last < following for (_, last), (following, _) in zip(places, places[1:]))
    assert found["purgatory"][0] == base + 128 * KIB        # the kernel takes its control pages from the space before
    assert found["kernel"] == (base + 2 * MIB, base + 34 * MIB - 1)
    assert found["initrd"] == (base + 34 * MIB, base + 37 * MIB + 4 * KIB - 1)
    assert found["parity"][0] == base + 37 * MIB + 64 * KIB
    assert found["dtb"][0] == end + 1 - 2 * MIB
    assert found["elfcorehdr"][0] == end + 1 - 64 * KIB
    assert f"\nEntry         0x{found['purgatory'][0]:016x}\n" in result.out


def test_plan_without_options(kexec):
    result = kexec.plan()
    assert list(segments(result.out)) == ["purgatory", "kernel", "parity", "dtb", "elfcorehdr"]
    assert "\nCommand line  (none)\nAttempts\n" in result.out


def repair_line(result):
    assert (result.code, result.err) == (0, "")
    [line] = re.findall("^Repair +(.*)$", result.out, re.M)
    return line


def test_plan_shows_what_parity_repairs(kexec):
    # 32 MiB of kernel, 8 KiB of DTB and 4 KiB of ELF header: 8195 blocks and 513 blocks of parity
    assert repair_line(kexec.plan()) == \
        "6.27 % parity: one damaged area of up to 2052 KiB can be repaired"
    assert repair_line(kexec.plan("--repair=auto")) == repair_line(kexec.plan())
    assert repair_line(kexec.plan("--repair=25")) == \
        "25.01 % parity: one damaged area of up to 8196 KiB can be repaired"
    assert repair_line(kexec.plan("--repair=off")) == "off"
    assert repair_line(kexec.plan("--no-checks")) == "off: nothing is checked"


# The amount of parity depends on the size of purgatory's code, so that its last digits vary.
@pytest.mark.parametrize("last, line", [
    (0x19d5fffff, r"3\.[0-9]{2} % parity: one damaged area of up to 1[12][0-9]{2} KiB can be repaired; "
                  "more parity would leave less than half of the crash region free"),
    (0x19bffffff, "none: parity would leave less than half of the crash region free"),
], ids=["less", "none"])
def test_parity_leaves_half_of_the_region_free(kexec, last, line):
    root = kexec.machine(proc_iomem=iomem((HIGH, HIGH.replace("1b91fffff", f"{last:x}"))))
    assert re.fullmatch(line, repair_line(kexec.plan(root=root)))


def test_no_room_for_the_requested_parity(kexec):
    root = kexec.machine(proc_iomem=iomem((HIGH, HIGH.replace("1b91fffff", "19c1fffff"))))
    assert kexec.plan("--repair=100", root=root) == fails(
        255, "kexec: Could not find a free area of memory of 0x2004000 bytes for segment parity: "
             "crash region 0x199200000 - 0x19c1fffff is too small by 20492 KiB" + RESERVE_MORE)


def test_purgatory_without_checks_is_small(kexec):
    result = kexec.plan("--no-checks")
    found = segments(result.out)
    assert list(found) == ["purgatory", "kernel", "dtb", "elfcorehdr"]
    assert found["purgatory"][1] + 1 - found["purgatory"][0] <= 68 * KIB


def test_gzip_gives_the_same_plan(kexec):
    assert kexec.plan(kernel="../in/Image.gz") == kexec.plan()


# -------------------------------------------------------------- kernel files

PADDED = image().ljust(32 * MIB, b"\0")      # Linux pads the file to image_size since 6.12

KERNEL_FILES = {
    **{name: pack(image()) for name, pack in PACKERS.items()},
    **{f"{name} and more": pack(image()) + b"\xff" * 5000 for name, pack in PACKERS.items()},
    "zboot gzip": zboot(PACKERS["gzip"](image()), "gzip"),
    "zboot gzip padded": zboot(PACKERS["gzip"](PADDED), "gzip"),
    "zboot zstd": zboot(zstd_stored(image()), "zstd", 64 * KIB),
    "zboot zstd22": zboot(zstd_stored(image()), "zstd22", 64 * KIB),
    "zboot lz4": zboot(lz4_legacy(image()), "lz4", 64 * KIB),
    "zboot lzma": zboot(lzma_alone(image()), "lzma", 64 * KIB),
    "zboot xzkern": zboot(PACKERS["xz"](image()), "xzkern", 64 * KIB),
    "zboot in gzip": gzip.compress(zboot(PACKERS["gzip"](image()), "gzip")),
    "uki": pe((".osrel", b"ID=test"), (".linux", image())),
    "uki with zboot": pe((".linux", zboot(PACKERS["gzip"](image()), "gzip"))),
    "uki in gzip": gzip.compress(pe((".linux", image()))),
    "vmlinux": elf(*cut_up(image(), 64 * KIB)),
    "vmlinux in gzip": gzip.compress(elf(*cut_up(image(), 64 * KIB))),
    "vmlinux of 40 PT_LOADs": elf(*cut_up(image(), 1640)),
    "uImage": uimage(image()),
    "uImage and more": uimage(image()) + b"\xff" * 5000,
    **{f"uImage {name}": uimage(PACKERS[name](image()), number)
       for name, number in (("gzip", 1), ("bzip2", 2), ("lzma", 3), ("lz4", 5), ("zstd", 6))},
    "padded": PADDED,
    "longer than image_size": PADDED + b"\xff" * 5000,
}


def needs(kexec, name):
    """Skips the test if the build lacks the decompressor that the test name contains."""
    help_text = kexec("--help").out
    for word, library in {"zstd": "zstd", "xz": "xz", "lzma": "lzma", "lz4": "lz4",
                          "bzip2": "bzip2"}.items():
        if word in name and library not in help_text:
            pytest.skip(f"this build has no {library}")


@pytest.mark.parametrize("name", KERNEL_FILES)
def test_every_kernel_file_gives_the_same_plan(kexec, name):
    needs(kexec, name)
    result = kexec.plan(kernel=kexec.file("kernel", KERNEL_FILES[name]))
    assert (result.code, result.err) == (0, "")
    assert result == kexec.plan()


def test_a_symbolic_link_gives_the_same_plan(kexec):
    os.symlink("Image", kexec.inputs / "vmlinuz")
    assert kexec.plan(kernel="../in/vmlinuz") == kexec.plan()


@pytest.mark.parametrize("data", [image(), image(image_size=64 * KIB) + b"\xff" * MIB,
                                  INPUTS["Image.gz"] + b"\xff" * MIB],
                         ids=["Image", "Image and more", "Image.gz and more"])
def test_a_device_gives_the_same_plan(kexec, data):
    """Like a block device, a pipe has no size and can hold more bytes than the kernel."""
    os.mkfifo(kexec.inputs / "device")
    writer = threading.Thread(target=(kexec.inputs / "device").write_bytes, args=(data,),
                              daemon=True)
    writer.start()
    result = kexec.plan(kernel="../in/device")
    writer.join(timeout=60)
    assert result == kexec.plan(kernel=kexec.file("regular", data))
    assert (result.code, result.err) == (0, "")


def test_help_lists_the_formats(kexec):
    last = kexec("--help").out.splitlines()[-1]
    assert last.startswith("Supported kernel file types: arm64 Image, vmlinux, uImage, "
                           "vmlinuz (EFI zboot), uki; unpacks gzip (zlib)")


def test_image_with_a_section_table(kexec):
    whole = kexec.file("pe", image(pe_header=sections(32 * KIB, 64 * KIB)))
    assert kexec.plan(kernel=whole) == kexec.plan()


def test_text_offset(kexec):
    kernel = kexec.file("offset", image(text_offset=0x80000))
    assert segments(kexec.plan(kernel=kernel).out)["kernel"][0] == 0x199280000


def test_next_kernel(kexec):
    result = kexec("--root", os.path.join(DATA, "virt-6.1"), "-l", "-c", "../in/Image")
    assert result.code == 0 and result.err == ""
    assert result.out.startswith("Plan for the next kernel: kexec_load, pages of 4 KiB\n"
                                 "Segments\n")
    assert list(segments(result.out)) == ["purgatory", "kernel", "dtb"]


def test_next_kernel_by_kexec_file_load(kexec):
    root = os.path.join(DATA, "virt-6.1")
    result = kexec("--root", root, "-l", "--append=a b", "--initrd=../in/initrd", "../in/Image")
    assert result == (
        0, "Plan for the next kernel: kexec_file_load\n"
           "Kernel        ../in/Image\n"
           "Initrd        ../in/initrd\n"
           "Checks        none: kexec_file_load adds no check on arm64\n"
           "Command line  a b\n"
           "Attempts\n"
           "  1 kexec_file_load  not checked; if the call is refused, attempt 2 follows\n"
           "  2 kexec_load       checked by purgatory; no attempt follows\n", "")
    ordered = kexec("--root", root, "-ls", "--append=a b", "--initrd=../in/initrd", "../in/Image")
    assert ordered == (0, result.out.split("Attempts\n", maxsplit=1)[0], "")


SEALED_FIRST = "Attempts\n  1 kexec_file_load  sealed Image, checks itself; if the sealed Image is " \
               "refused, attempt 2 follows\n" \
               "  2 kexec_file_load  not sealed, not checked; no attempt follows\n"
LOCKED = "the running kernel is locked down, and accepts only a signed file"


def locked_down(kexec):
    root = kexec.machine()
    os.mkdir(os.path.join(root, "sys/kernel/security"))
    with open(os.path.join(root, "sys/kernel/security/lockdown"), "w", encoding="ascii") as file:
        file.write("none [integrity] confidentiality\n")
    return root


def by_file(checks, attempts=""):
    return (0, "Plan for the crash kernel: kexec_file_load\n"
               "Kernel        ../in/Image\n"
               "Initrd        (none)\n"
               f"Checks        {checks}\n"
               "Command line  (none)\n" + attempts, "")


def test_crash_kernel_by_kexec_file_load(kexec):
    sealed = "the sealed Image checks the kernel and the initrd"
    unchecked = by_file("none: kexec_file_load adds no check on arm64")
    assert kexec.plan("-s") == by_file(sealed, SEALED_FIRST)
    assert kexec.plan("-s", "--on-damage=halt") == by_file(sealed)
    assert kexec.plan("--seal=always") == by_file(sealed)
    assert kexec.plan("-s", "--seal=never") == unchecked
    assert kexec.plan("-s", "--no-checks") == unchecked


def test_the_attempts_under_lockdown(kexec):
    """Under lockdown the plan has no kexec_load, and --seal=always fails for lack of a signature."""
    root = locked_down(kexec)
    assert kexec.plan(root=root) == by_file(
        "none: the running kernel demands a signature, and sealing would break the signature",
        f"Attempts\n  1 kexec_load       impossible: {LOCKED}\n"
        "  2 kexec_file_load  not sealed because of the signature, not checked; no attempt follows\n")
    assert kexec.plan("-c", root=root) == (
        255, f"Attempts\n  1 kexec_load       impossible: {LOCKED}\n", f"kexec: kexec_load: {LOCKED}\n")
    unsigned = ("a check needs a sealed Image, and sealing breaks the signature that the running "
                "kernel demands: seal the kernel, sign the sealed Image, and load it")
    result = kexec.plan("--seal=always", root=root)
    assert (result.code, result.err) == (1, f"kexec: kexec_file_load: {unsigned}\n")
    result = kexec.plan("--on-damage=halt", root=root)
    assert (result.code, result.err) == (
        1, f"kexec: kexec_load: {LOCKED}; kexec_file_load: {unsigned}\n")


def test_exhausted_load_limit(kexec):
    """A load limit of 0 makes all attempts impossible: a refused call would use up the limit."""
    root = kexec.machine()
    os.makedirs(os.path.join(root, "proc/sys/kernel"))
    with open(os.path.join(root, "proc/sys/kernel/kexec_load_limit_panic"), "w",
              encoding="ascii") as file:
        file.write("0\n")
    result = kexec.plan(root=root)
    assert (result.code, result.out.count("impossible: ")) == (255, 3)
    reason = "kernel.kexec_load_limit_panic is 0: the kernel accepts no further call before a reboot"
    assert result.err == f"kexec: kexec_load: {reason}; kexec_file_load: {reason}\n"
    # Each slot has its own limit.
    assert kexec("--root", root, "-l", "../in/Image").code == 0


@pytest.mark.parametrize("arguments, what", [
    (["--mem-min=0x1a0000000"], "--mem-min and --mem-max"),
    (["--entry=0x199220000"], "--entry"),
    (["--purgatory-mmu=off"], "--purgatory-mmu=off"),
])
def test_options_that_need_kexec_load(kexec, arguments, what):
    assert kexec.plan("-s", *arguments) == fails(
        1, f"kexec: {what}: only kexec_load supports this, not kexec_file_load")
    # Without -s the option selects kexec_load.
    root = os.path.join(DATA, "virt-6.1")
    result = kexec("--root", root, "-p", *arguments, "../in/Image")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("Plan for the crash kernel: kexec_load, ")


def test_kexec_file_load_ignores_a_device_tree(kexec):
    """petitboot passes -s and --dtb, and kexec-tools does not read the file."""
    for tree in kexec.file("good.dtb", dtb(ONE_CELL.replace("<1>", "<2>"))), "../in/none.dtb":
        assert kexec.plan("-s", f"--dtb={tree}") == (
            0, kexec.plan("-s").out, f"kexec: warning: --dtb={tree} is ignored: with -s the new "
                                     "kernel gets the running kernel's device tree\n")
    root = os.path.join(DATA, "virt-6.1")
    by_choice = kexec("--root", root, "-p", "--dtb=../in/good.dtb", "../in/Image")
    assert (by_choice.code, by_choice.err) == (0, "")
    assert by_choice.out.startswith("Plan for the crash kernel: kexec_load, ")
    assert kexec.plan("-s", "--dtb=../in/good.dtb", "--mem-min=1").code == 1


@pytest.mark.parametrize("option", ["--no-cma", "--force-dtb"])
def test_options_that_need_kexec_file_load(kexec, option):
    assert kexec.plan("-c", option) == fails(
        1, f"kexec: {option}: only kexec_file_load supports this, not kexec_load")
    assert kexec.plan(option) == kexec.plan("-s")


def test_sealing_is_auto_always_or_never(kexec):
    assert kexec.plan("--seal=always", "-c") == fails(
        1, "kexec: --seal=always: only kexec_file_load supports this, not kexec_load")
    assert kexec.plan("--seal=never", "-c") == kexec.plan("-c")


@pytest.mark.parametrize("name, line", [
    ("vmlinux", "Wrong file type vmlinux, file matches type Image"),
    ("uki", "Wrong file type uki, file matches type Image"),
    ("zImage", "Unsupported kernel type zImage"),
    ("image", "Unsupported kernel type image"),
    ("", "Unsupported kernel type "),
])
def test_wrong_type(kexec, name, line):
    assert kexec.plan(f"--type={name}") == fails(255, "kexec: " + line)
    assert kexec.plan("-t", name, kernel="../in/Image.gz") == fails(255, "kexec: " + line)


def test_right_type(kexec):
    assert kexec.plan("--type=Image") == kexec.plan()
    assert kexec.plan("-tImage", kernel="../in/Image.gz") == kexec.plan()


@pytest.mark.parametrize("option", ["--args-linux", "--reset-vga", "--serial-baud=9600"])
def test_option_of_another_architecture(kexec, option):
    plain = kexec.plan()
    name = option.partition("=")[0]
    assert kexec.plan(option) == (
        0, plain.out,
        f"kexec: warning: {name} is ignored: the option is for another architecture\n")


def test_option_that_arm64_cannot_carry_out(kexec):
    assert kexec.plan("--load-preserve-context") == fails(
        1, "kexec: --load-preserve-context: an arm64 kernel cannot return to the "
           "previous kernel (no KEXEC_JUMP)")


def test_reuseinitrd(kexec):
    assert kexec.plan("--reuseinitrd") == fails(
        1, "kexec: the running kernel kept no initrd (this needs retain_initrd and Linux 6.8): "
           "cannot open /sys/firmware/initrd: No such file or directory")
    root = kexec.machine(sys_firmware_initrd=INPUTS["initrd"])
    assert kexec.plan("--reuseinitrd", root=root) == kexec.plan("--initrd=../in/initrd")


def test_hotplug(kexec):
    assert kexec.plan("--hotplug") == fails(
        1, "kexec: --hotplug: the running kernel does not update a loaded crash kernel: "
           "cannot read /sys/kernel/crash_elfcorehdr_size")
    root = kexec.machine(sys_kernel_crash_elfcorehdr_size="65536\n")
    plain, hotplug = segments(kexec.plan(root=root).out), segments(
        kexec.plan("--hotplug", root=root).out)
    assert plain["elfcorehdr"] == (0x1b91f0000, 0x1b91f0fff)
    assert hotplug["elfcorehdr"] == (0x1b91f0000, 0x1b91fffff)


def test_next_kernel_in_the_crash_region(kexec):
    root = os.path.join(DATA, "virt-6.1")
    result = kexec("--root", root, "-l", "--mem-min=0x199200000", "--mem-max=0x1b91fffff",
                   "../in/Image")
    assert (result.code, result.err) == (0, "")
    assert segments(result.out)["kernel"] == (0x199200000, 0x19b1fffff)
    elsewhere = segments(kexec("--root", root, "-l", "-c", "../in/Image").out)
    assert all(last < 0x199200000 or first > 0x1b91fffff for first, last in elsewhere.values())


@pytest.mark.parametrize("arguments", [["-f"], ["-l", "-f"], ["-f", "-x", "-y"]])
def test_force(kexec, arguments):
    root = os.path.join(DATA, "virt-6.1")
    assert text_of("sys/kernel/kexec_loaded") == "0\n"
    assert kexec("--root", root, *arguments, "../in/Image") == (
        0, kexec("--root", root, "-l", "../in/Image").out +
        "Dry run: the next kernel would be started\n", "")


def test_plain_region(kexec):
    root = kexec.machine(proc_iomem=iomem((HIGH, "")))
    result = kexec.plan(root=root)
    assert (result.code, result.err) == (0, "")
    assert re.findall("^  (high|low|not used) +0x(\\w+) - 0x(\\w+) ", result.out, re.M) == [
        ("high", "00000000f8000000", "00000000fbffffff")]


def test_named_low_region(kexec):
    """A region named "Crash kernel (low)" is the low one, even at the higher address."""
    root = kexec.machine(proc_iomem=iomem((HIGH, HIGH.replace("kernel", "kernel (low)"))))
    result = kexec.plan(root=root)
    assert (result.code, result.err) == (0, "")
    assert re.findall("^  (high|low|not used) +0x(\\w+) - 0x(\\w+) ", result.out, re.M) == [
        ("high", "00000000f8000000", "00000000fbffffff"),
        ("low", "0000000199200000", "00000001b91fffff")]


def test_three_regions(kexec):
    third = "  180000000-18fffffff : Crash kernel\n"
    result = kexec.plan(root=kexec.machine(proc_iomem=iomem((HIGH, third + HIGH))))
    assert (result.code, result.err) == (
        0, "kexec: warning: crash region 0x180000000 - 0x18fffffff is not used: "
           "a capture kernel uses only two (linux,usable-memory-range)\n")
    assert re.findall("^  (high|low|not used) +0x(\\w+) - 0x(\\w+) ", result.out, re.M) == [
        ("high", "0000000199200000", "00000001b91fffff"),
        ("low", "00000000f8000000", "00000000fbffffff"),
        ("not used", "0000000180000000", "000000018fffffff")]


def test_100000_lines(kexec):
    many = "".join(f"  {base:x}-{base + 4095:x} : reserved\n"
                   for base in range(0x50000000, 0x50000000 + 100_000 * 8192, 8192))
    result = kexec.plan(root=kexec.machine(proc_iomem=iomem((LOW, many + LOW))))
    assert result == kexec.plan()


# kexec-tools 2.0.32 crashes or fails silently on the following inputs, on three crash regions
# (above) and on damaged kernel files (below).

def test_70000_ranges_of_ram(kexec):
    many = "".join(f"{base:x}-{base + 4095:x} : System RAM\n"
                   for base in range(0x500000000000, 0x500000000000 + 70_000 * 8192, 8192))
    assert kexec.plan(root=kexec.machine(proc_iomem=text_of("proc/iomem") + many)) == fails(
        255, "kexec: elfcorehdr: 2 CPUs and 70003 ranges of RAM need more than 65535 program "
             "headers, the limit of /proc/vmcore")


@pytest.mark.parametrize("damage", [
    lambda core: core[:16],
    lambda core: core[:64] + b"\xff" * 4096,
    lambda core: core[:32] + b"\xff" * 8 + core[40:],      # e_phoff
    lambda core: core[:56] + b"\xff\xff" + core[58:],      # e_phnum
    lambda core: b"no core\n" * 100,
], ids=["short", "ones", "e_phoff", "e_phnum", "text"])
def test_damaged_kcore(kexec, damage):
    """Without a usable /proc/kcore the dump has no virtual addresses; the load succeeds."""
    with open(os.path.join(DATA, "virt-6.1/proc/kcore"), "rb") as file:
        core = file.read()
    result = kexec.plan("-d", root=kexec.machine(proc_kcore=damage(core)))
    assert result.code == 0
    assert "virtual addresses of RAM are unknown, of the kernel's image unknown" in result.err
    assert result.out == kexec.plan().out


def test_uart_above_4_gib(kexec):
    root = machine_with_ttys(kexec)
    with open(os.path.join(root, "sys/class/tty/ttyAMA0/iomem_base"), "w") as file:
        file.write("0x402020000\n")
    said = kexec.plan("-d", "--serial=ttyAMA0", root=root).err.splitlines()
    assert said.count("kexec: purgatory's console is a PL011 at 0x402020000") == 1


def test_window(kexec):
    result = kexec.plan("--mem-min=0x1a0000000", "--mem-max", "0x1afffffff")
    assert (result.code, result.err) == (0, "")
    found = segments(result.out)
    assert min(first for first, _ in found.values()) >= 0x1a0000000
    assert max(last for _, last in found.values()) <= 0x1afffffff


# --------------------------------------------------------- purgatory's console

def machine_with_ttys(kexec):
    """Returns a snapshot with ttyAMA0 and ttyS0 (pci-serial) as Debian 6.1 shows them in QEMU."""
    root = kexec.machine()
    ttys = {"ttyAMA0": ("32", "2", "0x9000000", "0"), "ttyS0": ("4", "0", "0x0", "0"),
            "ttyS1": ("4", "3", "0xFE660000", "2"), "hvc0": ()}
    for name, values in ttys.items():
        folder = os.path.join(root, "sys/class/tty", name)
        os.makedirs(folder)
        for attribute, value in zip(("type", "io_type", "iomem_base", "iomem_reg_shift"), values):
            with open(os.path.join(folder, attribute), "w", encoding="ascii") as file:
                file.write(value + "\n")
    return root


@pytest.mark.parametrize("option, line", [
    ("--serial=ttyAMA0", "PL011 at 0x9000000"),
    ("--serial=/dev/ttyAMA0", "PL011 at 0x9000000"),
    ("--serial=ttyS1", "16550 at 0xfe660000, one register every 4 bytes, accesses of 4 bytes"),
])
def test_serial(kexec, option, line):
    root = machine_with_ttys(kexec)
    result = kexec.plan(option, root=root)
    assert (result.code, result.err) == (0, "")
    said = kexec.plan("-d", option, root=root).err.splitlines()
    # The first line is about the console of the firmware, which --serial replaces.
    assert [text for text in said if "console is " in text] == [
        "kexec: purgatory's console is a PL011 at 0x9000000",
        "kexec: purgatory's console is a " + line]


@pytest.mark.parametrize("name, reason", [
    ("ttyS0", "ttyS0: purgatory cannot drive this UART (type 4, io_type 0, iomem_base 0x0, "
              "iomem_reg_shift 0): purgatory will be silent"),
    ("hvc0", "cannot open /sys/class/tty/hvc0/type: No such file or directory: purgatory will be "
             "silent"),
])
def test_serial_that_purgatory_cannot_drive(kexec, name, reason):
    result = kexec.plan(f"--serial={name}", root=machine_with_ttys(kexec))
    assert (result.code, result.err) == (0, f"kexec: warning: {reason}\n")
    assert list(segments(result.out)) == ["purgatory", "kernel", "parity", "dtb", "elfcorehdr"]


@pytest.mark.parametrize("name, sentence", [
    ("ttyS7", "cannot open /sys/class/tty/ttyS7: No such file or directory"),
    ("ttyS1,115200", "cannot open /sys/class/tty/ttyS1,115200: No such file or directory"),
    ("../../kernel", '"../../kernel" is not the name of a tty'),
    ("", '"" is not the name of a tty'),
])
def test_missing_serial(kexec, name, sentence):
    assert kexec.plan(f"--serial={name}", root=machine_with_ttys(kexec)) == fails(
        1, "kexec: " + sentence)


# -------------------------------------------------------------- command lines

def command_line(result):
    assert (result.code, result.err) == (0, "")
    return re.search("^Command line  (.*)$", result.out, re.M).group(1)


@pytest.mark.parametrize("arguments, line", [
    (["--append=a b"], "a b"),
    (["--append", "a", "--append=b"], "b"),
    (["--command-line=a", "--append=b"], "b"),
    (["--append=a", "--command-line=b"], "b"),
    (["--append="], "(none)"),
    # Only the blank behind a removed word is removed: the last word leaves the blank before it.
    (["--reuse-cmdline"], "console=ttyAMA0 panic=10 "),
    (["--reuse-cmdline", "--append=irqpoll"], "console=ttyAMA0 panic=10  irqpoll"),
])
def test_command_line(kexec, arguments, line):
    assert command_line(kexec.plan(*arguments)) == line


def test_crashkernel_in_a_crash_kernel_is_a_warning(kexec):
    """The kernel searches for "crashkernel=" anywhere in the command line, not for a whole word."""
    result = kexec.plan("--append=a rd.crashkernel=1M")
    assert (result.code, result.err) == (
        0, "kexec: warning: command line: the crash kernel can reserve memory again, because it "
        'finds "crashkernel=" in rd.crashkernel=1M\n')
    assert "Command line  a rd.crashkernel=1M\n" in result.out


def test_command_line_of_the_next_kernel_keeps_crashkernel(kexec):
    result = kexec("--root", os.path.join(DATA, "virt-6.1"), "-l", "--reuse-cmdline",
                   "../in/Image")
    assert command_line(result) == text_of("proc/cmdline").strip()


def test_longest_command_line(kexec):
    assert command_line(kexec.plan("--append=" + "x" * 2047)) == "x" * 2047


# ----------------------------------------------------------------- bad input

def elf_with_offset(offset):
    """Returns a vmlinux whose only segment starts at this offset in the file."""
    data = elf(*cut_up(image(), 64 * KIB))
    return data[:64 + 8] + struct.pack("<Q", offset) + data[64 + 16:]


UNKNOWN = ": it is neither an arm64 kernel nor a known wrapper"


def cut_gzip():
    return INPUTS["Image.gz"][:-9]


def damaged_gzip():
    data = bytearray(INPUTS["Image.gz"])
    data[-8] ^= 1       # CRC
    return bytes(data)


@pytest.mark.parametrize("option", ["kernel", "initrd", "dtb"])
@pytest.mark.parametrize("path, code, sentence", [
    ("../in/none", None, "Cannot open `../in/none': No such file or directory"),
    ("../in", 1, "../in: Is a directory"),
    ("../in/text/none", None, "Cannot open `../in/text/none': Not a directory"),
    ("/proc/self/mem", 1, "/proc/self/mem: cannot read: Input/output error"),
    ("../in/empty", 255, "../in/empty: the file is empty"),
])
def test_bad_file(kexec, option, path, code, sentence):
    if code is None:
        code = 1 if option == "dtb" else 255
    result = kexec.plan(kernel=path) if option == "kernel" else kexec.plan(f"--{option}={path}")
    assert result == fails(code, "kexec: " + sentence)


@pytest.mark.parametrize("name, data, sentence", [
    ("text", INPUTS["text"], "Cannot determine the file type of ../in/text" + UNKNOWN),
    ("short", image()[:63], "Cannot determine the file type of ../in/short" + UNKNOWN),
    ("text.gz", gzip.compress(INPUTS["text"]),
     "Cannot determine the file type of ../in/text.gz (gzip)" + UNKNOWN),
    ("cut", image(pe_header=sections(32 * KIB, 64 * KIB + 1)),
     "kernel ../in/cut: truncated: the sections end at byte 65537, the file at byte 65536"),
    ("cut.gz", cut_gzip(), "../in/cut.gz: gzip: the compressed data is truncated"),
    ("cut-in-half.gz", INPUTS["Image.gz"][:len(INPUTS["Image.gz"]) // 2],
     "../in/cut-in-half.gz: gzip: the compressed data is truncated"),
    # kexec-tools crashes on these files.
    ("20-bytes", bytes(20), "Cannot determine the file type of ../in/20-bytes" + UNKNOWN),
    ("20-bytes-mz", b"MZ".ljust(20, b"\0"),
     "Cannot determine the file type of ../in/20-bytes-mz" + UNKNOWN),
    ("20-bytes-zboot", b"MZ\0\0zimg".ljust(20, b"\0"),
     "../in/20-bytes-zboot: vmlinuz: no PE header"),
    ("20-bytes-elf", b"\x7fELF\2\1\1".ljust(20, b"\0"),
     "../in/20-bytes-elf: vmlinux: the ELF header is damaged"),
    ("20-bytes-uimage", b"\x27\x05\x19\x56".ljust(20, b"\0"),
     "../in/20-bytes-uimage: uImage: truncated: the header ends at byte 64, the file at byte 20"),
    ("65535-sections", pe(count=65535),
     "../in/65535-sections: uki: truncated: the table of 65535 sections ends at byte 2621728, the "
     "file at byte 512"),
    ("65535-true-sections", pe(count=65535, size=3 * MIB),
     "Cannot determine the file type of ../in/65535-true-sections" + UNKNOWN),
    ("zboot", zboot(gzip.compress(INPUTS["text"]), "gzip"),
     "Cannot determine the file type of ../in/zboot (vmlinuz)" + UNKNOWN),
    ("zboot-of-big-endian", zboot(gzip.compress(image(flags=0b1011)), "gzip"),
     "kernel ../in/zboot-of-big-endian (vmlinuz): the kernel is big-endian: only little-endian "
     "kernels are supported"),
    ("zboot-lzo", zboot(b"lzo", "lzo"),
     "../in/zboot-lzo: vmlinuz: unknown compression \"lzo\""),
    ("elf-phoff", elf(*cut_up(image(), 64 * KIB), phoff=(1 << 64) - 55),
     "../in/elf-phoff: vmlinux: the program headers are damaged"),
    ("elf-core", elf(*cut_up(image(), 64 * KIB), type=4),
     "../in/elf-core: vmlinux: an ELF core dump is not an arm64 kernel"),
    ("elf-offset", elf_with_offset((1 << 64) - 64 * KIB),
     "../in/elf-offset: vmlinux: the address or offset of a segment wraps"),
    ("elf-cut", elf(*cut_up(image(), 64 * KIB))[:-1],
     "../in/elf-cut: vmlinux: truncated: a segment ends at byte 65656, the file at byte 65655"),
    ("fit", b"\xd0\x0d\xfe\xed" + bytes(100),
     "../in/fit: is a FIT image or a device tree, not a kernel (dumpimage of u-boot-tools "
     "extracts the kernel of a FIT image)"),
    ("bad.gz", damaged_gzip(),
     "../in/bad.gz: gzip: the compressed data is damaged: incorrect data check"),
    ("old", image(image_size=0),
     "kernel ../in/old: image_size is 0 (Linux before 3.17): the memory size of the kernel is "
     "unknown"),
    ("big-endian", image(flags=0b1011),
     "kernel ../in/big-endian: the kernel is big-endian: only little-endian kernels are supported"),
], ids=lambda value: value if isinstance(value, str) and " " not in value else "")
def test_bad_kernel(kexec, name, data, sentence):
    assert kexec.plan(kernel=kexec.file(name, data)) == fails(255, "kexec: " + sentence)


def test_no_crash_region(kexec):
    root = kexec.machine(proc_iomem=iomem((HIGH, ""), (LOW, "")))
    expected = fails(
        1, "Memory for crashkernel is not reserved\n"
           "Please reserve memory by passing\"crashkernel=Y@X\" parameter to kernel\n"
           "Then try to loading kdump kernel")
    # Like kexec-tools, check the reservation before the files are opened.
    for call in "-a", "-s", "-c":
        assert kexec.plan(call, root=root) == expected
        assert kexec.plan(call, root=root, kernel="../in/none") == expected
        assert kexec.plan(call, "--initrd=../in/none", root=root) == expected


CALLS = {"": [], "-a": ["-a"], "-s": ["-s"], "-c": ["-c"]}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("action", ["-p", "-l", "-f", ""])
def test_missing_file(kexec, action, call):
    """kexec-tools exits with 255 if it tries kexec_file_load first, and with 1 for -c."""
    root = os.path.join(DATA, "virt-6.1")
    arguments = ["--root", root, *CALLS[call], *([action] if action else [])]
    expected = fails(1 if call == "-c" else 255,
                     "kexec: Cannot open `../in/none': No such file or directory")
    assert kexec(*arguments, "../in/none") == expected
    assert kexec(*arguments, "--initrd=../in/none", "../in/Image") == expected
    assert kexec(*arguments, "--initrd=../in/none", "../in/none") == expected
    dtb_missing = kexec(*arguments, "--dtb=../in/none", "../in/Image")
    if call == "-s":        # -s ignores --dtb
        assert dtb_missing.code == 0
    else:
        assert dtb_missing == fails(1, expected.err.strip())


def test_hidden_memory_map(kexec):
    zeroed = re.sub("[0-9a-f]+-[0-9a-f]+ :", "00000000-00000000 :", text_of("proc/iomem"))
    assert kexec.plan("-c", root=kexec.machine(proc_iomem=zeroed)) == fails(
        1, "kexec: /proc/iomem shows only zero addresses: reading it needs root (CAP_SYS_ADMIN)")


def test_no_memory_map(kexec):
    assert kexec.plan(root=kexec.machine(proc_iomem=None)) == fails(
        1, "kexec: cannot open /proc/iomem: No such file or directory")


def test_damaged_memory_map(kexec):
    root = kexec.machine(proc_iomem="00000000-0fffffff : System RAM\n0x12 : hello\n")
    assert kexec.plan(root=root) == fails(
        255, "kexec: /proc/iomem: line 2 is not a resource: \"0x12 : hello\"")


def test_no_root(kexec):
    assert kexec.plan(root="../in/none") == fails(
        1, "kexec: cannot open root ../in/none: No such file or directory")


@pytest.mark.parametrize("last, sentence", [
    (0x1993fffff, "0x2000000 bytes for segment kernel: crash region 0x199200000 - 0x1993fffff is "
                  "too small by 36876 KiB"),
    (0x19b3fffff - 1 * MIB,
     "0x2000000 bytes for segment kernel: crash region 0x199200000 - 0x19b2fffff is too small by "
     "5132 KiB"),
    (0x19b3fffff, "0x301000 bytes for segment initrd: crash region 0x199200000 - 0x19b3fffff is "
                  "too small by 4108 KiB"),
    (0x19b3fffff + 3 * MIB,
     "0x301000 bytes for segment initrd: crash region 0x199200000 - 0x19b6fffff is too small by "
     "1036 KiB"),
    (0x199200000 + 64 * KIB - 1,
     "0x2000000 bytes for segment kernel: crash region 0x199200000 - 0x19920ffff is too small by "
     "38860 KiB"),
    (0x19b802fff - 4 * KIB,
     "0x3000 bytes for segment dtb: crash region 0x199200000 - 0x19b801fff is too small by 4 KiB"),
], ids=lambda value: f"{value:x}" if isinstance(value, int) else "")
def test_region_too_small(kexec, last, sentence):
    small = HIGH.replace("1b91fffff", f"{last:x}")
    root = kexec.machine(proc_iomem=iomem((HIGH, small)))
    assert kexec.plan("--initrd=../in/initrd", root=root) == fails(
        255, "kexec: Could not find a free area of memory of " + sentence + RESERVE_MORE)


def test_smallest_region(kexec):
    """With one page less the region would be the last case of test_region_too_small()."""
    root = kexec.machine(proc_iomem=iomem((HIGH, HIGH.replace("1b91fffff", "19b802fff"))))
    result = kexec.plan("--initrd=../in/initrd", root=root)
    assert (result.code, result.err) == (0, "")
    assert max(last for _, last in segments(result.out).values()) == 0x19b802fff


def test_region_above_48_bits(kexec):
    above = ("1000000000000-10000ffffffff : System RAM\n"
             "  1000000000000-100003fffffff : Crash kernel\n")
    root = kexec.machine(proc_iomem=iomem((HIGH, ""), ("4010000000-", above + "4010000000-")))
    assert kexec.plan("-c", root=root) == fails(
        255, "kexec: crash region 0x1000000000000 - 0x100003fffffff: an arm64 Image must lie below "
             "2^48 (booting.rst)")


ONE_CELL = "/dts-v1/; / { #address-cells = <1>; #size-cells = <1>; chosen { }; };"


def test_cells_too_small(kexec):
    root = kexec.machine(sys_firmware_fdt=dtb(ONE_CELL))
    assert kexec.plan(root=root) == fails(
        255, "kexec: /sys/firmware/fdt: linux,elfcorehdr: 0x199200000 + 0x1c8 does not fit the "
             "root node's 1 address and 1 size cells")


def test_one_cell_is_enough_below_4_gib(kexec):
    root = kexec.machine(proc_iomem=iomem((HIGH, "")), sys_firmware_fdt=dtb(ONE_CELL))
    result = kexec.plan(root=root)
    assert (result.code, result.err) == (0, "")


def test_damaged_dtb(kexec):
    tree = bytearray(dtb(ONE_CELL))
    tree[8:12] = b"\0\0\xff\xff"        # off_dt_struct: beyond the end
    bad = kexec.file("bad.dtb", bytes(tree))
    assert kexec.plan(f"--dtb={bad}") == fails(
        255, "kexec: ../in/bad.dtb: the device tree is damaged: FDT_ERR_TRUNCATED")
    assert kexec.plan("-c", root=kexec.machine(sys_firmware_fdt=bytes(tree))) == fails(
        255, "kexec: /sys/firmware/fdt: the device tree is damaged: FDT_ERR_TRUNCATED")


def test_not_a_dtb(kexec):
    assert kexec.plan("--dtb=../in/text") == fails(
        255, "kexec: ../in/text: the device tree is damaged: FDT_ERR_BADMAGIC")


def test_dtb_too_large(kexec):
    large = kexec.file("large.dtb", dtb(ONE_CELL).ljust(2 * MIB + 1, b"\0"))
    assert kexec.plan(f"--dtb={large}") == fails(
        255, "kexec: ../in/large.dtb: the device tree has 2097153 bytes: the limit is 2097152")


def test_dtb_that_grows_too_large(kexec):
    filled = ONE_CELL.replace("chosen", "x = [" + "00" * (2 * MIB - 1400) + "]; chosen")
    tree = dtb(filled.replace("<1>", "<2>"))
    assert len(tree) <= 2 * MIB
    result = kexec.plan("--append=" + "x" * 500, f"--dtb={kexec.file('filled.dtb', tree)}")
    assert re.fullmatch("kexec: ../in/filled.dtb: the device tree has 2098[0-9]{3} bytes with the "
                        "new /chosen: the limit is "
                        "2097152\n", result.err)
    assert (result.code, result.out) == (255, "")


def test_no_dtb(kexec):
    root = kexec.machine(sys_firmware_fdt=None)
    reason = "no device tree: cannot read /sys/firmware/fdt or /proc/device-tree"
    assert kexec.plan("-c", root=root) == fails(
        255, "kexec: " + reason + ": name a device tree with --dtb=FILE")
    # kexec_file_load needs no device tree from us.
    result = kexec.plan(root=root)
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("Plan for the crash kernel: kexec_file_load\n")
    assert f"\n  1 kexec_load       impossible: {reason}\n" in result.out


@pytest.mark.parametrize("folder", ["sys/firmware/devicetree/base", "proc/device-tree"])
def test_device_tree_in_files(kexec, folder):
    root = kexec.machine(sys_firmware_fdt=None)
    memory = os.path.join(root, folder, "memory@40000000")
    os.makedirs(memory)
    for path, value in ((memory + "/device_type", b"memory\0"),
                        (memory + "/reg", struct.pack(">QQ", 0x40000000, 0x180000000)),
                        (memory + "/../#address-cells", struct.pack(">I", 2)),
                        (memory + "/../#size-cells", struct.pack(">I", 2))):
        with open(path, "wb") as file:
            file.write(value)
    result = kexec.plan(root=root)
    assert (result.code, result.err) == (
        0, "kexec: warning: cannot read /sys/firmware/fdt, /proc/device-tree is used instead: the "
           "new kernel will not reserve memory that only /memreserve/ names\n")
    assert segments(result.out)["dtb"] == (0x1b9000000, 0x1b9000fff)
    os.symlink("/proc/self/environ", memory + "/secret")
    said = kexec.plan("-c", "-d", root=root)
    assert said.code == 255
    assert ("kexec: skipped: /proc/device-tree: memory@40000000: secret: is neither a folder nor a "
            "file\n") in said.err


def test_dtb_option_replaces_the_device_tree_of_the_machine(kexec):
    tree = kexec.file("good.dtb", dtb(ONE_CELL.replace("<1>", "<2>")))
    result = kexec.plan(f"--dtb={tree}", root=kexec.machine(sys_firmware_fdt=None))
    assert (result.code, result.err) == (0, "")


def memory_lines(result):
    assert result.code == 0
    return [line for line in result.err.splitlines() if " describes no memory" in line]


@pytest.mark.parametrize("machine, files, line", [
    ("virt-6.1", {}, "the memory nodes of the machine's device tree are added"),
    ("virt-6.1", {"sys_firmware_fdt": None}, "the RAM of /proc/iomem is added"),
    ("virt-6.12-acpi", {}, "the machine's UEFI memory map is added"),
    ("virt-6.12-acpi", {"sys_firmware_fdt": None}, "the RAM of /proc/iomem is added"),
])
@pytest.mark.parametrize("slot", ["-p", "-l"])
def test_dtb_option_without_memory(kexec, slot, machine, files, line):
    tree = kexec.file("bare.dtb", dtb("/dts-v1/; / { #address-cells = <2>; #size-cells = <2>; };"))
    root = kexec.machine(machine, **files)
    result = kexec("-d", "--root", root, slot, f"--dtb={tree}", "../in/Image")
    assert memory_lines(result) == [f"kexec: ../in/bare.dtb describes no memory: {line}"]
    quiet = kexec("--root", root, slot, f"--dtb={tree}", "../in/Image")
    assert (quiet.code, quiet.err) == (0, "")


def test_dtb_option_with_memory(kexec):
    tree = kexec.file("full.dtb", dtb(
        "/dts-v1/; / { #address-cells = <2>; #size-cells = <2>; memory@40000000 {"
        " device_type = \"memory\"; reg = <0 0x40000000 1 0x80000000>; }; };"))
    assert memory_lines(kexec.plan("-d", f"--dtb={tree}")) == []
    assert memory_lines(kexec.plan("-d")) == []


def test_dtb_option_whose_cells_are_too_small_for_the_memory(kexec):
    tree = kexec.file("one.dtb", dtb(ONE_CELL))
    root = kexec.machine(proc_iomem=iomem((HIGH, "")))
    assert kexec.plan(f"--dtb={tree}", root=root) == fails(
        255, "kexec: ../in/one.dtb: memory@40000000: 0x40000000 + 0x180000000 does not fit the "
             "root node's 1 address and 1 size cells")


def test_long_command_line(kexec):
    assert kexec.plan("--append=" + "x" * 2048) == fails(
        255, "kexec: Kernel command line too long for kernel: 2048 bytes, at most 2047")


def test_no_command_line_to_reuse(kexec):
    assert kexec.plan("--reuse-cmdline", root=kexec.machine(proc_cmdline=None)) == fails(
        1, "kexec: --reuse-cmdline: cannot read /proc/cmdline")


def test_window_outside_the_region(kexec):
    assert kexec.plan("--mem-max=0xfffff") == fails(
        255, "kexec: --mem-min and --mem-max: the window (0x0 - 0xfffff) contains no part of the "
             "crash "
             "region")


# -------------------------------------------------------------------- actions

def usage(kexec):
    return kexec("-h").out


def test_help(kexec):
    result = kexec("--help")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("kexec-crashres ")
    assert kexec("-h") == result


def long_options():
    names = re.findall(r'^\t\{ "([a-z0-9-]+)",', source_text("kexec/long-options.c"), re.M)
    assert len(names) >= 20
    return names


@pytest.mark.parametrize("name", long_options())
def test_option_is_explained(kexec, name):
    assert re.search(rf"--{name}\b(?!-)", usage(kexec))
    page = source_text("man/kexec.8").replace("\\", "")
    assert re.search(rf"--{name}\b(?!-)", page)


@pytest.mark.parametrize("arguments", [["-v"], ["--version"], ["-p", "-v", "--bad"]])
def test_version(kexec, arguments):
    result = kexec(*arguments)
    assert (result.code, result.err) == (0, "")
    assert re.fullmatch(r"kexec-crashres [0-9]+\.[0-9]+\.[0-9]+\n", result.out)


@pytest.mark.parametrize("arguments, line", [
    (["--bad"], "unrecognized option '--bad'"),
    (["-p", "--bad", "-h"], "unrecognized option '--bad'"),
    (["-Z"], "invalid option -- 'Z'"),
    (["--append"], "option '--append' requires an argument"),
    (["-p", "../in/Image", "--initrd"], "option '--initrd' requires an argument"),
    (["--unload=x"], "option '--unload' doesn't allow an argument"),
    (["--mem", "1"], "option '--mem' is ambiguous; possibilities: '--mem-min' '--mem-max'"),
])
def test_bad_option(kexec, arguments, line):
    assert kexec(*arguments) == (1, usage(kexec), f"{KEXEC}: {line}\n")


@pytest.mark.parametrize("option", ["mem-min", "mem-max"])
@pytest.mark.parametrize("value", ["zz", "", "1k", "-1", " 1", "0x", "0x10000000000000000"])
def test_bad_address(kexec, option, value):
    assert kexec.plan(f"--{option}={value}") == fails(
        1, f'kexec: --{option} takes an address such as 0x80000000, not "{value}"')


@pytest.mark.parametrize("option, takes", [
    ("repair", "auto, off or a number from 0.01 to 100"),
    ("on-damage", "reset, halt or boot"),
    ("on-timeout", "boot, reset or halt"),
    ("check-time", "a number of seconds from 0 to 86400"),
    ("purgatory-mmu", "on or off"),
    ("seal", "auto, always or never"),
    ("entry", "an address such as 0x80000000"),
])
def test_bad_value(kexec, option, takes):
    """The error is one line that names the option; the usage is not printed."""
    assert kexec.plan(f"--{option}=x") == fails(1, f'kexec: --{option} takes {takes}, not "x"')


def test_mem_max_below_mem_min(kexec):
    assert kexec.plan("--mem-min=2", "--mem-max=1") == fails(
        1, "kexec: --mem-max is below --mem-min")


@pytest.mark.parametrize("arguments", [[], ["-p"], ["-l"], ["-p", "--initrd=x"], ["-d"], ["-f"],
                                       ["-s"]])
def test_no_kernel(kexec, arguments):
    assert kexec(*arguments) == (255, usage(kexec), NO_KERNEL)


def test_an_image_alone_is_loaded_and_the_machine_shut_down(kexec):
    root = os.path.join(DATA, "virt-6.1")
    assert kexec("--root", root, "../in/Image") == (
        0, kexec("--root", root, "-l", "../in/Image").out +
        "Dry run: shutdown -r now would be called\n", "")


def test_operands_and_options_mix(kexec):
    root = os.path.join(DATA, "virt-6.1")
    plain = kexec("--root", root, "-p", "--append=x", "--initrd=../in/initrd", "../in/Image")
    assert plain.code == 0
    assert kexec("../in/Image", "--initrd", "../in/initrd", "-p", "--append=x", "--root",
                 root) == plain


def test_all_operands_of_a_load_but_the_first_are_ignored_with_a_warning(kexec):
    """load.sh of openSUSE makes such operands of quoted words. OpenWrt unloads with an operand."""
    root = os.path.join(DATA, "virt-6.1")
    plain = kexec("--root", root, "-p", "--append=a", "../in/Image")
    assert kexec("--root", root, "-p", "../in/Image", "--append=a", "two words", "b") == (
        0, plain.out,
        'kexec: warning: the operand "two words" is ignored: the kernel is "../in/Image"\n'
        'kexec: warning: the operand "b" is ignored: the kernel is "../in/Image"\n')
    assert kexec("--root", root, "-p", "-u", "../in/Image", "b") == (
        0, "Dry run: the crash kernel would be unloaded\n", "")


def test_double_dash_ends_the_options(kexec):
    root = os.path.join(DATA, "virt-6.1")
    assert kexec("--root", root, "-p", "--", "--append=x") == fails(
        255, "kexec: Cannot open `--append=x': No such file or directory")


def test_posixly_correct_stops_at_the_kernel(kexec):
    result = kexec.plan(kernel="../in/Image")
    root = os.path.join(DATA, "virt-6.1")
    assert kexec("--root", root, "-p", "../in/Image", "--append=x", POSIXLY_CORRECT="1") == (
        0, result.out,
        'kexec: warning: the operand "--append=x" is ignored: the kernel is "../in/Image"\n')


def test_abbreviations(kexec):
    root = os.path.join(DATA, "virt-6.1")
    assert kexec("--ro", root, "--unl") == (
        0, "Dry run: the next kernel would be unloaded\n", "")
    assert kexec("--ro", root, "--load-pa", "--reuse-c", "../in/Image") == kexec.plan(
        "--reuse-cmdline")


@pytest.mark.parametrize("arguments, slot", [
    (["-u"], "next"), (["-l", "-u"], "next"), (["-u", "-c"], "next"),
    (["-p", "-u"], "crash"), (["-u", "-p"], "crash"), (["-pu"], "crash"), (["-up"], "crash"),
    (["-p", "-u", "../in/Image"], "crash"),
])
def test_unload(kexec, arguments, slot):
    assert kexec("--dry-run", *arguments) == (
        0, f"Dry run: the {slot} kernel would be unloaded\n", "")


def test_unload_and_load(kexec):
    root = os.path.join(DATA, "virt-6.1")
    load = kexec("--root", root, "-l", "../in/Image")
    assert kexec("--root", root, "-u", "-l", "../in/Image") == (
        0, "Dry run: the next kernel would be unloaded\n" + load.out, "")
    assert kexec("--root", root, "-u", "-p", "../in/Image") == (
        0, "Dry run: the crash kernel would be unloaded\n" + kexec.plan().out, "")


@pytest.mark.parametrize("replacements, size", [
    ([], 512 * MIB),
    ([(HIGH, "")], 64 * MIB),
    ([(HIGH, ""), (LOW, "")], 0),
])
def test_print_ckr_size(kexec, replacements, size):
    root = kexec.machine(proc_iomem=iomem(*replacements))
    assert kexec("--print-ckr-size", "--root", root) == (0, f"{size}\n", "")


@pytest.mark.parametrize("text", ["00000000-00000000 : Crash kernel\n", "", None, "garbage\n"])
def test_print_ckr_size_of_an_unknown_region(kexec, text):
    assert kexec("--root", kexec.machine(proc_iomem=text), "--print-ckr-size") == (0, "0\n", "")


@pytest.mark.parametrize("arguments, crash, normal, code", [
    (["-S"], "0\n", "1\n", 0),
    (["-S"], "1\n", "0\n", 1),
    (["-S", "-p"], "1\n", "0\n", 1),
    (["-p", "--status"], "0\n", "1\n", 0),
    (["-S", "-l"], "1\n", "0\n", 0),
    (["-l", "-S"], "0\n", "1\n", 1),
    (["-l", "-p", "-S"], "1\n", "0\n", 1),
    (["-p", "-l", "-S"], "0\n", "1\n", 1),
    (["-d", "-S"], "1\n", "0\n", 1),
    (["-S", "-e", "-u"], "1\n", "0\n", 1),
])
def test_status(kexec, arguments, crash, normal, code):
    root = kexec.machine(sys_kernel_kexec_crash_loaded=crash, sys_kernel_kexec_loaded=normal)
    assert kexec("--root", root, *arguments) == (code, "", "")


@pytest.mark.parametrize("content, sentence", [
    (None, "the running kernel has no kexec support: neither /sys/kernel/kexec/crash_loaded nor "
           "/sys/kernel/kexec_crash_loaded exists"),
    ("", "/sys/kernel/kexec_crash_loaded contains neither 0 nor 1"),
    ("2\n", "/sys/kernel/kexec_crash_loaded contains neither 0 nor 1"),
])
def test_unknown_status(kexec, content, sentence):
    root = kexec.machine(sys_kernel_kexec_crash_loaded=content)
    assert kexec("-S", "--root", root) == fails(255, "kexec: " + sentence)


def test_exec(kexec):
    loaded = kexec.machine(sys_kernel_kexec_loaded="1\n")
    assert kexec("-e", "--root", loaded) == (0, "Dry run: the next kernel would be started\n", "")
    empty = kexec.machine(sys_kernel_kexec_loaded="0\n")
    assert kexec("-e", "--root", empty) == fails(1, "kexec: Nothing has been loaded!")
    # A kernel without kexec has no such file; a machine without sysfs decides by reboot().
    without = kexec.machine(sys_kernel_kexec_loaded=None)
    assert kexec("-e", "--root", without) == fails(
        1, "kexec: Nothing has been loaded! (the running kernel has no kexec support: neither "
           "/sys/kernel/kexec/loaded nor /sys/kernel/kexec_loaded exists)")
    shutil.rmtree(os.path.join(without, "sys"))
    assert kexec("-e", "--root", without) == (
        0, "Dry run: the next kernel would be started\n", "")


# -------------------------------------------------- output, system calls, files

def test_full_disk(kexec):
    with open("/dev/full", "w", encoding="ascii") as full:
        result = kexec.plan(stdout=full)
    assert (result.code, result.err) == (
        255, "kexec: standard output: cannot write: No space left on device\n")


@pytest.mark.skipif(ARM64, reason="on arm64 this would unload for real")
@pytest.mark.parametrize("arguments", [["-u"], ["-p", "-u"], ["-p", "Image"], ["-l", "Image"]])
def test_another_host_loads_nothing(kexec, arguments):
    assert kexec(*arguments) == fails(
        255, "kexec: this machine is not arm64: it can plan a load but not execute it")


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
@pytest.mark.parametrize("kernel", ["Image", "Image.gz", "text"])
def test_no_file_is_made(kexec, kernel):
    """kexec creates no temporary files: it unpacks a kernel into a memfd."""
    log = kexec.inputs / "strace"
    calls = "openat,open,creat,mkdir,mknod,link,symlink,rename,unlink,memfd_create"
    kexec.plan("--initrd=../in/initrd", kernel=f"../in/{kernel}", ASAN_OPTIONS="detect_leaks=0",
               wrapper=["strace", "-f", "-qq", "-o", str(log), "-e", f"trace={calls}"])
    lines = [line.split(None, 1)[1] for line in log.read_text().splitlines()]
    assert any('"../in/initrd", O_RDONLY|O_CLOEXEC' in line for line in lines) == (kernel != "text")
    changing = [line for line in lines if not line.startswith(("openat(", "open(")) or
                re.search("O_CREAT|O_TMPFILE|O_WRONLY|O_RDWR", line)]
    # One memfd for the unpacked kernel; a dry run also makes the sealed Image and its initrd.
    assert [line.split("(")[0] for line in changing] == ["memfd_create"] * (
        {"text": 0, "Image": 2, "Image.gz": 3}[kernel])
