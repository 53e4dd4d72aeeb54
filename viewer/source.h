/* source.h: the lines of source around a frame. */
#ifndef RS_VIEWER_SOURCE_H
#define RS_VIEWER_SOURCE_H

#include "viewer/symbols.h"

#include <stdio.h>

/* Prints the frame's line with its neighbours, an arrow before it. Returns false, with nothing printed, when the source
 * is not known or cannot be read here. */
bool source_print(const struct frame *frame);

/* Opens it for reading; NULL when it cannot be read. Only a regular file: a path in a trace must not make this wait on a pipe or
 * read a device. */
FILE *source_open(const char *path);

#endif
