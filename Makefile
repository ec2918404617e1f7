# Two commands: `make demo` scores real rollouts, `make test` runs everything that must hold.
# Both make .venv themselves, from exact versions (locks/), and again when these or pyproject.toml change.

PYTHON ?= $(firstword $(foreach python,python3 python3.14 python3.13 python3.12 python3.11,$(shell \
  $(python) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(python))))
VENV ?= .venv
BENCH := .venv-bench
PEERS := .venv-peers
SWIFT := .venv-swift
DOCS := .venv-docs
LATEST := .venv-latest
LOWEST := .venv-lowest
LOCK := .venv-lock
TYPES := .venv-types
# Labelled development data, which is not part of the repository; without it two of the benchmarks are left out.
DATA := ../shared/data

# pip of an environment. A build takes its own requirements from locks/constraints-build.txt, too.
pip = $(1)/bin/python -m pip --disable-pip-version-check
# Installs into environment $(1) what stands in lock $(2). torch is asked for by itself, since pip then takes a CPU
# build that was configured for it.
locked = $(call pip,$(1)) install -q -c locks/constraints-$(2).txt --build-constraint locks/constraints-build.txt
TORCH := 'torch>=2.6,<2.14'
# What the tests need, in whichever versions.
TESTED := -e '.[all]' --group lint --group test
PYTEST := bin/pytest --doctest-modules tests src/r1_reward -m 'not slow' -n 4 --dist worksteal

# Where a shell sets it, every process that a test starts would compile the package anew: a third of the tests' time.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo reproduce images test tests test-slow test-peers test-latest test-lowest lint types pyright docs screenshots wheel bench lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# A tenth of the rows hold programs, which a machine without Docker and without namespaces cannot judge.
demo: $(VENV)/.scoring ## Score 220 rollouts, show the summary and write a page about them
	$(VENV)/bin/r1-reward score examples/rollouts.jsonl -o out/scored.jsonl --overwrite --summary out/summary.json \
	  --report out/report.html --max-errors 10%

reproduce: $(VENV)/.testing ## All stages of R1 at the toy's scale, and out/r1_toy/report.html about them
	OMP_NUM_THREADS=1 $(VENV)/bin/r1-reward train recipes/r1_toy.toml
	$(VENV)/bin/r1-reward report out/r1_toy -o out/r1_toy/report.html

images: $(VENV)/.scoring ## Make the images that the docker backend runs programs in
	$(VENV)/bin/r1-reward sandbox build

# The type checker, which takes one core, beside the tests, which wait for processes every now and then.
test: lint ## Lint, types and tests
	@$(MAKE) --no-print-directory -j2 types tests

tests: $(VENV)/.testing
	$(VENV)/$(PYTEST) $(PYTEST_ARGS)

test-slow: $(VENV)/.testing ## The proofs that take minutes
	$(VENV)/bin/pytest -m slow $(PYTEST_ARGS)

test-peers: $(PEERS)/.made $(SWIFT)/.made ## Real trainers (TRL, verl, OpenRLHF, ...) with our rewards; two environments, 5 GB
	R1_REWARD_SWIFT=$(abspath $(SWIFT)) $(PEERS)/bin/pytest tests/peers -W default $(PYTEST_ARGS)

test-latest: ## The tests with the newest of everything, where every warning is an error
	$(call new_environment,$(LATEST))
	$(call pip,$(LATEST)) install -q --upgrade pip
	$(call pip,$(LATEST)) install -q --upgrade $(TORCH)
	$(call pip,$(LATEST)) install -q --upgrade $(TESTED)
	$(call pip,$(LATEST)) freeze --exclude-editable >$(LATEST)/versions.txt
	$(LATEST)/$(PYTEST) -W error $(PYTEST_ARGS)

# Old releases of others leave files open, Ray among them, which would count as ours.
test-lowest: $(LOCK)/.made ## The tests with the lowest versions that pyproject.toml declares
	$(call new_environment,$(LOWEST))
	$(LOCK)/bin/uv pip compile -q pyproject.toml --extra all --group test --resolution lowest-direct \
	  --python $(LOWEST)/bin/python -o $(LOWEST)/versions.txt
	$(call pip,$(LOWEST)) install -q -c $(LOWEST)/versions.txt --build-constraint locks/constraints-build.txt torch
	$(call pip,$(LOWEST)) install -q -c $(LOWEST)/versions.txt --build-constraint locks/constraints-build.txt -e '.[all]' --group test
	$(LOWEST)/$(PYTEST) -W ignore::ResourceWarning -W ignore::pytest.PytestUnraisableExceptionWarning $(PYTEST_ARGS)

lint: $(VENV)/.testing
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

types: $(VENV)/.testing
	$(VENV)/bin/mypy

# Minutes, so not part of `make test`. Node.js comes as a wheel.
pyright: $(VENV)/.testing $(TYPES)/.made ## A second type checker over the package, and whether all that is public is typed
	$(TYPES)/bin/pyright --pythonpath $(VENV)/bin/python
	$(VENV)/bin/python .ci/public_types.py $(TYPES)/bin/pyright

# By MkDocs, and by the program that follows it, so that either can build the site. `site_dir` in mkdocs.yml is out/site.
docs: $(DOCS)/.made ## Build docs/ as a site in out/site; links, anchors and what pages load are checked
	PYTHONPATH=src $(DOCS)/bin/zensical build --clean --strict
	$(DOCS)/bin/python .ci/check_site.py out/site
	PYTHONPATH=src NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --quiet --strict
	$(DOCS)/bin/python .ci/check_site.py out/site

