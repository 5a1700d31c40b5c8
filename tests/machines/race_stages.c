/* Where the systematic cases (race_cases.c) begin: stages with what can happen there, and usual ladders. */
#include "race.h"

/* --- stages -------------------------------------------------------------------------------------*/

enum { A, B, C, D, E, W };
#define LAST                                                                                       \
	{                                                                                          \
		0, DO_N_VERBS, 0                                                                   \
	}

static const struct race_event before_answer[] = { { A, DO_CANCEL, 0 }, { A, DO_BYE, 0 },
	{ B, DO_RING, 0 }, { B, DO_PROGRESS, 0 }, { B, DO_ANSWER, 0 }, { B, DO_REFUSE, 486 },
	{ B, DO_REFUSE, 603 }, { W, DO_HANGUP, 0 }, LAST };
static const struct race_event forked[] = { { A, DO_CANCEL, 0 }, { A, DO_BYE, 0 },
	{ B, DO_PROGRESS, 0 }, { B, DO_ANSWER, 0 }, { B, DO_REFUSE, 486 }, { C, DO_RING, 0 },
	{ C, DO_ANSWER, 0 }, { C, DO_REFUSE, 480 }, { C, DO_REFUSE, 603 }, { W, DO_HANGUP, 0 },
	LAST };
static const struct race_event reliable[] = { { A, DO_CANCEL, 0 }, { A, DO_BYE, 0 },
	{ B, DO_RING_RELIABLY, 0 }, { B, DO_PROGRESS_RELIABLY, 0 }, { B, DO_PROGRESS, 0 },
	{ B, DO_ANSWER, 0 }, { B, DO_REFUSE, 486 }, { A, DO_UPDATE, 0 }, { B, DO_UPDATE, 0 },
	{ W, DO_HANGUP, 0 }, LAST };
static const struct race_event answered[] = { { A, DO_CANCEL, 0 }, { A, DO_BYE, 0 },
	{ B, DO_BYE, 0 }, { A, DO_REINVITE, 0 }, { B, DO_REINVITE, 0 }, { B, DO_REINVITE_EMPTY, 0 },
	{ A, DO_UPDATE, 0 }, { B, DO_UPDATE, 0 }, { W, DO_HANGUP, 0 }, LAST };
static const struct race_event up[] = { { A, DO_BYE, 0 }, { B, DO_BYE, 0 }, { A, DO_REINVITE, 0 },
	{ B, DO_REINVITE, 0 }, { A, DO_REINVITE_EMPTY, 0 }, { B, DO_REINVITE_EMPTY, 0 },
	{ A, DO_UPDATE, 0 }, { B, DO_UPDATE, 0 }, { A, DO_UPDATE_EMPTY, 0 }, { A, DO_CANCEL, 0 },
	{ B, DO_CANCEL, 0 }, { A, DO_OPTIONS, 0 }, { W, DO_HANGUP, 0 }, LAST };

static const struct race_event transfer[] = { { A, DO_BYE, 0 }, { B, DO_BYE, 0 },
	{ A, DO_REINVITE, 0 }, { B, DO_REINVITE, 0 }, { A, DO_UPDATE, 0 }, { B, DO_REFER, 0 },
	{ A, DO_REFER, 0 }, { E, DO_RING, 0 }, { E, DO_ANSWER, 0 }, { E, DO_REFUSE, 486 },
	{ E, DO_BYE, 0 }, { W, DO_HANGUP, 0 }, LAST };
static const struct race_event deflected[] = { { A, DO_CANCEL, 0 }, { B, DO_REFUSE, 302 },
	{ E, DO_RING, 0 }, { E, DO_ANSWER, 0 }, { E, DO_REFUSE, 486 }, { W, DO_HANGUP, 0 }, LAST };

/* Several calls: b has consulted e; b, who has an answer, is replaced; e takes what rings at b; e knocks. */
static const struct race_event attended[] = { { A, DO_BYE, 0 }, { B, DO_BYE, 1 }, { B, DO_BYE, 2 },
	{ E, DO_BYE, 0 }, { B, DO_REFER_REPLACES, 1 }, { B, DO_REFER_REPLACES, 2 },
	{ A, DO_REINVITE, 0 }, { E, DO_REINVITE, 0 }, { B, DO_REINVITE, 1 }, { B, DO_REINVITE, 2 },
	{ A, DO_UPDATE, 0 }, { E, DO_UPDATE, 0 }, { W, DO_HANGUP, 0 }, LAST };
