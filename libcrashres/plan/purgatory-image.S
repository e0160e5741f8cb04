/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * purgatory-image.S: embeds the two built arm64 purgatories as read-only data. The assembler
 * directives work on every host, because nothing here is executed.
 *
 *   crs_purgatory_image  the purgatory segment of kexec_load
 *   crs_sealed_image     the purgatory inside a sealed Image
 *
 * The byte after each image keeps its end symbol inside the section.
 */
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
