# SPDX-License-Identifier: GPL-2.0-or-later
"""Load, panic, capture: the main task, on several kernels and kinds of machines."""

import json
import re
import struct

import pytest

from lib import guest
from lib.guest import Machine
from lib.vmcore import Vmcore

EFI = "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd"

DEVICE_TREE = Machine("device tree, EL1")
EL2_VHE = Machine("EL2 with VHE", machine="virt,gic-version=3,virtualization=on")
EL2_NVHE = Machine("EL2 without VHE", machine="virt,gic-version=3,virtualization=on",
                   cpu="cortex-a72")
ACPI = Machine("UEFI and ACPI", qemu_options=("-bios", EFI))
ONE_REGION = Machine("one region", crashkernel="crashkernel=256M")
LARGE = Machine("12 GiB", memory=("-m", "12G"),
                crashkernel="crashkernel=1G,high crashkernel=200M,low")
TWO_NODES = ("-object", "memory-backend-ram,id=node0,size=3G",
             "-object", "memory-backend-ram,id=node1,size=3G",
             "-numa", "node,memdev=node0,cpus=0", "-numa", "node,memdev=node1,cpus=1")
# With a device tree, because with QEMU's firmware the kernel drops the nodes of the SRAT ("no
# nodes coverage for 64MB") and uses one node.
NUMA = Machine("two NUMA nodes", memory=("-m", "6G", *TWO_NODES), nodes=2)
# Debian's kernels support virtio-mem, but no DIMMs, because they lack ACPI_HOTPLUG_MEMORY. The
# memory is called "System RAM (virtio_mem)". It must be in the dump, but no kernel may be loaded
# into it.
HOTPLUG = Machine(
    "hot-plugged memory", hotplug=1 << 30, nodes=2,
    memory=("-m", "6G,maxmem=16G", *TWO_NODES),
    qemu_options=("-object", "memory-backend-ram,id=hot,size=2G",
          "-device", "virtio-mem-pci,memdev=hot,node=1,requested-size=1G"))

# Kernel 6.1 runs on every row except hot-plug, because it lacks built-in virtio. makedumpfile can
# read the dumps of 6.1.
ROWS = (DEVICE_TREE, EL2_VHE, EL2_NVHE, ACPI, ONE_REGION, LARGE, NUMA)
MATRIX = [("6.12-16k", DEVICE_TREE), ("newest", DEVICE_TREE), ("6.12", HOTPLUG)] + [
    (kernel, machine) for kernel in ("6.1", "6.12") for machine in ROWS]

APPEND = "capture.word=1"


class First:
    """Facts about the first kernel, read before it panics."""

    def __init__(self, running, machine):
        self.iomem = guest.parse_iomem(running.check("cat /proc/iomem"))
        self.crash = sorted(guest.find_ranges(self.iomem, r"Crash kernel( \(low\))?"), reverse=True)
        self.high = self.crash[0]
        ram = guest.find_ranges(self.iomem, r"System RAM.*")
        # Adjacent ranges of two nodes are joined, because the loader may split RAM anywhere.
        self.ram = guest.join_ranges(guest.subtract_ranges(ram, self.crash))
        self.command_line = running.check("cat /proc/cmdline")
        self.kcore = guest.parse_core(running.read("/proc/kcore", 4))
        image = guest.find_ranges(self.iomem, "Kernel code") + guest.find_ranges(self.iomem, "Kernel data")
        self.image = (image[0][0], image[-1][1])
        address, size = running.check("cat /sys/kernel/vmcoreinfo").split()
        note = running.peek(int(address, 16), int(size, 16))
        voffset = re.search(rb"^NUMBER\(kimage_voffset\)=(\w+)$", note, re.MULTILINE)
        self.image_offset = int(voffset[1], 16)
        status, output = running.run("kexec -d -p --reuse-cmdline --append=" + APPEND +
                                     " --initrd=/boot/initrd /boot/Image")
        assert status == 0, output
        self.plan = guest.parse_plan(output)
        assert running.check("cat /sys/kernel/kexec_crash_loaded") == "1"
        dtb = self.plan["dtb"][0][0]
        assert running.peek(dtb, 4) == struct.pack(">I", 0xd00dfeed), \
            f"there is no device tree at {dtb:#x}, its address in the plan"
        assert machine.crashkernel in self.command_line
        added = guest.find_ranges(self.iomem, r"System RAM \(virtio_mem\)")
        assert sum(end - start for start, end in added) == machine.hotplug
        nodes = running.check("ls -d /sys/devices/system/node/node*")
        assert len(nodes.split()) == machine.nodes

    def offsets(self):
        """Returns the set of (virtual minus physical address) of all RAM in /proc/kcore."""
        return {offset(load) for load in self.kcore
                if load.type == guest.PT_LOAD and
                any(first <= load.paddr < end for first, end in self.ram + self.crash)}


def offset(load):
    """Returns the virtual minus the physical address of a program header, modulo 2^64."""
    return (load.vaddr - load.paddr) % 2**64


def is_inside(inner, outer):
    """Returns whether a (first, end) range is inside another range."""
    return outer[0] <= inner[0] < inner[1] <= outer[1]


