/* export_html.c: see export.h. */
#include "viewer/export.h"

bool export_html(const struct export *export, FILE *stream) {
    (void)export, (void)stream;
    return false;
}
