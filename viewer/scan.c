/* scan.c: see scan.h. */
#include "viewer/scan.h"
#include "viewer/progress.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define SCANNERS_MAX 16
#define PROGRESS_EVENTS 4096u /* most events are I/O events: of their size */
#define CACHE_PLACES 256u     /* a power of two */

/* A stream to be read. */
struct job {
    const struct rs_reader *reader;
    size_t stream;
    uint32_t process;
    struct use *uses; /* the row, the latest first */
};

struct scanner {
    struct scan *scan;
    pthread_t thread;
    struct job *job; /* at work on it */
    struct use *cache[CACHE_PLACES];
    struct memory_arena *arena;
    uint32_t events; /* since progress was told the last time */
};

struct scan {
    struct model *model;
    struct job *jobs;
    size_t job_count, job_space;
    size_t next; /* atomic: the first job that nobody has taken */
    struct scanner *scanners;
    size_t scanner_count;
};

static bool moves_bytes(uint32_t operation) {
    return operation == RS_OP_read || operation == RS_OP_write || operation == RS_OP_recv || operation == RS_OP_send ||
           operation == RS_OP_sendfile || operation == RS_OP_splice;
}

static void add_event(void *argument, const struct rs_read_event *event) {
    const struct rs_event_io *io = (const struct rs_event_io *)(const void *)event->header;
    struct scanner *scanner = argument;
    struct use **place, *use;
    uint64_t mixed;
    if (++scanner->events == PROGRESS_EVENTS) {
        progress_add(PROGRESS_EVENTS * sizeof *io);
        scanner->events = 0;
    }
    if (event->number != RS_EVENT_IO) return;
    mixed = (io->context * RS_MIX_FACTOR(1)) ^ (io->description * RS_MIX_FACTOR(2));
    place = &scanner->cache[mixed >> 32 & (CACHE_PLACES - 1)];
    use = *place;
    if (!use || use->context != io->context || use->description != io->description) {
        use = memory_take(&scanner->arena, sizeof *use);
        *use = (struct use){
            .next = scanner->job->uses,
            .context = io->context,
            .description = io->description,
            .first_time = io->header.time,
            .process = scanner->job->process,
            .fd = io->header.fd,
        };
        *place = scanner->job->uses = use;
    }
    use->calls++;
    if (io->result > 0 && moves_bytes(event->operation)) use->bytes += (uint64_t)io->result;
}

/* What is in the cache is of the stream before. */
static void forget_cache(struct scanner *scanner) {
    for (size_t i = 0; i < CACHE_PLACES; i++) scanner->cache[i] = NULL;
}

static void *scan_streams(void *argument) {
    struct scanner *scanner = argument;
    struct scan *scan = scanner->scan;
    size_t number;
    while ((number = __atomic_fetch_add(&scan->next, 1, __ATOMIC_RELAXED)) < scan->job_count) {
        scanner->job = &scan->jobs[number];
        forget_cache(scanner);
        rs_reader_scan(scanner->job->reader, scanner->job->stream, add_event, scanner);
    }
    return NULL;
}

static void list_jobs(struct scan *scan, const struct walk *walk) {
    for (size_t i = 0; i < scan->model->process_count; i++) {
        const struct rs_reader *reader = walk_reader(walk, i);
        size_t streams = reader ? rs_reader_streams(reader) : 0;
        for (size_t stream = 0; stream < streams; stream++) {
            scan->jobs = memory_grow(scan->jobs, &scan->job_space, scan->job_count + 1, sizeof *scan->jobs);
            scan->jobs[scan->job_count++] = (struct job){.reader = reader, .stream = stream, .process = (uint32_t)i};
        }
    }
}

/* One processor is the loader's own. */
static size_t count_scanners(const struct scan *scan) {
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t count = processors > 2 ? (size_t)processors - 1 : 1;
    if (count > SCANNERS_MAX) count = SCANNERS_MAX;
    return count < scan->job_count ? count : scan->job_count;
}

struct scan *scan_start(struct model *model, const struct walk *walk) {
    struct scan *scan = memory_new(sizeof *scan);
    size_t count;
    scan->model = model;
    list_jobs(scan, walk);
    count = count_scanners(scan);
    scan->scanners = memory_new((count + 1) * sizeof *scan->scanners);
    for (; scan->scanner_count < count; scan->scanner_count++) {
        struct scanner *scanner = &scan->scanners[scan->scanner_count];
        scanner->scan = scan;
        if (pthread_create(&scanner->thread, NULL, scan_streams, scanner)) break;
    }
    return scan;
}

uint64_t scan_bytes(const struct scan *scan) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < scan->job_count; i++)
        if (!i || scan->jobs[i].reader != scan->jobs[i - 1].reader) bytes += rs_reader_bytes(scan->jobs[i].reader);
    return bytes;
}

static void hand_over(struct model *model, struct job *job) {
    struct use *use = job->uses, *next;
    for (; use; use = next) {
        next = use->next;
        model_use(model, use);
    }
}

void scan_finish(struct scan *scan) {
    /* What no thread could be made for, or none has come to yet. */
    struct scanner *own = &scan->scanners[scan->scanner_count];
    own->scan = scan;
    scan_streams(own);
    for (size_t i = 0; i < scan->scanner_count; i++) pthread_join(scan->scanners[i].thread, NULL);
    /* In the jobs' order: what a model is like does not depend on which thread was the quicker. */
    for (size_t i = 0; i < scan->job_count; i++) hand_over(scan->model, &scan->jobs[i]);
    for (size_t i = 0; i <= scan->scanner_count; i++) model_adopt(scan->model, &scan->scanners[i].arena);
    free(scan->scanners);
    free(scan->jobs);
    free(scan);
}
