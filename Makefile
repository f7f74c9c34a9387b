# Two commands are enough: `make demo` and `make test`. Each makes the environment if need be.
VENV ?= .venv
BIN := $(VENV)/bin
export AGENTMM_VENV := $(VENV)

.PHONY: demo test check bench clean

demo: $(VENV)/.extra-demo  ## install, then ask questions of the example media
	@$(BIN)/agentmm demo

test: $(VENV)/.extra-test  ## install, then lint, types, import contracts and the tests
	@scripts/check

check: test

bench: $(VENV)/.extra-test  ## ratios in one run; nothing here is a test
	@for file in benchmarks/bench_*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

$(VENV)/.extra-%: pyproject.toml constraints.txt
	@scripts/setup $*

clean:  ## remove the environment and what tools left behind
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
