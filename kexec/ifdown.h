/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Takes the network interfaces down before another kernel starts. */
#ifndef KEXEC_IFDOWN_H
#define KEXEC_IFDOWN_H

/*
 * Takes every network interface except loopback down; ignores errors. A network card that still
 * receives after the jump would write by DMA into memory of the next kernel.
 */
void ifdown_all(void);

#endif
