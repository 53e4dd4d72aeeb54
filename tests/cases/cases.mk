# The cases: small servers with a bug that people know, and the same without it (cases.tsv says which; case.h what they
# share). Built as a user would build them: with the header alone, nothing of ours linked.
#
#   make cases RUNS=100      all of them; those with threads so many times, with the same verdict every time
CASES_C := $(wildcard tests/cases/*.c)
CASES := $(patsubst tests/cases/%.c,$(B)/cases/%,$(CASES_C))
CASE_CFLAGS := -Wall -Wextra -g -O1 -Iinclude -pthread
RUNS ?= 100

.PHONY: cases case-programs
cases: deps all case-programs
	tests/cases/cases.sh $(RUNS)

case-programs: $(CASES)

$(B)/cases/%: tests/cases/%.c tests/cases/case.h include/reqscope.h
	@mkdir -p $(@D)
	@echo "  CC   $<"
	@$(CC) $(CASE_CFLAGS) -o $@ $< -Wl,--as-needed -lhiredis
