/* stack.c: see stack.h. */
#include "preload/stack.h"
#include "preload/coverage.h"
#include "preload/guard.h"
#include "preload/modules.h"
#include "preload/ownfd.h"
#include "preload/reserve.h"
#include "tracer/recorder.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/single_threaded.h>
#include <unwind.h>

#define TABLE_SIZE (1u << 17)
#define MOST_ARENA_WORDS (1u << 23)
#define LIMITED_ARENA_WORDS (1u << 19)
#define MOST_PROBES 64u
/* The guard's own frames above a wrapper's caller: never more. */
#define OWN_FRAMES 8
/* A stack is not larger; the next one is further away. */
#define FURTHEST_FRAME (8u << 20)
#define SHORT_STACK 8u
#define NEAR_ENOUGH (32u << 10)

/* An arena header: frames, flags and the epoch (which process of a family of forks) in whose trace it stands. */
#define HEADER(frames, flags) ((uint64_t)(frames) | (uint64_t)(flags) << 16)
#define HEADER_FRAMES(header) ((uint32_t)((header)&0xffff))
#define HEADER_FLAGS(header) ((uint32_t)((header) >> 16 & 0xffff))
#define HEADER_EPOCH(header) ((uint32_t)((header) >> 32))

static uint64_t *table; /* high half of the hash << 32 | id */
static uint64_t *arena;
static uint32_t arena_words, arena_used = 1;
static uint32_t wanted; /* frames */
static uint32_t epoch = 1;
static uint64_t lost;
static int (*unwind)(void **addresses, int size); /* libunwind's unw_backtrace, or ours over libgcc's */
static struct rs_module_range own_code, unwinder_code;
static size_t unwinder_variables; /* the dynamic linker's number for libunwind's thread-local variables; 0: has none */

/* ---- unwinding --------------------------------------------------------------------------------------------------- */

static _Unwind_Reason_Code (*libgcc_backtrace)(_Unwind_Trace_Fn, void *);
static uintptr_t (*libgcc_ip)(struct _Unwind_Context *);

static bool has_libgcc(void) {
    return libgcc_backtrace && libgcc_ip;
}

struct collected {
    void **addresses;
    int size, count;
};

static _Unwind_Reason_Code collect(struct _Unwind_Context *context, void *argument) {
    struct collected *collected = argument;
    if (collected->count == collected->size) return _URC_END_OF_STACK;
    collected->addresses[collected->count++] = (void *)libgcc_ip(context);
    return _URC_NO_REASON;
}

static int unwind_with_libgcc(void **addresses, int size) {
    struct collected collected = {addresses, size, 0};
    libgcc_backtrace(collect, &collected);
    return collected.count;
}

/* What a thread-local variable's address is asked with, in the ABI of each machine that has it (Drepper, ELF Handling For
 * Thread-Local Storage, 2013). */
struct variable {
    unsigned long module, offset;
};
static void *(*variable_address)(struct variable *);

/* Both are loaded, not linked: their _Unwind_ functions must not come before the C++ runtime's (RTLD_LOCAL keeps them apart).
 * libgcc's is the slower one, and needs no pipe. */
static bool load_unwinders(void) {
    void *library = dlopen("libgcc_s.so.1", RTLD_NOW | RTLD_LOCAL);
    if (library) {
        libgcc_backtrace =
            (_Unwind_Reason_Code(*)(_Unwind_Trace_Fn, void *))(uintptr_t)dlsym(library, "_Unwind_Backtrace");
        libgcc_ip = (uintptr_t(*)(struct _Unwind_Context *))(uintptr_t)dlsym(library, "_Unwind_GetIP");
    }
    if (has_libgcc()) unwind = unwind_with_libgcc;
    library = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
    if (library) {
        rs_own_note_pipes(); /* somebody else uses it, perhaps since before now */
    } else {
        library = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);
    }
    int (*fast)(void **, int) = library ? (int (*)(void **, int))(uintptr_t)dlsym(library, "unw_backtrace") : NULL;
    if (fast) unwind = fast;
    if (fast && dlinfo(library, RTLD_DI_TLS_MODID, &unwinder_variables)) unwinder_variables = 0;
    variable_address = (void *(*)(struct variable *))(uintptr_t)dlsym(RTLD_DEFAULT, "__tls_get_addr");
    return unwind;
}

void rs_stack_thread_begins(void) {
    if (!rs_on || rs_thread.began) return;
    struct variable first = {unwinder_variables, 0};
    if (unwinder_variables && variable_address) variable_address(&first);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    rs_thread.began = 1;
}

