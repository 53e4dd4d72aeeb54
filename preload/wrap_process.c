/* wrap_process.c: how processes come to be and end, but for fork and exit, which run our handlers, and exec (wrap_exec.c).
 *
 * A vfork's child runs in our memory but with descriptors of its own until it calls exec or _exit: what it opens and closes
 * must not change our tables.
 *
 * A C function cannot wrap vfork (its frame would be gone when the parent comes back to it), so on x86-64 this is the system
 * call itself, with the return address kept in a register, and a note on each side of it. Elsewhere vfork is fork, which POSIX
 * allows. */
#include "preload/coverage.h"
#include "preload/guard.h"
#include "preload/log.h"
#include "preload/wrap.h"

#include <errno.h>
#include <pty.h>
#include <sched.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>
#include <utmp.h>

RS_EXPORT void _exit(int code) {
    rs_process_ends();
    real._exit(code);
    __builtin_unreachable();
}

SAME_AS(_Exit, _exit)

RS_EXPORT pid_t setsid(void) {
    pid_t session = real.setsid();
    if (session >= 0 && rs_tables_are_ours()) rs_log_detached();
    return session;
}

/* libc has put something else there. */
static void replaced(int fd) {
    rs_close_end(fd, rs_close_begin(fd), true);
}

static void standard_streams_replaced(void) {
    for (int fd = 0; fd < 3; fd++) replaced(fd);
}

RS_EXPORT int daemon(int keep_folder, int keep_streams) {
    int result = real.daemon(keep_folder, keep_streams);
    if (!result && rs_tables_are_ours()) {
        rs_log_detached();
        if (!keep_streams) standard_streams_replaced();
    }
    return result;
}

/* The child has the terminal as its standard streams, and no other number of it. */
RS_EXPORT pid_t forkpty(int *master, char *name, const struct termios *terminal, const struct winsize *size) {
    pid_t pid = real.forkpty(master, name, terminal, size);
    if (pid > 0) rs_opened(*master, RS_OP_open, RS_KIND_DEVICE, "/dev/ptmx");
    if (pid == 0) standard_streams_replaced();
    return pid;
}

RS_EXPORT int login_tty(int fd) {
    if (rs_refused_own(fd)) return -1;
    int result = real.login_tty(fd);
    if (result || !rs_tables_are_ours()) return result;
    for (int standard = 0; standard < 3; standard++) {
        if (standard != fd) rs_duplicated(fd, standard);
    }
    if (fd > 2) replaced(fd);
    return result;
}

/* It runs no handlers, so what they would do is done here. */
RS_EXPORT pid_t _Fork(void) {
    bool followed = rs_fork_begin();
    pid_t pid = real._Fork();
    if (followed) {
        if (pid)
            rs_fork_done();
        else
            rs_fork_child();
    }
    return pid;
}

struct cloned {
    int (*run)(void *);
    void *argument;
};

static int run_in_child(void *argument) {
    struct cloned cloned = *(struct cloned *)argument;
    rs_fork_child();
    return cloned.run(cloned.argument);
}

/* What clone makes:
 *   memory shared, files shared           a thread: nothing to do
 *   memory shared, the parent waits       a vfork: the child must not change our tables
 *   memory its own                        a fork; with files shared two processes change one table: that is said */
static int clone_process(int (*run)(void *), void *stack, int flags, void *argument, void *parent_tid, void *tls,
                         void *child_tid) {
    struct cloned cloned = {run, argument};
    if (flags & CLONE_FILES) {
        rs_coverage_reduced(RS_COVERAGE_SHARED,
                            "a process was made that shares descriptors but no memory (CLONE_FILES)", NULL);
    }
    if (!rs_fork_begin()) return real.clone(run, stack, flags, argument, parent_tid, tls, child_tid);
    int pid = real.clone(run_in_child, stack, flags, &cloned, parent_tid, tls, child_tid);
    rs_fork_done();
    return pid;
}

static int clone_vfork(int (*run)(void *), void *stack, int flags, void *argument, void *parent_tid, void *tls,
                       void *child_tid) {
    uint32_t level = rs_thread.vfork_child;
    if (!level) rs_thread.vfork_parent = rs_thread.current;
    rs_thread.current = RS_VFORK_CHILD;
    rs_thread.vfork_child = level + 1;
    int pid = real.clone(run, stack, flags, argument, parent_tid, tls, child_tid);
    if (!level) rs_thread.current = rs_thread.vfork_parent;
    rs_thread.vfork_child = level;
    return pid;
}

