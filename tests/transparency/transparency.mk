# `make transparency`: other programs' own tests, bare and guarded; whatever has another verdict is named. About ten minutes;
# QUICK=1 leaves out the modules that take long. TRANSPARENCY='test_socket perl:io' takes some of the modules (--list shows
# them), TRANSPARENCY_OPTIONS='--mode deny' runs them otherwise (--help). See transparency.py.
.PHONY: transparency
transparency: deps-transparency all $(B)/transparency/context.so
	-@$(if $(NODEPS),:,tests/transparency/fetch.sh $(B)/transparency/sources perl tcl8.6)
	@/usr/bin/python3 tests/transparency/transparency.py --build $(B) $(if $(QUICK),--quick) $(TRANSPARENCY_OPTIONS) $(TRANSPARENCY)

.PHONY: deps-transparency
deps-transparency: deps-%:
	@$(if $(NODEPS),:,tools/deps.sh $*)

# For --in-context: a library that puts each program into a context.
$(B)/transparency/context.so: tests/transparency/context.c include/reqscope.h
	@mkdir -p $(@D)
	@echo "  CC   $<"
	@$(CC) -std=gnu11 $(WARNINGS) -Iinclude -O2 -g -fPIC -shared -o $@ $<