bool rs_stack_start(uint32_t depth) {
    if (!depth) return true;
    own_code = rs_module_range_of((uintptr_t)&rs_stack_take);
    bool loaded = load_unwinders();
    arena_words = rs_space_is_limited() ? LIMITED_ARENA_WORDS : MOST_ARENA_WORDS;
    table = loaded ? rs_reserve_private(TABLE_SIZE, sizeof *table) : NULL;
    arena = loaded ? rs_reserve_private(arena_words, sizeof *arena) : NULL;
    if (!table || !arena) return false;
    unwinder_code = rs_module_range_of(unwind == unwind_with_libgcc ? (uintptr_t)libgcc_backtrace : (uintptr_t)unwind);
    wanted = depth;
    rs_thread.began = 1;
    rs_stack_take();
    return true;
}

/* How many threads are in the unwinder, and so may hold its locks when another one forks. Counted only while there are
 * several. */
static uint32_t unwinding;

enum { OUTSIDE, INSIDE_ALONE, INSIDE_COUNTED }; /* rs_thread.inside */

static void enter_unwinder(void) {
    uint32_t inside = __libc_single_threaded ? INSIDE_ALONE : INSIDE_COUNTED;
    rs_thread.inside_frame = (uintptr_t)__builtin_frame_address(0);
    if (inside == INSIDE_COUNTED) __atomic_fetch_add(&unwinding, 1, __ATOMIC_SEQ_CST);
    rs_thread.inside = inside;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &rs_thread.cancel_before);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static void leave_unwinder(void) {
    int unused;
    uint32_t inside = rs_thread.inside;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    rs_thread.inside = OUTSIDE;
    if (inside == INSIDE_COUNTED) __atomic_fetch_sub(&unwinding, 1, __ATOMIC_SEQ_CST);
    pthread_setcancelstate(rs_thread.cancel_before, &unused);
}

/* Was the unwinder left by a jump? Its frames were below where the stack ends now. (Another stack is further away.) */
static bool left_by_a_jump(uintptr_t frame) {
    return frame > rs_thread.inside_frame && frame - rs_thread.inside_frame < FURTHEST_FRAME;
}

/* How many addresses of the caller's `unwinder` found, without the guard's own, which come first: `first` says how many. */
static int collect_with(int (*unwinder)(void **, int), void **addresses, uint32_t most, uint32_t *first) {
    int saved = errno;
    enter_unwinder();
    int count = unwinder(addresses, (int)most);
    leave_unwinder();
    errno = saved;
    *first = 0;
    while ((int)*first < count && rs_in_range(&own_code, (uintptr_t)addresses[*first])) (*first)++;
    return count - (int)*first;
}

/* Kept out of rs_stack_take so that its buffer is not on the stack of a caller that takes none. */
__attribute__((noinline)) static uint32_t take(uint32_t depth) {
    void *addresses[RS_STACK_MAX + OWN_FRAMES];
    uint32_t most = depth + OWN_FRAMES;
    uint32_t first;
    int (*unwinder)(void **, int) = __atomic_load_n(&unwind, __ATOMIC_RELAXED);
    if (rs_unlikely(!rs_thread.began) && has_libgcc()) unwinder = unwind_with_libgcc;
    int count = collect_with(unwinder, addresses, most, &first);
    /* libunwind gives up where it cannot have its pipe: no number was free, or its first uses by several threads met. */
    if (count <= 0 && unwinder != unwind_with_libgcc && has_libgcc())
        count = collect_with(unwind_with_libgcc, addresses, most, &first);
    if (count <= 0) return 0;
    uint32_t frames = (uint32_t)count;
    while (frames && !addresses[first + frames - 1]) frames--;
    bool cut = frames > depth || first + frames == most;
    uint32_t flags = cut && depth == wanted ? RS_STACK_TRUNCATED : 0;
    if (frames > depth) frames = depth;
    return rs_stack_intern((const uint64_t *)(void *)(addresses + first), frames, flags);
}

/* The kernel is asked only where the stack is not near where it was found to be the ordinary one. */
static bool on_alternate_stack(uintptr_t frame) {
    uint64_t distance = frame > rs_thread.usual_stack ? frame - rs_thread.usual_stack : rs_thread.usual_stack - frame;
    if (rs_likely(distance < NEAR_ENOUGH)) return false;
    stack_t stack = {0};
    rs_sys(SYS_sigaltstack, 0, &stack);
    if (stack.ss_flags & SS_ONSTACK) return true;
    rs_thread.usual_stack = frame;
    return false;
}

static uint32_t take_up_to(uint32_t depth) {
    uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
    if (!wanted || (rs_thread.vfork_child && rs_in_vfork_child())) return 0;
    if (rs_unlikely(rs_thread.inside)) {
        if (!left_by_a_jump(frame)) return 0;
        leave_unwinder();
    }
    return on_alternate_stack(frame) ? 0 : take(depth);
}

uint32_t rs_stack_take(void) {
    return take_up_to(wanted);
}

