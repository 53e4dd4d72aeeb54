/* export_dot.c: who had to do with what, as a graph for Graphviz: contexts are boxes, descriptions are ellipses.
 *
 *   context ──opens, uses──► description ──handed over──► context
 *   context ══ a finding's kind (red) ══► description
 *
 * A graph of thousands of nodes is no picture. So nodes are taken in the order of what they tell, NODES_MOST of them: those in
 * findings; those in hand-overs; their neighbours; and all others, if all fit or nothing was found. What was left out is said in the
 * graph's label. */
#include "viewer/crossings.h"
#include "viewer/export.h"
#include "viewer/finding_text.h"
#include "viewer/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NODES_MOST 200u
#define LABEL_LONGEST 60u /* characters */

enum node_type { NODE_CONTEXT, NODE_DESCRIPTION };

struct node {
    struct {
        uint64_t type, family, id; /* a context's id may be 0: none */
    } key;
    const struct process *process; /* in which the id was met */
    bool bad;                      /* in a finding */
    UT_hash_handle hh;
};

struct edge {
    struct {
        uint64_t family, context, description;
        uint64_t what; /* EDGE_HANDED, or EDGE_FINDING + its kind */
    } key;
    const char *text;
    uint64_t count;
    UT_hash_handle hh;
};
enum { EDGE_HANDED, EDGE_FINDING };

struct graph {
    const struct export *export;
    struct node *nodes; /* in the order in which they were added */
    struct edge *edges;
    struct node *wanted_node; /* what is looked for, by its key */
    struct edge *wanted_edge;
    struct crossing *crossings;
    size_t crossing_count;
    size_t node_count, contexts, descriptions;
};

/* ---- nodes ---- */

static struct node *find_node(const struct graph *graph, enum node_type type, const struct family *family,
                              uint64_t id) {
    struct node *node, *wanted = graph->wanted_node;
    wanted->key.type = type;
    wanted->key.family = family->index;
    wanted->key.id = id;
    HASH_FIND(hh, graph->nodes, &wanted->key, sizeof wanted->key, node);
    return node;
}

/* It was inferred, and is none. */
static bool is_superseded(const struct process *process, uint64_t id) {
    const struct context *context = model_context_of(process, id);
    return context && context->superseded;
}

/* NULL: the graph is full, or it is no node: a description's id is never 0. */
static struct node *add_node(struct graph *graph, enum node_type type, const struct process *process, uint64_t id) {
    struct node *node = find_node(graph, type, process->family, id);
    if (node || graph->node_count == NODES_MOST) return node;
    if (type == NODE_DESCRIPTION ? !id : is_superseded(process, id)) return NULL;
    node = memory_new(sizeof *node);
    node->key.type = type;
    node->key.family = process->family->index;
    node->key.id = id;
    node->process = process;
    HASH_ADD(hh, graph->nodes, key, sizeof node->key, node);
    graph->node_count++;
    if (type == NODE_DESCRIPTION)
        graph->descriptions++;
    else
        graph->contexts += id != 0;
    return node;
}

static void add_bad_node(struct graph *graph, enum node_type type, const struct process *process, uint64_t id) {
    struct node *node = add_node(graph, type, process, id);
    if (node && id) node->bad = true;
}

static void add_findings(struct graph *graph) {
    for (size_t i = 0; i < graph->export->groups->count; i++) {
        const struct finding *first = graph->export->groups->all[i]->first;
        add_bad_node(graph, NODE_DESCRIPTION, first->process, first->description);
        add_bad_node(graph, NODE_CONTEXT, first->process, first->user);
        add_bad_node(graph, NODE_CONTEXT, first->process, first->owner);
    }
}

