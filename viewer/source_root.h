/* source_root.h: the sources as a project's services know them: relative to the current folder, which is taken for the root of the
 * sources, when they are below it. */
#ifndef RS_VIEWER_SOURCE_ROOT_H
#define RS_VIEWER_SOURCE_ROOT_H

#include "viewer/finding_places.h"

/* The current folder with a slash at its end; NULL: not known. The caller's to free. */
char *source_root(void);

/* The path without "." and ".." where that can be told from the path alone, and relative to the root (NULL: none) if it is below it,
 * which *below says. The caller's to free. */
char *source_root_path(const char *root, const char *path, bool *below);

/* The frame to show of a place: the innermost that is below the root, else that has a source at all, else the one that says most. NULL:
 * there is none. */
const struct frame *source_root_frame(const char *root, const struct finding_place *place);

#endif
