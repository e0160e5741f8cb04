/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * probe.S: does a vector instruction work here? check-image allows it in this
 * function, which runs before anything else touches a vector register.
 */
	.text
/* void pg_probe_vectors(void): an exception if it does not. v16 is lost. */
	.globl	pg_probe_vectors
	.hidden	pg_probe_vectors
	.type	pg_probe_vectors, %function
pg_probe_vectors:
	eor	v16.16b, v16.16b, v16.16b
	ret
	.size	pg_probe_vectors, . - pg_probe_vectors

	.section .note.GNU-stack, "", %progbits