/* The findings' first, then the hand-overs. */
static void add_crossings(struct graph *graph, bool findings) {
    for (size_t i = 0; i < graph->crossing_count; i++) {
        const struct crossing *crossing = &graph->crossings[i];
        if (!crossing->finding == findings) continue;
        add_node(graph, NODE_DESCRIPTION, crossing->process, crossing->description);
        add_node(graph, NODE_CONTEXT, crossing->process, crossing->from);
        add_node(graph, NODE_CONTEXT, crossing->process, crossing->to);
    }
}

static void add_users(struct graph *graph, const struct description *description) {
    add_node(graph, NODE_CONTEXT, description->process, description->opener);
    for (size_t i = 0; i < description->user_count; i++)
        add_node(graph, NODE_CONTEXT, description->process, description->users[i]);
}

static bool touches_a_node(const struct graph *graph, const struct description *description) {
    if (description->opener && find_node(graph, NODE_CONTEXT, description->family, description->opener)) return true;
    for (size_t i = 0; i < description->user_count; i++)
        if (find_node(graph, NODE_CONTEXT, description->family, description->users[i])) return true;
    return false;
}

/* Who else had to do with the graph's descriptions; then what else its contexts had to do with. */
static void add_neighbours(struct graph *graph) {
    const struct model *model = graph->export->model;
    for (size_t i = 0; i < model->description_count; i++)
        if (find_node(graph, NODE_DESCRIPTION, model->descriptions[i]->family, model->descriptions[i]->id))
            add_users(graph, model->descriptions[i]);
    for (size_t i = 0; i < model->description_count; i++) {
        const struct description *one = model->descriptions[i];
        if (filter_takes_description(graph->export->filter, one) && touches_a_node(graph, one))
            add_node(graph, NODE_DESCRIPTION, one->process, one->id);
    }
}

static bool all_fit(const struct graph *graph) {
    const struct model *model = graph->export->model;
    size_t nodes = 0;
    for (size_t i = 0; i < model->context_count; i++)
        nodes += filter_takes_context(graph->export->filter, model->contexts[i]);
    for (size_t i = 0; i < model->description_count; i++)
        nodes += filter_takes_description(graph->export->filter, model->descriptions[i]);
    return nodes <= NODES_MOST;
}

static void add_descriptions(struct graph *graph, bool of_contexts) {
    const struct model *model = graph->export->model;
    for (size_t i = 0; i < model->description_count; i++) {
        const struct description *one = model->descriptions[i];
        if (!filter_takes_description(graph->export->filter, one) || (one->opener || one->user_count) != of_contexts)
            continue;
        add_node(graph, NODE_DESCRIPTION, one->process, one->id);
        add_users(graph, one);
    }
}

/* What contexts had to do with comes before what none had. */
static void add_others(struct graph *graph) {
    const struct model *model = graph->export->model;
    add_descriptions(graph, true);
    for (size_t i = 0; i < model->context_count; i++)
        if (filter_takes_context(graph->export->filter, model->contexts[i]))
            add_node(graph, NODE_CONTEXT, model->contexts[i]->process, model->contexts[i]->id);
    add_descriptions(graph, false);
}

static void choose_nodes(struct graph *graph) {
    add_findings(graph);
    add_crossings(graph, true);
    add_crossings(graph, false);
    add_neighbours(graph);
    if (!graph->node_count || all_fit(graph)) add_others(graph);
}

/* ---- edges ---- */

static void add_edge(struct graph *graph, const struct process *process, uint64_t context, uint64_t description,
                     uint64_t what, const char *text) {
    struct edge *edge, *wanted = graph->wanted_edge;
    if (!find_node(graph, NODE_CONTEXT, process->family, context) ||
        !find_node(graph, NODE_DESCRIPTION, process->family, description))
        return;
    wanted->key.family = process->family->index;
    wanted->key.context = context;
    wanted->key.description = description;
    wanted->key.what = what;
    HASH_FIND(hh, graph->edges, &wanted->key, sizeof wanted->key, edge);
    if (!edge) {
        edge = memory_new(sizeof *edge);
        edge->key = wanted->key;
        edge->text = text;
        HASH_ADD(hh, graph->edges, key, sizeof edge->key, edge);
    }
    edge->count++;
}

