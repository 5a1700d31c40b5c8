/* The words of m= lines, as numbers. */
#include "sip/media_line.h"

enum { WORD_0 = 128 }; /* formats from here on are words */

enum { KIND_AUDIO, KIND_VIDEO, KIND_TEXT, KIND_APPLICATION, KIND_MESSAGE, KIND_IMAGE, N_KINDS };
enum { FORMAT_ANY, FORMAT_T38, FORMAT_DATACHANNEL, FORMAT_5000, FORMAT_H224 };

/* RFC 8866 8.2.1, RFC 6466. */
static const char *const kinds[] = { [KIND_AUDIO] = "audio",
	[KIND_VIDEO] = "video",
	[KIND_TEXT] = "text",
	[KIND_APPLICATION] = "application",
	[KIND_MESSAGE] = "message",
	[KIND_IMAGE] = "image" };

/* The first that fits is taken with its own capitals: both are met for some. The format is what such a
 * line has when it is none of ours. */
static const struct proto {
	const char *name;
	uint8_t format;
} protos[] = {
	{ "RTP/AVP", 0 },
	{ "RTP/SAVP", 0 },
	{ "RTP/AVPF", 0 },
	{ "RTP/SAVPF", 0 },
	{ "UDP/TLS/RTP/SAVP", 0 },
	{ "UDP/TLS/RTP/SAVPF", 0 },
	{ "TCP/RTP/AVP", 0 },
	{ "TCP/TLS/RTP/SAVPF", 0 },
	{ "udptl", WORD_0 + FORMAT_T38 },
	{ "UDPTL", WORD_0 + FORMAT_T38 },
	{ "UDP/TLS/UDPTL", WORD_0 + FORMAT_T38 },
	{ "tcp", WORD_0 + FORMAT_T38 },
	{ "TCP", WORD_0 + FORMAT_T38 },
	{ "TCP/MSRP", WORD_0 + FORMAT_ANY },
	{ "TCP/TLS/MSRP", WORD_0 + FORMAT_ANY },
	{ "UDP/DTLS/SCTP", WORD_0 + FORMAT_DATACHANNEL },
	{ "TCP/DTLS/SCTP", WORD_0 + FORMAT_DATACHANNEL },
	{ "DTLS/SCTP", WORD_0 + FORMAT_5000 },
	{ "UDP/BFCP", WORD_0 + FORMAT_ANY },
	{ "TCP/BFCP", WORD_0 + FORMAT_ANY },
	{ "TCP/TLS/BFCP", WORD_0 + FORMAT_ANY },
	{ "UDP/TLS/BFCP", WORD_0 + FORMAT_ANY },
	{ "udp", WORD_0 + FORMAT_ANY },
	{ "UDP", WORD_0 + FORMAT_ANY },
};

static const char *const formats[] = { [FORMAT_ANY] = "*",
	[FORMAT_T38] = "t38",
	[FORMAT_DATACHANNEL] = "webrtc-datachannel",
	[FORMAT_5000] = "5000",
	[FORMAT_H224] = "h224" };

static uint8_t
kind_of(struct span word)
{
	for (uint8_t i = 0; i < N_KINDS; i++)
		if (span_ieq(word, span_str(kinds[i])))
			return i;
	return KIND_APPLICATION;
}

static uint8_t
proto_of(struct span word)
{
	enum { N = sizeof(protos) / sizeof(protos[0]) };

	for (uint8_t i = 0; i < N; i++)
		if (span_eq(word, span_str(protos[i].name)))
			return i;
	for (uint8_t i = 0; i < N; i++)
		if (span_ieq(word, span_str(protos[i].name)))
			return i;
	return 0;
}

/* A number that is not of RTP ("5000" of SCTP) is looked for among the words. */
static uint8_t
format_of(struct span list, uint8_t proto)
{
	struct span word;
	uint32_t n;

	span_word(&list, &word);
	if (protos[proto].format < WORD_0)
		return span_u32(word, WORD_0 - 1, &n) == ERR_NONE ? (uint8_t)n : 0;
	for (uint8_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (span_ieq(word, span_str(formats[i])))
			return (uint8_t)(WORD_0 + i);
	return protos[proto].format;
}

struct media_line
media_line_of(const struct sdp_media *m)
{
	const uint8_t proto = proto_of(m->proto);

	return (struct media_line){
		.kind = kind_of(m->kind), .proto = proto, .format = format_of(m->formats, proto)
	};
}

/* The numbers come from shared memory that was ours before a crash: what is out of its table is none. */
void
media_line_put_refused(struct buf *b, struct media_line line)
{
	const unsigned word = line.format - WORD_0;

	buf_lit(b, "m=");
	buf_str(b, kinds[line.kind < N_KINDS ? line.kind : KIND_APPLICATION]);
	buf_lit(b, " 0 ");
	buf_str(b, protos[line.proto < sizeof(protos) / sizeof(protos[0]) ? line.proto : 0].name);
	buf_char(b, ' ');
	if (line.format < WORD_0)
		buf_u64(b, line.format);
	else
		buf_str(
		    b, formats[word < sizeof(formats) / sizeof(formats[0]) ? word : FORMAT_ANY]);
	buf_lit(b, "\r\n");
}
