/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fdt.c: reads a hostile device tree, and adds the record to it. */
#include <stddef.h>

#include "fdt.h"
#include "abi.h"
#include "shared/params.h"

#define MAGIC		0xd00dfeedU
#define TREE_VERSION	17

/* Indexes of the words in struct fdt_header. */
enum { HEADER_MAGIC, HEADER_TOTALSIZE, HEADER_STRUCTURE, HEADER_STRINGS, HEADER_RESERVATIONS,
       HEADER_VERSION, HEADER_COMPATIBLE, HEADER_BOOT_CPU, HEADER_STRINGS_SIZE,
       HEADER_STRUCTURE_SIZE, HEADER_WORDS };

/* The tokens of the structure block. */
enum { BEGIN_NODE = 1, END_NODE = 2, PROPERTY = 3, NOP = 4 };

#define WORD		4U		/* bytes */
#define PROPERTY_HEADER	(3 * WORD)	/* token, size of the value, offset of the name */

/* A token of the structure block. All offsets are bytes from the start of the tree. */
struct token {
	uint32_t kind;
	uint32_t name;		/* offset of the name of a node or property */
	uint32_t value, size;	/* offset and bytes of the value of a property */
	uint32_t next;		/* offset of the next token */
};

/* The places that find_chosen() finds: bytes from the start of the tree. */
struct chosen {
	uint32_t root;		/* offset of the first token inside the root */
	uint32_t properties;	/* offset of the first token inside /chosen */
};

/* @offset must be a multiple of 4 inside the tree. */
static uint32_t read_word(const struct pg_fdt *tree, uint32_t offset)
{
	return __builtin_bswap32(*(const uint32_t *)(tree->data + offset));
}

static void write_word(struct pg_fdt *tree, uint32_t offset, uint32_t value)
{
	*(uint32_t *)(tree->data + offset) = __builtin_bswap32(value);
}

static bool is_inside_tree(const struct pg_fdt *tree, uint32_t offset, uint32_t size)
{
	return offset >= HEADER_WORDS * WORD && offset <= tree->size && size <= tree->size - offset;
}

bool pg_fdt_open(void *data, struct pg_fdt *tree)
{
	*tree = (struct pg_fdt){ .data = data, .size = HEADER_WORDS * WORD };
	if (read_word(tree, HEADER_MAGIC * WORD) != MAGIC ||
	    read_word(tree, HEADER_VERSION * WORD) < TREE_VERSION ||
	    read_word(tree, HEADER_COMPATIBLE * WORD) > TREE_VERSION)
		return false;
	tree->size = read_word(tree, HEADER_TOTALSIZE * WORD);
	tree->structure = read_word(tree, HEADER_STRUCTURE * WORD);
	tree->structure_size = read_word(tree, HEADER_STRUCTURE_SIZE * WORD);
	tree->strings = read_word(tree, HEADER_STRINGS * WORD);
	tree->strings_size = read_word(tree, HEADER_STRINGS_SIZE * WORD);
	return tree->size <= PG_FDT_SIZE_MAX && tree->structure % WORD == 0 &&
	       tree->structure_size % WORD == 0 &&
	       is_inside_tree(tree, tree->structure, tree->structure_size) &&
	       is_inside_tree(tree, tree->strings, tree->strings_size);
}

static uint32_t round_up_to_word(uint32_t size)
{
	return (size + WORD - 1) / WORD * WORD;
}

/* Returns the length of the text at @offset without its NUL; @end - @offset without a NUL. */
static uint32_t text_length(const struct pg_fdt *tree, uint32_t offset, uint32_t end)
{
	uint32_t length = 0;

	while (length < end - offset && tree->data[offset + length])
		length++;
	return length;
}

static bool read_property(const struct pg_fdt *tree, uint32_t offset, uint32_t end,
			  struct token *token)
{
	if (end - offset < PROPERTY_HEADER)
		return false;
	token->size = read_word(tree, offset + WORD);
	token->name = read_word(tree, offset + 2 * WORD);
	token->value = offset + PROPERTY_HEADER;
	if (token->size > end - token->value || token->name >= tree->strings_size)
		return false;
	token->name += tree->strings;
	token->next = token->value + round_up_to_word(token->size);
	return true;
}

/* Fails for a name without a NUL, because the next token would start after @end. */
static bool read_name(const struct pg_fdt *tree, uint32_t offset, uint32_t end, struct token *token)
{
	uint32_t length;

	token->name = offset + WORD;
	length = text_length(tree, token->name, end);
	token->next = token->name + round_up_to_word(length + 1);
	return length < end - token->name;
}

