# What a new machine needs: `make demo` and `make test`. Each sets itself up in .venv and says what it does.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK_VENV := .venv-lock
DEMO ?= demo
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo test quick lint types docs bench lock check-lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 16

$(BIN)/python:
	@echo "==> making a virtual environment in $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || (echo "Assay needs Python 3.11 or newer; found $$($(PYTHON) --version). Set PYTHON=python3.12, say."; exit 1)
	@$(PYTHON) -m venv $(VENV) || (echo "venv is missing: on Debian, apt install python3-venv"; exit 1)

$(VENV)/.base: requirements/base.txt pyproject.toml | $(BIN)/python
	@echo "==> installing Assay and its base dependencies (exact, hashed versions)"
	@$(BIN)/pip install -q --require-hashes -r requirements/base.txt
	@$(BIN)/pip install -q --no-deps -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.base
	@echo "==> installing what the checks and tests use"
	@$(BIN)/pip install -q --require-hashes -r requirements/dev.txt
	@touch $@

demo: $(VENV)/.base  ## the whole loop on a simulated subscription business, in under 90 s
	@$(BIN)/assay demo $(DEMO)

test: $(VENV)/.dev lint types docs  ## everything CI checks: style, types, import direction, docs, tests
	@echo "==> tests"
	@$(BIN)/pytest -n auto --dist loadfile

quick: $(VENV)/.dev  ## the tests that take less than ten seconds each
	@$(BIN)/pytest -m "not slow"

lint: $(VENV)/.dev  ## style and import direction
	@echo "==> style"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@echo "==> import direction"
	@$(BIN)/lint-imports

types: $(VENV)/.dev  ## mypy, strict
	@echo "==> types"
	@$(BIN)/mypy

docs: $(VENV)/.dev  ## the documentation site, strictly, into site/
	@echo "==> documentation"
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build -q --strict

bench: $(VENV)/.dev  ## every benchmark at its quick size; benchmarks/RESULTS.md holds the full ones
	@$(BIN)/python benchmarks/run.py --quick

$(LOCK_VENV)/bin/poetry:
	@echo "==> installing Poetry in $(LOCK_VENV)"
	@$(PYTHON) -m venv $(LOCK_VENV)
	@$(LOCK_VENV)/bin/pip install -q poetry==2.5.1 poetry-plugin-export==1.10.1 poetry-plugin-pypi-mirror==0.6.5

lock: $(LOCK_VENV)/bin/poetry  ## resolve again: poetry.lock, and the hashed requirements exported from it
	@$(LOCK_VENV)/bin/poetry lock
	@$(LOCK_VENV)/bin/poetry export -q -o requirements/base.txt
	@$(LOCK_VENV)/bin/poetry export -q --all-extras --with dev -o requirements/dev.txt

check-lock: $(LOCK_VENV)/bin/poetry  ## poetry.lock and the exported requirements are current, and hold no address
	@echo "==> lock file"
	@$(LOCK_VENV)/bin/poetry check -q --lock
	@$(LOCK_VENV)/bin/poetry export | diff -q - requirements/base.txt
	@$(LOCK_VENV)/bin/poetry export --all-extras --with dev | diff -q - requirements/dev.txt
	@! grep -nE '://[^ ]*(simple|index)' poetry.lock requirements/*.txt

clean:  ## remove environments and everything that was built
	rm -rf $(VENV) $(LOCK_VENV) site .mypy_cache .ruff_cache .pytest_cache .hypothesis
