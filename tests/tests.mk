# tests.mk: what `make test`, `make demo` and `make bench` run. Each folder brings its own rules.

include $(wildcard tests/*/*.mk)

.PHONY: test
test: deps all unit programs demo-programs case-programs inferred-programs
	tests/run.sh

.PHONY: demo
demo: deps all demo-programs
	tests/demo/demo.sh
