/* The packages, and the Event header that names one. */
#include "registrar/registrar.h"

#include "sip/build.h"

/* The pace is what each package's RFC asks for, less where people look at a lamp; a few documents may
 * go at once (subscription.c). */
const struct package packages[N_PACKAGES] = {
	[PACKAGE_REG] = { "reg", "application/reginfo+xml", 5, true, false, reg_put },
	[PACKAGE_DIALOG] = { "dialog", "application/dialog-info+xml", 1, false, true,
	    dialog_info_put },
	[PACKAGE_PRESENCE] = { "presence", "application/pidf+xml", 5, false, true, presence_put },
	[PACKAGE_SUMMARY] = { "message-summary", "application/simple-message-summary", 1, true,
	    false, summary_put },
};

bool
package_of_event(struct span event, enum package_id *id_r, struct span *event_id_r)
{
	struct span name, params = span_cut(event, ';', &name);

	name = span_trim(name);
	*event_id_r = SPAN_NONE;
	for (unsigned i = 0; i < N_PACKAGES; i++) {
		if (!span_eq(name, span_str(packages[i].name))) /* with case: RFC 6665 8.4 */
			continue;
		*id_r = (enum package_id)i;
		sip_param(params, SPAN("id"), event_id_r);
		return true;
	}
	return false;
}

void
package_put_allow(struct buf *b)
{
	buf_put(b, sip_header_name(SIP_H_ALLOW_EVENTS));
	for (unsigned i = 0; i < N_PACKAGES; i++) {
		buf_str(b, i == 0 ? ": " : ", ");
		buf_str(b, packages[i].name);
	}
	buf_lit(b, "\r\n");
}
