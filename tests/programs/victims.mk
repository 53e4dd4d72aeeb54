# What the victim programs need beyond programs.mk.
VICTIMS := $(patsubst tests/programs/%.c,$(B)/programs/%,$(wildcard tests/programs/victim_*.c))
$(VICTIMS): tests/programs/victim.h

# Fortified calls, as distributions build: __read_chk and its kin.
$(B)/programs/victim_fortify: PROGRAM_CFLAGS += -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2

# C++: exceptions and cancellation go through the guard's frames.
$(B)/programs/victim_throw: tests/programs/victim_throw.cc tests/programs/victim.h include/reqscope.h
	@mkdir -p $(@D)
	$(CXX) -Wall -Wextra -g -O1 -Iinclude -pthread -o $@ $<

# A library whose constructor runs before the guard's, and its destructor after it: the same source.
$(B)/programs/victim_constructor.so: tests/programs/victim_constructor.c
	@mkdir -p $(@D)
	$(CC) $(PROGRAM_CFLAGS) -DLIBRARY -fPIC -shared -Wl,-soname,victim_constructor.so -o $@ $<
$(B)/programs/victim_constructor: PROGRAM_LIBS := $(B)/programs/victim_constructor.so -Wl,-rpath,'$$ORIGIN'
$(B)/programs/victim_constructor: $(B)/programs/victim_constructor.so

programs: $(B)/programs/victim_throw

# A program, a library that it is linked with, and a plugin that only that library's RUNPATH leads to: the same source.
$(B)/programs/victim_load_host.so: tests/programs/victim_load.c
	@mkdir -p $(@D)
	$(CC) $(PROGRAM_CFLAGS) -DHOST -fPIC -shared -Wl,-soname,victim_load_host.so -Wl,--enable-new-dtags \
		-Wl,-rpath,'$$ORIGIN/plugins' -o $@ $<
$(B)/programs/plugins/victim_load_plugin.so: tests/programs/victim_load.c
	@mkdir -p $(@D)
	$(CC) $(PROGRAM_CFLAGS) -DPLUGIN -fPIC -shared -o $@ $<
$(B)/programs/static_seven: tests/programs/victim_load.c
	@mkdir -p $(@D)
	$(CC) $(PROGRAM_CFLAGS) -DSTATIC -static -o $@ $<
$(B)/programs/victim_load: PROGRAM_LIBS := $(B)/programs/victim_load_host.so -Wl,--enable-new-dtags -Wl,-rpath,'$$ORIGIN'
$(B)/programs/victim_load: $(B)/programs/victim_load_host.so $(B)/programs/plugins/victim_load_plugin.so \
	$(B)/programs/static_seven