screenshots: $(VENV)/.testing ## Make the pictures of docs/ anew, in Chromium
	$(VENV)/bin/python .ci/screenshots.py

wheel: $(VENV)/.testing ## Build sdist and wheel into dist/, and try the wheel alone in an empty environment
	rm -rf dist
	$(VENV)/bin/python -m build --no-isolation --outdir dist .
	$(VENV)/bin/python .ci/try_wheel.py dist locks

bench: $(BENCH)/.made ## Measure the figures that README quotes
	$(BENCH)/bin/python benchmarks/scoring.py
	$(BENCH)/bin/python benchmarks/report.py
	$(BENCH)/bin/python benchmarks/judge.py
	$(BENCH)/bin/python benchmarks/evaluation.py
	$(if $(shell command -v wrk),$(BENCH)/bin/python benchmarks/serving.py)
	$(if $(wildcard $(DATA)/math_dev.jsonl),$(BENCH)/bin/python benchmarks/math_verifier.py $(DATA)/math_dev.jsonl)
	$(if $(wildcard $(DATA)/math_dev.jsonl),$(BENCH)/bin/python benchmarks/math_mutations.py $(DATA)/math_dev.jsonl $(DATA)/rollouts_dev.jsonl)
	$(if $(wildcard $(DATA)/lang_dev.jsonl),$(BENCH)/bin/python benchmarks/language.py)

# Each environment is resolved by itself: together, one trainer's upper bound would decide what the tests run with.
# Without hashes: with them pip would refuse a CPU build of torch on disk and fetch the CUDA one.
lock: $(LOCK)/.made ## Renew the exact versions in locks/
	$(call resolve,test,pyproject.toml --extra all --group lint --group test)
	$(call resolve,docs,--group docs)
	$(call resolve,types,--group types)
	$(call resolve,bench,pyproject.toml --extra all --group bench)
	$(call resolve,peers,pyproject.toml --extra serve --group peers)
	$(call resolve,swift,pyproject.toml --extra serve --group swift)
	printf 'pip>=26\nsetuptools>=77\nuv\n' | $(call resolve,build,-)

clean: ## Remove what the commands above made
	rm -rf $(VENV) .venv-* out build dist *.egg-info src/*.egg-info .cache .mypy_cache .ruff_cache .pytest_cache

define new_environment
@test -n "$(PYTHON)" || { echo "r1-reward needs Python 3.11 or newer; none was found (set PYTHON=...)"; exit 1; }
rm -rf $(1)
@$(PYTHON) -m venv $(1) || { echo "this Python cannot make environments: apt install python3-venv"; exit 1; }
$(call pip,$(1)) install -q -c locks/constraints-build.txt pip
endef

resolve = $(LOCK)/bin/uv pip compile -q $(2) --universal --python-version 3.11 --upgrade --no-annotate --no-header \
  --no-emit-index-url --no-emit-find-links -o locks/constraints-$(1).txt

$(VENV)/.made: pyproject.toml locks/constraints-build.txt locks/constraints-test.txt
	$(call new_environment,$(VENV))
	touch $@

$(VENV)/.scoring: $(VENV)/.made
	$(call locked,$(VENV),test) -e '.[report]'
	touch $@

$(VENV)/.testing: $(VENV)/.scoring
	$(call locked,$(VENV),test) $(TORCH)
	$(call locked,$(VENV),test) $(TESTED)
	touch $@

$(BENCH)/.made: pyproject.toml locks/constraints-build.txt locks/constraints-bench.txt
	$(call new_environment,$(BENCH))
	$(call locked,$(BENCH),bench) $(TORCH)
	$(call locked,$(BENCH),bench) -e '.[all]' --group bench
	touch $@

$(DOCS)/.made: pyproject.toml locks/constraints-build.txt locks/constraints-docs.txt
	$(call new_environment,$(DOCS))
	$(call locked,$(DOCS),docs) --group docs
	touch $@

$(TYPES)/.made: pyproject.toml locks/constraints-build.txt locks/constraints-types.txt
	$(call new_environment,$(TYPES))
	$(call locked,$(TYPES),types) --group types
	touch $@

# TRL and verl agree on what they need. The others pin much that does not go together (and need a GPU to be installed
# whole), so they come without, and what their reward code imports is named in the group.
$(PEERS)/.made: pyproject.toml locks/constraints-build.txt locks/constraints-peers.txt
	$(call new_environment,$(PEERS))
	$(call locked,$(PEERS),peers) $(TORCH)
	$(call locked,$(PEERS),peers) -e '.[serve]' --group peers
	$(call pip,$(PEERS)) install -q --no-deps areal==1.0.4 atroposlib==0.4.0 miles-rl==0.0.2 ms-swift==4.6.0 \
	  openenv==0.10.0 openrlhf==0.11.2 skyrl-gym==0.4.0 tinker==0.38.0 tinker-cookbook==0.6.1 torchtitan==0.3.0 \
	  trinity-rft==0.6.0
	touch $@

$(SWIFT)/.made: pyproject.toml locks/constraints-build.txt locks/constraints-swift.txt
	$(call new_environment,$(SWIFT))
	$(call locked,$(SWIFT),swift) $(TORCH)
	$(call locked,$(SWIFT),swift) -e '.[serve]' --group swift
	touch $@

$(LOCK)/.made: locks/constraints-build.txt
	$(call new_environment,$(LOCK))
	$(call pip,$(LOCK)) install -q -c locks/constraints-build.txt uv
	touch $@
