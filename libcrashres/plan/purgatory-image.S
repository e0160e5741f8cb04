/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The arm64 purgatories as data, in a library of any host. */
	.section .rodata
	.balign 16
	.globl crs_purgatory_image, crs_purgatory_image_end
crs_purgatory_image:
	.incbin "purgatory/purgatory.bin"
crs_purgatory_image_end:
	.byte 0

	.balign 16
	.globl crs_sealed_image, crs_sealed_image_end
crs_sealed_image:
	.incbin "purgatory/sealed.bin"
crs_sealed_image_end:
	.byte 0
	.section .note.GNU-stack, "", %progbits
