# reqscope: libreqscope.so (the guard), reqscope (the command), their tests, demo and benchmarks. No configure step.
#
#   make            build both             make demo       the main job, in a minute
#   make test       all tests              make bench      what it costs
#   make lint       format and analysers   make format     rewrite the sources' layout
#   make deps       install what the above need (Debian)   make install PREFIX=/usr/local DESTDIR=
#
# B= puts the build elsewhere (make B=build-asan SANITIZE=address,undefined); CC=clang builds with clang.

B ?= build
PREFIX ?= /usr/local
DESTDIR ?=
VERSION := $(shell sed -n 's/^\#define REQSCOPE_VERSION "\(.*\)"/\1/p' include/reqscope.h)

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror
CFLAGS ?= -O2 -g
# The sources have no fortified calls: the guard exports read and its kin itself, and must not call their checked twins.
COMMON := -std=gnu11 $(WARNINGS) -fno-strict-aliasing -D_GNU_SOURCE -U_FORTIFY_SOURCE -Iinclude -I. $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer)
GUARD_FLAGS := $(COMMON) -fPIC -fvisibility=hidden -ftls-model=initial-exec -fexceptions -fno-builtin-printf -DREQSCOPE_LIBRARY
GUARD_LINK := -shared -Wl,-soname,libreqscope.so -Wl,-z,nodelete -Wl,-z,now -Wl,-z,defs -Wl,--version-script=$(B)/exports.map

SHARED_C := tracer/names.c tracer/check.c
GUARD_C := $(wildcard preload/*.c) tracer/recorder.c tracer/metadata.c tracer/clock.c $(SHARED_C)
VIEWER_C := $(wildcard viewer/*.c) tracer/reader.c $(SHARED_C)
VIEWER_LIBS := -ldw -lelf -ljansson

GUARD_O := $(GUARD_C:%.c=$(B)/guard/%.o)
VIEWER_O := $(VIEWER_C:%.c=$(B)/viewer/%.o)

.PHONY: all
all: $(B)/libreqscope.so $(B)/reqscope

$(B)/exports.map: preload/exports.def preload/calls.def
	@mkdir -p $(@D)
	@$(CC) -E -P -x c -I. $< -o $@

$(B)/libreqscope.so: $(GUARD_O) $(B)/exports.map
	@echo "  LINK $@"
	@$(CC) $(COMMON) $(CFLAGS) $(GUARD_LINK) $(LDFLAGS) -o $@ $(GUARD_O)

$(B)/reqscope: $(VIEWER_O)
	@echo "  LINK $@"
	@$(CC) $(COMMON) $(CFLAGS) $(LDFLAGS) -o $@ $(VIEWER_O) $(VIEWER_LIBS)

$(B)/guard/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC   $<"
	@$(CC) $(GUARD_FLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/viewer/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC   $<"
	@$(CC) $(COMMON) -DRS_LIBDIR='"$(PREFIX)/lib"' $(CFLAGS) -MMD -MP -c -o $@ $<

-include $(GUARD_O:.o=.d) $(VIEWER_O:.o=.d)

include tests/tests.mk
