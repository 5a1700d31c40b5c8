/* The referee's memory: every transaction and dialog that the worker has, seen from outside. */
#ifndef TANDEM_TESTS_RACE_REFEREE_H
#define TANDEM_TESTS_RACE_REFEREE_H

#include "race.h"

enum { REF_DIALOGS = 16, REF_TXNS = 256 };

struct ref_dialog {
	unsigned who;
	char call_id[160], to_tag[96]; /* the worker's tag, where it is asked */
	unsigned cseq;		       /* of its last request */
	bool refers;		       /* a REFER of theirs was taken */
	bool over;		       /* a BYE went one way or the other */
	struct race_sdp sdp;	       /* the last that it sent */
};
struct ref_txn {
	bool ours; /* the worker asks */
	bool first, offered, provisional, acked, answer;
	bool late; /* its answer came after the BYE, which ended all */
	bool negotiated;	    /* INVITE: offer and answer stand in reliable messages already */
	unsigned rseq, pracked;	    /* of the last reliable response, of the last that has its PRACK */
	char method[16], branch[128];
	unsigned cseq, final;
	struct ref_dialog *d;
	const char *request, *last; /* last: response that the worker sent */
	uint64_t at_ms, final_ms;
};
struct referee {
	struct ref_dialog dialogs[REF_DIALOGS];
	struct ref_txn txns[REF_TXNS];
	unsigned n_dialogs, n_txns;
	struct ref_dialog *called; /* who answered */
	struct referee_facts facts;
};

struct ref_dialog *ref_dialog(unsigned who, const char *call_id);
struct ref_txn *ref_find(unsigned who, bool ours, const char *method, const char *branch);
struct ref_txn *ref_new(unsigned who, bool ours, const struct race_msg *m);
struct ref_txn *ref_invite(unsigned who, bool ours, const char *call_id, unsigned cseq);

#endif
