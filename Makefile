# reqscope: libreqscope.so (the guard), reqscope (the command), their tests, demo and benchmarks. No configure step.
#
#   make            build both             make demo       the main job, in a minute
#   make test       all tests              make bench      what it costs (bench-quick: in 40 seconds)
#   make bench-viewer     how fast a trace of 10 million events is read, beside babeltrace2
#   make bench-servers    what inferring contexts costs nginx and redis-server, in CPU time a request
#   make coverage-calls   which of libc's calls on descriptors are interposed, and tested
#   make cases            bugs that people make, and the same without the bug, a hundred times each   (RUNS=100)
#   make fuzz             what reads the wire, fed with anything                (FUZZ=30: seconds for each)
#   make servers          real servers under load answer as they do bare        (QUICK=1: in a few minutes)
#   make inferred         contexts that nobody announced, on real servers: one a request (QUICK=1)
#   make transparency     other programs' own test suites end as they do bare   (QUICK=1: the shortest)
#   make html-test        the page of `reqscope export --format html`, in a browser
#   make soak             20 minutes of everything from 16 threads              (SOAK=60: one)
#   make sanitize         unit tests and a soak under ThreadSanitizer and AddressSanitizer
#   make lint       format and analysers   make format     rewrite the sources' layout
#   make deps       install what the above need (Debian; make lint: deps-lint)
#   make install PREFIX=/usr/local DESTDIR=                make uninstall removes the same files
#   make clean      remove what was built  make help       this text
#
# B= puts the build elsewhere (make B=build-asan SANITIZE=address,undefined); CC=clang builds with clang; NODEPS=1 does
# not look for missing packages. With -j on a fresh machine: make deps first.

B ?= build
PREFIX ?= /usr/local
DESTDIR ?=
export B
VERSION := $(shell sed -n 's/^\#define REQSCOPE_VERSION "\(.*\)"/\1/p' include/reqscope.h)

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror
CFLAGS ?= -O2 -g
# The sources have no fortified calls: the guard exports read and its kin itself, and must not call their checked twins.
COMMON := -std=gnu11 $(WARNINGS) -fno-strict-aliasing -D_GNU_SOURCE -U_FORTIFY_SOURCE -Iinclude -I. $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer)
# libc's headers have inline twins of some functions that the guard exports (__NO_INLINE__ leaves them out).
GUARD_FLAGS := $(COMMON) -D__NO_INLINE__ -fPIC -fvisibility=hidden -ftls-model=initial-exec -fexceptions -fno-builtin-printf -DREQSCOPE_LIBRARY
GUARD_LINK := -shared -Wl,-soname,libreqscope.so -Wl,-z,nodelete -Wl,-z,now -Wl,-z,defs -Wl,-Bsymbolic-functions -Wl,--version-script=$(B)/exports.map