static const struct race_event semi_attended[] = { { A, DO_BYE, 0 }, { B, DO_BYE, 1 },
	{ B, DO_CANCEL, 0 }, { E, DO_RING, 0 }, { E, DO_ANSWER, 0 }, { E, DO_REFUSE, 486 },
	{ B, DO_REFER_REPLACES, 1 }, { A, DO_REINVITE, 0 }, { B, DO_REINVITE, 1 }, { E, DO_BYE, 0 },
	{ W, DO_HANGUP, 0 }, LAST };
static const struct race_event pickup[] = { { A, DO_CANCEL, 0 }, { A, DO_BYE, 0 },
	{ B, DO_ANSWER, 0 }, { B, DO_REFUSE, 486 }, { B, DO_PROGRESS, 0 }, { E, DO_REPLACE, 1 },
	{ E, DO_CANCEL, 0 }, { E, DO_BYE, 0 }, { W, DO_HANGUP, 0 }, LAST };
static const struct race_event replaced[] = { { A, DO_BYE, 0 }, { B, DO_BYE, 0 },
	{ C, DO_REPLACE, 1 }, { C, DO_CANCEL, 0 }, { C, DO_BYE, 0 }, { A, DO_REINVITE, 0 },
	{ B, DO_REINVITE, 0 }, { C, DO_REINVITE, 0 }, { A, DO_UPDATE, 0 }, { B, DO_REFER, 0 },
	{ E, DO_ANSWER, 0 }, { W, DO_HANGUP, 0 }, LAST };
static const struct race_event early[] = { { A, DO_CANCEL, 0 }, { A, DO_BYE, 0 }, { B, DO_RING, 2 },
	{ B, DO_PROGRESS, 1 }, { B, DO_PROGRESS, 2 }, { B, DO_FORK, 0 }, { B, DO_ANSWER, 1 },
	{ B, DO_ANSWER, 2 }, { B, DO_REFUSE, 486 }, { B, DO_BYE, 1 }, { W, DO_HANGUP, 0 }, LAST };
static const struct race_event early_reliable[] = { { A, DO_CANCEL, 0 }, { A, DO_UPDATE, 0 },
	{ B, DO_UPDATE, 1 }, { B, DO_UPDATE, 2 }, { B, DO_PROGRESS_RELIABLY, 1 },
	{ B, DO_PROGRESS_RELIABLY, 2 }, { B, DO_RING_RELIABLY, 2 }, { B, DO_PROGRESS, 2 },
	{ B, DO_ANSWER, 1 }, { B, DO_ANSWER, 2 }, { B, DO_REFUSE, 486 }, { W, DO_HANGUP, 0 },
	LAST };
static const struct race_event forward[] = { { A, DO_CANCEL, 0 }, { A, DO_BYE, 0 },
	{ B, DO_RING, 0 }, { B, DO_ANSWER, 0 }, { B, DO_REFUSE, 486 }, { B, DO_REFUSE, 480 },
	{ E, DO_RING, 0 }, { E, DO_ANSWER, 0 }, { E, DO_REFUSE, 486 }, { W, DO_HANGUP, 0 }, LAST };
static const struct race_event waiting[] = { { E, DO_DIAL, 0 }, { E, DO_CANCEL, 0 },
	{ B, DO_RING, 0 }, { B, DO_ANSWER, 0 }, { B, DO_REFUSE, 486 }, { B, DO_REINVITE, 1 },
	{ B, DO_BYE, 1 }, { A, DO_BYE, 0 }, { A, DO_REINVITE, 0 }, { E, DO_BYE, 0 },
	{ W, DO_HANGUP, 0 }, LAST };

#define TALK	"a.dial@0 b.ring@100 b.answer@300 "
#define CONSULT TALK "b.consult@1000 e.ring@1100 "

