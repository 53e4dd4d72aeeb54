# The programs that the end-to-end tests run, built as a user would build them: with the header alone, nothing of ours
# linked. One source, one program; what a program links beyond libc stands below. Sources in tests/e2e are the tests' own
# tools.
PROGRAMS_C := $(wildcard tests/programs/*.c tests/e2e/*.c)
PROGRAMS := $(patsubst %.c,$(B)/programs/%,$(notdir $(PROGRAMS_C)))
PROGRAM_CFLAGS := -Wall -Wextra -g -O1 -Iinclude -pthread

$(B)/programs/server_hiredis: PROGRAM_LIBS := -lhiredis

.PHONY: programs
programs: $(PROGRAMS)

$(B)/programs/%: tests/programs/%.c include/reqscope.h $(wildcard tests/programs/*.h)
	@mkdir -p $(@D)
	$(CC) $(PROGRAM_CFLAGS) -o $@ $< $(PROGRAM_LIBS)

$(B)/programs/%: tests/e2e/%.c
	@mkdir -p $(@D)
	$(CC) $(PROGRAM_CFLAGS) -o $@ $<
