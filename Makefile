# make run   opens the console on an embedded database with sample data
# make test  runs every test
# make lint  checks formatting, style and types
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# Two for each core: half of what a test takes is waiting.
WORKERS ?= $(shell echo $$((2 * $$(getconf _NPROCESSORS_ONLN))))

.PHONY: run test lint format lock pictures recordings clean
.DEFAULT_GOAL := run

run: $(VENV)/.run
	@$(BIN)/agentflow demo

test: $(VENV)/.dev
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

lint: $(VENV)/.dev
	@echo "ruff format, ruff check, import contracts, mypy --strict"
	@$(BIN)/ruff format --check --quiet . || { echo "run 'make format'"; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/lint-imports --no-logo --no-cache > .lint-imports || { cat .lint-imports; exit 1; }
	@rm -f .lint-imports
	@$(BIN)/mypy

format: $(VENV)/.dev
	@$(BIN)/ruff check --quiet --fix-only . ; $(BIN)/ruff format --quiet .

# One virtual environment; the product is installed from the hashed lock, then in place.
$(VENV)/bin/python:
	@echo "Creating $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; try: make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing agentflow (about 20 seconds the first time)"
	@$(PIP) install --require-hashes --requirement requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q agentflow_tui
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run
	@echo "Installing what the tests need"
	@$(PIP) install --require-hashes --requirement requirements-dev.lock
	@touch $@

# Needs uv. The locks hold hashes for every platform and name no index.
LOCK := uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet
lock:
	@printf 'hatchling\neditables\n' | $(LOCK) pyproject.toml - -o requirements.lock
	@$(LOCK) pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock

pictures: $(VENV)/.dev
	@$(BIN)/python docs/pictures.py

recordings: $(VENV)/.dev
	@$(BIN)/python docs/bad_monday.py
	@$(BIN)/python docs/ten_tasks.py

clean:
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
