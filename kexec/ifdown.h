/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KEXEC_IFDOWN_H
#define KEXEC_IFDOWN_H

/*
 * Takes every network interface down but loopback, as well as that goes: what DMA
 * a card does after the next kernel has started would land in its memory.
 */
void ifdown_all(void);

#endif
