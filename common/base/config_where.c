/*
 * Where a key stands, for whoever finds it wrong only after the whole file was read: what a file names, or
 * a user of the system. The file is read once more, which costs nothing that matters: it is being refused.
 */
#include <libconfig.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"

/* "listen[1].port" as libconfig has it: "listen.[1].port". */
static bool
path_of(const char *key, char *to, size_t cap)
{
	struct buf b = buf_on(to, cap - 1);

	for (; *key != '\0'; key++) {
		if (*key == '[')
			buf_lit(&b, ".");
		buf_put(&b, span_of(key, 1));
	}
	to[b.len] = '\0';
	return buf_ok(&b);
}

static void
put_where(const char *file, const config_setting_t *at, struct buf *b)
{
	const char *included = at == NULL ? NULL : config_setting_source_file(at);
	unsigned line = at == NULL ? 0 : config_setting_source_line(at);

	buf_printf(b, "%s:%u: ", included == NULL ? file : included, line == 0 ? 1 : line);
}

void
config_where(const char *file, const char *key, struct buf *b)
{
	const char *slash = strrchr(file, '/');
	char *directory = slash == NULL ? NULL : strndup(file, (size_t)(slash - file) + 1);
	char *text = config_slurp(file), path[128];
	config_t c;

	config_init(&c);
	if (directory != NULL)
		config_set_include_dir(&c, directory);
	if (text != NULL && path_of(key, path, sizeof(path)) &&
	    config_read_string(&c, text) == CONFIG_TRUE)
		put_where(file, config_lookup(&c, path), b);
	else
		put_where(file, NULL, b);
	config_destroy(&c);
	free(directory);
	free(text);
}
