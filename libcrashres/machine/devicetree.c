/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rebuilds a DTB from /proc/device-tree with the sequential-write functions of libfdt.
 *
 * In a DTB the properties of a node come before its child nodes (Devicetree
 * Specification 5.4.2). So each folder is listed once and walked twice.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/root.h"
#include "devicetree.h"

/*
 * Limits of the arm64 kernel for a DTB: bytes (MAX_FDT_SIZE) and levels of nodes
 * (FDT_MAX_DEPTH).
 */
#define TREE_SIZE_MAX	(2U << 20)
#define DEPTH_MAX	64

/*
 * The fewest bytes that a node or property takes in a DTB. A folder with more than
 * TREE_SIZE_MAX / ENTRY_MIN entries cannot fit, so the listing stops there.
 */
#define ENTRY_MIN	8

/* An entry of a folder. */
struct entry {
	char *name;			/* file name; owned */
	bool is_node;			/* folder: node; file: property */
};

/* The entries of one folder, sorted. */
struct entries {
	struct entry *items;		/* owned */
	size_t count;
};

static void free_entries(struct entries *entries)
{
	for (size_t i = 0; i < entries->count; i++)
		free(entries->items[i].name);
	free(entries->items);
}

/* ------------------------------------------------------------------ a folder */

/*
 * Sorts by the name before "@", then by the length of the whole name, then by the unit
 * address. So cpu@2 comes before cpu@10, as in the boot DTB: Linux numbers some devices in
 * the order of their nodes.
 */
static int compare_entries(const void *a, const void *b)
{
	const struct entry *left = a, *right = b;
	size_t left_base = strcspn(left->name, "@"), right_base = strcspn(right->name, "@");
	size_t left_length = strlen(left->name), right_length = strlen(right->name);
	int result = strncmp(left->name, right->name,
			     left_base < right_base ? left_base : right_base);

	if (!result)
		result = (left_base > right_base) - (left_base < right_base);
	if (!result)
		result = (left_length > right_length) - (left_length < right_length);
	return result ? result : strcmp(left->name, right->name);
}

/* Appends the entry @name of @folder. */
static enum crashres_status add_entry(struct crashres_ctx *ctx, int folder, const char *name,
				      struct entries *entries)
{
	struct entry *bigger;
	struct stat st;

	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "cannot open %s", name);
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return crs_fail(ctx, CRASHRES_ERR_FORMAT, "%s: is neither a folder nor a file",
				name);
	if (entries->count == TREE_SIZE_MAX / ENTRY_MIN)
		return crs_fail(ctx, CRASHRES_ERR_LIMIT, "more than %u entries",
				TREE_SIZE_MAX / ENTRY_MIN);
	bigger = reallocarray(entries->items, entries->count + 1, sizeof(*bigger));
	if (!bigger)
		return crs_fail_memory(ctx);
	entries->items = bigger;
	bigger += entries->count;
	bigger->is_node = S_ISDIR(st.st_mode);
	bigger->name = strdup(name);
	if (!bigger->name)
		return crs_fail_memory(ctx);
	entries->count++;
	return CRASHRES_OK;
}

/* Lists and sorts a folder. The caller calls free_entries(), after a failure too. */
static enum crashres_status list_folder(struct crashres_ctx *ctx, int folder,
					struct entries *entries)
{
	enum crashres_status status = CRASHRES_OK;
	/* closedir() closes its descriptor, and the caller still needs @folder. */
	int fd = fcntl(folder, F_DUPFD_CLOEXEC, 0);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		status = crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "cannot list the folder");
		crs_closep(&fd);
		return status;
	}
	while (status == CRASHRES_OK && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			status = add_entry(ctx, folder, entry->d_name, entries);
	closedir(dir);
	if (entries->count)
		qsort(entries->items, entries->count, sizeof(*entries->items), compare_entries);
	return status;
}

/* ------------------------------------------------------------------ the tree */

/* @error: a negative FDT_ERR_ value. NOSPACE means that the buffer of 2 MiB is full. */
static enum crashres_status fail_fdt(struct crashres_ctx *ctx, int error)
{
	if (error == -FDT_ERR_NOSPACE)
		return crs_fail(ctx, CRASHRES_ERR_LIMIT, "the tree has more than %u bytes",
				TREE_SIZE_MAX);
	return crs_fail(ctx, CRASHRES_ERR_FORMAT, "%s", fdt_strerror(error));
}

/* Writes the property in file @name of @folder to @fdt. */
static enum crashres_status put_property(struct crashres_ctx *ctx, int folder, const char *name,
					 void *fdt)
{
	/*
	 * O_NONBLOCK: in a copy of a machine, somebody can put a FIFO in place of the file after
	 * the folder was listed.
	 */
	CRS_CLEANUP(crs_closep) int fd = openat(folder, name,
						O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	CRS_CLEANUP(crs_freep) uint8_t *value = NULL;
	enum crashres_status status;
	size_t size;
	int error;

	if (fd < 0)
		return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "cannot open %s", name);
	status = crs_read_fd(ctx, fd, TREE_SIZE_MAX, name, &value, &size);
	if (status != CRASHRES_OK)
		return status;
	error = fdt_property(fdt, name, value, (int)size);
	return error ? crs_prefix_error(ctx, fail_fdt(ctx, error), "%s", name) : CRASHRES_OK;
}

