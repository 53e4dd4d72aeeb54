/* source.h: the lines of source around a frame. */
#ifndef RS_VIEWER_SOURCE_H
#define RS_VIEWER_SOURCE_H

#include "viewer/symbols.h"

/* Prints the frame's line with its neighbours, an arrow before it. Returns false, with nothing printed, when the source
 * is not known or cannot be read here. */
bool source_print(const struct frame *frame);

#endif
