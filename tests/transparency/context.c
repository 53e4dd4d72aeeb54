/* context.c: preloaded beside the guard, it puts a whole program into a context, as one that calls the API would be. From
 * `main` on, for the guard is started after the constructors of all other libraries. */
#include <reqscope.h>

#include <dlfcn.h>
#include <stdlib.h>

typedef int (*program)(int argc, char **argv, char **environment);
typedef int (*start)(program main, int argc, char **argv, void (*init)(void), void (*fini)(void), void (*ld_fini)(void),
                     void *stack);

int __libc_start_main(program main, int argc, char **argv, void (*init)(void), void (*fini)(void),
                      void (*ld_fini)(void), void *stack);

static program its_main;

static int in_context(int argc, char **argv, char **environment) {
    reqscope_begin("the program");
    return its_main(argc, argv, environment);
}

int __libc_start_main(program main, int argc, char **argv, void (*init)(void), void (*fini)(void),
                      void (*ld_fini)(void), void *stack) {
    start real = (start)dlsym(RTLD_NEXT, "__libc_start_main");
    if (!real) abort();
    its_main = main;
    return real(in_context, argc, argv, init, fini, ld_fini, stack);
}
