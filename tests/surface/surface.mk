# Every call of libc's that touches descriptors: is it in the guard (make coverage-calls), and does the tag come, stay and go with
# it? The programs stand apart from the other victims: surface.sh runs them.
SURFACE := $(patsubst tests/surface/%.c,$(B)/surface/%,$(wildcard tests/surface/*.c))
# Each call goes out under its own name: none is folded, checked or redirected by the compiler.
SURFACE_CFLAGS := -Wall -Wextra -g -O1 -Iinclude -I. -pthread -fno-builtin -fno-optimize-sibling-calls -U_FORTIFY_SOURCE

$(B)/surface/%: tests/surface/%.c $(wildcard tests/surface/*.h) tests/programs/victim.h include/reqscope.h
	@mkdir -p $(@D)
	$(CC) $(SURFACE_CFLAGS) -o $@ $<

programs: $(SURFACE)

# LIST= reads another list than the repository's own.
.PHONY: coverage-calls
coverage-calls: all $(SURFACE)
	@LIST=$(LIST) tests/surface/coverage.sh