static void add_edges(struct graph *graph) {
    for (size_t i = 0; i < graph->crossing_count; i++) {
        const struct crossing *crossing = &graph->crossings[i];
        const struct finding *finding = crossing->finding;
        if (finding)
            add_edge(graph, crossing->process, crossing->to, crossing->description, EDGE_FINDING + finding->kind,
                     finding_kind(finding));
        else if (crossing->to)
            add_edge(graph, crossing->process, crossing->to, crossing->description, EDGE_HANDED,
                     rs_handover_name(crossing->reason));
    }
}

/* ---- writing ---- */

/* Cut to a length, control characters made visible, and what Graphviz would read as its own made plain. */
static void write_label(FILE *file, const char *text) {
    char *escaped = text_escape(text);
    size_t characters = 0;
    for (const char *at = escaped; *at; at++) {
        if ((*at & 0xc0) != 0x80 && characters++ == LABEL_LONGEST) {
            fputs("…", file);
            break;
        }
        if (*at == '"' || *at == '\\') fputc('\\', file);
        fputs(*at == '&' ? "&amp;" : (char[]){*at, 0}, file);
    }
    free(escaped);
}

static void write_id(FILE *file, enum node_type type, uint64_t family, uint64_t id) {
    fprintf(file, "%s_%" PRIu64 "_%" PRIu64, type == NODE_CONTEXT ? "context" : "description", family, id);
}

static void write_context(FILE *file, const struct node *node) {
    char *name = finding_context(node->process, node->key.id);
    fputs(" [shape=box, label=\"", file);
    write_label(file, name);
    fprintf(file, "\"%s];\n", node->bad ? ", color=red" : node->key.id ? "" : ", style=dashed");
    free(name);
}

static void write_description(FILE *file, const struct node *node) {
    const struct description *description = model_description_of(node->process, node->key.id);
    const char *name = !description         ? "not known"
                       : *description->name ? description->name
                                            : rs_kind_name(description->kind);
    fputs(" [shape=ellipse, label=\"", file);
    if (description && description->fd >= 0) fprintf(file, "fd %" PRId32 "\\n", description->fd);
    write_label(file, name);
    fprintf(file, "\"%s];\n", node->bad ? ", color=red" : "");
}

static void write_nodes(FILE *file, const struct graph *graph) {
    for (const struct node *node = graph->nodes; node; node = node->hh.next) {
        fputs("  ", file);
        write_id(file, node->key.type, node->key.family, node->key.id);
        if (node->key.type == NODE_CONTEXT)
            write_context(file, node);
        else
            write_description(file, node);
    }
}

static void write_touch(FILE *file, const struct graph *graph, const struct description *description, uint64_t context,
                        const char *label) {
    if (!find_node(graph, NODE_CONTEXT, description->family, context)) return;
    fputs("  ", file);
    write_id(file, NODE_CONTEXT, description->family->index, context);
    fputs(" -> ", file);
    write_id(file, NODE_DESCRIPTION, description->family->index, description->id);
    fprintf(file, " [label=\"%s\"];\n", label);
}

/* Who opened it, and who used it. */
static void write_touches(FILE *file, const struct graph *graph, const struct description *description) {
    bool used = false;
    for (size_t i = 0; i < description->user_count; i++) used |= description->users[i] == description->opener;
    if (description->known) write_touch(file, graph, description, description->opener, used ? "opens, uses" : "opens");
    for (size_t i = 0; i < description->user_count; i++)
        if (!description->known || description->users[i] != description->opener)
            write_touch(file, graph, description, description->users[i], "uses");
}

