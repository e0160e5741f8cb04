/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ring of kernel/printk/printk_ringbuffer.h. A descriptor's id is a number that grows for
 * ever; its low bits are its place in the array, and so are those of a position (lpos) in the
 * ring of texts. A text stands in a block behind the id of its descriptor.
 */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "log.h"

/* log_buf_len may be 2 GiB (LOG_BUF_LEN_MAX), and then the ring has 2^26 descriptors. */
#define COUNT_BITS_LIMIT 27
#define SIZE_BITS_LIMIT 31

/* The two upper bits of state_var, below them the id. */
#define STATE_SHIFT 62
#define ID_MASK (~(3ULL << STATE_SHIFT))

enum state {
	STATE_RESERVED,			/* a writer is at it, or it was never used */
	STATE_COMMITTED,		/* whole, the writer may add to it */
	STATE_FINALIZED,
	STATE_REUSABLE,			/* its text may be gone */
};

/* Positions that are none: both odd. NO_LPOS (EMPTY_LINE_LPOS): the text is empty. */
#define NO_LPOS 3

/* Of a block: an unsigned long of a 64-bit kernel. */
#define BLOCK_ID_SIZE 8

/* Offsets of the kernel's structs, by VMCOREINFO. */
struct layout {
	uint64_t prb;
	uint64_t desc_ring, text_ring;
	uint64_t count_bits, descs, infos, head_id, tail_id, counter;
	uint64_t desc_size, state_var, text_blk, begin, next;
	uint64_t info_size, seq, ts_nsec, text_len;
	uint64_t size_bits, data;
};

#define FIELD(key, member) { key, offsetof(struct layout, member) }
static const struct vmcoreinfo_field fields[] = {
	FIELD("SYMBOL(prb)", prb),
	FIELD("OFFSET(printk_ringbuffer.desc_ring)", desc_ring),
	FIELD("OFFSET(printk_ringbuffer.text_data_ring)", text_ring),
	FIELD("OFFSET(prb_desc_ring.count_bits)", count_bits),
	FIELD("OFFSET(prb_desc_ring.descs)", descs),
	FIELD("OFFSET(prb_desc_ring.infos)", infos),
	FIELD("OFFSET(prb_desc_ring.head_id)", head_id),
	FIELD("OFFSET(prb_desc_ring.tail_id)", tail_id),
	FIELD("OFFSET(atomic_long_t.counter)", counter),
	FIELD("SIZE(prb_desc)", desc_size),
	FIELD("OFFSET(prb_desc.state_var)", state_var),
	FIELD("OFFSET(prb_desc.text_blk_lpos)", text_blk),
	FIELD("OFFSET(prb_data_blk_lpos.begin)", begin),
	FIELD("OFFSET(prb_data_blk_lpos.next)", next),
	FIELD("SIZE(printk_info)", info_size),
	FIELD("OFFSET(printk_info.seq)", seq),
	FIELD("OFFSET(printk_info.ts_nsec)", ts_nsec),
	FIELD("OFFSET(printk_info.text_len)", text_len),
	FIELD("OFFSET(prb_data_ring.size_bits)", size_bits),
	FIELD("OFFSET(prb_data_ring.data)", data),
	{ NULL, 0 },
};

struct ring {
	struct core *core;
	struct layout layout;
	bool has_caller;		/* printk_info has a caller_id, and where */
	uint64_t caller_id;
	uint64_t count;			/* of descriptors */
	uint64_t descs, infos;		/* addresses */
	uint64_t head_id, tail_id;
	uint64_t data;
	uint64_t size;			/* of the ring of texts */
};

static bool read_header(struct ring *ring)
{
	static const char item[] = "log header";
	const struct layout *layout = &ring->layout;
	struct core *core = ring->core;
	uint32_t count_bits, size_bits;
	uint64_t prb, descs, texts;

	if (!core_read_u64(core, layout->prb, &prb, "prb"))
		return false;
	descs = prb + layout->desc_ring;
	texts = prb + layout->text_ring;
	if (!core_read_u32(core, descs + layout->count_bits, &count_bits, item) ||
	    !core_read_u64(core, descs + layout->descs, &ring->descs, item) ||
	    !core_read_u64(core, descs + layout->infos, &ring->infos, item) ||
	    !core_read_u64(core, descs + layout->head_id + layout->counter, &ring->head_id, item) ||
	    !core_read_u64(core, descs + layout->tail_id + layout->counter, &ring->tail_id, item) ||
	    !core_read_u32(core, texts + layout->size_bits, &size_bits, item) ||
	    !core_read_u64(core, texts + layout->data, &ring->data, item))
		return false;
	if (count_bits > COUNT_BITS_LIMIT || size_bits > SIZE_BITS_LIMIT ||
	    1ULL << size_bits <= BLOCK_ID_SIZE) {
		trouble_report(core->trouble, EXIT_LOG_HEADER,
			       "the log header is damaged: 2^%" PRIu32 " descriptors, 2^%" PRIu32
			       " bytes of text",
			       count_bits, size_bits);
		return false;
	}
	ring->count = 1ULL << count_bits;
	ring->size = 1ULL << size_bits;
	return true;
}

/* ------------------------------------------------------------ one record */

static void report_damage(struct ring *ring, uint64_t id, const char *sentence)
{
	trouble_report(ring->core->trouble, EXIT_RECORD, "record with id 0x%" PRIx64 ": %s", id,
		       sentence);
}