SHARED_C := tracer/names.c tracer/hint.c tracer/check.c tracer/rule.c
GUARD_C := $(wildcard preload/*.c) tracer/recorder.c tracer/folder.c tracer/shapes.c tracer/metadata.c tracer/clock.c $(SHARED_C)
VIEWER_C := $(wildcard viewer/*.c) tracer/reader.c tracer/packet.c tracer/shapes.c $(SHARED_C)
VIEWER_LIBS := -ldw -lelf -ljansson -pthread

# What the command prints of itself, a file for each shell.
COMPLETIONS := $(B)/completion/bash $(B)/completion/zsh $(B)/completion/fish

GUARD_O := $(GUARD_C:%.c=$(B)/guard/%.o)
PAGE_O := $(B)/page/page.o
VIEWER_O := $(VIEWER_C:%.c=$(B)/viewer/%.o) $(PAGE_O)

# The page of `reqscope export --format html`: its parts, in the order in which they are put together.
PAGE_CSS := $(addprefix viewer/page/,page.css parts.css print.css)
PAGE_JS := $(addprefix viewer/page/,data.js words.js kinds.js element.js state.js filters.js summary.js findings.js table.js lists.js \
	lanes.js story.js draw.js timeline.js details.js keys.js main.js)

.PHONY: all
all: $(B)/libreqscope.so $(B)/reqscope $(B)/reqscope.1 $(COMPLETIONS)

# Each target installs the packages that it needs and that are missing; when none is, that is one silent dpkg-query.
.PHONY: deps deps-build deps-lint
deps-build deps-lint: deps-%:
	@$(if $(NODEPS),:,tools/deps.sh $*)
deps:
	@$(if $(NODEPS),:,tools/deps.sh test)

$(GUARD_O) $(VIEWER_O) $(B)/exports.map: | deps-build

$(B)/exports.map: preload/exports.def preload/calls.def
	@mkdir -p $(@D)
	@$(CC) -E -P -x c -I. $< -o $@

$(B)/libreqscope.so: $(GUARD_O) $(B)/exports.map
	@echo "  LINK $@"
	@$(CC) $(COMMON) $(CFLAGS) $(GUARD_LINK) $(LDFLAGS) -o $@.new $(GUARD_O)
	@mv $@.new $@

$(B)/reqscope: $(VIEWER_O)
	@echo "  LINK $@"
	@$(CC) $(COMMON) $(CFLAGS) $(LDFLAGS) -o $@ $(VIEWER_O) $(VIEWER_LIBS)

# The page's prose, filled in by the command with what its tables know.
$(B)/reqscope.1: docs/reqscope.1.in $(B)/reqscope
	@$(B)/reqscope completion man <$< >$@.new
	@mv $@.new $@

$(COMPLETIONS): $(B)/completion/%: $(B)/reqscope
	@mkdir -p $(@D)
	@$(B)/reqscope completion $* >$@.new
	@mv $@.new $@

$(B)/guard/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC   $<"
	@$(CC) $(GUARD_FLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/viewer/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC   $<"
	@$(CC) $(COMMON) -DRS_LIBDIR='"$(PREFIX)/lib"' $(CFLAGS) -MMD -MP -c -o $@ $<

# The page goes into the command as text: tools/page.sh makes C of it.
$(B)/page/page.c: tools/page.sh viewer/page/page.html $(PAGE_CSS) $(PAGE_JS)
	@mkdir -p $(@D)
	@echo "  PAGE $@"
	@tools/page.sh viewer/page/page.html '$(PAGE_CSS)' '$(PAGE_JS)' >$@.new
	@mv $@.new $@

$(PAGE_O): $(B)/page/page.c viewer/page.h | deps-build
	@echo "  CC   $<"
	@$(CC) $(COMMON) $(CFLAGS) -c -o $@ $<

-include $(GUARD_O:.o=.d) $(VIEWER_O:.o=.d)

include tests/tests.mk

# ---- install

INSTALLED := bin/reqscope lib/libreqscope.so include/reqscope.h lib/pkgconfig/reqscope.pc \
	share/man/man1/reqscope.1 share/man/man7/libreqscope.7 share/bash-completion/completions/reqscope \
	share/zsh/site-functions/_reqscope share/fish/vendor_completions.d/reqscope.fish
INSTALL_TO = $(DESTDIR)$(PREFIX)

.PHONY: install uninstall
install: all
	install -d $(sort $(dir $(INSTALLED:%=$(INSTALL_TO)/%)))
	install -m 755 $(B)/reqscope $(INSTALL_TO)/bin/reqscope
	install -m 755 $(B)/libreqscope.so $(INSTALL_TO)/lib/libreqscope.so
	install -m 644 include/reqscope.h $(INSTALL_TO)/include/reqscope.h
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' reqscope.pc.in >$(B)/reqscope.pc
	install -m 644 $(B)/reqscope.pc $(INSTALL_TO)/lib/pkgconfig/reqscope.pc
	install -m 644 $(B)/reqscope.1 $(INSTALL_TO)/share/man/man1/reqscope.1
	install -m 644 docs/libreqscope.7 $(INSTALL_TO)/share/man/man7/libreqscope.7
	install -m 644 $(B)/completion/bash $(INSTALL_TO)/share/bash-completion/completions/reqscope
	install -m 644 $(B)/completion/zsh $(INSTALL_TO)/share/zsh/site-functions/_reqscope
	install -m 644 $(B)/completion/fish $(INSTALL_TO)/share/fish/vendor_completions.d/reqscope.fish

uninstall:
	rm -f $(INSTALLED:%=$(INSTALL_TO)/%)

# ---- sources as text

LINT_FOLDERS := include preload tracer viewer tests
LINT_C = $(shell find $(LINT_FOLDERS) -name '*.c')
LINT_H = $(shell find $(LINT_FOLDERS) -name '*.h' -o -name '*.cc')
LINT_SH = $(shell find tests tools -name '*.sh') .ci/run
# The guard's own, for the analysers: in them the API's functions are definitions.
LINT_GUARD_C = $(filter $(GUARD_C),$(LINT_C))
LINT_FLAGS := $(filter-out -Werror,$(COMMON)) -O2 -DRS_LIBDIR='"/usr/local/lib"'
LINTS := lint-format lint-tidy lint-cppcheck lint-shell lint-clang

.PHONY: lint format $(LINTS)
lint: deps-lint
	@$(MAKE) --no-print-directory --keep-going $(LINTS)

lint-format:
	clang-format --dry-run -Werror $(LINT_C) $(LINT_H)

# A file each, on all processors; what clang-tidy says of a file that it likes ("12 warnings generated", in headers that
# are not ours) is not shown.
TIDY = xargs -P "$$(nproc)" -I{} sh -c 'said=$$(clang-tidy --quiet {} -- "$$@" 2>&1) || { echo "$$said"; exit 1; }' sh
lint-tidy:
	@echo "  TIDY $(words $(LINT_C)) files"
	@status=0; \
	printf '%s\n' $(LINT_GUARD_C) | $(TIDY) $(LINT_FLAGS) -D__NO_INLINE__ -DREQSCOPE_LIBRARY || status=1; \
	printf '%s\n' $(filter-out $(LINT_GUARD_C),$(LINT_C)) | $(TIDY) $(LINT_FLAGS) || status=1; \
	exit $$status

# varFuncNullUB: NULL ends an argument list; with this C library it is a pointer.
lint-cppcheck:
	cppcheck --quiet -j "$$(nproc)" --std=c11 --enable=warning,portability,performance --inline-suppr --error-exitcode=1 \
		--suppress=varFuncNullUB -D_GNU_SOURCE -Iinclude -I. $(LINT_C)

lint-shell:
	shellcheck -x $(LINT_SH)

lint-clang:
	@$(MAKE) --no-print-directory B=build-clang CC=clang all unit programs demo-programs bench-programs case-programs

format: deps-lint
	clang-format -i $(LINT_C) $(LINT_H)

# ---- the rest

.PHONY: clean help
clean:
	rm -rf $(B) build-clang build-asan build-tsan

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile
