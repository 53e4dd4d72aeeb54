/* export_sarif.c: see export.h. */
#include "viewer/export.h"

bool export_sarif(const struct export *export, FILE *stream) {
    (void)export, (void)stream;
    return false;
}
