/* wrap_process.c: _exit, which a fork's child ends by, becoming a daemon, and vfork. A vfork's child runs in our memory but with descriptors of its own until it calls exec or _exit: what it
 * opens and closes must not change our tables.
 *
 * A C function cannot wrap vfork (its frame would be gone when the parent comes back to it), so on x86-64 this is the system
 * call itself, with the return address kept in a register, and a note on each side of it. Elsewhere vfork is fork, which POSIX
 * allows. */
#include "preload/guard.h"
#include "preload/log.h"
#include "preload/wrap.h"

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

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

RS_EXPORT int daemon(int keep_folder, int keep_streams) {
    int result = real.daemon(keep_folder, keep_streams);
    if (!result && rs_tables_are_ours()) rs_log_detached();
    return result;
}

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
        "    decl %fs:12(%rdx)\n" /* the parent is back */
        "    jnz 3f\n"
        "    movq %fs:16(%rdx), %rcx\n"
        "    movq %rcx, %fs:(%rdx)\n"
        "3:  ret\n"
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
