# Two commands do everything, set-up included: `make demo` and `make test`.
# They need make, Python >= 3.11 and pip's package index; pip's own configuration (index, find-links) is honoured.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# a worker for each core; a file's tests share what they made, and files come in the order of tests/helpers/tiers.py
PYTEST := $(BIN)/python -m pytest --numprocesses logical --maxprocesses 8 --dist loadfile --no-loadscope-reorder

.PHONY: demo test test-fast fuzz lint setup clean

demo: $(VENV)/.ready
	$(BIN)/myelin demo --out demo

test: $(VENV)/.ready lint
	$(PYTEST) -rs

# What needs no Lava, no other process, no browser and no training; under a minute once compiled code is cached.
test-fast: $(VENV)/.ready
	$(PYTEST) -m "not lava and not subprocess and not browser and not training"

# Changed inputs for every reader of files; minutes.  `make fuzz SEED=7 CASES=10000 READERS="netx nir"`
fuzz: $(VENV)/.ready
	$(BIN)/python tests/fuzz/fuzz_run.py --seed $(or $(SEED),$(shell date +%s)) --cases $(or $(CASES),2000) $(if $(READERS),--only $(READERS))

lint: $(VENV)/.ready
	$(BIN)/ruff check --output-format concise .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy

setup: $(VENV)/.ready

# Lava's metadata refuses today's Python, numpy and torch, so it is installed without its dependencies; what it really needs is
# pinned beside everything else.
$(VENV)/.ready: pyproject.toml requirements.txt requirements-lava.txt requirements-peers.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python >= 3.11 is needed, this is " + sys.version.split()[0] + "; run make PYTHON=/path/to/python3.11") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --ignore-requires-python --requirement requirements-lava.txt --requirement requirements-peers.txt
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

clean:
	rm -rf $(VENV) demo .mypy_cache .ruff_cache .pytest_cache .hypothesis