/* Returns false at the end of the structure block and for an unknown or damaged token. */
static bool read_token(const struct pg_fdt *tree, uint32_t offset, struct token *token)
{
	uint32_t end = tree->structure + tree->structure_size;

	if (offset >= end)
		return false;
	*token = (struct token){ .kind = read_word(tree, offset), .next = offset + WORD };
	switch (token->kind) {
	case BEGIN_NODE:
		return read_name(tree, offset, end, token);
	case PROPERTY:
		return read_property(tree, offset, end, token);
	case END_NODE:
	case NOP:
		return true;
	default:
		return false;
	}
}

/* Returns true if the text at @offset is @name, followed by a NUL or by @other_end. */
static bool is_named(const struct pg_fdt *tree, uint32_t offset, uint32_t end, const char *name,
		     char other_end)
{
	for (; *name; name++, offset++)
		if (offset >= end || tree->data[offset] != (uint8_t)*name)
			return false;
	return offset < end && (!tree->data[offset] || tree->data[offset] == (uint8_t)other_end);
}

static bool is_property(const struct pg_fdt *tree, const struct token *token, const char *name)
{
	return token->kind == PROPERTY &&
	       is_named(tree, token->name, tree->strings + tree->strings_size, name, '\0');
}

/*
 * Finds the root node and its child /chosen. Linux also accepts the name "chosen@0"
 * (drivers/of/fdt.c), so a text after "@" is ignored.
 */
static bool find_chosen(const struct pg_fdt *tree, struct chosen *chosen)
{
	uint32_t end = tree->structure + tree->structure_size, depth = 0;
	struct token token;

	*chosen = (struct chosen){ 0 };
	for (uint32_t at = tree->structure; read_token(tree, at, &token); at = token.next) {
		if (token.kind == END_NODE && depth-- == 0)
			return false;
		if (token.kind != BEGIN_NODE)
			continue;
		if (depth == 0)
			chosen->root = token.next;
		if (depth++ == 1 && is_named(tree, token.name, end, "chosen", '@')) {
			chosen->properties = token.next;
			return true;
		}
	}
	return false;
}

/*
 * Finds @name among the properties that start at @properties. The properties of a node
 * precede its children. If a name appears twice, the first property counts.
 */
static bool find_property(const struct pg_fdt *tree, uint32_t properties, const char *name,
			  struct token *token)
{
	for (uint32_t at = properties; read_token(tree, at, token); at = token->next) {
		if (token->kind != PROPERTY && token->kind != NOP)
			return false;
		if (is_property(tree, token, name))
			return true;
	}
	return false;
}

static uint64_t read_number(const struct pg_fdt *tree, uint32_t offset, uint32_t words)
{
	uint64_t number = 0;

	while (words--) {
		number = number << 32 | read_word(tree, offset);
		offset += WORD;
	}
	return number;
}

/* Reads a property of one or two words, as Linux does. */
static bool read_chosen_number(const struct pg_fdt *tree, const struct chosen *chosen,
			       const char *name, uint64_t *number)
{
	struct token token;

	if (!find_property(tree, chosen->properties, name, &token) ||
	    (token.size != WORD && token.size != 2 * WORD))
		return false;
	*number = read_number(tree, token.value, token.size / WORD);
	return true;
}

/* Fails for an empty range and for a range that wraps around. */
static bool make_range(uint64_t base, uint64_t size, struct pg_range *range)
{
	*range = (struct pg_range){ base, size };
	return size && base <= UINT64_MAX - size;
}

bool pg_fdt_initrd(const struct pg_fdt *tree, struct pg_range *initrd)
{
	struct chosen chosen;
	uint64_t start, end;

	return find_chosen(tree, &chosen) &&
	       read_chosen_number(tree, &chosen, "linux,initrd-start", &start) &&
	       read_chosen_number(tree, &chosen, "linux,initrd-end", &end) && end > start &&
	       make_range(start, end - start, initrd);
}

/* Returns #address-cells or #size-cells of the root. Linux uses 1 if the property is missing. */
static uint32_t read_root_cells(const struct pg_fdt *tree, const struct chosen *chosen,
				const char *name)
{
	struct token token;

	return find_property(tree, chosen->root, name, &token) && token.size == WORD ?
	       read_word(tree, token.value) : 1;
}

