/* source_root.c: see source_root.h. */
#include "viewer/source_root.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *source_root(void) {
    char *folder = getcwd(NULL, 0), *root;
    if (!folder) return NULL;
    root = memory_format("%s%s", folder, strcmp(folder, "/") != 0 ? "/" : "");
    free(folder);
    return root;
}

/* Without "." and ".." where that can be told from the path alone. */
static char *clean_path(const char *path) {
    char *clean = memory_new(strlen(path) + 2), *to = clean;
    while (*path) {
        size_t length = strcspn(path, "/");
        bool up = length == 2 && !strncmp(path, "..", 2), here = length == 1 && *path == '.';
        char *before = to > clean + 1 ? memrchr(clean, '/', (size_t)(to - clean) - 1) : NULL;
        if (up && before && strncmp(before, "/../", 4) != 0) {
            to = before + 1;
        } else if (length && !here) {
            memcpy(to, path, length);
            to += length;
            if (path[length]) *to++ = '/';
        } else if (!length && to == clean) {
            *to++ = '/';
        }
        path += length + (path[length] != 0);
    }
    *to = 0;
    return clean;
}

static bool is_below(const char *root, const char *clean) {
    return root && !strncmp(clean, root, strlen(root));
}

char *source_root_path(const char *root, const char *path, bool *below) {
    char *clean = clean_path(path), *relative;
    *below = is_below(root, clean);
    if (!*below) return clean;
    relative = memory_copy(clean + strlen(root));
    free(clean);
    return relative;
}

const struct frame *source_root_frame(const char *root, const struct finding_place *place) {
    const struct frame *with_source = NULL;
    for (size_t i = 0; i < place->count; i++) {
        const struct frame *frame = &place->frames[i];
        char *clean = frame->path ? clean_path(frame->path) : NULL;
        bool below = clean && is_below(root, clean);
        free(clean);
        if (finding_place_is_runtime(frame)) continue;
        if (below) return frame;
        if (!with_source && frame->path) with_source = frame;
    }
    return with_source ? with_source : finding_place_frame(place);
}
