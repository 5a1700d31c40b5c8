/* Mistyped words: the candidate with the fewest letters that are wrong, missing, too many or swapped. */
#include <string.h>

#include "ctl/ctl.h"

enum { LONGEST = 32 };

static unsigned
least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Of Damerau and Levenshtein, neighbours swapped once. */
static unsigned
edits(const char *a, const char *b)
{
	unsigned d[LONGEST + 1][LONGEST + 1];
	size_t n = strlen(a), m = strlen(b);

	if (n > LONGEST || m > LONGEST)
		return 2 * LONGEST;
	for (size_t i = 0; i <= n; i++) {
		for (size_t k = 0; k <= m; k++) {
			if (i == 0 || k == 0) {
				d[i][k] = (unsigned)(i + k);
				continue;
			}
			d[i][k] = least(least(d[i - 1][k], d[i][k - 1]) + 1,
			    d[i - 1][k - 1] + (a[i - 1] != b[k - 1]));
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
				d[i][k] = least(d[i][k], d[i - 2][k - 2] + 1);
		}
	}
	return d[n][m];
}

/* The beginning of a word is as good as one wrong letter, three letters of it as two. */
static unsigned
distance(const char *word, const char *candidate)
{
	unsigned e = edits(word, candidate);
	size_t len = strlen(word);

	if (len >= 2 && strncmp(word, candidate, len) == 0)
		return least(e, 1);
	if (len >= 3 && strncmp(word, candidate, 3) == 0)
		return least(e, 2);
	return e;
}

void
nearest_try(struct nearest *n, const char *candidate)
{
	unsigned d = distance(n->word, candidate);

	if (d > 1 + strlen(n->word) / 4 || (n->best != NULL && d >= n->distance))
		return;
	n->best = candidate;
	n->distance = d;
}

const char *
nearest_text(const struct nearest *n, char *to, size_t cap)
{
	to[0] = '\0';
	if (n->best != NULL)
		snprintf(to, cap, "; did you mean %s?", n->best);
	return to;
}