RS_EXPORT int clone(int (*run)(void *), void *stack, int flags, void *argument, ...) {
    va_list rest;
    va_start(rest, argument);
    void *parent_tid = va_arg(rest, void *), *tls = va_arg(rest, void *), *child_tid = va_arg(rest, void *);
    va_end(rest);
    int pid;
    bool ours = rs_tables_are_ours() && run && stack;
    if (ours && !(flags & CLONE_VM))
        pid = clone_process(run, stack, flags, argument, parent_tid, tls, child_tid);
    else if (ours && flags & CLONE_VFORK && !(flags & CLONE_FILES))
        pid = clone_vfork(run, stack, flags, argument, parent_tid, tls, child_tid);
    else
        pid = real.clone(run, stack, flags, argument, parent_tid, tls, child_tid);
    if (pid > 0 && flags & CLONE_PIDFD) rs_opened(*(int *)parent_tid, RS_OP_open, RS_KIND_OTHER, "pidfd");
    return pid;
}

int __clone(int (*run)(void *), void *stack, int flags, void *argument, ...);
SAME_AS(__clone, clone)

/* Workers give up root after they were forked: their traces must go on in folders that they may write to. */
#define BECOMES(name, params, args)                                                                     \
    RS_EXPORT int name params {                                                                         \
        bool gives_up_root = rs_tables_are_ours() && user && user != (uid_t)-1 && !rs_sys(SYS_geteuid); \
        if (rs_unlikely(gives_up_root)) rs_trace_give_to(user);                                         \
        return real.name args;                                                                          \
    }
BECOMES(setuid, (uid_t user), (user))
BECOMES(seteuid, (uid_t user), (user))
BECOMES(setreuid, (uid_t other, uid_t user), (other, user))
BECOMES(setresuid, (uid_t other, uid_t user, uid_t saved), (other, user, saved))

#if defined(__x86_64__)

/* Reached from below when the kernel refuses; its result is vfork's. */
__attribute__((used, visibility("hidden"))) pid_t rs_vfork_failed(int error);
pid_t rs_vfork_failed(int error) {
    errno = error;
    return -1;
}

_Static_assert(offsetof(struct rs_thread, current) == 0 && offsetof(struct rs_thread, vfork_child) == 12 &&
                   offsetof(struct rs_thread, vfork_parent) == 16 && RS_VFORK_CHILD == UINT64_MAX - 1,
               "the offsets and the number below");

__asm__(".text\n"
        ".globl vfork\n"
        ".globl __vfork\n"
        ".type vfork, @function\n"
        ".type __vfork, @function\n"
        ".p2align 4\n"
        "vfork:\n"
        "__vfork:\n"
        "    .cfi_startproc\n"
        "    endbr64\n"
        "    popq %rdi\n" /* the child may overwrite what is on the stack; %rdi outlives the system call */
        "    .cfi_adjust_cfa_offset -8\n"
        "    .cfi_register %rip, %rdi\n"
        "    movl $58, %eax\n" /* SYS_vfork */
        "    syscall\n"
        "    pushq %rdi\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    movq rs_thread@gottpoff(%rip), %rdx\n"
        "    testl %eax, %eax\n"
        "    js 2f\n"
        "    jz 1f\n"
        "    cmpl $1, %fs:12(%rdx)\n" /* the parent is back; a handler may have put this right before, or do it now */
        "    ja 3f\n"
        "    movq %fs:16(%rdx), %rcx\n"
        "    movq %rcx, %fs:(%rdx)\n"
        "    movl $0, %fs:12(%rdx)\n"
        "    ret\n"
        "3:  decl %fs:12(%rdx)\n"
        "    ret\n"
        "1:  incl %fs:12(%rdx)\n" /* the child, perhaps a vfork's child's child */
        "    cmpl $1, %fs:12(%rdx)\n"
        "    jne 4f\n"
        "    movq %fs:(%rdx), %rcx\n"
        "    movq %rcx, %fs:16(%rdx)\n"
        "    movq $-2, %fs:(%rdx)\n"
        "4:  ret\n"
        "2:  negl %eax\n"
        "    movl %eax, %edi\n"
        "    jmp rs_vfork_failed\n"
        "    .cfi_endproc\n"
        ".size vfork, . - vfork\n"
        ".size __vfork, . - __vfork\n");

#else

RS_EXPORT pid_t vfork(void) {
    return fork();
}
SAME_AS(__vfork, vfork)

#endif
