# tests.mk: what `make test`, `make demo` and `make bench` run. Each folder brings its own rules.

include $(wildcard tests/*/*.mk)

.PHONY: test
test: deps all unit programs
	tests/run.sh

.PHONY: demo
demo: deps all $(B)/demo/shop $(B)/demo/basketd
	tests/demo/demo.sh
