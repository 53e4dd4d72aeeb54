/* export_otlp.c: see export.h. */
#include "viewer/export.h"

bool export_otlp(const struct export *export, FILE *stream) {
    (void)export, (void)stream;
    return false;
}
