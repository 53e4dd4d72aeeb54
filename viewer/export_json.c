/* export_json.c: see export.h. */
#include "viewer/export.h"

bool export_json(const struct export *export, FILE *stream) {
    (void)export, (void)stream;
    return false;
}
