/* load.h: from folders to the model. */
#ifndef RS_VIEWER_LOAD_H
#define RS_VIEWER_LOAD_H

#include "viewer/model.h"

/* Reads every trace that `folders` name (each one process's, or a folder of such), but for sub-folders named in `skip`
 * (NULL, or NULL at its end), and settles the model. What is wrong is said on stderr.
 * Returns false when anything was damaged or unusable: the model holds what could be read. */
bool load_traces(struct model *model, char *const *folders, size_t count, char *const *skip);

/* The names of what is in the folder, without "." and "..", sorted, NULL at the end; NULL when it cannot be read. */
char **load_list_folder(const char *folder);
void load_free_list(char **names);

#endif
