/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * probe.S: executes one vector instruction, to find out if vector instructions work.
 * check-image allows vector registers in this function.
 */
	.text
/* void pg_probe_vectors(void): ends in an exception if vectors do not work. Changes v16. */
	.globl	pg_probe_vectors
	.hidden	pg_probe_vectors
	.type	pg_probe_vectors, %function
pg_probe_vectors:
	eor	v16.16b, v16.16b, v16.16b
	ret
	.size	pg_probe_vectors, . - pg_probe_vectors

	.section .note.GNU-stack, "", %progbits
