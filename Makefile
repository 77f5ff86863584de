# Two commands do everything, set-up included: `make demo` and `make test`.
# They need make, Python >= 3.11 and pip's package index; pip's own configuration (index, find-links) is honoured.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

.PHONY: demo test lint setup clean

demo: $(VENV)/.ready
	$(BIN)/myelin demo --out demo

test: $(VENV)/.ready lint
	$(BIN)/python -m pytest -rs

lint: $(VENV)/.ready
	$(BIN)/ruff check --output-format concise .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy

setup: $(VENV)/.ready

# Lava's metadata refuses today's Python, numpy and torch, so it is installed without its dependencies; what it really needs is
# pinned beside everything else.
$(VENV)/.ready: pyproject.toml requirements.txt requirements-lava.txt requirements-norse.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python >= 3.11 is needed, this is " + sys.version.split()[0] + "; run make PYTHON=/path/to/python3.11") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --ignore-requires-python --requirement requirements-lava.txt --requirement requirements-norse.txt
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

clean:
	rm -rf $(VENV) demo .mypy_cache .ruff_cache .pytest_cache .hypothesis
