# make setup | demo | check | format | test | bench: each first installs what it needs into .venv.
# make test-fast: no Ray, browser, fault injection or slow tests. make test-all: all tests.
# make web: installs ONNX Runtime Web from npm for `export --web`. make axe: also axe-core for the
# accessibility tests. Tests that need either are skipped without it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
JOBS ?= 2
PYTEST := $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder
AXE := node_modules/axe-core/axe.min.js
WEB := node_modules/onnxruntime-web/package.json
NPM := npm install --no-package-lock --no-audit --no-fund --loglevel=error
export NO_ALBUMENTATIONS_UPDATE = 1
export RAY_USAGE_STATS_ENABLED = 0

.PHONY: setup demo test test-fast test-all axe web check format bench clean

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "error: Python >= 3.11 is required; select one with make PYTHON=python3.12 setup"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt ".[dev]"
	@touch $@

demo: $(READY)
	$(BIN)/python sweep.py run demo

test: $(READY)
	$(PYTEST) -m "not slow"

test-fast: $(READY)
	$(PYTEST) -m "not ray and not browser and not chaos and not slow"

test-all: $(READY)
	$(PYTEST)

axe: $(AXE)

$(AXE): package.json
	$(NPM)
	@touch $@ $(WEB)

web: $(WEB)

$(WEB): package.json
	$(NPM) --omit=dev
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
