/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Prints the log of Linux 5.10 and later: the lockless ring buffer "prb"
 * (kernel/printk/printk_ringbuffer.h). VMCOREINFO has the size of each struct and the offset of
 * each member below; the offsets here are those of Linux 6.12 and only show the idea.
 *
 *     struct printk_ringbuffer            struct prb_desc_ring (desc_ring)
 *          0  desc_ring                        0  u32 count_bits: 2^count_bits descriptors
 *         48  text_data_ring                   8  descs: pointer to struct prb_desc[]
 *                                             16  infos: pointer to struct printk_info[]
 *     struct prb_data_ring                    24  head_id: id of the newest descriptor
 *          0  u32 size_bits: 2^size_bits      32  tail_id: id of the oldest descriptor
 *             bytes of text
 *          8  data: pointer to the text   struct printk_info (24 bytes, then dev_info)
 *                                              0  u64 seq: number of the record
 *     struct prb_desc (24 bytes)               8  u64 ts_nsec: time since boot
 *          0  state_var: state in the         16  u16 text_len: bytes of text
 *             upper 2 bits, id below          18  u8 facility
 *          8  text_blk_lpos.begin             19  u8 flags (5 bits), level (upper 3 bits)
 *         16  text_blk_lpos.next              20  u32 caller_id
 *
 * An id grows by 1 with each record. Its low count_bits are the index in descs and infos. A
 * position (lpos) in the text grows likewise; its low size_bits are the offset in data. A text
 * lies in a block from begin to next:
 *
 *     0  unsigned long id of the descriptor    8  text, padded to a multiple of 8 bytes
 *
 * A block is never split. If it does not fit before the end of data, the id is stored at begin,
 * the rest up to the end is unused, and the whole block starts again at offset 0.
 */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "log.h"

/*
 * log_buf_len is at most 2 GiB (LOG_BUF_LEN_MAX in printk.c). A descriptor stands for 32 bytes of
 * text (PRB_AVGBITS 5), so the largest ring has 2^26 descriptors. The limit of 27
 * leaves one bit in reserve.
 */
#define COUNT_BITS_LIMIT 27
#define SIZE_BITS_LIMIT 31

/* state_var: the state in bits 63 and 62, the id in the other bits (DESC_SV() in the header). */
#define STATE_SHIFT 62
#define ID_MASK (~(3ULL << STATE_SHIFT))

/* enum desc_state of the kernel */
enum state {
	STATE_RESERVED,			/* a writer fills the record */
	STATE_COMMITTED,		/* complete, but the writer can still extend it */
	STATE_FINALIZED,		/* complete */
	STATE_REUSABLE,			/* free; the text can be overwritten */
};

/*
 * Real positions are even. If begin and next are odd, the record has no text: with NO_LPOS
 * (EMPTY_LINE_LPOS in newer kernels) an empty line was logged, with FAILED_LPOS (1) the ring had
 * no room for the text.
 */
#define NO_LPOS 3

/* The id at the start of a block: an unsigned long of a 64-bit kernel. */
#define BLOCK_ID_SIZE 8

/*
 * The address of prb, and sizes and offsets of the kernel's structs in bytes, from VMCOREINFO
 * (log_buf_vmcoreinfo_setup() in printk.c). Each is at most STRUCT_LIMIT, see vmcoreinfo.c.
 */
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
	bool has_caller;		/* printk_info has caller_id */
	uint64_t caller_id;		/* its offset in bytes */
	uint64_t count;			/* descriptors, a power of two */
	uint64_t descs, infos;		/* virtual addresses */
	uint64_t head_id, tail_id;	/* newest and oldest id */
	uint64_t data;			/* virtual address of the text */
	uint64_t size;			/* bytes of text, a power of two */
};

/* Reads and checks the fields of prb. Returns false if the log cannot be read. */
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
 * Does the descriptor hold a complete record with @id?
 *
 * At the panic a writer can have been interrupted. Then the descriptor is still reusable under the
 * id that it had one round before, or it is reserved, or it was never used (state_var 0). Other
 * values are damage.
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

/*
 * Reads the id at offset @index of the text, and reports damage if it is not @id. Returns false
 * only if it cannot be read: the text is printed even if another id was found.
 */
static bool check_id(struct ring *ring, uint64_t index, uint64_t id)
{
	uint64_t found;

	if (!core_read_u64(ring->core, ring->data + index, &found, "log text"))
		return false;
	if (found != id)
		report_damage(ring, id, "the text block belongs to another record");
	return true;
}

/*
 * Sets @text to the bytes of the block from @begin to @next, without the id. Returns false if the
 * positions cannot belong to a block: not aligned, empty, or longer than the ring.
 */
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
	/*
	 * A block that ends at offset 0 ends at the end of the ring. A wrapped block starts again
	 * at offset 0 with its id, so it ends later.
	 */
	if (!end)
		end = ring->size;
	/* The block has wrapped: it starts again at offset 0, with its id. */
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
 * Reads facility and level, whose offsets are not in VMCOREINFO. In all versions they are the two
 * bytes between text_len and caller_id. They stay unknown if caller_id is not 4 bytes
 * after text_len.
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

/* Reads the struct printk_info at the virtual address @info. */
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

/*
 * Reads the record @id. Returns false if there is nothing to print: no complete record, or damage,
 * which this has reported.
 */
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
