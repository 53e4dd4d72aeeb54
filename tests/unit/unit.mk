# The unit tests: each tests/unit/test_NAME.c is one program, build/unit/test_NAME. What they test is linked from two
# archives, so that each program holds only what it names: all of the viewer but its main, and all of the guard but its
# wrappers and its constructor (guard_stub.c stands for those). No -fPIC and no preload: `SANITIZE=address,undefined` works.
UNIT_TESTS := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_*.c))
UNIT_HELP_O := $(patsubst tests/unit/%.c,$(B)/unit/help/%.o,$(filter-out $(wildcard tests/unit/test_*.c),$(wildcard tests/unit/*.c)))

UNIT_GUARD_C := $(filter-out preload/wrap_%.c preload/guard.c preload/real.c preload/api.c,$(GUARD_C))
UNIT_VIEWER_C := $(filter-out viewer/main.c,$(VIEWER_C))
UNIT_CFLAGS := $(COMMON) -DRS_LIBDIR='"$(PREFIX)/lib"'

.PHONY: unit
unit: $(UNIT_TESTS)

$(B)/unit/test_%: tests/unit/test_%.c $(UNIT_HELP_O) $(B)/unit/viewer.a $(B)/unit/guard.a
	@mkdir -p $(@D)
	@echo "  CC   $<"
	@$(CC) $(UNIT_CFLAGS) $(CFLAGS) -MMD -MP -MF $@.d $(LDFLAGS) -o $@ $< $(UNIT_HELP_O) $(B)/unit/viewer.a $(B)/unit/guard.a \
		-lcmocka $(VIEWER_LIBS) -pthread

$(B)/unit/viewer.a: $(UNIT_VIEWER_C:%.c=$(B)/unit/viewer/%.o) $(PAGE_O)
	@rm -f $@
	@$(AR) rcs $@ $^

$(B)/unit/guard.a: $(UNIT_GUARD_C:%.c=$(B)/unit/guard/%.o)
	@rm -f $@
	@$(AR) rcs $@ $^

$(B)/unit/help/%.o: tests/unit/%.c
	@mkdir -p $(@D)
	@$(CC) $(UNIT_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/unit/viewer/%.o: %.c
	@mkdir -p $(@D)
	@$(CC) $(UNIT_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/unit/guard/%.o: %.c
	@mkdir -p $(@D)
	@$(CC) $(UNIT_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# What test_lines reads: its own source's sample, with the line table of each version of DWARF.
UNIT_LINES := $(foreach version,2 3 4 5,$(B)/unit/lines_dwarf$(version).so)
$(B)/unit/test_lines: $(UNIT_LINES)
$(B)/unit/lines_dwarf%.so: tests/unit/test_lines.c
	@mkdir -p $(@D)
	@$(CC) -I. -DSAMPLE -O0 -gdwarf-$* -gstrict-dwarf -shared -fPIC -o $@ $<

.SECONDARY: $(UNIT_HELP_O)

-include $(wildcard $(B)/unit/*.d $(B)/unit/help/*.d $(B)/unit/*/*/*.d)
