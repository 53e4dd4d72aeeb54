# The soak (soak.sh): sixteen threads that do everything with descriptors, for SOAK seconds. And the sanitizers (sanitize.sh):
# the unit tests, SANITIZE_SOAK seconds of the soak, and servers whose contexts are inferred (tests/inferred/shapes.c), once with ThreadSanitizer and once with AddressSanitizer.
#
#   make soak                    twenty minutes; CI: make soak SOAK=60
#   make sanitize                some minutes
#
# A sanitizer's runtime must be the first library of its process, so the library cannot be preloaded: in $(B)/soak/linked the
# program and the guard are one. The program's calls are bound to the guard's functions, and these find the sanitizer's, which
# find libc's. To others they are not visible: the sanitizer itself must not call them. Only pipe2 is, for the unwinder.
SOAK ?= 1200
SANITIZE_SOAK ?= 40
SOAK_C := tests/soak/soak.c tests/soak/ops.c
SOAK_CFLAGS := -std=gnu11 $(WARNINGS) -D_GNU_SOURCE -Iinclude -I. -g -O1 -pthread
SOAK_LINKED_FLAGS := $(GUARD_FLAGS) -DSOAK_LINKED -include tests/soak/sanitize.h
LINKED_GUARD_O := $(patsubst %.c,$(B)/soak/linked.o/%.o,$(GUARD_C) tests/soak/sanitize.c)
SOAK_LINKED_O := $(LINKED_GUARD_O) $(patsubst %.c,$(B)/soak/linked.o/%.o,$(SOAK_C))
SHAPES_LINKED_O := $(LINKED_GUARD_O) $(B)/soak/linked.o/tests/inferred/shapes.o
$(B)/soak/linked.o/tests/soak/sanitize.o: SOAK_LINKED_FLAGS := $(GUARD_FLAGS)
$(B)/soak/linked.o/preload/stack.o: SOAK_LINKED_FLAGS += -Ddlopen=sanitize_dlopen

.PHONY: soak soak-programs soak-linked sanitize
soak-programs: $(B)/soak/soak $(B)/soak/victim_extremes
soak-linked: $(B)/soak/linked $(B)/soak/shapes

soak: deps all soak-programs
	tests/soak/soak.sh $(SOAK)

sanitize: deps
	tests/soak/sanitize.sh $(SANITIZE_SOAK)

$(B)/soak/soak: $(SOAK_C) tests/soak/soak.h include/reqscope.h
	@mkdir -p $(@D)
	@echo "  CC   $@"
	@$(CC) $(SOAK_CFLAGS) -o $@ $(SOAK_C)

$(B)/soak/victim_extremes: tests/soak/victim_extremes.c tests/programs/victim.h include/reqscope.h
	@mkdir -p $(@D)
	@echo "  CC   $@"
	@$(CC) -Wall -Wextra -g -O1 -D_GNU_SOURCE -Iinclude -I. -pthread -o $@ $<

$(B)/soak/linked: $(SOAK_LINKED_O)
$(B)/soak/shapes: $(SHAPES_LINKED_O)
$(B)/soak/linked $(B)/soak/shapes:
	@echo "  LINK $@"
	@$(LD) -r -o $@.whole $^
	@objcopy --keep-global-symbol=main --keep-global-symbol=pipe2 $@.whole
	@$(CC) $(COMMON) $(CFLAGS) $(LDFLAGS) -Wl,--export-dynamic-symbol=pipe2 -pthread -o $@ $@.whole

$(B)/soak/linked.o/%.o: %.c tests/soak/sanitize.h
	@mkdir -p $(@D)
	@echo "  CC   $<"
	@$(CC) $(SOAK_LINKED_FLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

-include $(SOAK_LINKED_O:.o=.d) $(SHAPES_LINKED_O:.o=.d)
