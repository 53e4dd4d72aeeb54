/* guard_stub.c: what preload/guard.c defines, for tests that link the guard's parts without its constructor. */
#include "preload/guard.h"

bool rs_on;
uint32_t rs_pid;
__thread struct rs_thread rs_thread __attribute__((tls_model("initial-exec")));

bool rs_is_in_family(uint32_t process, uint64_t began) {
    (void)process, (void)began;
    return true;
}

uint32_t rs_family_number(void) {
    return 1;
}

bool rs_in_vfork_child(void) {
    return rs_thread.vfork_child != 0;
}
