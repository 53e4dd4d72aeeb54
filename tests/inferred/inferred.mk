# Contexts that are inferred on real servers, which nobody has changed (tests/each.sh): INFERRED='nginx redis' takes some, QUICK=1
# makes the loads smaller. Their packages are the set `inferred` of tools/deps.sh. The clients and servers here have no code
# of ours in them.
INFERRED_PROGRAMS := $(patsubst tests/inferred/%.c,$(B)/inferred/%,$(wildcard tests/inferred/*.c))

INFERRED ?= shapes python nginx apache haproxy lighttpd php-fpm gunicorn redis memcached postgres mysql broken hostile
.PHONY: deps-inferred inferred-programs inferred
deps-inferred:
	@$(if $(NODEPS),:,tools/deps.sh inferred)

inferred-programs: $(INFERRED_PROGRAMS)

$(B)/inferred/%: tests/inferred/%.c
	@mkdir -p $(@D)
	@echo "  CC   $<"
	@$(CC) -std=gnu11 $(WARNINGS) -D_GNU_SOURCE -O2 -g -pthread -o $@ $<

inferred: deps-inferred all inferred-programs
	@QUICK=$(QUICK) tests/each.sh inferred $(INFERRED)
