# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads /proc/vmcore in a capture kernel by the virtual addresses of the crashed kernel."""

import base64
import re
import struct

from lib import guest


class Vmcore:
    """The dump of one capture kernel: program headers, VMCOREINFO, memory and log."""

    def __init__(self, capture):
        self._capture = capture
        head = capture.read("/proc/vmcore", 16)
        self.phdrs = guest.parse_core(head)
        self.loads = [phdr for phdr in self.phdrs if phdr.type == guest.PT_LOAD]
        notes = [head[phdr.offset:phdr.offset + phdr.filesz] for phdr in self.phdrs
                 if phdr.type == guest.PT_NOTE]
        text = notes[0][notes[0].index(b"VMCOREINFO\0"):].decode("latin-1")
        self.info = dict(re.findall(r"^([A-Z]+\(\S+\)|[A-Z]+)=(\S+)$", text, re.MULTILINE))

    def memory(self, vaddr, size):
        """Returns size bytes of the crashed kernel. vaddr: a virtual address (p_vaddr)."""
        load = next(load for load in self.loads
                    if load.vaddr <= vaddr and vaddr + size <= load.vaddr + load.memsz)
        start = load.offset + vaddr - load.vaddr
        block, inside = divmod(start, guest.PAGE)
        count = -(-(inside + size) // guest.PAGE)
        text = self._capture.check(f"dd if=/proc/vmcore bs={guest.PAGE} skip={block} "
                                   f"count={count} 2>/dev/null | base64")
        return base64.b64decode(text)[inside:inside + size]

    def _read_word(self, vaddr, form="<Q"):
        """Returns a number in the crashed kernel's memory. form: a format of struct."""
        return struct.unpack(form, self.memory(vaddr, struct.calcsize(form)))[0]

    def _offset(self, field):
        """Returns the offset of a structure field in bytes, from VMCOREINFO."""
        return int(self.info[f"OFFSET({field})"])

    def log(self):
        """Returns the bytes of printk's text ring (kernel/printk/printk_ringbuffer.h,
        struct prb_data_ring)."""
        ring = self._read_word(int(self.info["SYMBOL(prb)"], 16))
        text = ring + self._offset("printk_ringbuffer.text_data_ring")
        bits = self._read_word(text + self._offset("prb_data_ring.size_bits"), "<I")
        return self.memory(self._read_word(text + self._offset("prb_data_ring.data")), 1 << bits)
