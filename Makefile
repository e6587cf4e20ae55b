# Two commands for a newcomer: `make demo` and `make test`. Both set up .venv by themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := encoders index evaluation service client tests benchmarks docs
SERVER := $(VENV)/.installed-server
DEV := $(VENV)/.installed-dev
# Tests wait for servers and workers half of the time.
TESTERS = $(shell $(PYTHON) -c 'import os; print(min(4, (os.cpu_count() or 1) + 1))')
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help demo test lint types check-arrows unit bench quality chaos fuzz soak lock docs clean

help: ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(SERVER) ## adapt to a pool of real images and compare both strategies on a domain it has never seen
	@$(BIN)/python -m service.demo

test: $(DEV) lint types check-arrows unit ## style, types, import arrows and the whole suite

lint: $(DEV)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)

types: $(DEV)
	$(BIN)/mypy

check-arrows: $(DEV)
	$(BIN)/lint-imports

unit: $(DEV) # with bytecode on disk, whatever the shell says: hundreds of processes import the same modules
	env --unset=PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest --numprocesses $(TESTERS) --dist loadfile --no-loadscope-reorder

bench: $(DEV) ## measure REST against the bare loop, ingest against the encoder, memory, search; writes docs/benchmarks.md and the README's table
	$(BIN)/python -m benchmarks

quality: $(DEV) ## adapt to real images, leave one domain out, an hour and a half on two cores; writes docs/quality.md and the README's table
	$(BIN)/python -m benchmarks quality

chaos: $(DEV) ## kill servers, workers, Redis and PostgreSQL with -9, 300 rounds, two hours; fails if anything acknowledged is lost
	$(BIN)/python -m benchmarks.chaos

soak: $(DEV) ## 15 minutes at 80 % of measured capacity, with writes, rebuilds and swaps; fails on an error or growing memory
	$(BIN)/python -m benchmarks.soak --minutes 15 --load 0.8

fuzz: $(DEV) ## feed damaged images, manifests, filters and requests to their readers for ten minutes; fails on any error but ours
	$(BIN)/python -m benchmarks.fuzz --minutes 10

docs: $(SERVER) ## write the tables of settings, routes and errors from the code
	$(BIN)/python docs/write_reference.py

lock: ## pin every dependency again, with hashes (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-package invariantselect \
	  --extra cpu --extra demo --extra evaluate --extra postgres --extra s3 --extra tracing pyproject.toml --output-file requirements/server.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-package invariantselect \
	  --extra cpu --extra demo --extra evaluate --extra postgres --extra s3 --extra tracing --group dev pyproject.toml --constraint requirements/server.lock \
	  --output-file requirements/dev.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-package invariantselect \
	  --extra gpu --extra evaluate --extra postgres --extra s3 --extra tracing pyproject.toml --constraint requirements/server.lock --output-file requirements/gpu.lock

clean: ## remove the environment, the demo's data and every cache
	rm -rf $(VENV) demo-data .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(SERVER): requirements/server.lock pyproject.toml client/pyproject.toml | $(VENV)/bin/python
	@echo "Installing into $(VENV): PyTorch and friends, a few gigabytes, several minutes the first time."
	@$(PIP_INSTALL) --require-hashes -r requirements/server.lock
	@$(PIP_INSTALL) --no-deps --no-build-isolation -e client -e .
	@touch $@

$(DEV): requirements/dev.lock $(SERVER)
	@echo "Installing what the tests need into $(VENV)."
	@$(PIP_INSTALL) --require-hashes -r requirements/dev.lock
	@touch $@