def check_memory(first, capture):
    """Checks that the System RAM of the capture kernel is the crash regions."""
    iomem = guest.parse_iomem(capture.check("cat /proc/iomem"))
    assert sorted(guest.find_ranges(iomem, "System RAM")) == sorted(first.crash)
    code = guest.find_ranges(iomem, "Kernel code")[0]
    assert is_inside(code, first.plan["kernel"][0]) and is_inside(code, first.high)
    for name in ("kernel", "initrd", "dtb", "elfcorehdr", "purgatory"):
        assert is_inside(first.plan[name][0], first.high), name


def check_device_tree(first, capture):
    """Checks the device tree of the capture kernel against the plan."""
    dtb = capture.read("/sys/firmware/fdt")
    start, end = first.plan["dtb"][0]
    # /sys/firmware/fdt shows the memory of the device tree, with changes by the kernel.
    assert len(dtb) <= end - start and capture.peek(start, len(dtb)) == dtb
    chosen = guest.parse_chosen(dtb)
    ranges = b"".join(struct.pack(">QQ", start, end - start) for start, end in first.crash)
    assert chosen["linux,usable-memory-range"] == ranges
    initrd = (struct.unpack(">Q", chosen["linux,initrd-start"])[0],
              struct.unpack(">Q", chosen["linux,initrd-end"])[0])
    assert is_inside(initrd, first.plan["initrd"][0]) and is_inside(initrd, first.high)
    assert initrd[0] == first.plan["initrd"][0][0]


def check_command_line(first, capture):
    """Checks that the command line is reused without crashkernel= and BOOT_IMAGE=."""
    words = [word for word in first.command_line.split(" ")
             if not word.startswith(("crashkernel=", "BOOT_IMAGE="))]
    assert capture.check("cat /proc/cmdline") == " ".join(words) + " " + APPEND


def check_vmcore(first, capture, vmcore):
    """Checks that the dump has all RAM outside the crash regions, at the kernel's addresses."""
    loads = vmcore.loads
    alias = [load for load in loads if (load.paddr, load.paddr + load.memsz) == first.image]
    ram = [load for load in loads if load not in alias]
    assert [(load.paddr, load.paddr + load.memsz) for load in ram] == first.ram
    assert sum(load.filesz for load in ram) == sum(end - start for start, end in first.ram)
    size = int(capture.check("stat -c %s /proc/vmcore"))
    assert size == max(load.offset + load.filesz for load in loads)
    # A second program header has the kernel image at its own virtual addresses, for debuggers.
    assert [offset(load) for load in alias] == [first.image_offset]
    # /proc/kcore can also have the kernel image. All other RAM in it is the linear map.
    linear = first.offsets() - {first.image_offset}
    assert len(linear) == 1 and {offset(load) for load in ram} == linear


PANIC = "Kernel panic - not syncing: sysrq triggered crash"


def check_log(vmcore):
    """Checks that the log with the panic can be found with virtual addresses of the dump."""
    log = vmcore.log()
    assert b"sysrq: Trigger a crash" in log
    assert PANIC.encode() in log


def is_too_wide(vmcore):
    """Returns whether makedumpfile 1.7.8 refuses the dump: it does not support 52-bit addresses
    with pages smaller than 64 KiB."""
    return vmcore.info["NUMBER(VA_BITS)"] == "52" and vmcore.info["PAGESIZE"] != "65536"


def check_makedumpfile(capture, vmcore):
    """Checks that makedumpfile saves the dump and finds the panic in its log."""
    if is_too_wide(vmcore):
        status, output = capture.run("makedumpfile -d 31 /proc/vmcore /dump 2>&1")
        page = int(vmcore.info["PAGESIZE"])
        assert status == 1 and f"PAGE SIZE {page:#x} and VA Bits 52 not supported" in output
        return
    capture.check("makedumpfile -d 31 -c /proc/vmcore /dump 2>&1", 400)
    assert int(capture.check("stat -c %s /dump")) > 1 << 20
    capture.check("rm /dump")
    capture.check("makedumpfile --dump-dmesg /proc/vmcore /dmesg 2>&1", 400)
    log = capture.read("/dmesg").decode()
    assert "sysrq: Trigger a crash" in log
    assert PANIC in log


def check_report(machine, capture):
    """Checks that purgatory reports an intact kernel, on the console and in its record."""
    assert re.search(r"^crashres: purgatory: \d+ blocks intact, \d+ ms: starting the kernel$",
                     capture.serial, re.MULTILINE)
    status, output = capture.run("crashres report --json")
    report = json.loads(output)
    assert (status, report["outcome"], report["damaged"]) == (0, "intact", 0)
    assert report["exception_level"] == (2 if "virtualization" in machine.machine else 1)
    assert report["vhe"] == (machine is EL2_VHE)
    assert report["mmu"]
    assert report["digest_tables_damaged"] == [False, False]


@pytest.mark.parametrize("kernel, machine", MATRIX, indirect=["kernel"],
                         ids=[f"{kernel}: {machine.name}" for kernel, machine in MATRIX])
def test_panic_ends_in_a_dump(lab, kernel, machine):
    with lab.boot(kernel, machine) as running:
        first = First(running, machine)
        assert len(first.crash) == (2 if ",high" in machine.crashkernel else 1)
        running.panic()
        running.wait_ready("capture")
        check_report(machine, running)
        check_memory(first, running)
        check_device_tree(first, running)
        check_command_line(first, running)
        vmcore = Vmcore(running)
        check_vmcore(first, running, vmcore)
        check_log(vmcore)
        check_makedumpfile(running, vmcore)
