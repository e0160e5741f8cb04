/* SPDX-License-Identifier: LGPL-2.1-or-later */
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
#define NAME_MAX_LENGTH	63	/* the kernel's own limit (tty_register_device_attr) */
#define PATH_SIZE	128
#define NUMBER_LIMIT	64

/* Attributes of a tty whose driver uses the serial core (Linux, ABI/testing/sysfs-tty). */
struct port {
	uint64_t type;			/* PORT_* */
	uint64_t io_type;		/* SERIAL_IO_* */
	uint64_t base;
	uint64_t shift;
};

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
	/* strtoull() would take blanks and a sign too. */
	if (errno || *text < '0' || *text > '9' || (*end && *end != '\n'))
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "/%s: not a number", path);
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

/* Those of Linux's 8250 driver whose THR and LSR are where a 16550 has them. */
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

/* I/O ports are in a window of PCI's that sysfs does not name. */
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

static void set_none(struct crs_firmware *firmware)
{
	firmware->uart = PURGATORY_UART_NONE;
	firmware->uart_base = 0;
	firmware->uart_stride = firmware->uart_width = 0;
}

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
	set_none(firmware);
	if (status == CRASHRES_OK)
		crs_log(ctx, CRASHRES_LOG_WARNING, "%s: type %" PRIu64 ", io_type %" PRIu64
			", iomem_base 0x%" PRIx64 ", iomem_reg_shift %" PRIu64 ": not a UART that "
			"purgatory can drive: it will be silent", name, port.type, port.io_type,
			port.base, port.shift);
	else
		crs_log(ctx, CRASHRES_LOG_WARNING, "%s: purgatory will be silent", ctx->error);
	return CRASHRES_OK;
}