const struct race_stage race_stages[] = {
	{ "a.dial@0", 6, before_answer },
	{ "a.dial@0 b:no-100", 30, before_answer },
	{ "a.dial@0 b.ring@100", 106, before_answer },
	{ "a.dial@0 b.ring@100", 300, before_answer },
	{ "a.dial@0 b.progress@100", 300, before_answer },
	{ "ring=1 a.dial@0 b.ring@100", 990, before_answer },
	{ "a.dial@0 b.ring@60", 100, reliable },
	{ "a:reliable a.dial@0 b.ring@60", 100, reliable },
	{ "a:reliable a.dial@0 b.progress-reliably@100", 106, reliable },
	{ "a:reliable a.dial@0 b.progress-reliably@100", 300, reliable },
	{ "a:reliable a.dial-empty@0 b.progress-reliably@100", 106, reliable },
	{ "a:reliable a.dial-empty@0 b.progress-reliably@100", 300, reliable },
	{ "a.dial@0 b.progress-reliably@100", 300, reliable },
	{ "a:reliable a:never-pracks a.dial@0 b.progress@60 b.answer@70", 100, answered },
	{ "phones=2 a.dial@0 b.ring@100 c.ring@100", 300, forked },
	{ "phones=2 in-turn a.dial@0 b.ring@100", 300, forked },
	{ "phones=2 in-turn a.dial@0 b.ring@100 c.ring@20160", 20118, forked },
	{ "a.dial@0 b.ring@100 b.answer@300", 306, answered },
	{ "a.dial@0 b.ring@100 b.answer@300", 330, answered },
	{ "a.dial@0 b.ring@100 b.answer@300 a:acks-late", 340, answered },
	{ "a.dial-empty@0 b.ring@100 b.answer@300", 306, answered },
	{ "a.dial-empty@0 b.ring@100 b.answer@300 a:acks-late", 340, answered },
	{ "a.dial@0 b.ring@100 b.answer@300", 1000, up },
	{ "a.dial@0 b.ring@100 b.answer@300 a:answers-late b:answers-late", 1000, up },
	{ "a.dial@0 b.ring@100 b.answer@300", 1000, transfer },
	{ "a.dial@0 b.ring@100 b.answer@300 b.refer@1000", 1018, transfer },
	{ "a.dial@0 b.ring@100 b.answer@300 b.refer@1000 e.ring@1100", 1300, transfer },
	{ "a.dial@0 b.ring@100 b.answer@300 a.refer@1000 e.ring@1100", 1300, transfer },
	{ "a.dial@0 b.ring@100 b.answer@300 b.refer@1000 e.ring@1100 e.answer@1300", 1318,
	    transfer },
	{ "a.dial@0 b.ring@100 b.answer@300 b.refer@1000 b.bye@1100 e.ring@1110", 1300, transfer },
	{ "a.dial@0 b.ring@100", 300, deflected },
	{ "a.dial@0 b.ring@100 b.refuse:302@300 e.ring@400", 600, deflected },
	{ "a.dial@0 b.ring@100 b.answer@300 a:refuses-offers b:refuses-offers", 1000, up },
	{ "a.dial@0 b.ring@100 b.answer@300 a:answers-late b:answers-late a.reinvite@1000", 1006,
	    up },
	{ "a.dial@0 b.ring@100 b.answer@300 a:answers-late b:answers-late b.reinvite@1000", 1080,
	    up },
	{ "a.dial@0 b.ring@100 b.answer@300 a:acks-late a.reinvite@1000", 1040, up },
	{ "a.dial@0 b.ring@100 b.answer@300 a:acks-late a.reinvite-empty@1000", 1040, up },
	{ "workers=2 " CONSULT "e.answer@1300", 2000, attended },
	{ CONSULT "e.answer@1300", 2000, attended },
	{ "workers=2 " CONSULT "e.answer@1300 b.refer-replaces@2000", 2018, attended },
	{ "workers=2 " CONSULT "e.answer@1300 a:answers-late e:answers-late b.refer-replaces@2000",
	    2030, attended },
	{ "workers=2 " CONSULT "e.answer@1300 b.refer-replaces:2@2000", 2042, attended },
	{ "workers=2 " CONSULT, 1300, semi_attended },
	{ CONSULT, 1300, semi_attended },
	{ "workers=2 " CONSULT "b.refer-replaces@1300", 1318, semi_attended },
	{ "workers=2 " CONSULT "b.refer-replaces@1300", 1500, semi_attended },
	{ "workers=2 a.dial@0 b.ring@100", 300, pickup },
	{ "a.dial@0 b.ring@100", 300, pickup },
	{ "workers=2 a.dial@0 b.ring@100 e.replace@300", 306, pickup },
	{ "workers=2 phones=2 " TALK, 1000, replaced },
	{ "workers=2 phones=2 " TALK "c.replace@1000", 1018, replaced },
	{ "workers=2 phones=2 a:answers-late " TALK "c.replace@1000", 1042, replaced },
	{ "a.dial@0 b.ring@100 b.fork@110", 300, early },
	{ "a.dial@0 b.ring@100 b.fork@110 b.progress:2@200 b.fork@210", 300, early },
	{ "phones=2 a.dial@0 b.ring@100 b.fork@110 c.ring@120", 300, early },
	{ "a:reliable a.dial@0 b.fork@90 b.progress-reliably@100", 300, early_reliable },
	{ "a:reliable a.dial-empty@0 b.fork@90 b.progress-reliably@100", 300, early_reliable },
	{ "a.dial@0 b.fork@90 b.progress-reliably@100 b.progress-reliably:2@120", 300,
	    early_reliable },
	{ "cfb cfnr a.dial@0 b.ring@100", 300, forward },
	{ "cfb cfnr a.dial@0 b.ring@100", 5094, forward },
	{ "cfnr a.dial@0 b.ring@100 b:no-100", 5120, forward },
	{ "cfb a.dial@0 b.ring@100 b.refuse:486@300 e.ring@400", 600, forward },
	{ "workers=2 " TALK, 1000, waiting },
	{ "workers=2 limit " TALK "e.dial@1000 b.ring@1100", 1300, waiting },
	{ "no-waiting cfb " TALK, 1000, waiting },
};
const unsigned race_n_stages = sizeof(race_stages) / sizeof(race_stages[0]);

