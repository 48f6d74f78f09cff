# make run: install what is missing and open the page. make test-all: install and pass every test.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
QUICK = $(BIN)/pytest --numprocesses 2 --dist loadfile

.PHONY: run install install-dev lint check format test test-all bench-classify bench-train bench-explain bench-load bench-start bench-kills screenshots clean

run: install
	$(BIN)/python app.py

install: $(VENV)/.installed
install-dev: $(VENV)/.installed-dev

$(VENV)/.installed: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -r requirements.txt
	touch $@

$(VENV)/.installed-dev: requirements.txt requirements-dev.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -r requirements-dev.txt
	touch $@ $(VENV)/.installed

lint: install-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test

format: install-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: install-dev
	$(QUICK)

test-all: install-dev
	$(QUICK)
	$(QUICK) --durations 20 -m "not bench and not alone and (slow or browser or attack or shared)"
	$(BIN)/pytest -m "bench or alone"

bench-classify: install-dev
	$(BIN)/python -m tests.bench.classify

bench-train: install-dev
	$(BIN)/python -m tests.bench.train

bench-explain: install-dev
	$(BIN)/python -m tests.bench.explain

bench-load: install-dev
	$(BIN)/python -m tests.bench.load

bench-start: install-dev
	$(BIN)/pytest -m bench -s tests/bench/test_startup.py

bench-kills: install-dev
	$(BIN)/python -m tests.bench.kills

screenshots: install-dev
	$(BIN)/python -m tests.browser.screenshots

clean:
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
