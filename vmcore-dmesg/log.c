/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chooses the form of the log by the symbols in VMCOREINFO. */
#include "log.h"

/*
 * An empty log is an error: a kernel that panics logs the panic. If pages of the log are missing
 * from the dump, their zeros look like a log without records.
 */
static void check_printed(struct core *core, const struct output *output)
{
	if (!output->total && core->trouble->status == EXIT_DONE)
		trouble_report(core->trouble, EXIT_LOG_HEADER, "the log is empty");
}

void log_print(struct core *core, const struct vmcoreinfo *info, struct output *output)
{
	static const struct {
		const char *key;	/* a line of VMCOREINFO that only this form has */
		log_print_fn *print;
	} logs[] = {
		{ "SYMBOL(prb)", lockless_print },
		{ "SYMBOL(log_first_idx)", structured_print },
		{ "SYMBOL(log_end)", legacy_print },
	};

	for (size_t i = 0; i < sizeof(logs) / sizeof(*logs); i++) {
		if (vmcoreinfo_has(info, logs[i].key)) {
			logs[i].print(core, info, output);
			check_printed(core, output);
			return;
		}
	}
	trouble_report(
		core->trouble, EXIT_NO_LOG,
		"VMCOREINFO has no address of the log: no SYMBOL(prb), SYMBOL(log_first_idx) or "
		"SYMBOL(log_end)");
}
