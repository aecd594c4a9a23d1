# make setup | demo | test | format | check | bench: each sets up what it needs in .venv first.
# make axe: what the tests of the report's accessibility need from npm; without it they are skipped.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
AXE := node_modules/axe-core/axe.min.js
export NO_ALBUMENTATIONS_UPDATE = 1
export RAY_USAGE_STATS_ENABLED = 0

.PHONY: setup demo test axe format check bench clean

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "error: Python >= 3.11 is needed; name one with make PYTHON=python3.12 setup"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt ".[dev]"
	@touch $@

demo: $(READY)
	$(BIN)/python sweep.py run demo

test: $(READY)
	$(BIN)/python -m pytest

axe: $(AXE)

$(AXE): package.json
	npm install --no-package-lock --no-audit --no-fund --loglevel=error
	@touch $@

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY)
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) node_modules build *.egg-info
