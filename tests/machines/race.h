/*
 * Races: a call is driven through orderings of what its phones, its timers and its network can do, by
 * peers that are correct user agents of their own, against the worker's real code on a set clock
 * (worker_rig.h). doc/architecture.md says how a failing one is replayed.
 *
 *     script --> user agents (race_ua*.c) <--> network (race_net.c) <--> worker
 *                                                   |
 *                                   referee (race_referee*.c): is what the worker sends lawful?
 *     end (race_end.c): nothing left, both sides agree, one record with the right fields
 *
 * No SIP code is shared with what is tested, and only race_net.c and race_end.c see the bench.
 */
#ifndef TANDEM_TESTS_RACE_H
#define TANDEM_TESTS_RACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	RACE_PHONES = 5, /* a calls bob, who is b, c and d; e is carol */
	RACE_OPERATOR = RACE_PHONES,
	RACE_STEPS = 32,
	RACE_FAULTS = 8,
	RACE_T1_MS = 500,
	RACE_T2_MS = 4000,
	RACE_LATENCY_MS = 12,	/* one way */
	RACE_QUIET_MS = 80000,	/* after this every timer has run out, and what is up is up */
	RACE_NEVER = 0xffffffff /* milliseconds */
};

/* --- race_text.c: a message as the wire has it --------------------------------------------------*/
struct race_msg {
	const char *text, *body;
	bool request;
	unsigned status, cseq;
	bool reliable; /* a provisional response that wants its PRACK */
	unsigned rseq, rack_rseq, rack_cseq;
	char method[16]; /* CSeq's */
	char uri[256], via[256], branch[128], call_id[160], from[256], to[256], from_tag[96],
	    to_tag[96], contact[256];
};
/* False: it is not one. The text must outlive m. */
bool race_read(const char *text, struct race_msg *m);
/* A header's value; "" and false when there is none. */
bool race_header(const char *text, const char *name, char *to, size_t cap);
struct race_sdp { /* one audio line */
	bool there;
	unsigned long long id;
	unsigned version, port, media;
	char ip[48], way[12];
	uint64_t hash; /* of all but the o= line */
};
void race_sdp_read(const char *body, struct race_sdp *s);
/* The same stream, whoever's o= line it stands under. */
bool race_sdp_same(const struct race_sdp *a, const struct race_sdp *b);

/* --- race_script.c ------------------------------------------------------------------------------*/
enum race_verb {
	DO_DIAL,
	DO_DIAL_EMPTY, /* without an offer */
	DO_CONSULT,    /* a second call, to carol */
	DO_REPLACE,    /* takes the call of the phone with this number (RFC 3891) */
	DO_CANCEL,     /* the INVITE that waits, first or later */
	DO_RING,
	DO_PROGRESS, /* 183 with its session description */
	DO_RING_RELIABLY,
	DO_PROGRESS_RELIABLY,
	DO_ANSWER,
	DO_REFUSE, /* :status */
	DO_BYE,
	DO_REINVITE,	   /* hold, and back */
	DO_REINVITE_EMPTY, /* asks for an offer */
	DO_UPDATE,
	DO_UPDATE_EMPTY, /* refreshes */
	DO_REFER,	 /* to carol */
	DO_REFER_REPLACES, /* to who is in the phone's other call */
	DO_FORK, /* a proxy behind the phone forks what rings: one more early dialog */
	DO_INFO,
	DO_OPTIONS,
	DO_HANGUP, /* the operator's */
	DO_N_VERBS
};
struct race_step {
	uint32_t at_ms;
	uint8_t who, verb;
	uint16_t arg; /* a status; a phone; else which of the phone's dialogs, from 1, 0: the one in hand */
};
enum race_fault_kind {
	FAULT_LOSE,
	FAULT_REPEAT,
	FAULT_LATE,
	FAULT_KILL,
	FAULT_KILL_BEFORE,
	FAULT_KILL_STORE /* before the n-th store into shared memory (race_stores.h) */
};
struct race_fault { /* to the n-th datagram of the run, from 1 */
	uint8_t kind;
	uint16_t n, ms; /* FAULT_LATE: by so much */
};
enum race_habit { /* of a phone */
	HABIT_NEVER_ACKS = 1,
	HABIT_ACKS_LATE = 2,	  /* by 60 ms */
	HABIT_ANSWERS_LATE = 4,	  /* re-INVITE and UPDATE, by 60 ms */
	HABIT_REFUSES_OFFERS = 8, /* re-INVITE and UPDATE: 488 */
	HABIT_NO_100 = 16, /* but after 200 ms of nothing else */
	HABIT_RELIABLE = 32, /* Supported: 100rel */
	HABIT_NEVER_PRACKS = 64
};
enum race_service { /* of bob */
	SERVICE_CFB = 1,  /* to carol when busy */
	SERVICE_CFNR = 2, /* to carol after 5 s */
	SERVICE_NO_WAITING = 4, /* one call at a time */
	SERVICE_LIMIT = 8	/* two */
};
struct race_script {
	struct race_step steps[RACE_STEPS];
	struct race_fault faults[RACE_FAULTS];
	unsigned n_steps, n_faults;
	unsigned workers;   /* 1 or 2: alice calls at the first, the others at the last */
	unsigned services;  /* enum race_service */
	unsigned phones;    /* of bob: 1 to 3 */
	bool in_turn;	    /* they ring one after the other */
	unsigned ring_s;    /* 0: the bench's */
	unsigned session_s; /* 0: the bench's */
	unsigned seed;	    /* of what the phones and the worker choose by chance */
	unsigned jitter_ms; /* 0: every datagram takes as long as the others */
	uint8_t ender;	    /* who hangs up when all is quiet */
	uint8_t habits[RACE_PHONES];
};
/* "phones=2 a.dial@0 b.ring@30 b.answer@60 lose=7 late=9:700 kill=4 a:acks-late ender=b" */
bool race_script_read(const char *text, struct race_script *s);
void race_script_write(const struct race_script *s, char *to, size_t cap);
void race_step_add(struct race_script *s, unsigned who, enum race_verb v, unsigned at, unsigned arg);
extern const char race_names[RACE_PHONES + 2];

