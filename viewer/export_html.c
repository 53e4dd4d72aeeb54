/* export_html.c: a trace as one HTML file that shows it by itself: no server, no network, nothing to install. See export.h.
 *
 *   page_before   the page's frame, its style; a policy that allows nothing but its own style and script, by their hashes
 *   data          page_data.h; in a <script> of a type that no browser runs
 *   page_behind   its script
 *
 * What must stay true: text from a trace is nowhere in the file but in the data; the script puts it on the page as text only. */
#include "viewer/export.h"
#include "viewer/page.h"
#include "viewer/page_data.h"

/* What a browser shows without a wait. */
static const struct page_limits limits = {
    .contexts = 200000, .descriptions = 100000, .uses = 100000, .handovers = 50000, .sightings = 50000};

bool export_html(const struct export *export, FILE *stream) {
    fputs(page_before, stream);
    page_data_write(export, &limits, stream);
    fputs(page_behind, stream);
    return true;
}
