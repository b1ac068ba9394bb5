# Every target sets up what it needs; a second run finds it done. Nothing but Python 3.11 or later has to be there.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
# The newest Python that is on the path and not too old; PYTHON=... chooses another.
PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3.11 python3 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; break; }; done)
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input -qq
TESTS ?=
# Runs of the matrix at a time: each waits a third of its time, so one more than there are cores.
WORKERS ?= 3
RUN_ARGS ?= --target embedded

.PHONY: help setup conformance test lint types matrix hostile site audit pythons lock wheel clean

help:
	@echo "make conformance   set up, run the default suites on the embedded EHR, print the verdict and where the report is"
	@echo "make test          set up, run every test of the project (TESTS=target for a part)"
	@echo "make lint types    the linter, the layout, dead code; the type checker"
	@echo "make matrix        break the embedded EHR one rule at a time and see who notices"
	@echo "make hostile       hostile servers, files and bad luck, and what was held against them"
	@echo "make site          build the documents as a site into site/"
	@echo "make audit         known vulnerabilities of what is locked, where that can be looked up"
	@echo "make pythons       compile everything in Python 3.12, 3.13 and 3.14, which npm has"
	@echo "make wheel         build wheel, sdist and a bill of materials (CycloneDX) into dist/"
	@echo "make lock          renew the locked versions"

$(VENV)/.installed: requirements-dev.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later with its venv module is needed and none was found on the path (Debian: apt-get install python3 python3-venv)"; exit 1; }
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "creating $(VENV) with $(PYTHON)"; $(PYTHON) -m venv --clear $(VENV); }
	@echo "installing the locked packages"
	@$(PIP) install --no-deps --require-hashes -r requirements-dev.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

setup: $(VENV)/.installed
	@test -f $(VENV)/.browser && $(BIN)/smartlaunch setup --check >/dev/null 2>&1 || { $(BIN)/smartlaunch setup && touch $(VENV)/.browser; }

conformance: setup
	@$(BIN)/smartlaunch run $(RUN_ARGS)

test: setup
	@$(BIN)/python tests/run_all.py $(TESTS)

lint: $(VENV)/.installed
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/vulture

types: $(VENV)/.installed
	@$(BIN)/mypy

matrix: setup
	@$(BIN)/python tests/matrix/matrix.py --jobs $(WORKERS)
	@$(BIN)/python tests/matrix/matrix.py --variants --jobs $(WORKERS)

wheel: $(VENV)/.installed
	@rm -rf dist
	@$(BIN)/python -m hatchling build
	@$(BIN)/python .ci/sbom.py

audit: $(VENV)/.installed
	@PATH="$(CURDIR)/$(BIN):$$PATH" .ci/audit

pythons: $(VENV)/.installed
	@.ci/later-pythons

hostile: setup
	@$(BIN)/python tests/run_all.py hostile
	@$(BIN)/python tests/hostile/figures.py

site: $(VENV)/.installed
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

lock: $(VENV)/.installed
	@$(PIP) install uv
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --group dev pyproject.toml --output-file requirements-dev.txt $(LOCK_ARGS)
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 pyproject.toml --output-file requirements.txt $(LOCK_ARGS)

clean:
	rm -rf $(VENV) dist build site .pytest_cache .mypy_cache .ruff_cache .hypothesis