/* --- race_stages.c ------------------------------------------------------------------------------*/
struct race_event {
	uint8_t who, verb; /* verb DO_N_VERBS: there are no more */
	uint16_t arg;
};
struct race_stage {
	const char *ladder; /* up to where the events come */
	unsigned at_ms;
	const struct race_event *events;
};
extern const struct race_stage race_stages[];
extern const char *const race_ladders[];
extern const unsigned race_n_stages, race_n_ladders;

/* --- race_cases.c, race_chance.c ----------------------------------------------------------------*/
/* Calls `each` with every script of the systematic kind, until it says no; three at once apart. */
void race_cases(bool (*each)(const struct race_script *s, void *arg), void *arg);
void race_triples(bool (*each)(const struct race_script *s, void *arg), void *arg);
void race_by_chance(unsigned seed, struct race_script *s_r);
/* The same with every script of race_kills.c; all: see there. */
void race_kills(bool all, bool (*each)(const struct race_script *s, void *arg), void *arg);

/* --- race_run.c: one run ------------------------------------------------------------------------*/
struct ua;
struct referee;
struct race {
	const struct race_script *script;
	struct ua *ua[RACE_PHONES];
	struct referee *referee;
	uint64_t now_ms;
	uint64_t chance;
	void **blocks; /* given back when it is over */
	unsigned n_blocks, blocks_cap;
	unsigned datagrams, deaths;
	bool aloud; /* its ladder is printed */
	char failure[2048]; /* the first; "" = none */
};
extern struct race *race; /* the one in hand; the bench is one too */
/* Runs it and says whether all was well; what happened stands in the race until race_done. */
bool race_run(const struct race_script *s, bool aloud);
/* The same run without its faults, for FAULT_KILL_STORE: its stores are recorded (race_stores.h). */
void race_record(const struct race_script *s);
void race_done(void);
void race_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void race_note(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* into the ladder */
void *race_take(size_t n);
char *race_keep(const char *text);
unsigned race_below(unsigned n);
bool race_has_fault(enum race_fault_kind kind);

/* --- race_office.c: who is there -----------------------------------------------------------------*/
struct race_phone {
	const char *user, *host;
};
extern const struct race_phone race_phones[RACE_PHONES];
/* A bench with all of them. */
void office_open(const struct race_script *s);

/* --- race_net.c ---------------------------------------------------------------------------------*/
void net_open(const struct race_script *s);
void net_close(void);
void net_send(unsigned who, const char *text); /* from a phone to the worker */
/* Lets time pass, until something has happened or the moment has come. */
void net_advance(uint64_t until_ms);
void net_hangup(void);

/* --- race_ua.c: a correct user agent ------------------------------------------------------------*/
struct ua *ua_new(unsigned who, const char *user, const char *host, unsigned habits);
void ua_do(struct ua *u, enum race_verb v, unsigned arg); /* if it is lawful now */
void ua_receive(struct ua *u, const char *text);
uint64_t ua_due_ms(const struct ua *u); /* UINT64_MAX: nothing */
void ua_time(struct ua *u);
/* Hangs up, cancels, refuses: whatever ends what it has. */
void ua_leave(struct ua *u);
const char *ua_host(const struct ua *u);
struct ua_session {
	struct race_sdp local, remote;
};
enum { RACE_TALKS = 8 };
struct ua_view { /* what it believes */
	unsigned talks;		/* dialogs that are up */
	bool rings; /* an INVITE waits for its answer, either way */
	bool busy;		/* a request of its own waits for an answer, or one of theirs for its */
	struct ua_session sessions[RACE_TALKS]; /* of the dialogs that are up */
};
void ua_look(const struct ua *u, struct ua_view *v_r);
/* "CALL-ID;to-tag=...;from-tag=...", as a Replaces names the dialog in hand; false: it has none. */
bool ua_dialog_name(const struct ua *u, char *to, size_t cap);

/* --- race_referee.c -----------------------------------------------------------------------------*/
struct referee *referee_new(void);
/* What the worker sent to a phone, what reached it from one. */
void referee_sent(unsigned who, const char *text);
void referee_heard(unsigned who, const char *text);
void referee_hangup(void); /* the operator's */
void referee_end(void);	   /* what is still owed */
enum { RACE_CALLS = 16 };
struct referee_call { /* an INVITE that began one */
	char call_id[160];
	unsigned final;
	bool acked;
};
struct referee_facts { /* of the call, at the worker */
	struct referee_call calls[RACE_CALLS];
	unsigned n_calls;
	unsigned invites;     /* from a, new ones */
	unsigned final;	      /* that a was sent */
	uint64_t answered_ms; /* when */
	bool acked;
	unsigned branches;    /* INVITEs to the called side */
	uint64_t ended_ms;    /* the first BYE of a talking side reached it; 0 = none */
	unsigned ended_by;
	bool cancelled; /* CANCEL or BYE of a before its answer */
	bool transferred; /* a REFER was taken */
};
void referee_facts(struct referee_facts *f_r);

/* --- race_end.c ---------------------------------------------------------------------------------*/
void race_check_quiet(void); /* both sides agree */
void race_check_end(void);   /* nothing is left, one record */

#endif
