/* diff_findings.c: which findings of two traces are the same. See diff.h.
 *
 * A finding's key is its kind and the names of its frames, those of the C library and its like left out, and each name once in a row: a
 * function that calls itself, or a part of itself that the compiler took out of it, is one. A frame without a name is its place in the
 * module if both sides ran the same file (by build id), else the module. When a module has names on one side only (the file that ran
 * on the other was built anew since), its frames are the module on both. */
#include "viewer/diff.h"
#include "viewer/finding_text.h"
#include "viewer/stack_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- names ---- */

/* Where the name ends and what a compiler adds begins: ".part.0", ".cold". */
static size_t length_without_parts(const char *name) {
    static const char *const parts[] = {"constprop", "isra", "part", "cold", "lto_priv", "llvm"};
    for (const char *dot = strchr(name, '.'); dot; dot = strchr(dot + 1, '.')) {
        size_t length = strcspn(dot + 1, ".");
        for (size_t i = 0; dot != name && i < sizeof parts / sizeof *parts; i++)
            if (length == strlen(parts[i]) && !strncmp(dot + 1, parts[i], length)) return (size_t)(dot - name);
    }
    return strlen(name);
}

/* The length without Rust's "::h0123456789abcdef" at the end. */
static size_t length_without_hash(const char *name, size_t length) {
    enum { HASH = 19 };
    const char *at = name + length - HASH;
    if (length <= HASH || strncmp(at, "::h", 3) != 0) return length;
    return strspn(at + 3, "0123456789abcdef") >= HASH - 3 ? length - HASH : length;
}

/* The length without template arguments at the end; operator< and its like keep theirs, and so does what is only such. */
static size_t length_without_arguments(const char *name, size_t length) {
    size_t depth = 0;
    if (!length || name[length - 1] != '>' || strstr(name, "operator")) return length;
    for (size_t at = length; at--;) {
        if (name[at] == '>') depth++;
        if (name[at] == '<' && !--depth) return at ? at : length;
    }
    return length;
}

char *diff_function(const char *name) {
    size_t length = length_without_hash(name, length_without_parts(name));
    char *kept = memory_format("%.*s", (int)length_without_arguments(name, length), name), *to = kept;
    /* "{lambda(int)#2}": which one of them */
    for (const char *from = kept; *from; from++) {
        if (*from == '#' && strspn(from + 1, "0123456789") && from[1 + strspn(from + 1, "0123456789")] == '}')
            from += strspn(from + 1, "0123456789");
        else
            *to++ = *from;
    }
    *to = 0;
    return kept;
}

/* ---- modules ---- */

/* Something that sides are known to have. */
struct seen {
    char *key;
    unsigned named, nameless; /* 1 << side */
    UT_hash_handle hh;
};

static struct seen *see(struct seen **all, char *key) {
    struct seen *seen;
    HASH_FIND_STR(*all, key, seen);
    if (seen) {
        free(key);
        return seen;
    }
    seen = memory_new(sizeof *seen);
    seen->key = key;
    HASH_ADD_KEYPTR(hh, *all, seen->key, strlen(seen->key), seen);
    return seen;
}

static void free_seen(struct seen *all) {
    struct seen *seen = all, *next;
    HASH_CLEAR(hh, all);
    for (; seen; seen = next) {
        next = seen->hh.next;
        free(seen->key);
        free(seen);
    }
}

static char *build_key(const struct module *module) {
    return memory_format("%s\n%s", symbols_basename(module->path), module->build_id);
}

static void see_builds(struct diff *diff, int side, struct seen **builds) {
    const struct model *model = &diff->sides[side].model;
    for (size_t i = 0; i < model->process_count; i++)
        for (size_t j = 0; j < model->processes[i]->module_count; j++)
            see(builds, build_key(&model->processes[i]->modules[j]))->named |= 1u << side;
}

/* ---- keys ---- */

/* What is needed to make one. */
struct keys {
    struct diff *diff;
    struct seen *builds;  /* "name\nbuild id": which sides have run it */
    struct seen *modules; /* by name: which sides have frames of it with names, and without */
};

typedef void frame_visitor(struct keys *keys, int side, const struct process *holder, const struct frame *frame,
                           void *argument);

/* Visits what counts of a stack: the program's own frames, or all when there are none. */
static void visit_stack(struct keys *keys, int side, const struct process *process, uint32_t id, frame_visitor *visit,
                        void *argument) {
    const struct process *holder;
    const struct stack *stack = model_stack_of(process, id, &holder);
    size_t count, own = 0;
    struct frame *frames = symbols_stack(keys->diff->symbols, holder, stack, &count);
    for (size_t i = 0; i < count; i++) own += !stack_is_runtime(&frames[i]);
    for (size_t i = 0; i < count; i++)
        if (!own || !stack_is_runtime(&frames[i])) visit(keys, side, holder, &frames[i], argument);
    free(frames);
}

static void see_frame(struct keys *keys, int side, const struct process *holder, const struct frame *frame,
                      void *argument) {
    struct seen *module;
    (void)holder, (void)argument;
    if (!frame->module) return;
    module = see(&keys->modules, memory_copy(frame->module));
    if (frame->function)
        module->named |= 1u << side;
    else
        module->nameless |= 1u << side;
}

/* Has the module names on one side, and on the other frames, but no name? */
static bool is_blind(const struct seen *module) {
    return module->named && (module->nameless & ~module->named);
}

