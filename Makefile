# make demo: set up and train on the embedded digits.    make test: set up, lint, types, imports, tests.
# make results-quick TFDS=DIR PHOTOGRAPHS=DIR: a cell of most tables of accuracies again, in under 15 minutes on two cores.
# make inspector-build [RUN=runs/NAME]: the inspector with a run's model, as a static folder; needs Node and npm.
PYTHON ?= python3
BIN := .venv/bin

INSPECTOR := examples/inspector

.PHONY: demo test lint results-quick inspector-build clean

demo: .venv/demo
	$(BIN)/python train.py

test: lint
	$(BIN)/pytest -rs -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

results-quick: .venv/demo
	$(BIN)/python -m benchmarks.results_quick --tfds $(TFDS) --photographs $(PHOTOGRAPHS)

lint: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

inspector-build: $(INSPECTOR)/node_modules/.package-lock.json
	npm --prefix $(INSPECTOR) run --silent build
	$(PYTHON) $(INSPECTOR)/with_run.py $(INSPECTOR)/dist build/inspector $(RUN)

$(INSPECTOR)/node_modules/.package-lock.json: $(INSPECTOR)/package-lock.json
	npm --prefix $(INSPECTOR) ci --silent
	touch $@

.venv/demo: requirements.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q -r requirements.txt
	touch $@

.venv/test: requirements.txt requirements-dev.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q -r requirements-dev.txt
	$(BIN)/pip install -q --no-deps --no-build-isolation -e .
	touch $@ .venv/demo

clean:
	rm -rf .venv
