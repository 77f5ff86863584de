# Two commands do everything, set-up included: `make demo` and `make test`.
# They need make, Python >= 3.11 and pip's package index; pip's own configuration (index, find-links) is honoured.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# a worker for each core; a file's tests share what they made, and files come in the order of tests/helpers/tiers.py
PYTEST := $(BIN)/python -m pytest --numprocesses logical --maxprocesses 8 --dist loadfile --no-loadscope-reorder

# Nothing that requirements*.txt does not name by its hash is installed, or built with.
INSTALL := $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation
HASHED  := $(INSTALL) --require-hashes

.PHONY: demo test test-fast fuzz lint docs pictures setup wheels requirements audit clean

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

# The documentation, into site/: without network; a broken link fails.
docs: $(VENV)/.ready
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
	@echo "open site/index.html"

# The pictures on the pages of the examples, into docs/examples; minutes.  `make pictures NAMES="closed_loop event_camera"`
pictures: $(VENV)/.ready
	$(BIN)/python docs/pictures/examples.py $(NAMES)

setup: $(VENV)/.ready

# A wheel, installed and tried outside of here on every supported Python that this machine has; gigabytes and many minutes.
# `make wheels PYTHONS="3.12 3.13" STAGES=base`; NEWEST=1 takes what pip finds instead of the pins.
wheels: $(VENV)/.ready
	$(BIN)/python .ci/wheels.py $(if $(PYTHONS),--python $(PYTHONS)) $(if $(STAGES),--stages $(STAGES)) $(if $(NEWEST),--newest)

# Each file lists all that it needs, so that nothing is resolved here.  torch is its CPU build where pip is configured for an index
# or a folder that has it, else that of the public index, with the libraries of CUDA on Linux.  Lava's metadata refuses today's
# Python, numpy and torch; what it really needs is pinned beside everything else.
$(VENV)/.ready: pyproject.toml requirements.txt requirements-cpu.txt requirements-lava.txt requirements-peers.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python >= 3.11 is needed, this is " + sys.version.split()[0] + "; run make PYTHON=/path/to/python3.11") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(HASHED) --requirement requirements-cpu.txt 2>/dev/null || $(HASHED) --requirement requirements.txt
	$(HASHED) --ignore-requires-python --requirement requirements-lava.txt --requirement requirements-peers.txt
	$(INSTALL) --editable .
	@touch $@

# Resolves requirements*.in into requirements*.txt, with the hashes of every file of a release.
requirements: $(VENV)/.ready
	$(BIN)/python .ci/requirements.py

# Looks the pinned releases up in a database of known vulnerabilities; fails if one is known.
audit: $(VENV)-audit/.ready
	$(VENV)-audit/bin/python .ci/audit.py

$(VENV)-audit/.ready: requirements-audit.txt
	$(PYTHON) -m venv $(VENV)-audit
	$(VENV)-audit/bin/python -m pip install --quiet --no-deps --require-hashes --requirement requirements-audit.txt
	@touch $@

clean:
	rm -rf $(VENV) $(VENV)-audit demo site .mypy_cache .ruff_cache .pytest_cache .hypothesis
