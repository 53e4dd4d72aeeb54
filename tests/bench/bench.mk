# What the guard costs (bench.py): a table, and the same as JSON in $(B)/bench.json. BENCH_OPTIONS='--only recording' takes
# some of the rows. All runs are pinned to one processor, the last that is allowed: the first is the one that most of a
# machine's interrupts go to.
BENCH_CPU ?= $(shell taskset -cp $$$$ | sed 's/.*[ ,-]//')
BENCH = taskset -c $(BENCH_CPU) /usr/bin/python3 tests/bench/bench.py --bench $(B)/bench/bench --library $(B)/libreqscope.so \
	--json $(B)/bench.json $(BENCH_OPTIONS)

.PHONY: bench bench-quick bench-programs bench-servers bench-viewer
# How fast a large trace is read, beside babeltrace2 (viewer.py).
bench-viewer: deps all $(B)/bench/load_trace
	@/usr/bin/python3 tests/bench/viewer.py --reqscope $(B)/reqscope --library $(B)/libreqscope.so --load $(B)/bench/load_trace \
		--json $(B)/bench-viewer.json $(VIEWER_BENCH_OPTIONS)

# CPU time a request of real servers (servers.py): with contexts inferred, to without.
bench-servers: deps-inferred $(B)/libreqscope.so
	@/usr/bin/python3 tests/bench/servers.py --library $(B)/libreqscope.so --json $(B)/bench-servers.json $(BENCH_OPTIONS)

bench-programs: $(B)/bench/bench $(B)/bench/load_trace

bench: deps $(B)/libreqscope.so bench-programs
	@$(BENCH)
	@$(MAKE) --no-print-directory bench-viewer

bench-quick: deps $(B)/libreqscope.so bench-programs
	@$(BENCH) --pairs 15 --starts 15 --ms 80

# Optimised like the library; -fno-optimize-sibling-calls, for the depth of its stack is part of what is measured.
$(B)/bench/bench: tests/bench/bench.c include/reqscope.h
	@mkdir -p $(@D)
	@echo "  CC   $<"
	@$(CC) -std=gnu11 $(WARNINGS) -D_GNU_SOURCE -Iinclude -O2 -g -fno-optimize-sibling-calls -o $@ $<

$(B)/bench/load_trace: tests/bench/load_trace.c include/reqscope.h
	@mkdir -p $(@D)
	@echo "  CC   $<"
	@$(CC) -std=gnu11 $(WARNINGS) -D_GNU_SOURCE -Iinclude -O2 -g -pthread -o $@ $<
