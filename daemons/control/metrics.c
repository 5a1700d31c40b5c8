/* All counters of all processes as Prometheus reads them (text format 0.0.4). */
#include <stdio.h>
#include <stdlib.h>

#include "control/control.h"

enum { ROOM = 1 << 20 };

static void
put_value(struct buf *b, const char *name, unsigned proc, uint64_t value)
{
	buf_printf(b, "tandem_%s{role=\"%s\",index=\"%u\"} %llu\n", name,
	    role_name(proc_role(proc)), proc_index(proc), (unsigned long long)value);
}

static void
put_head(struct buf *b, const char *name, const char *help, bool is_gauge)
{
	buf_printf(b, "# HELP tandem_%s %s\n# TYPE tandem_%s %s\n", name, help, name,
	    is_gauge ? "gauge" : "counter");
}

static void
put_counter(struct control *k, struct buf *b, enum counter c)
{
	const struct counter_info *info = counter_info(c);

	put_head(b, info->name, info->help, info->gauge);
	for (unsigned proc = 1; proc < PROC_MAX; proc++) {
		const struct process *p = process_of(k, proc);

		if (p != NULL)
			put_value(b, info->name, proc, counter_of(p, c));
	}
}

static void
put_table(struct control *k, struct buf *b)
{
	const struct process_row *rows = k->child.exchange->rows;

	put_head(b, "process_up", "1 when the process runs", true);
	for (unsigned proc = 0; proc < PROC_MAX; proc++)
		if (proc_role(proc) != N_ROLES && rows[proc].state != PROCESS_ABSENT)
			put_value(b, "process_up", proc, rows[proc].state == PROCESS_RUNNING);
	put_head(b, "process_restarts_total", "Times the process was started again", false);
	for (unsigned proc = 1; proc < PROC_MAX; proc++)
		if (proc_role(proc) != N_ROLES && rows[proc].state != PROCESS_ABSENT)
			put_value(b, "process_restarts_total", proc, rows[proc].restarts);
	put_head(b, "settings_version", "Counts reloads", false);
	buf_printf(b, "tandem_settings_version %u\n", k->child.exchange->settings_version);
}

void
show_metrics(struct control *k, struct client *c, const json_t *args)
{
	char *text = malloc(ROOM);
	struct buf b = buf_on(text, text == NULL ? 0 : ROOM);

	(void)args;
	for (unsigned i = 0; i < N_COUNTERS; i++)
		put_counter(k, &b, (enum counter)i);
	put_table(k, &b);
	if (buf_ok(&b))
		reply_text(c, b.p, b.len);
	else
		reply_error(c, "no memory for the metrics");
	free(text);
}
