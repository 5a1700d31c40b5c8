/* The referee's memory: every transaction and dialog that the worker has, seen from outside. */
#ifndef TANDEM_TESTS_RACE_REFEREE_H
#define TANDEM_TESTS_RACE_REFEREE_H

#include "race.h"

enum { REF_DIALOGS = 48, REF_TXNS = 512 };

struct ref_dialog {
	unsigned who;
	char call_id[160], to_tag[96]; /* the worker's tag, where it is asked */
	char peer_tag[96];	       /* the phone's; "" while it is asked first */
	unsigned cseq;		       /* of its last request */
	unsigned rseq, pracked;	       /* of the last reliable response to the worker, and of its PRACK */
	bool negotiated;	       /* offer and answer stand in such responses already */
	bool refers;		       /* a REFER of theirs was taken */
	bool over;		       /* a BYE went one way or the other */
	struct race_sdp sdp, first_sdp; /* the last that it sent; its INVITE's */
	unsigned first_cseq;
};
struct ref_txn {
	bool ours; /* the worker asks */
	bool first, offered, provisional, acked, answer;
	bool late; /* its answer came after the BYE, which ended all */
	bool negotiated;	    /* INVITE of a phone: as in the dialog */
	unsigned rseq, pracked;
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

/* Of the phone's tag; "": any of this Call-ID. A new tag of an INVITE makes a new dialog (12.1). */
struct ref_dialog *ref_dialog(unsigned who, const char *call_id, const char *peer_tag);
struct ref_txn *ref_find(unsigned who, bool ours, const char *method, const char *branch);
struct ref_txn *ref_new(unsigned who, bool ours, const struct race_msg *m);
struct ref_txn *ref_invite(struct ref_dialog *d, bool ours, unsigned cseq);
/* The phone's INVITE has got its final answer. */
void ref_call_answered(const struct ref_txn *t);
/* Is it one of d, or one of the worker's that may still make d? */
bool ref_concerns(const struct ref_txn *t, const struct ref_dialog *d);

#endif
