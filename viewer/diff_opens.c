/* diff_opens.c: how many descriptions contexts open, by their labels, in two traces. See diff.h.
 *
 * Only what both sides have contexts of can be compared: a label that is on one side alone says what was asked of the server then.
 * Connections that are opened in no context are compared in all: a pool that is filled at start-up moves opens from the contexts to
 * there. */
#include "viewer/diff.h"
#include "viewer/expect.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* From here on up the kernel gives ports out by itself (ip_local_port_range). */
#define EPHEMERAL_PORT 32768

/* A change below both is none: a request more or less. */
#define LEAST_CHANGE 0.05
#define LEAST_PART 0.1

/* ---- what stays of names ---- */

static bool is_word(char character) {
    return isalnum((unsigned char)character) || (unsigned char)character >= 0x80;
}

/* The length of an id in hex that stands here, a UUID or a digest, say; 0: none does. */
static size_t id_length(const char *at) {
    enum { SHORTEST = 8 };
    size_t length = strspn(at, "0123456789abcdefABCDEF-"), digits = 0;
    while (length && at[length - 1] == '-') length--;
    for (size_t i = 0; i < length; i++) digits += isdigit((unsigned char)at[i]) != 0;
    return length >= SHORTEST && digits && !is_word(at[length]) ? length : 0;
}

/* The length of a number or an id that stands here as a word of its own; 0: none does. */
static size_t number_length(const char *at) {
    size_t length = id_length(at), digits = strspn(at, "0123456789");
    if (length) return length;
    return digits && !is_word(at[digits]) ? digits : 0;
}

/* The text with N in place of each number. */
static char *without_numbers(const char *text, size_t length) {
    char *kept = memory_format("%.*s", (int)length, text), *to = kept;
    bool begins = true;
    for (const char *from = kept; *from;) {
        size_t number = begins ? number_length(from) : 0;
        begins = !is_word(*from);
        if (number) {
            from += number;
            *to++ = 'N';
            begins = false;
        } else {
            *to++ = *from++;
        }
    }
    *to = 0;
    return kept;
}

/* Without a request's query: what it asks for is its path. */
char *diff_label(const char *label) {
    return without_numbers(label, strcspn(label, "?"));
}

/* "tcp 127.0.0.1:40123 (listening)": with * for a port that was chosen by the kernel. */
static char *without_port(const char *name) {
    const char *colon = strrchr(name, ':');
    char *end;
    unsigned long port = colon ? strtoul(colon + 1, &end, 10) : 0;
    if (port < EPHEMERAL_PORT) return memory_copy(name);
    return memory_format("%.*s:*%s", (int)(colon - name), name, end);
}