bool pg_fdt_chosen_range(const struct pg_fdt *tree, const char *property, struct pg_range *range)
{
	uint32_t address_cells, size_cells;
	struct chosen chosen;
	struct token token;

	if (!find_chosen(tree, &chosen) || !find_property(tree, chosen.properties, property, &token))
		return false;
	address_cells = read_root_cells(tree, &chosen, "#address-cells");
	size_cells = read_root_cells(tree, &chosen, "#size-cells");
	if (address_cells - 1 > 1 || size_cells - 1 > 1 ||
	    token.size < (address_cells + size_cells) * WORD)
		return false;
	return make_range(read_number(tree, token.value, address_cells),
			  read_number(tree, token.value + address_cells * WORD, size_cells), range);
}

/* Moves @size bytes at @from to a higher address. Starts at the last byte, so overlaps are fine. */
static void move_up(uint8_t *from, uint32_t size, uint32_t by)
{
	while (size--)
		from[size + by] = from[size];
}

/*
 * Writes an empty record at @offset: magic, version and size, then zeros. record.c fills
 * in the rest. Writes words, because a value is aligned to 4 bytes only.
 */
static void write_template(struct pg_fdt *tree, uint32_t offset)
{
	uint32_t *words = (uint32_t *)(tree->data + offset);
	struct purgatory_record record;

	pg_record_init(&record);
	for (uint32_t i = 0; i < sizeof(record) / WORD; i++)
		words[i] = i < offsetof(struct purgatory_record, outcome) / WORD ?
			   ((const uint32_t *)&record)[i] : 0;
}

/*
 * Inserts the record's property at offset @at of the structure block. Everything from
 * @at on moves up by the size of the property, and the property's name is added at the
 * end of the strings:
 *
 *   before:  header reservations [structure: head|tail] [strings]
 *   after:   header reservations [structure: head|property|tail] [strings|name]
 *
 * So the reservations must precede the structure, and the strings must be the last
 * block. dtc and the libfdt in Linux write this order. Returns false for another order
 * and if the tree would become larger than @room or PG_FDT_SIZE_MAX.
 */
static bool insert_record_property(struct pg_fdt *tree, uint32_t at, uint64_t room)
{
	static const char name[] = PURGATORY_RECORD_PROPERTY;
	const uint32_t growth = PROPERTY_HEADER + sizeof(struct purgatory_record);
	uint32_t end = tree->strings + tree->strings_size;

	if (at > end || tree->strings < tree->structure + tree->structure_size ||
	    read_word(tree, HEADER_RESERVATIONS * WORD) >= at ||
	    (uint64_t)end + growth + sizeof(name) > room ||
	    (uint64_t)end + growth + sizeof(name) > PG_FDT_SIZE_MAX)
		return false;
	move_up(tree->data + at, end - at, growth);
	for (uint32_t i = 0; i < sizeof(name); i++)
		tree->data[end + growth + i] = (uint8_t)name[i];
	write_word(tree, at, PROPERTY);
	write_word(tree, at + WORD, sizeof(struct purgatory_record));
	write_word(tree, at + 2 * WORD, tree->strings_size);
	tree->strings += growth;
	tree->strings_size += sizeof(name);
	tree->structure_size += growth;
	if (tree->size < end + growth + sizeof(name))
		tree->size = end + growth + sizeof(name);
	write_word(tree, HEADER_TOTALSIZE * WORD, tree->size);
	write_word(tree, HEADER_STRINGS * WORD, tree->strings);
	write_word(tree, HEADER_STRINGS_SIZE * WORD, tree->strings_size);
	write_word(tree, HEADER_STRUCTURE_SIZE * WORD, tree->structure_size);
	return true;
}

uint64_t pg_fdt_add_record(struct pg_fdt *tree, uint64_t room)
{
	struct chosen chosen;
	struct token token;

	if (!find_chosen(tree, &chosen))
		return 0;
	/*
	 * The property exists if crashres started the old kernel too: kexec_file_load copies
	 * the tree of the running kernel with all unknown properties. Use it again.
	 */
	if (find_property(tree, chosen.properties, PURGATORY_RECORD_PROPERTY, &token) &&
	    token.size == sizeof(struct purgatory_record)) {
		write_template(tree, token.value);
		return (uintptr_t)tree->data + token.value;
	}
	if (!insert_record_property(tree, chosen.properties, room))
		return 0;
	write_template(tree, chosen.properties + PROPERTY_HEADER);
	return (uintptr_t)tree->data + chosen.properties + PROPERTY_HEADER;
}
