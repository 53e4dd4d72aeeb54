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
