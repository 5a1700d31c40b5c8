/*
 * Reads XML that others wrote, item by item, where it lies: start tags, end tags, character data. Enough to
 * take words out of a small document; nothing is expanded, no DTD is taken, no name is looked up. What is
 * not well formed ends the reading.
 */
#ifndef TANDEM_BASE_XML_READ_H
#define TANDEM_BASE_XML_READ_H

#include "base/buf.h"

enum { XML_DEPTH_MAX = 16 };
enum xml_item { XML_END_OF_TEXT, XML_START, XML_END, XML_TEXT, XML_BROKEN };

struct xml_reader {
	struct span rest;
	struct span open[XML_DEPTH_MAX]; /* names of the elements we are in, as written */
	unsigned depth;
	bool close; /* the start tag just given was an empty element's */
	bool seen;  /* the root element has begun */
};

void xml_read(struct xml_reader *x, struct span document);
/* START, END: *r is the element's name without its prefix, and depth counts it. TEXT: as written. After
 * END_OF_TEXT (the root has ended) and BROKEN nothing follows. */
enum xml_item xml_next(struct xml_reader *x, struct span *r);
/* Character data with its entities and references decoded; what is none of XML's becomes '?'. */
void xml_decode(struct buf *b, struct span text);

#endif
