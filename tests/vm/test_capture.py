# SPDX-License-Identifier: GPL-2.0-or-later
"""Load, panic, capture: the main job on real kernels and machines of many kinds."""

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
# By device tree: with QEMU's firmware the kernel gives up the nodes of the SRAT ("no nodes
# coverage for 64MB") and makes one.
NUMA = Machine("two NUMA nodes", memory=("-m", "6G", *TWO_NODES), nodes=2)
# Debian's kernels are built without ACPI_HOTPLUG_MEMORY and leave a DIMM alone; virtio-mem they
# have. Its memory is named "System RAM (virtio_mem)": to be dumped, not to be loaded into.
HOTPLUG = Machine(
    "hot-plugged memory", hotplug=1 << 30, nodes=2,
    memory=("-m", "6G,maxmem=16G", *TWO_NODES),
    qemu_options=("-object", "memory-backend-ram,id=hot,size=2G",
          "-device", "virtio-mem-pci,memdev=hot,node=1,requested-size=1G"))

# 6.1 once more on every row but hot-plug, for which it lacks built-in virtio: its dumps are the
# ones that makedumpfile can read.
ROWS = (DEVICE_TREE, EL2_VHE, EL2_NVHE, ACPI, ONE_REGION, LARGE, NUMA)
MATRIX = [("6.12-16k", DEVICE_TREE), ("newest", DEVICE_TREE), ("6.12", HOTPLUG)] + [
    (kernel, machine) for kernel in ("6.1", "6.12") for machine in ROWS]

APPEND = "capture.word=1"


class First:
    """What the first kernel knew, noted before it panics."""

    def __init__(self, running, machine):
        self.iomem = guest.parse_iomem(running.check("cat /proc/iomem"))
        self.crash = sorted(guest.find_ranges(self.iomem, r"Crash kernel( \(low\))?"), reverse=True)
        self.high = self.crash[0]
        ram = guest.find_ranges(self.iomem, r"System RAM.*")
        # One piece where two nodes' RAM touches: how it is cut up is the loader's own affair.
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
            f"no device tree at {dtb:#x}, where the plan has it"
        assert machine.crashkernel in self.command_line
        added = guest.find_ranges(self.iomem, r"System RAM \(virtio_mem\)")
        assert sum(end - start for start, end in added) == machine.hotplug
        nodes = running.check("ls -d /sys/devices/system/node/node*")
        assert len(nodes.split()) == machine.nodes

    def offsets(self):
        """Virtual minus physical address, of every piece of RAM that /proc/kcore has."""
        return {offset(load) for load in self.kcore
                if load.type == guest.PT_LOAD and
                any(first <= load.paddr < end for first, end in self.ram + self.crash)}


def offset(load):
    return (load.vaddr - load.paddr) % 2**64


def inside(inner, outer):
    return outer[0] <= inner[0] < inner[1] <= outer[1]


def check_memory(first, capture):
    """System RAM is high + low, and nothing else."""
    iomem = guest.parse_iomem(capture.check("cat /proc/iomem"))
    assert sorted(guest.find_ranges(iomem, "System RAM")) == sorted(first.crash)
    code = guest.find_ranges(iomem, "Kernel code")[0]
    assert inside(code, first.plan["kernel"][0]) and inside(code, first.high)
    for name in ("kernel", "initrd", "dtb", "elfcorehdr", "purgatory"):
        assert inside(first.plan[name][0], first.high), name


def check_device_tree(first, capture):
    dtb = capture.read("/sys/firmware/fdt")
    start, end = first.plan["dtb"][0]
    # It is shown from where it lies, changed by the kernel or not.
    assert len(dtb) <= end - start and capture.peek(start, len(dtb)) == dtb
    chosen = guest.parse_chosen(dtb)
    ranges = b"".join(struct.pack(">QQ", start, end - start) for start, end in first.crash)
    assert chosen["linux,usable-memory-range"] == ranges
    initrd = (struct.unpack(">Q", chosen["linux,initrd-start"])[0],
              struct.unpack(">Q", chosen["linux,initrd-end"])[0])
    assert inside(initrd, first.plan["initrd"][0]) and inside(initrd, first.high)
    assert initrd[0] == first.plan["initrd"][0][0]


def check_command_line(first, capture):
    words = [word for word in first.command_line.split(" ")
             if not word.startswith(("crashkernel=", "BOOT_IMAGE="))]
    assert capture.check("cat /proc/cmdline") == " ".join(words) + " " + APPEND


def check_vmcore(first, capture, vmcore):
    """The dump has all RAM outside the crash regions, at true virtual addresses."""
    loads = vmcore.loads
    alias = [load for load in loads if (load.paddr, load.paddr + load.memsz) == first.image]
    ram = [load for load in loads if load not in alias]
    assert [(load.paddr, load.paddr + load.memsz) for load in ram] == first.ram
    assert sum(load.filesz for load in ram) == sum(end - start for start, end in first.ram)
    size = int(capture.check("stat -c %s /proc/vmcore"))
    assert size == max(load.offset + load.filesz for load in loads)
    # The image stands there a second time, for debuggers, at the kernel's own addresses.
    assert [offset(load) for load in alias] == [first.image_offset]
    # /proc/kcore may show the kernel's image too; all else in RAM is the linear map.
    linear = first.offsets() - {first.image_offset}
    assert len(linear) == 1 and {offset(load) for load in ram} == linear


PANIC = "Kernel panic - not syncing: sysrq triggered crash"


def check_log(vmcore):
    """By its virtual addresses, the dump leads to the log, and the panic is in there."""
    log = vmcore.log()
    assert b"sysrq: Trigger a crash" in log
    assert PANIC.encode() in log


def too_wide(vmcore):
    """makedumpfile (1.7.8) refuses kernels built for 52-bit addresses with small pages."""
    return vmcore.info["NUMBER(VA_BITS)"] == "52" and vmcore.info["PAGESIZE"] != "65536"


def check_makedumpfile(capture, vmcore):
    """makedumpfile takes the dump, and the log in it holds the panic."""
    if too_wide(vmcore):
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
    """Purgatory has looked at all of it, as the machine lets it, and says so."""
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
