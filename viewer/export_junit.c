/* export_junit.c: see export.h. */
#include "viewer/export.h"

bool export_junit(const struct export *export, FILE *stream) {
    (void)export, (void)stream;
    return false;
}