static bool is_same_build(struct keys *keys, const struct process *holder, uint64_t address) {
    const struct module *module = model_module_of(holder, address);
    if (!module || !*module->build_id) return false;
    return see(&keys->builds, build_key(module))->named == (1u << DIFF_BEFORE | 1u << DIFF_AFTER);
}

/* A key in the making. */
struct key {
    FILE *text;
    char *last;    /* the name before, of which a row is one */
    bool nameless; /* a frame had none */
};

static void write_named(struct key *key, const struct frame *frame) {
    char *name = diff_function(frame->function);
    if (!key->last || strcmp(key->last, name) != 0) fprintf(key->text, "%s %s\n", frame->module, name);
    free(key->last);
    key->last = name;
}

static void write_frame(struct keys *keys, int side, const struct process *holder, const struct frame *frame,
                        void *argument) {
    struct key *key = argument;
    const struct seen *module = frame->module ? see(&keys->modules, memory_copy(frame->module)) : NULL;
    bool blind = module && is_blind(module);
    (void)side;
    if (module && frame->function && !blind) {
        write_named(key, frame);
        return;
    }
    free(key->last);
    key->last = NULL;
    key->nameless = true;
    if (frame->inlined) return; /* the side without names knows nothing of it */
    if (module && !blind && is_same_build(keys, holder, frame->address))
        fprintf(key->text, "%s+%" PRIx64 "\n", frame->module, frame->offset);
    else
        fprintf(key->text, "%s\n", frame->module ? frame->module : "?");
}

/* The caller's to free. */
static char *key_of(struct keys *keys, int side, const struct group *group) {
    const struct finding *first = group->first;
    char *text = NULL;
    size_t size;
    struct key key = {.text = open_memstream(&text, &size)};
    if (!key.text) memory_exhausted();
    fprintf(key.text, "%s\n", finding_kind(first));
    visit_stack(keys, side, first->process, first->opened_stack, write_frame, &key);
    free(key.last);
    key.last = NULL;
    fputs("used\n", key.text);
    visit_stack(keys, side, first->process, first->used_stack, write_frame, &key);
    /* Little is known: what was done tells some apart. */
    if (key.nameless || (!first->opened_stack && !first->used_stack))
        fprintf(key.text, "%s\n", rs_operation_name(first->operation));
    free(key.last);
    if (fclose(key.text)) memory_exhausted();
    return text;
}

/* ---- came, went, stayed ---- */

struct entry {
    char *key;
    struct diff_finding finding;
    UT_hash_handle hh;
};

static struct entry *find_entry(struct entry **entries, char *key) {
    struct entry *entry;
    HASH_FIND_STR(*entries, key, entry);
    if (entry) {
        free(key);
        return entry;
    }
    entry = memory_new(sizeof *entry);
    entry->key = key;
    HASH_ADD_KEYPTR(hh, *entries, entry->key, strlen(entry->key), entry);
    return entry;
}

/* Entries stand in the order in which they are made: those of after first, the worst first. */
static struct entry *make_entries(struct keys *keys) {
    struct entry *entries = NULL;
    for (int side = DIFF_SIDES; side--;) {
        const struct groups *groups = &keys->diff->sides[side].groups;
        for (size_t i = 0; i < groups->count; i++) {
            struct entry *entry = find_entry(&entries, key_of(keys, side, groups->all[i]));
            if (!entry->finding.group) entry->finding.group = groups->all[i];
            entry->finding.times[side] += groups->all[i]->times;
        }
    }
    return entries;
}

static void add_finding(struct diff_findings *findings, const struct diff_finding *finding) {
    findings->all = memory_grow(findings->all, &findings->space, findings->count + 1, sizeof *findings->all);
    findings->all[findings->count++] = *finding;
}

static void deal_out(struct diff *diff, struct entry *entries) {
    struct entry *entry = entries, *next;
    HASH_CLEAR(hh, entries); /* leaves them linked */
    for (; entry; entry = next) {
        bool before = entry->finding.times[DIFF_BEFORE], after = entry->finding.times[DIFF_AFTER];
        next = entry->hh.next;
        add_finding(before && after ? &diff->stayed : after ? &diff->came : &diff->went, &entry->finding);
        free(entry->key);
        free(entry);
    }
}

static void list_nameless(struct diff *diff, const struct seen *modules) {
    for (const struct seen *module = modules; module; module = module->hh.next) {
        int side = module->named & 1u << DIFF_BEFORE ? DIFF_AFTER : DIFF_BEFORE;
        if (!is_blind(module)) continue;
        diff->nameless =
            memory_grow(diff->nameless, &diff->nameless_space, diff->nameless_count + 1, sizeof *diff->nameless);
        diff->nameless[diff->nameless_count++] = memory_format("%s in %s", module->key, diff->sides[side].folder);
    }
}

void diff_find_findings(struct diff *diff) {
    struct keys keys = {.diff = diff};
    for (int side = 0; side < DIFF_SIDES; side++) {
        const struct groups *groups = &diff->sides[side].groups;
        see_builds(diff, side, &keys.builds);
        for (size_t i = 0; i < groups->count; i++) {
            const struct finding *first = groups->all[i]->first;
            visit_stack(&keys, side, first->process, first->opened_stack, see_frame, NULL);
            visit_stack(&keys, side, first->process, first->used_stack, see_frame, NULL);
        }
    }
    deal_out(diff, make_entries(&keys));
    list_nameless(diff, keys.modules);
    free_seen(keys.builds);
    free_seen(keys.modules);
}
