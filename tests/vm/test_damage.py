# SPDX-License-Identifier: GPL-2.0-or-later
"""What was loaded gets damaged before the panic."""

import re

import pytest

import guest

LINE = r"^crashres: purgatory: kernel damaged at offset (0x[0-9a-f]+) \((\d+) of \d+ leaves\): " \
       r"resetting$"


@pytest.mark.parametrize("kernel", ["6.12"], indirect=True)
@pytest.mark.parametrize("mmu", ["on", "off"])
def test_damaged_kernel_is_named_and_the_machine_resets(lab, kernel, mmu):
    with lab.boot(kernel) as running:
        status, output = running.run(f"kexec -d -p --purgatory-mmu={mmu} --reuse-cmdline "
                                     "--initrd=/boot/initrd /boot/Image")
        assert status == 0, output
        where = guest.parse_plan(output)["kernel"][0][0] + 0x123000
        before = running.peek(where, 64)
        running.poke(where, bytes(byte ^ 0xff for byte in before))
        running.panic()
        offset, leaves = running.wait_for(LINE, 30).groups()
        assert (offset, leaves) == ("0x123000", "1")
        assert running.wait_exit(30) == "guest-reset"
        assert not re.search(r"^guest: ready: capture", running.serial, re.MULTILINE)
