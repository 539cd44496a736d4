# Everything a newcomer runs. `make` alone lists the targets.
# Needs python3 (3.11 or newer) and nothing else; only `make lock` wants uv.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
BIN  := $(VENV)/bin
# Test workers side by side; two suit a laptop and a small CI machine alike.
JOBS ?= 2
# What `make demo`, `make bench`, `make soak` and the tests are given, e.g. `make demo ARGS=--no-open`.
ARGS ?=

# A shared machine stalls now and then: what failed beside others is run once more, alone and aloud.
# What fails twice has failed.
ONCE_MORE = { echo "Once more, alone, what failed:"; $(BIN)/pytest --last-failed --last-failed-no-failures none; }

PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet
PIP_INSTALL := $(PIP) install --require-hashes
# The backend comes from the lock, so building the project fetches nothing.
PIP_PROJECT := $(PIP) install --no-deps --no-build-isolation --editable .

.PHONY: help setup setup-dev tools demo test check bench soak planted lock widget clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.runtime ## Make .venv with what the bridge needs to run

setup-dev: $(VENV)/.dev ## The same, with what the checks and tests need

demo: $(VENV)/.runtime ## Start the whole bridge on this machine and print the address to open
	@$(BIN)/handoff demo $(ARGS)

test: $(VENV)/.dev tools ## Run every test, the slow ones last and one at a time
	$(BIN)/pytest -m "not slow" -n $(JOBS) --dist worksteal $(ARGS) || $(ONCE_MORE)
	@# 5 means that no test is marked slow; anything else is an answer.
	$(BIN)/pytest -m slow $(ARGS) || [ $$? -eq 5 ] || $(ONCE_MORE)

check: $(VENV)/.dev ## Formatting, lint, types, import contracts, then the fast tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -m "not slow and not browser and not postgres" -n $(JOBS) --dist worksteal $(ARGS) || $(ONCE_MORE)

bench: $(VENV)/.dev ## Run the benchmarks, as ratios against baselines of the same run
	$(BIN)/python -m tests.bench $(ARGS)

soak: $(VENV)/.dev ## Run the bridge under load and faults for a long time
	$(BIN)/python -m tests.soak $(ARGS)

planted: $(VENV)/.dev ## Plant bugs in a copy and see that the tests catch each
	$(BIN)/python -m tests.planted $(ARGS)

widget: $(VENV)/.dev ## Build the widget that is served from its source
	$(BIN)/python -m adapters.web.widget $(ARGS)

lock: ## Renew requirements.lock and requirements-dev.lock (wants uv)
	@command -v uv >/dev/null || { echo "make lock needs the tool uv on the path" >&2; exit 1; }
	uv pip compile $(LOCK_FLAGS) --group build --extra speed -o requirements.lock pyproject.toml
	uv pip compile $(LOCK_FLAGS) --group build --group dev --extra speed \
	  --constraint requirements.lock -o requirements-dev.lock pyproject.toml

LOCK_FLAGS = --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate \
  --custom-compile-command "make lock"

clean: ## Remove .venv and what the tools left behind
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

tools: ## Install the programs some tests want, where that needs no question
	@sh .ci/tools.sh

# ── The environment, one stamp per lock: a second run does nothing ───────────────────────────────

$(VENV)/.runtime: requirements.lock pyproject.toml | $(VENV)/pyvenv.cfg
	@echo "Installing what requirements.lock names …"
	@# Whatever is imported gets compiled then; compiling everything first would only delay the demo.
	@$(PIP_INSTALL) --no-compile --requirement requirements.lock
	@$(PIP_PROJECT)
	@touch $@

$(VENV)/.dev: requirements-dev.lock requirements.lock pyproject.toml | $(VENV)/pyvenv.cfg
	@echo "Installing what requirements-dev.lock names …"
	@$(PIP_INSTALL) --requirement requirements-dev.lock
	@$(PIP_PROJECT)
	@touch $(VENV)/.runtime $@

# A name on the path may be a shim that cannot start, so each candidate is tried before it is chosen.
$(VENV)/pyvenv.cfg:
	@for python in $(or $(PYTHON),python3.13 python3.12 python3.11 python3); do \
	  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "Making $(VENV) with $$($$python --version) …"; \
	    $$python -m venv $(VENV) && exit 0; \
	    echo "$$python cannot make a virtual environment; on Debian and Ubuntu: apt install python3-venv" >&2; \
	    rm -rf $(VENV); exit 1; \
	  fi; \
	done; \
	echo "Python 3.11 or newer is needed; found: $$($(or $(PYTHON),python3) --version 2>&1 || echo none)." >&2; \
	echo "Install it, or say where it is: make PYTHON=/path/to/python3.12 …" >&2; \
	exit 1