/*
 * Removes "#1" from the name of a node. The kernel adds this suffix to the name of a
 * folder if a property has the same name (drivers/of/kobj.c, safe_name()).
 */
static void remove_suffix(char *name)
{
	char *hash = strrchr(name, '#');

	if (hash && hash != name && hash[1] && !hash[1 + strspn(hash + 1, "0123456789")])
		*hash = '\0';
}

static enum crashres_status put_node(struct crashres_ctx *ctx, int folder, unsigned int depth,
				     void *fdt);

/* Writes the child node in folder @name of @folder. @depth: levels above the child. */
static enum crashres_status put_child(struct crashres_ctx *ctx, int folder, char *name,
				      unsigned int depth, void *fdt)
{
	CRS_CLEANUP(crs_closep) int fd = openat(folder, name,
						O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	enum crashres_status status;
	int error;

	if (fd < 0)
		return crs_fail_errno(ctx, CRASHRES_ERR_OS, errno, "cannot open %s", name);
	if (depth == DEPTH_MAX)
		return crs_fail(ctx, CRASHRES_ERR_LIMIT, "the tree is deeper than %u nodes",
				DEPTH_MAX);
	remove_suffix(name);
	error = fdt_begin_node(fdt, name);
	status = error ? fail_fdt(ctx, error) : put_node(ctx, fd, depth + 1, fdt);
	if (status != CRASHRES_OK)
		return crs_prefix_error(ctx, status, "%s", name);
	error = fdt_end_node(fdt);
	return error ? fail_fdt(ctx, error) : CRASHRES_OK;
}

/* Writes the content of the node in @folder: its properties, then its child nodes. */
static enum crashres_status put_node(struct crashres_ctx *ctx, int folder, unsigned int depth,
				     void *fdt)
{
	struct entries entries = { 0 };
	enum crashres_status status = list_folder(ctx, folder, &entries);

	/* The kernel adds a property "name" to each node. The boot DTB does not have it. */
	for (size_t i = 0; status == CRASHRES_OK && i < entries.count; i++)
		if (!entries.items[i].is_node && strcmp(entries.items[i].name, "name"))
			status = put_property(ctx, folder, entries.items[i].name, fdt);
	for (size_t i = 0; status == CRASHRES_OK && i < entries.count; i++)
		if (entries.items[i].is_node)
			status = put_child(ctx, folder, entries.items[i].name, depth, fdt);
	free_entries(&entries);
	return status;
}

/* Writes the whole tree below @folder to @fdt, a buffer of TREE_SIZE_MAX bytes. */
static enum crashres_status flatten(struct crashres_ctx *ctx, int folder, void *fdt)
{
	enum crashres_status status;
	int error = fdt_create(fdt, (int)TREE_SIZE_MAX);

	if (!error)
		error = fdt_finish_reservemap(fdt);
	if (!error)
		error = fdt_begin_node(fdt, "");
	if (error)
		return fail_fdt(ctx, error);
	status = put_node(ctx, folder, 1, fdt);
	if (status != CRASHRES_OK)
		return status;
	error = fdt_end_node(fdt);
	if (!error)
		error = fdt_finish(fdt);
	return error ? fail_fdt(ctx, error) : CRASHRES_OK;
}

/*
 * Does the tree have a node with device_type = "memory", or a memory map from UEFI? If
 * Linux runs by ACPI, newer kernels show an empty tree that they made themselves
 * (unflatten_device_tree()). No kernel can boot with that tree.
 */
static bool describes_memory(const void *fdt)
{
	static const char memory[] = "memory";
	int node, length;

	fdt_for_each_subnode(node, fdt, 0) {
		const char *type = fdt_getprop(fdt, node, "device_type", &length);

		if (type && length == sizeof(memory) && !memcmp(type, memory, sizeof(memory)))
			return true;
	}
	return fdt_getprop(fdt, fdt_path_offset(fdt, "/chosen"), "linux,uefi-mmap-start", NULL);
}

/* The second path is a symbolic link to the first. A copy of a machine can contain either one. */
static enum crashres_status open_tree(struct crashres_ctx *ctx, int *fd)
{
	if (crs_root_open_folder(ctx, "sys/firmware/devicetree/base", fd) == CRASHRES_OK)
		return CRASHRES_OK;
	return crs_root_open_folder(ctx, "proc/device-tree", fd);
}

enum crashres_status crs_devicetree_read(struct crashres_ctx *ctx, uint8_t **dtb, size_t *size)
{
	static const char name[] = "/proc/device-tree";
	CRS_CLEANUP(crs_closep) int fd = -1;
	CRS_CLEANUP(crs_freep) uint8_t *fdt = NULL;
	enum crashres_status status = open_tree(ctx, &fd);

	if (status != CRASHRES_OK)
		return status;
	fdt = calloc(1, TREE_SIZE_MAX);
	if (!fdt)
		return crs_fail_memory(ctx);
	status = flatten(ctx, fd, fdt);
	if (status == CRASHRES_OK && !describes_memory(fdt))
		status = crs_fail(ctx, CRASHRES_ERR_UNSUPPORTED,
				  "the tree describes no memory: Linux did not boot with it");
	if (status != CRASHRES_OK)
		return crs_prefix_error(ctx, status, "%s", name);
	*size = fdt_totalsize(fdt);
	*dtb = fdt;
	fdt = NULL;
	return CRASHRES_OK;
}
