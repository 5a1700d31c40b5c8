/*
 * Parses a typical INVITE again and again, by the parser it is linked with.
 *
 * usage: parser_NAME [TIMES]    prints "NAME bytes=N ns=N": the least of ten rounds, for one message.
 * With 0 rounds' worth of clock (valgrind counts instead), TIMES alone counts.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "parser.h"

static const char invite[] =
    "INVITE sip:+4930555201@sip.example.com:5060;transport=udp;user=phone SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 192.0.2.17:5060;branch=z9hG4bK-524287-1---0e2f7c6a8d9b1f34;rport\r\n"
    "Max-Forwards: 70\r\n"
    "Contact: <sip:4015@192.0.2.17:5060;transport=udp>\r\n"
    "To: \"Front desk\" <sip:+4930555201@sip.example.com>\r\n"
    "From: \"Anna Example\" <sip:4015@sip.example.com>;tag=5a3c91f2\r\n"
    "Call-ID: 90817MTk4NmE3ZTJjYjQ2ZDNiMjY5ZTg0YzY1Nzk0ZDc@192.0.2.17\r\n"
    "CSeq: 1 INVITE\r\n"
    "Allow: INVITE, ACK, CANCEL, BYE, NOTIFY, REFER, MESSAGE, OPTIONS, INFO, SUBSCRIBE\r\n"
    "Supported: replaces, norefersub, extended-refer, timer, outbound, path\r\n"
    "User-Agent: Example phone release 5.6.2 stamp 524287\r\n"
    "Content-Type: application/sdp\r\n"
    "Content-Length: 237\r\n\r\n"
    "v=0\r\no=- 13327640 3 IN IP4 192.0.2.17\r\ns=phone\r\nc=IN IP4 192.0.2.17\r\nt=0 0\r\n"
    "m=audio 49170 RTP/AVP 9 8 0 101\r\na=rtpmap:9 G722/8000\r\na=rtpmap:8 PCMA/8000\r\n"
    "a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n"
    "a=sendrecv\r\n";

static uint64_t
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

int
main(int argc, char **argv)
{
	unsigned long times = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
	unsigned rounds = argc > 1 ? 1 : 10;
	uint64_t least = UINT64_MAX;

	parser_begin();
	for (unsigned r = 0; r < rounds; r++) {
		uint64_t began = now(), took;

		for (unsigned long i = 0; i < times / rounds; i++)
			if (!parser_once(invite, sizeof(invite) - 1)) {
				fprintf(stderr, "%s: not parsed\n", parser_name);
				return 1;
			}
		took = now() - began;
		least = took < least ? took : least;
	}
	printf("%s bytes=%zu ns=%.0f\n", parser_name, sizeof(invite) - 1,
	    (double)least / ((double)times / rounds));
	return 0;
}
