/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Takes the network interfaces down before another kernel starts. */
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ifdown.h"

/*
 * Clears IFF_UP of one interface, unless it is loopback or already down. @fd: any socket. Errors
 * are ignored: the machine is at the end of a shutdown, and starting the next kernel matters more.
 */
static void set_interface_down(int fd, const char *name)
{
	struct ifreq request = { 0 };

	memcpy(request.ifr_name, name, strnlen(name, IFNAMSIZ - 1));
	if (ioctl(fd, SIOCGIFFLAGS, &request) < 0 || (request.ifr_flags & IFF_LOOPBACK) ||
	    !(request.ifr_flags & IFF_UP))
		return;
	request.ifr_flags = (short)(request.ifr_flags & ~IFF_UP);
	ioctl(fd, SIOCSIFFLAGS, &request);
}

void ifdown_all(void)
{
	/*
	 * The ioctls work on any socket. AF_NETLINK exists in every kernel with networking; without
	 * networking there is no interface to take down.
	 */
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
	struct if_nameindex *interfaces = fd < 0 ? NULL : if_nameindex();

	for (struct if_nameindex *i = interfaces; i && i->if_index; i++)
		set_interface_down(fd, i->if_name);
	if (interfaces)
		if_freenameindex(interfaces);
	if (fd >= 0)
		close(fd);
}
