/* wrap_load.c: libraries that are loaded later.
 *
 * One that is loaded with RTLD_DEEPBIND looks its functions up in itself and its own needs first, so its calls go past any
 * preload: PHP loads its extensions so, libpq among them. The flag is taken off, and that is said once;
 * REQSCOPE_DEEPBIND=keep leaves it, and then that is said. */
#include "preload/config.h"
#include "preload/coverage.h"
#include "preload/log.h"
#include "preload/wrap.h"

#include <dlfcn.h>

static RS_COLD int without_deepbind(const char *path, int flags) {
    static char said;
    if (rs_config.keep_deepbind) {
        rs_coverage_reduced(RS_COVERAGE_DEEPBIND,
                            "what is loaded with RTLD_DEEPBIND is not seen (REQSCOPE_DEEPBIND=keep)", path);
        return flags;
    }
    if (!__atomic_test_and_set(&said, __ATOMIC_RELAXED)) {
        rs_log_line("RTLD_DEEPBIND is taken off, so that the calls of what is loaded with it are seen "
                    "(REQSCOPE_DEEPBIND=keep leaves it)",
                    path);
    }
    return flags & ~RTLD_DEEPBIND;
}

/* A jump: libc looks at who calls to find that one's own search path and namespace. */
RS_JUMPS RS_WRAP(void *, dlopen, (const char *path, int flags)) {
    if (rs_unlikely(flags & RTLD_DEEPBIND) && rs_on) flags = without_deepbind(path, flags);
    return real.dlopen(path, flags);
}
