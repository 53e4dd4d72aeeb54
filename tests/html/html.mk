# The page of `reqscope export --format html` in a browser, headless: what it shows, keys, light and dark, narrow and wide, paper, ten
# thousand contexts, labels that want to be markup; and that it asks the network for nothing.
#
#   make html-test
#
# playwright-core (package.json, from npm) drives Debian's chromium.
.PHONY: html-test deps-browser
deps-browser:
	@$(if $(NODEPS),:,tools/deps.sh browser)

html-test: deps-browser all demo-programs $(B)/html/busy $(B)/html/node_modules/.installed
	tests/html/html.sh

$(B)/html/busy: tests/html/busy.c $(B)/unit/help/make_trace.o $(B)/unit/viewer.a
	@mkdir -p $(@D)
	@echo "  CC   $<"
	@$(CC) $(UNIT_CFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(B)/unit/help/make_trace.o $(B)/unit/viewer.a

$(B)/html/node_modules/.installed: tests/html/package.json | deps-browser
	@mkdir -p $(@D)
	@echo "  NPM  $<"
	@cp $< $(B)/html/package.json
	@cd $(B)/html && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm install --silent --no-package-lock --no-audit --no-fund >npm.log 2>&1 || { cat npm.log; exit 1; }
	@touch $@
