/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the UART behind a tty from sysfs. A copy of a machine can contain any bytes there. */
#include <errno.h>
#include <inttypes.h>
#include <linux/serial.h>
#include <linux/serial_core.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/root.h"
#include "tty.h"

#define FOLDER		"sys/class/tty/"
#define NAME_MAX_LENGTH	63	/* the kernel's limit (tty_register_device_attr()) */
#define PATH_SIZE	128	/* bytes of FOLDER, a name, an attribute and NUL */
#define NUMBER_LIMIT	64	/* bytes of an attribute file */

/*
 * Attributes of a tty. Only drivers that use the serial core have them (Linux,
 * Documentation/ABI/testing/sysfs-tty).
 */
struct port {
	uint64_t type;			/* PORT_* (linux/serial_core.h) */
	uint64_t io_type;		/* SERIAL_IO_* (linux/serial.h) */
	uint64_t base;			/* iomem_base: physical address of the first register */
	uint64_t shift;			/* iomem_reg_shift: the stride is 1 << shift bytes */
};

/* Reads a file with one number, decimal or with 0x. */
static enum crashres_status read_number(struct crashres_ctx *ctx, const char *name,
					const char *attribute, uint64_t *value)
{
	CRS_CLEANUP(crs_freep) uint8_t *text = NULL;
	enum crashres_status status;
	char path[PATH_SIZE], *end;
	size_t size;

	snprintf(path, sizeof(path), FOLDER "%s/%s", name, attribute);
	status = crs_root_read(ctx, path, NUMBER_LIMIT, &text, &size);
	if (status != CRASHRES_OK)
		return status;
	errno = 0;
	*value = strtoull((char *)text, &end, 0);
	/* strtoull() also accepts blanks and a sign before the number. */
	if (errno || *text < '0' || *text > '9' || (*end && *end != '\n'))
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "/%s does not contain a number", path);
	return CRASHRES_OK;
}

static enum crashres_status read_port(struct crashres_ctx *ctx, const char *name,
				      struct port *port)
{
	enum crashres_status status = read_number(ctx, name, "type", &port->type);

	if (status == CRASHRES_OK)
		status = read_number(ctx, name, "io_type", &port->io_type);
	if (status == CRASHRES_OK)
		status = read_number(ctx, name, "iomem_base", &port->base);
	if (status == CRASHRES_OK)
		status = read_number(ctx, name, "iomem_reg_shift", &port->shift);
	return status;
}

/* Types of the 8250 driver of Linux with THR and LSR at the offsets of a 16550 (0 and 5). */
static bool is_16550(uint64_t type)
{
	switch (type) {
	case PORT_8250: case PORT_16450: case PORT_16550: case PORT_16550A: case PORT_16650:
	case PORT_16650V2: case PORT_16750: case PORT_STARTECH: case PORT_16C950: case PORT_16654:
	case PORT_16850: case PORT_NS16550A: case PORT_XSCALE: case PORT_TEGRA:
	case PORT_XR17D15X: case PORT_XR17V35X: case PORT_16550A_FSL64:
		return true;
	default:
		return false;
	}
}

/*
 * Sets the UART of @firmware. Returns false if purgatory cannot drive the port. This
 * includes I/O ports: on arm64 they lie in a window of a PCI host bridge, and sysfs does
 * not show the address of that window.
 */
static bool set_uart(const struct port *port, struct crs_firmware *firmware)
{
	if (!port->base || (port->io_type != SERIAL_IO_MEM && port->io_type != SERIAL_IO_MEM32))
		return false;
	if (port->type == PORT_AMBA) {
		crs_firmware_set_pl011(firmware, port->base);
		return true;
	}
	return is_16550(port->type) && port->shift < 32 &&
	       crs_firmware_set_16550(firmware, port->base, 1ULL << port->shift,
				      port->io_type == SERIAL_IO_MEM32 ? 4 : 1);
}

static void set_no_uart(struct crs_firmware *firmware)
{
	firmware->uart = PURGATORY_UART_NONE;
	firmware->uart_base = 0;
	firmware->uart_stride = firmware->uart_width = 0;
}

/* Fails unless the folder FOLDER @name exists. Refuses names that lead out of FOLDER. */
static enum crashres_status check_name(struct crashres_ctx *ctx, const char *name)
{
	CRS_CLEANUP(crs_closep) int fd = -1;
	char path[PATH_SIZE];

	if (!*name || *name == '.' || strchr(name, '/') || strlen(name) > NAME_MAX_LENGTH)
		return crs_fail(ctx, CRASHRES_ERR_REQUEST, "\"%.*s\" is not the name of a tty",
				NAME_MAX_LENGTH, name);
	snprintf(path, sizeof(path), FOLDER "%s", name);
	return crs_root_open_folder(ctx, path, &fd);
}

enum crashres_status crs_tty_read(struct crashres_ctx *ctx, const char *name,
				  struct crs_firmware *firmware)
{
	enum crashres_status status;
	struct port port;

	if (!strncmp(name, "/dev/", 5))
		name += 5;
	status = check_name(ctx, name);
	if (status != CRASHRES_OK)
		return status;
	status = read_port(ctx, name, &port);
	if (status == CRASHRES_ERR_MEMORY)
		return status;
	if (status == CRASHRES_OK && set_uart(&port, firmware))
		return CRASHRES_OK;
	set_no_uart(firmware);
	if (status == CRASHRES_OK)
		crs_log(ctx, CRASHRES_LOG_WARNING, "%s: purgatory cannot drive this UART (type "
			"%" PRIu64 ", io_type %" PRIu64 ", iomem_base 0x%" PRIx64
			", iomem_reg_shift %" PRIu64 "): purgatory will be silent",
			name, port.type, port.io_type, port.base, port.shift);
	else
		crs_log(ctx, CRASHRES_LOG_WARNING, "%s: purgatory will be silent", ctx->error);
	return CRASHRES_OK;
}
