# Two commands: `make demo` scores real rollouts, `make test` runs everything that must hold.
# Both make .venv themselves, and again when pyproject.toml changes.

PYTHON ?= $(firstword $(foreach python,python3 python3.14 python3.13 python3.12 python3.11,$(shell \
  $(python) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(python))))
VENV := .venv
BIN := $(VENV)/bin
# Labelled development data, which is not part of the repository; without it two of the benchmarks are left out.
DATA := ../shared/data
PIP := $(BIN)/python -m pip --disable-pip-version-check
PEERS := .venv-peers
PEERS_PIP := $(PEERS)/bin/python -m pip --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help demo reproduce images test test-slow test-peers lint types bench clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# A tenth of the rows hold programs, which a machine without Docker and without namespaces cannot judge.
demo: $(VENV)/.scoring ## Score 220 rollouts, show the summary and write a page about them
	$(BIN)/r1-reward score examples/rollouts.jsonl -o out/scored.jsonl --overwrite --summary out/summary.json \
	  --report out/report.html --max-errors 10%

reproduce: $(VENV)/.testing ## All stages of R1 at the toy's scale, and out/r1_toy/report.html about them
	OMP_NUM_THREADS=1 $(BIN)/r1-reward train recipes/r1_toy.toml
	$(BIN)/r1-reward report out/r1_toy -o out/r1_toy/report.html

images: $(VENV)/.scoring ## Make the images that the docker backend runs programs in
	$(BIN)/r1-reward sandbox build

test: lint types ## Lint, types and tests
	$(BIN)/pytest --doctest-modules tests src/r1_reward -m 'not slow' $(PYTEST_ARGS)

test-slow: $(VENV)/.testing ## The proofs that take minutes
	$(BIN)/pytest -m slow $(PYTEST_ARGS)

test-peers: $(PEERS)/.made ## Real trainers (TRL, verl, OpenRLHF, ...) calling our rewards; an environment of its own, 2 GB
	$(PEERS)/bin/pytest tests/peers -W default $(PYTEST_ARGS)

lint: $(VENV)/.testing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.testing
	$(BIN)/mypy

bench: $(VENV)/.bench ## Measure the figures that README quotes
	$(BIN)/python benchmarks/scoring.py
	$(BIN)/python benchmarks/report.py
	$(if $(shell command -v wrk),$(BIN)/python benchmarks/serving.py)
	$(if $(wildcard $(DATA)/math_dev.jsonl),$(BIN)/python benchmarks/math_verifier.py $(DATA)/math_dev.jsonl)
	$(if $(wildcard $(DATA)/lang_dev.jsonl),$(BIN)/python benchmarks/language.py)

clean: ## Remove what the commands above made
	rm -rf $(VENV) $(PEERS) out build dist *.egg-info src/*.egg-info .mypy_cache .ruff_cache .pytest_cache

$(VENV)/.made: pyproject.toml
	@test -n "$(PYTHON)" || { echo "r1-reward needs Python 3.11 or newer; none was found (set PYTHON=...)"; exit 1; }
	rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV) || { echo "this Python cannot make environments: apt install python3-venv"; exit 1; }
	$(PIP) install -q --upgrade 'pip>=25.1'
	touch $@

$(VENV)/.scoring: $(VENV)/.made
	$(PIP) install -q -e '.[report]'
	touch $@

# torch is asked for by itself, since pip then takes a CPU build that was configured for it.
$(VENV)/.testing: $(VENV)/.scoring
	$(PIP) install -q 'torch>=2.6,<2.14'
	$(PIP) install -q -e '.[train,lora,parquet,ray,report,serve]' --group lint --group test
	touch $@

$(VENV)/.bench: $(VENV)/.testing
	$(PIP) install -q --group bench
	touch $@

# TRL and verl agree on what they need. The others pin much that does not go together (and need a GPU to be installed
# whole), so they come without, and what their reward code imports is named in the group.
$(PEERS)/.made: pyproject.toml
	@test -n "$(PYTHON)" || { echo "r1-reward needs Python 3.11 or newer; none was found (set PYTHON=...)"; exit 1; }
	rm -rf $(PEERS)
	$(PYTHON) -m venv $(PEERS)
	$(PEERS_PIP) install -q --upgrade 'pip>=25.1'
	$(PEERS_PIP) install -q 'torch>=2.6,<2.14'
	$(PEERS_PIP) install -q -e '.[serve]' --group peers
	$(PEERS_PIP) install -q --no-deps areal==1.0.4 ms-swift==4.6.0 openrlhf==0.11.2 skyrl-gym==0.4.0
	touch $@
