# One target per habit; `make help` lists them.
SHELL := /bin/sh
.DEFAULT_GOAL := help
PYTHON := .venv/bin/python
SLIPWAY := .venv/bin/slipway
# Changes with the locks, so that a pulled change of dependencies is installed by the next `make`.
STAMP := .venv/.installed
# Which of the long drills: `make e2e DRILLS=tests/drills/test_pools.py`.
DRILLS ?= tests/drills
# The same, of what slipway-kit is measured against: it is nobody's but the benchmark's.
PEERS := .venv-bench/.installed
# Measured on demand, so that nothing else installs it.
COVERAGE := SLIPWAY_EXAMPLES=1000 VIRTUAL_ENV=.venv .venv/bin/uv run -q --active --no-project --with coverage==7.17.3 coverage

.PHONY: help up down test coverage lint format golden e2e faults bench-serving lock install

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

up: $(STAMP) ## from nothing to a prediction on this machine
	@$(SLIPWAY) up $(if $(MODE),--mode $(MODE))

down: $(STAMP) ## remove what `up` started
	@$(SLIPWAY) down

test: $(STAMP) ## everything that must hold, on a real stack of its own
	@$(SLIPWAY) engines build
	@$(PYTHON) -m tests.run

faults: $(STAMP) ## break the plugins in every named way, and see a test fail for each
	@$(PYTHON) -m pytest tests/faults -m faults

e2e: $(STAMP) ## the long drills, 112 min: kills at every moment, lives of environments, pools, scaling, traffic, the cache, a cluster of others, an image for GPUs
	@$(SLIPWAY) engines build
	@$(SLIPWAY) build digits risk
	@$(PYTHON) -m pytest $(DRILLS) -m drill -v

coverage: $(STAMP) ## how much of planning the property tests reach, by branch
	@$(COVERAGE) run --data-file=.venv/.coverage -m pytest -q tests/infra/test_any_environment.py
	@$(COVERAGE) report --data-file=.venv/.coverage
	@$(COVERAGE) json -q --data-file=.venv/.coverage -o .venv/branches.json
	@$(PYTHON) -m tests.infra.branches .venv/branches.json

bench-serving: $(STAMP) $(PEERS) ## slipway-kit against other servers, on one core: an hour, with BENCH=quick 8 minutes
	@$(PYTHON) -m tests.bench.serving $(if $(filter quick,$(BENCH)),--quick)

lint: $(STAMP) ## style, types, who may import whom, and the stack files
	@.venv/bin/ruff format --check
	@.venv/bin/ruff check
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-cache
	@$(SLIPWAY) check

format: $(STAMP) ## write the code in the house's style
	@.venv/bin/ruff format
	@.venv/bin/ruff check --fix

golden: $(STAMP) ## write the golden files anew; review reads the difference
	@$(PYTHON) -m pytest tests/infra/test_program.py tests/infra/settings/test_editor.py --golden

lock: $(STAMP) ## resolve the dependencies of every group anew, with hashes
	@sh requirements/lock.sh

install: $(STAMP) ## the environment, without running anything

$(STAMP): pyproject.toml requirements/dev.txt requirements/uv.txt requirements/install.sh
	@sh requirements/install.sh
	@touch $@

$(PEERS): requirements/bench.txt $(STAMP)
	@.venv/bin/uv venv --quiet --allow-existing --python .venv/bin/python .venv-bench
	@.venv/bin/uv pip sync --quiet --python .venv-bench/bin/python --require-hashes requirements/bench.txt
	@touch $@
