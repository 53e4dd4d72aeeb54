# The recognisers of the wire and of requests under libFuzzer (fuzz.h, fuzz_request.h), and the command with traces of any content
# (fuzz_trace.c), FUZZ seconds each; clang's, whatever
# CC is. What it finds is written to $(B)/fuzz/NAME-crash-...: give that file to $(B)/fuzz/fuzz_NAME to see it again. The corpus
# stays, for the next time.
#
#   make fuzz               30 seconds each
#   make fuzz FUZZ=600
FUZZ ?= 30
FUZZ_CC ?= clang
FUZZ_TARGETS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_WIRE_C := $(wildcard preload/wire.c preload/wire_*.c)
FUZZ_REQUEST_C := $(wildcard preload/request.c preload/request_*.c)
FUZZ_REQUEST_H := $(wildcard preload/request*.h)
FUZZ_TRACE_C := $(filter-out viewer/main.c,$(VIEWER_C)) tests/unit/make_trace.c
# The command has more to do with one input: it gets twice the time.
FUZZ_TIMES_trace := 2
FUZZ_FLAGS_trace := -close_fd_mask=3 -max_len=8192 -rss_limit_mb=4096
FUZZ_SANITIZE := -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

.PHONY: deps-fuzz fuzz $(FUZZ_TARGETS:%=fuzz-%)
deps-fuzz:
	@$(if $(NODEPS),:,tools/deps.sh fuzz)

fuzz: $(FUZZ_TARGETS:%=fuzz-%)

$(FUZZ_TARGETS:%=fuzz-%): fuzz-%: $(B)/fuzz/fuzz_%
	@mkdir -p $(B)/fuzz/corpus_$*
	@echo "  FUZZ $*: $$(($(FUZZ) * $(or $(FUZZ_TIMES_$*),1))) seconds"
	@$< -max_total_time=$$(($(FUZZ) * $(or $(FUZZ_TIMES_$*),1))) -max_len=2048 -timeout=10 $(FUZZ_FLAGS_$*) -artifact_prefix=$(B)/fuzz/$*- $(B)/fuzz/corpus_$* \
		>$(B)/fuzz/$*.log 2>&1 || { cat $(B)/fuzz/$*.log; exit 1; }
	@echo "  FUZZ $*: $$(tail -n 1 $(B)/fuzz/$*.log)"

$(B)/fuzz/fuzz_%: tests/fuzz/fuzz_%.c tests/fuzz/fuzz.h tests/fuzz/fuzz_seed.h $(FUZZ_WIRE_C) preload/wire.h | deps-fuzz
	@mkdir -p $(@D)
	@echo "  CC   $@"
	@$(FUZZ_CC) $(COMMON) -g -O1 $(FUZZ_SANITIZE) -o $@ $< $(FUZZ_WIRE_C)

$(B)/fuzz/fuzz_request_%: tests/fuzz/fuzz_request_%.c tests/fuzz/fuzz_request.h tests/fuzz/fuzz_seed.h $(FUZZ_REQUEST_C) $(FUZZ_REQUEST_H) | deps-fuzz
	@mkdir -p $(@D)
	@echo "  CC   $@"
	@$(FUZZ_CC) $(COMMON) -g -O1 $(FUZZ_SANITIZE) -o $@ $< $(FUZZ_REQUEST_C)

# The viewer's own objects, with what they are made of. An array that is empty is NULL, and NULL + 0 its end: that is no finding.
FUZZ_TRACE_O := $(FUZZ_TRACE_C:%.c=$(B)/fuzz/trace/%.o)
$(B)/fuzz/trace/%.o: %.c | deps-fuzz
	@mkdir -p $(@D)
	@$(FUZZ_CC) $(COMMON) -DRS_LIBDIR='"$(PREFIX)/lib"' -g -O1 $(subst fuzzer,fuzzer-no-link,$(FUZZ_SANITIZE)) -fno-sanitize=pointer-overflow -MMD -MP -c -o $@ $<

$(B)/fuzz/fuzz_trace: tests/fuzz/fuzz_trace.c $(FUZZ_TRACE_O) $(PAGE_O)
	@echo "  CC   $@"
	@$(FUZZ_CC) $(COMMON) -g -O1 $(FUZZ_SANITIZE) -o $@ $< $(FUZZ_TRACE_O) $(PAGE_O) $(VIEWER_LIBS)

-include $(FUZZ_TRACE_O:.o=.d)