/* A file that is there for a while only: its name was made up. NULL: it is no such. */
static char *temporary(const char *name) {
    static const char *const folders[] = {"/tmp/", "/var/tmp/", "/dev/shm/"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (!strncmp(name, folders[i], strlen(folders[i]))) return memory_format("%s*", folders[i]);
    return NULL;
}

static bool is_socket(uint32_t kind) {
    return kind == RS_KIND_TCP || kind == RS_KIND_UDP || kind == RS_KIND_UNIX || kind == RS_KIND_SOCKET;
}

char *diff_description(const struct description *description) {
    const char *kind = rs_kind_name(description->kind);
    char *made_up;
    if (description->operation == RS_OP_accept) return memory_format("accepted %s connection", kind);
    if (!*description->name) return memory_copy(kind);
    if (description->kind == RS_KIND_TCP || description->kind == RS_KIND_UDP) return without_port(description->name);
    made_up = is_socket(description->kind) ? NULL : temporary(description->name);
    return made_up ? made_up : without_numbers(description->name, strlen(description->name));
}

/* ---- counting ---- */

struct label {
    char *name;
    uint64_t contexts[DIFF_SIDES];
    UT_hash_handle hh;
};

struct tally {
    char *key; /* label, newline, description */
    struct diff_opens opens;
    UT_hash_handle hh;
};

/* Of a trace's many contexts few labels are different, and of those that are fewer still. */
struct count {
    struct label *labels;
    struct tally *tallies;
};

static struct label *label_of(struct count *count, const struct context *context) {
    char *name = diff_label(context->label);
    struct label *label;
    HASH_FIND_STR(count->labels, name, label);
    if (label) {
        free(name);
        return label;
    }
    label = memory_new(sizeof *label);
    label->name = name;
    HASH_ADD_KEYPTR(hh, count->labels, label->name, strlen(label->name), label);
    return label;
}

static struct tally *tally_of(struct count *count, const struct label *label, char *description) {
    char *key = memory_format("%s%s\n%s", label ? "of " : "", label ? label->name : "", description);
    struct tally *tally;
    HASH_FIND_STR(count->tallies, key, tally);
    if (tally) {
        free(key);
        free(description);
        return tally;
    }
    tally = memory_new(sizeof *tally);
    tally->key = key;
    tally->opens = (struct diff_opens){.label = label ? memory_copy(label->name) : NULL, .description = description};
    HASH_ADD_KEYPTR(hh, count->tallies, tally->key, strlen(tally->key), tally);
    return tally;
}

/* What is asked of contexts: a descriptor's number, and a text in what is opened, are none of theirs. */
static struct filter of_contexts(const struct filter *filter) {
    struct filter contexts = *filter;
    contexts.fd = -1;
    contexts.match = NULL;
    return contexts;
}

/* Connections that the program makes: a pool's. Which files are read at the start, and how many clients come, says nothing. */
static bool counts_without_context(const struct filter *filter, const struct description *one) {
    if (filter->label || (filter->numbered && filter->context)) return false;
    return is_socket(one->kind) && one->operation != RS_OP_accept;
}

static void count_open(struct count *count, int side, const struct filter *filter, const struct filter *contexts,
                       const struct description *one) {
    const struct context *opener = model_context_of(one->process, one->opener);
    if (!expect_is_open(one) || !filter_takes_description(filter, one) || !filter_takes_time(filter, one->opened))
        return;
    if (one->opener && (!opener || !filter_takes_context(contexts, opener))) return;
    if (!one->opener && !counts_without_context(filter, one)) return;
    tally_of(count, opener ? label_of(count, opener) : NULL, diff_description(one))->opens.opens[side]++;
}

static void count_side(struct count *count, int side, const struct diff_side *from) {
    const struct filter contexts = of_contexts(&from->filter);
    for (size_t i = 0; i < from->model.context_count; i++) {
        const struct context *one = from->model.contexts[i];
        if (one->known && filter_takes_context(&contexts, one)) label_of(count, one)->contexts[side]++;
    }
    for (size_t i = 0; i < from->model.description_count; i++)
        count_open(count, side, &from->filter, &contexts, from->model.descriptions[i]);
}

/* ---- what changed ---- */

double diff_rate(const struct diff_opens *opens, int side) {
    if (!opens->label) return (double)opens->opens[side];
    return opens->contexts[side] ? (double)opens->opens[side] / (double)opens->contexts[side] : 0;
}

static double change_of(const struct diff_opens *opens) {
    double change = diff_rate(opens, DIFF_AFTER) - diff_rate(opens, DIFF_BEFORE);
    return change < 0 ? -change : change;
}

static bool matters(const struct diff_opens *opens) {
    double before = diff_rate(opens, DIFF_BEFORE), after = diff_rate(opens, DIFF_AFTER);
    if (opens->label && (!opens->contexts[DIFF_BEFORE] || !opens->contexts[DIFF_AFTER])) return false;
    return change_of(opens) >= LEAST_CHANGE && change_of(opens) >= LEAST_PART * (before > after ? before : after);
}

/* The contexts' first, the largest change first. */
static int compare_opens(const void *left, const void *right) {
    const struct diff_opens *a = left, *b = right;
    int order;
    if (!a->label != !b->label) return a->label ? -1 : 1;
    if (change_of(a) > change_of(b)) return -1;
    if (change_of(a) < change_of(b)) return 1;
    order = a->label ? strcmp(a->label, b->label) : 0;
    return order ? order : strcmp(a->description, b->description);
}

static void take_tallies(struct diff *diff, struct count *count) {
    struct tally *tally = count->tallies, *next;
    HASH_CLEAR(hh, count->tallies); /* leaves them linked */
    for (; tally; tally = next) {
        struct label *label = NULL;
        next = tally->hh.next;
        if (tally->opens.label) HASH_FIND_STR(count->labels, tally->opens.label, label);
        if (label) memcpy(tally->opens.contexts, label->contexts, sizeof label->contexts);
        if (matters(&tally->opens)) {
            diff->opens = memory_grow(diff->opens, &diff->opens_space, diff->opens_count + 1, sizeof *diff->opens);
            diff->opens[diff->opens_count++] = tally->opens;
        } else {
            free(tally->opens.label);
            free(tally->opens.description);
        }
        free(tally->key);
        free(tally);
    }
}

static void free_labels(struct diff *diff, struct label *labels) {
    struct label *label = labels, *next;
    HASH_CLEAR(hh, labels);
    for (; label; label = next) {
        next = label->hh.next;
        diff->labels_alone += !label->contexts[DIFF_BEFORE] != !label->contexts[DIFF_AFTER];
        free(label->name);
        free(label);
    }
}

void diff_find_opens(struct diff *diff) {
    struct count count = {0};
    for (int side = 0; side < DIFF_SIDES; side++) count_side(&count, side, &diff->sides[side]);
    take_tallies(diff, &count);
    free_labels(diff, count.labels);
    if (diff->opens_count) qsort(diff->opens, diff->opens_count, sizeof *diff->opens, compare_opens);
}
