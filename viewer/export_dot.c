/* export_dot.c: see export.h. */
#include "viewer/export.h"

bool export_dot(const struct export *export, FILE *stream) {
    (void)export, (void)stream;
    return false;
}