uint32_t rs_stack_take_short(void) {
    return take_up_to(wanted < SHORT_STACK ? wanted : SHORT_STACK);
}

void rs_stack_pipe_lost(void) {
    if (has_libgcc()) {
        __atomic_store_n(&unwind, unwind_with_libgcc, __ATOMIC_RELAXED);
    } else {
        __atomic_store_n(&wanted, 0, __ATOMIC_RELAXED);
    }
}

bool rs_stack_is_unwinder(uint64_t address) {
    return unwinder_code.high ? rs_in_range(&unwinder_code, address) : rs_thread.inside;
}

/* ---- keeping ----------------------------------------------------------------------------------------------------- */

static bool same(uint32_t id, const uint64_t *addresses, uint32_t frames) {
    uint64_t header = __atomic_load_n(&arena[id], __ATOMIC_RELAXED);
    return HEADER_FRAMES(header) == frames && !memcmp(&arena[id + 1], addresses, frames * sizeof *addresses);
}

static uint32_t add(const uint64_t *addresses, uint32_t frames, uint32_t flags) {
    if (__atomic_load_n(&arena_used, __ATOMIC_RELAXED) + frames + 1 > arena_words) return 0;
    uint32_t id = __atomic_fetch_add(&arena_used, frames + 1, __ATOMIC_RELAXED);
    if (id + frames + 1 > arena_words) return 0;
    memcpy(&arena[id + 1], addresses, frames * sizeof *addresses);
    __atomic_store_n(&arena[id], HEADER(frames, flags), __ATOMIC_RELEASE);
    return id;
}

/* The order of the frames must tell: stacks of two functions that call each other differ in it alone. */
static uint64_t hash_of(const uint64_t *addresses, uint32_t frames) {
    uint64_t hash = frames;
    for (uint32_t i = 0; i < frames; i++) {
        hash = (hash ^ addresses[i]) * 0x9E3779B97F4A7C15ull;
        hash ^= hash >> 29;
    }
    return rs_mix_end(hash);
}

uint32_t rs_stack_intern(const uint64_t *addresses, uint32_t frames, uint32_t flags) {
    if (!table || !frames) return 0;
    uint64_t hash = hash_of(addresses, frames);
    uint32_t fresh = 0;
    for (uint32_t probe = 0; probe < MOST_PROBES; probe++) {
        uint64_t *slot = &table[((uint32_t)hash + probe) % TABLE_SIZE];
        uint64_t entry = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
        if (!entry) {
            if (!fresh) fresh = add(addresses, frames, flags);
            if (!fresh) break;
            uint64_t mine = (hash >> 32) << 32 | fresh;
            if (__atomic_compare_exchange_n(slot, &entry, mine, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
                return fresh;
        }
        if (entry >> 32 == hash >> 32 && same((uint32_t)entry, addresses, frames)) return (uint32_t)entry;
    }
    __atomic_fetch_add(&lost, 1, __ATOMIC_RELAXED);
    rs_coverage_reduced(RS_COVERAGE_STACKS_FULL, "no place for more different stacks; new ones are not kept", NULL);
    return 0;
}

struct rs_stack rs_stack_get(uint32_t id) {
    struct rs_stack stack = {0, 0, NULL};
    if (!id || !arena) return stack;
    uint64_t header = __atomic_load_n(&arena[id], __ATOMIC_ACQUIRE);
    stack.frames = HEADER_FRAMES(header);
    stack.flags = HEADER_FLAGS(header);
    stack.addresses = &arena[id + 1];
    return stack;
}

static RS_COLD void record(uint32_t id) {
    rs_modules_refresh();
    struct rs_stack stack = rs_stack_get(id);
    struct rs_event_stack event = {
        .header = {.id = RS_EVENT_stack, .fd = -1}, .stack = id, .flags = stack.flags, .frames = stack.frames};
    if (!rs_record(&event, sizeof event, NULL, 0, stack.addresses, stack.frames, true)) return;
    uint64_t header = HEADER(stack.frames, stack.flags) | (uint64_t)epoch << 32;
    __atomic_store_n(&arena[id], header, __ATOMIC_RELEASE);
}

void rs_stack_record(uint32_t id) {
    if (!id || !rs_tracing || HEADER_EPOCH(__atomic_load_n(&arena[id], __ATOMIC_RELAXED)) == epoch) return;
    record(id);
}

void rs_stack_forked(void) {
    epoch++;
    uint32_t own = rs_thread.inside == INSIDE_COUNTED; /* a handler forked */
    if (unwinding > own) rs_stack_pipe_lost();
    unwinding = own;
}

uint64_t rs_stack_lost(void) {
    return __atomic_load_n(&lost, __ATOMIC_RELAXED);
}
