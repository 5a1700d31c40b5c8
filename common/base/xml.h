/*
 * Text of others inside an XML document of ours. Whatever the bytes are, what is written is character
 * data of well-formed XML 1.0 in UTF-8: markup is escaped, control characters that XML has no way to
 * write are left out, bytes that are no UTF-8 become '?'.
 */
#ifndef TANDEM_BASE_XML_H
#define TANDEM_BASE_XML_H

#include "base/buf.h"

/* For an element's content and for an attribute's value, between either kind of quotes. */
void xml_put(struct buf *b, struct span text);
/* ` name="text"`, with the space before it; name is ours and stands as it is. */
void xml_put_attribute(struct buf *b, const char *name, struct span text);

#endif
