/*
 * The configuration file. One with an error must not keep the operator from a running exchange, nor
 * from what stands in the database: a command that needs only a part of the file goes on when that
 * part can be read, and says what is wrong with the rest.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"

static int
refuse_absent(const struct ctl *c, const char *why)
{
	if (c->file == default_file)
		return ctl_refuse(
		    c, "no configuration: %s; say where it is: tandemctl -c FILE ...", why);
	return ctl_refuse(c, "%s", why);
}

static void
note(const struct ctl *c, const char *why)
{
	if ((c->command->needs & NEED_RUN_DIR) != 0)
		ctl_note(c, "%s (going on with run_dir %s)", why, c->settings->run_dir);
	else
		ctl_note(c, "%s (going on with its database)", why);
}

int
file_read(struct ctl *c, struct settings_file *settings)
{
	unsigned needs = c->command->needs;
	char why[512];
	enum err e = settings_read(c->file, settings, why, sizeof(why));

	c->settings = settings;
	c->known = NEED_RUN_DIR | NEED_DATABASE | NEED_DOMAINS | NEED_WHOLE;
	if (e == ERR_NONE)
		return CTL_DONE;
	if (e == ERR_IO)
		return refuse_absent(c, why);
	c->known = settings_salvage(c->file, settings);
	if ((c->known & needs) != needs)
		return ctl_refuse(c, "%s", why);
	note(c, why);
	return CTL_DONE;
}