/*
 * Whether there is a record of this id to print. At the crash a descriptor may be on its way
 * from one record to the next, or never have been used: that is no damage.
 */
static bool has_record(struct ring *ring, uint64_t id, uint64_t state_var)
{
	enum state state = state_var >> STATE_SHIFT;
	uint64_t before = (id - ring->count) & ID_MASK;

	if ((state_var & ID_MASK) == id)
		return state == STATE_COMMITTED || state == STATE_FINALIZED;
	if (state_var && ((state_var & ID_MASK) != before || state != STATE_REUSABLE))
		report_damage(ring, id, "the descriptor is damaged");
	return false;
}

/* The id stands in front of a text, and where that goes on at the ring's start once more. */
static bool check_id(struct ring *ring, uint64_t index, uint64_t id)
{
	uint64_t found;

	if (!core_read_u64(ring->core, ring->data + index, &found, "log text"))
		return false;
	if (found != id)
		report_damage(ring, id, "the text block belongs to another record");
	return true;
}

/* The block of a text, from @begin to @next, without its id. */
static bool find_block(struct ring *ring, uint64_t id, uint64_t begin, uint64_t next,
		       struct record_text *text)
{
	uint64_t first = begin & (ring->size - 1), end = next & (ring->size - 1);

	if ((begin | next) % BLOCK_ID_SIZE || next - begin - 1 >= ring->size) {
		report_damage(ring, id, "the position of the text is damaged");
		return false;
	}
	if (!check_id(ring, first, id))
		return false;
	/* Ends with the ring. A text that goes on at the start has its id there, so never this. */
	if (!end)
		end = ring->size;
	/* It is never cut in two: from the start on then, and the rest of the ring is unused. */
	if (first >= end) {
		first = 0;
		if (!check_id(ring, first, id))
			return false;
	}
	text->vaddr = ring->data + first + BLOCK_ID_SIZE;
	text->size = end - first - BLOCK_ID_SIZE;
	return true;
}

/*
 * VMCOREINFO says nothing of facility and level. They are the two bytes between text_len and
 * caller_id, the level in the upper bits, as long as nothing else can be there.
 */
static bool read_priority(struct ring *ring, uint64_t info, struct record *record)
{
	unsigned char bytes[2];

	if (!ring->has_caller || ring->caller_id != ring->layout.text_len + 4)
		return true;
	if (!core_read(ring->core, info + ring->layout.text_len + 2, bytes, sizeof(bytes),
		       "log record"))
		return false;
	record->facility = bytes[0];
	record->level = bytes[1] >> 5;
	return true;
}

static bool read_info(struct ring *ring, uint64_t info, struct record *record, uint16_t *text_len)
{
	static const char item[] = "log record";
	const struct layout *layout = &ring->layout;
	struct core *core = ring->core;

	memset(record, 0, sizeof(*record));
	record->has_seq = record->has_time = true;
	record->has_caller = ring->has_caller;
	record->level = record->facility = RECORD_UNKNOWN;
	return core_read_u64(core, info + layout->seq, &record->seq, item) &&
	       core_read_u64(core, info + layout->ts_nsec, &record->time_ns, item) &&
	       core_read_u16(core, info + layout->text_len, text_len, item) &&
	       (!ring->has_caller ||
		core_read_u32(core, info + ring->caller_id, &record->caller, item)) &&
	       read_priority(ring, info, record);
}

static bool read_record(struct ring *ring, uint64_t id, struct record *record)
{
	static const char item[] = "log descriptor";
	const struct layout *layout = &ring->layout;
	uint64_t index = id & (ring->count - 1);
	uint64_t desc = ring->descs + index * layout->desc_size;
	uint64_t block = desc + layout->text_blk;
	uint64_t state_var, begin, next;
	struct core *core = ring->core;
	uint16_t text_len;

	if (!core_read_u64(core, desc + layout->state_var, &state_var, item) ||
	    !has_record(ring, id, state_var) ||
	    !core_read_u64(core, block + layout->begin, &begin, item) ||
	    !core_read_u64(core, block + layout->next, &next, item) ||
	    !read_info(ring, ring->infos + index * layout->info_size, record, &text_len))
		return false;
	record->no_text = begin & 1 && next & 1;
	if (record->no_text) {
		record->text_lost = begin != NO_LPOS || next != NO_LPOS;
		return true;
	}
	if (!find_block(ring, id, begin, next, &record->text[0]))
		return false;
	if (text_len > record->text[0].size)
		report_damage(ring, id, "the text is truncated");
	else
		record->text[0].size = text_len;
	return true;
}

void lockless_print(struct core *core, const struct vmcoreinfo *info, struct output *output)
{
	struct ring ring = { .core = core };
	struct record record;
	uint64_t records;

	if (!vmcoreinfo_read_fields(core->trouble, info, fields, &ring.layout) ||
	    !read_header(&ring))
		return;
	ring.has_caller = vmcoreinfo_find(info, "OFFSET(printk_info.caller_id)", &ring.caller_id);
	records = ((ring.head_id - ring.tail_id) & ID_MASK) + 1;
	if (records > ring.count) {
		trouble_report(core->trouble, EXIT_LOG_HEADER,
			       "the log header is damaged: %" PRIu64 " records in %" PRIu64
			       " descriptors",
			       records, ring.count);
		records = ring.count;
	}
	while (records-- && !output->failed && !trouble_is_too_much(core->trouble))
		if (read_record(&ring, (ring.head_id - records) & ID_MASK, &record))
			output_record(output, core, &record);
}
