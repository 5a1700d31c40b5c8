/* P-Asserted-Identity, P-Preferred-Identity, Privacy, Remote-Party-ID. */
#include "sip/identity.h"

#include "sip/build.h"

static const struct span privacies[SIP_N_PRIVACIES] = {
#define X(id, text) [SIP_PRIVACY_##id] = { text, sizeof(text) - 1 },
	SIP_PRIVACIES(X)
#undef X
};

static bool
read_party(struct span value, struct sip_addr *a, struct sip_uri *u)
{
	return sip_addr_parse(value, a) == ERR_NONE && !a->star &&
	       sip_uri_parse(a->uri, u) == ERR_NONE && u->scheme != SIP_S_OTHER;
}

enum err
sip_identity(const struct sip_msg *m, enum sip_header_id id, struct sip_identity *id_r)
{
	struct sip_values v = sip_values(m, id);
	struct span value;
	struct sip_addr a, *to;
	struct sip_uri u;

	*id_r = (struct sip_identity){ .sip = { .star = false } };
	while (sip_values_next(&v, &value)) {
		if (!read_party(value, &a, &u))
			continue;
		to = u.scheme == SIP_S_TEL ? &id_r->tel : &id_r->sip;
		if (to->uri.p == NULL)
			*to = a;
	}
	return id_r->sip.uri.p != NULL || id_r->tel.uri.p != NULL ? ERR_NONE : ERR_ABSENT;
}

void
sip_put_identity(struct buf *b, enum sip_header_id id, struct span name, struct span uri)
{
	buf_put(b, sip_header_name(id));
	buf_lit(b, ": ");
	if (name.len > 0) {
		sip_put_quoted(b, name);
		buf_char(b, ' ');
	}
	buf_char(b, '<');
	sip_put_text(b, uri);
	buf_lit(b, ">\r\n");
}

static uint32_t
privacy_bit(struct span word)
{
	unsigned i;

	for (i = 0; i < SIP_PRIVACY_OTHER; i++)
		if (span_ieq(privacies[i], word))
			break;
	return 1u << i;
}

/* ';' parts the values (RFC 3323 4.2); a comma does too, for who writes a list as in other headers. */
static uint32_t
read_privacies(struct span value)
{
	uint32_t set = 0;
	struct span one, word;

	while (value.len > 0) {
		value = span_cut(value, ';', &one);
		while (one.len > 0) {
			one = span_cut(one, ',', &word);
			word = span_trim(word);
			if (word.len > 0)
				set |= privacy_bit(word);
		}
	}
	return set;
}

static uint32_t
without_doubt(uint32_t set)
{
	const uint32_t none = 1u << SIP_PRIVACY_NONE, critical = 1u << SIP_PRIVACY_CRITICAL;

	return set & ~(none | critical) ? set & ~none : set;
}

uint32_t
sip_privacy_parse(struct span value)
{
	return without_doubt(read_privacies(value));
}

uint32_t
sip_privacy(const struct sip_msg *m)
{
	struct sip_values v = sip_values(m, SIP_H_PRIVACY);
	struct span value;
	uint32_t set = 0;

	while (sip_values_next(&v, &value))
		set |= read_privacies(value);
	return without_doubt(set);
}

void
sip_put_privacy(struct buf *b, uint32_t set)
{
	bool first = true;

	for (unsigned i = 0; i < SIP_PRIVACY_OTHER; i++) {
		if (!(set >> i & 1))
			continue;
		buf_put(b, first ? SPAN("Privacy: ") : SPAN(";"));
		buf_put(b, privacies[i]);
		first = false;
	}
	if (!first)
		buf_lit(b, "\r\n");
}

/* "full", "uri-network": what stands before the '-' tells what, the rest from whom. */
static enum sip_rpid_privacy
rpid_privacy(struct span params)
{
	struct span value, word;

	if (!sip_param(params, SPAN("privacy"), &value))
		return SIP_RPID_OFF;
	if (value.len >= 2 && value.p[0] == '"')
		value = span_of(value.p + 1, value.len - 2);
	span_cut(value, '-', &word);
	if (span_ieq(word, SPAN("full")))
		return SIP_RPID_FULL;
	if (span_ieq(word, SPAN("name")))
		return SIP_RPID_NAME;
	if (span_ieq(word, SPAN("uri")))
		return SIP_RPID_URI;
	return SIP_RPID_OFF;
}

enum err
sip_remote_party(const struct sip_msg *m, struct sip_remote_party *party_r)
{
	struct sip_values v = sip_values(m, SIP_H_REMOTE_PARTY_ID);
	struct span value, word;
	struct sip_addr a;
	struct sip_uri u;

	while (sip_values_next(&v, &value)) {
		if (!read_party(value, &a, &u) ||
		    (sip_param(a.params, SPAN("party"), &word) && !span_ieq(word, SPAN("calling"))))
			continue;
		*party_r = (struct sip_remote_party){ .addr = a,
			.screened = sip_param(a.params, SPAN("screen"), &word) &&
				    span_ieq(word, SPAN("yes")),
			.privacy = rpid_privacy(a.params) };
		return ERR_NONE;
	}
	return ERR_ABSENT;
}
