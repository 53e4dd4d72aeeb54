/* export_chrome.c: see export.h. */
#include "viewer/export.h"

bool export_chrome(const struct export *export, FILE *stream) {
    (void)export, (void)stream;
    return false;
}