/* --- ladders ------------------------------------------------------------------------------------*/

const char *const race_ladders[] = {
	"a.dial@0 b.ring@100 b.answer@300 b.bye@3000",
	"a.dial@0 b.answer@30 a.bye@3000 b:no-100",
	"a.dial-empty@0 b.ring@100 b.answer@300 a.bye@3000",
	"a.dial@0 b.ring@100 a.cancel@300",
	"a.dial@0 a.cancel@30 b.ring@40 b:no-100",
	"a.dial@0 b.ring@100 b.refuse:486@300",
	"a.dial@0 b.ring@100 b.answer@300 a.cancel@306",
	"a.dial@0 b.ring@100 b.answer@300 a.bye@306",
	"ring=1 a.dial@0 b.ring@100 b.answer@1000",
	"phones=2 a.dial@0 b.ring@100 c.ring@110 b.answer@300 a.bye@3000",
	"phones=2 a.dial@0 b.ring@100 c.ring@110 b.answer@300 c.answer@306 c.bye@3000",
	"phones=3 a.dial@0 b.ring@100 c.refuse:486@110 d.ring@120 b.refuse:603@300",
	"phones=2 in-turn a.dial@0 b.refuse:486@100 c.ring@200 c.answer@300 a.bye@3000",
	"a.dial@0 b.ring@100 b.answer@300 a.reinvite@1000 b.bye@5000",
	"a.dial@0 b.ring@100 b.answer@300 b.reinvite@1000 b.reinvite@2000 b.bye@5000",
	"a.dial@0 b.ring@100 b.answer@300 a.reinvite@1000 b.reinvite@1006 b.bye@9000",
	"a.dial@0 b.ring@100 b.answer@300 b.reinvite-empty@1000 a.bye@5000",
	"a.dial@0 b.ring@100 b.answer@300 a:refuses-offers b.reinvite@1000 a.bye@5000",
	"a.dial@0 b.ring@100 b.answer@300 b:answers-late a.reinvite@1000 a.cancel@1040 a.bye@5000",
	"a.dial@0 b.ring@100 b.answer@300 b:answers-late a.reinvite@1000 b.bye@1040",
	"a.dial@0 b.ring@100 b.answer@300 a.update@1000 b.update@2000 a.bye@5000",
	"a.dial@0 b.ring@100 b.answer@300 a.bye@3000 b.bye@3006",
	"a.dial@0 b.ring@100 b.answer@300 a:never-acks",
	"a.dial@0 b.ring@100 b.answer@300 w.hangup@3000",
	"a:reliable a.dial@0 b.ring-reliably@60 b.progress-reliably@120 b.answer@160 a.bye@3000",
	"a:reliable a.dial@0 b.progress-reliably@60 b.update@200 a.update@400 b.answer@600 "
	"a.bye@3000",
	"a:reliable a.dial-empty@0 b.progress-reliably@60 a.update@200 b.answer@600 b.bye@3000",
	"a:reliable a.dial@0 b.progress@60 b.answer@90 a.bye@3000",
	"a:reliable phones=2 a.dial@0 b.progress-reliably@60 c.progress-reliably@80 c.answer@300 "
	"b.answer@306 a.bye@3000",
	"a:reliable phones=2 in-turn a.dial@0 b.progress-reliably@60 b.refuse:486@200 "
	"c.progress-reliably@300 c.answer@600 a.bye@3000",
	"a.dial@0 b.progress-reliably@60 a.cancel@66",
	"a.dial@0 b.ring@100 b.answer@300 b.refer@1000 e.ring@1100 e.answer@2000 a.bye@5000",
	"a.dial@0 b.ring@100 b.answer@300 a.refer@1000 e.ring@1100 e.answer@2000 b.bye@5000",
	"a.dial@0 b.ring@100 b.answer@300 b.refer@1000 b.bye@1100 e.ring@1100 e.answer@2000 "
	"e.bye@5000",
	"a.dial@0 b.ring@100 b.answer@300 b.refer@1000 e.ring@1100 e.refuse:486@2000 a.bye@5000",
	"a.dial@0 b.ring@100 b.answer@300 b.refer@1000 b.bye@1100 e.refuse:486@2000 b.ring@2100 "
	"b.answer@3000 a.bye@5000",
	"a.dial@0 b.ring@100 b.refuse:302@300 e.ring@400 e.answer@600 a.bye@5000",
	"session=90 a.dial@0 b.ring@100 b.answer@300",
	"a:reliable a:never-pracks a.dial@0 b.progress@60 b.answer@90",
	"a:reliable a:never-pracks a.dial@0 b.progress-reliably@60 b.answer@90 a.cancel@3000",
	"a:reliable a.dial@0 b.progress-reliably@60 b.refuse:486@200",
	"workers=2 " CONSULT "e.answer@1300 b.refer-replaces@2000 a.bye@6000",
	"workers=2 " CONSULT
	"e.answer@1300 b.refer-replaces:2@2000 b.bye:1@2060 b.bye:2@2060 e.bye@6000",
	"workers=2 " CONSULT "b.refer-replaces@1300 e.answer@2000 a.bye@6000",
	"workers=2 " CONSULT "b.refer-replaces@1300 e.refuse:486@2000 a.bye@6000",
	"workers=2 " CONSULT "e.answer@1300 a:refuses-offers b.refer-replaces@2000 a.bye@6000",
	"workers=2 a.dial@0 b.ring@100 e.replace@300 a.bye@3000",
	"workers=2 phones=2 " TALK "c.replace@1000 c.bye@3000",
	"workers=2 phones=2 a:refuses-offers " TALK "c.replace@1000 a.bye@3000",
	"a.dial@0 b.ring@100 b.fork@110 b.progress:2@150 b.answer:2@300 b.answer:1@306 a.bye@3000",
	"a:reliable a.dial@0 b.fork@50 b.progress-reliably@60 b.progress-reliably:2@80 "
	"b.answer:2@300 a.bye@3000",
	"cfb a.dial@0 b.ring@100 b.refuse:486@300 e.ring@400 e.answer@600 e.bye@3000",
	"cfnr a.dial@0 b.ring@100 e.ring@5300 e.answer@6000 a.bye@8000",
	"workers=2 " TALK "e.dial@1000 b.ring@1100 b.reinvite:1@1200 b.answer:2@1300 b.bye:2@2000 "
	"b.reinvite:1@2100 a.bye@4000",
};
const unsigned race_n_ladders = sizeof(race_ladders) / sizeof(race_ladders[0]);