static void write_edge(FILE *file, const struct edge *edge) {
    bool handed = edge->key.what == EDGE_HANDED;
    fputs("  ", file);
    write_id(file, handed ? NODE_DESCRIPTION : NODE_CONTEXT, edge->key.family,
             handed ? edge->key.description : edge->key.context);
    fputs(" -> ", file);
    write_id(file, handed ? NODE_CONTEXT : NODE_DESCRIPTION, edge->key.family,
             handed ? edge->key.context : edge->key.description);
    fprintf(file, " [label=\"%s%s", handed ? "handed over, " : "", edge->text);
    if (edge->count > 1) fprintf(file, " ×%" PRIu64, edge->count);
    fputs(handed ? "\", style=dashed];\n" : "\", color=red, fontcolor=red, penwidth=2];\n", file);
}

static void write_edges(FILE *file, const struct graph *graph) {
    const struct model *model = graph->export->model;
    for (size_t i = 0; i < model->description_count; i++)
        if (find_node(graph, NODE_DESCRIPTION, model->descriptions[i]->family, model->descriptions[i]->id))
            write_touches(file, graph, model->descriptions[i]);
    for (const struct edge *edge = graph->edges; edge; edge = edge->hh.next) write_edge(file, edge);
}

/* What the filter takes and the graph has not. */
static void count_left_out(const struct graph *graph, size_t *contexts, size_t *descriptions) {
    const struct model *model = graph->export->model;
    *contexts = *descriptions = 0;
    for (size_t i = 0; i < model->context_count; i++) {
        const struct context *one = model->contexts[i];
        *contexts +=
            filter_takes_context(graph->export->filter, one) && !find_node(graph, NODE_CONTEXT, one->family, one->id);
    }
    for (size_t i = 0; i < model->description_count; i++) {
        const struct description *one = model->descriptions[i];
        *descriptions += filter_takes_description(graph->export->filter, one) &&
                         !find_node(graph, NODE_DESCRIPTION, one->family, one->id);
    }
}

static void write_title(FILE *file, const struct graph *graph) {
    size_t contexts, descriptions;
    count_left_out(graph, &contexts, &descriptions);
    fprintf(file, "  label=\"%zu contexts, %zu descriptions, %zu findings", graph->contexts, graph->descriptions,
            graph->export->groups->count);
    if (contexts || descriptions)
        fprintf(
            file,
            "\\nleft out: %zu contexts and %zu descriptions: what is in findings and hand-overs comes first, then what "
            "is next to it, up to %u nodes;\\nfilters (--context, --fd, --since) choose others",
            contexts, descriptions, NODES_MOST);
    fputs("\";\n", file);
}

static void free_graph(struct graph *graph) {
    struct node *node = graph->nodes, *next_node;
    struct edge *edge = graph->edges, *next_edge;
    HASH_CLEAR(hh, graph->nodes); /* leaves the elements linked */
    for (; node; node = next_node) {
        next_node = node->hh.next;
        free(node);
    }
    HASH_CLEAR(hh, graph->edges);
    for (; edge; edge = next_edge) {
        next_edge = edge->hh.next;
        free(edge);
    }
    free(graph->wanted_node);
    free(graph->wanted_edge);
    free(graph->crossings);
}

bool export_dot(const struct export *export, FILE *file) {
    struct graph graph = {.export = export};
    graph.wanted_node = memory_new(sizeof *graph.wanted_node);
    graph.wanted_edge = memory_new(sizeof *graph.wanted_edge);
    graph.crossings = crossings_of(export->model, export->filter, &graph.crossing_count);
    choose_nodes(&graph);
    add_edges(&graph);
    fputs("digraph reqscope {\n  charset=\"UTF-8\";\n  rankdir=LR;\n  fontname=\"sans-serif\";\n  node "
          "[fontname=\"sans-serif\"];\n"
          "  edge [fontname=\"sans-serif\", fontsize=10];\n",
          file);
    write_title(file, &graph);
    write_nodes(file, &graph);
    write_edges(file, &graph);
    fputs("}\n", file);
    free_graph(&graph);
    return true;
}
