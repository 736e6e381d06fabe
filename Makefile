# Everything a person types. `make help` lists it.

PYTHON ?= python3
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
PACKAGES := protos libs/runtime libs/text libs/client libs/bench services/embedder services/ingest services/search
EDITABLE := $(foreach package,$(PACKAGES),--editable $(package))
MODEL := var/model
EVAL_DATA ?= ../shared/eval
# Chunks of scale-data and bench-search.
N ?= 100000
# torch takes a gigabyte and nothing here needs it by default, so it has an environment of its own.
TORCH_VENV := .venv-torch
TORCH_BIN := $(CURDIR)/$(TORCH_VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help setup dev model torch demo up test test-torch test-kills check lint types layers protos generate lock figures
.PHONY: bench-embedder bench-ingest bench-observability scale-data bench-search eval load
.PHONY: monitoring same-monitoring prometheus promtool test-observability clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: export SAGWAN_DEMO_STARTED := $(shell date +%s.%N)
demo: setup model ## From nothing to answers: set up, start, ingest the samples, ask, stop
	@$(BIN)/sagwan demo

up: setup model ## The same stack, and it stays until Ctrl-C
	@$(BIN)/sagwan up

test: dev model ## Unit, integration and end-to-end tests, on a real database and the real model
	@$(BIN)/pytest -m "not observability" --numprocesses 2 --dist loadfile

test-observability: dev model ## Rules, dashboards, traces and logs against a real Prometheus (make prometheus)
	@$(BIN)/pytest -m observability

test-torch: torch model ## Tests of what needs torch: the backend sentence-transformers, and exports
	@$(TORCH_BIN)/pytest services/embedder/tests/integration/with_torch

test-kills: dev model ## Sixty imports in which a process is killed, twenty minutes
	@SAGWAN_KILLS=60 $(BIN)/pytest -s tests/faults/test_killed_imports.py

check: lint types layers protos same-monitoring ## Everything that needs no process: lint, types, layers, contracts, rules

lint: dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: dev
	@$(BIN)/mypy

layers: dev
	@$(BIN)/lint-imports

protos: dev ## Lint the contracts, refuse breaking changes, refuse generated code that differs
	@cd protos && $(BIN)/buf lint && $(BIN)/buf format --diff --exit-code && $(BIN)/buf breaking --against baseline.binpb
	@PATH="$(BIN):$$PATH" protos/generate.sh
	@git diff --exit-code --stat -- protos/gen
	@test -z "$$(git status --porcelain -- protos/gen)" || { git status --short -- protos/gen; exit 1; }

generate: dev ## Write protos/gen from the contracts
	@PATH="$(BIN):$$PATH" protos/generate.sh

figures: dev model ## Measure what the project claims, on real meetings (EVAL_DATA=../shared/eval)
	@PYTHONPATH=tests $(BIN)/python eval/figures.py --data $(EVAL_DATA)

eval: dev model ## Measure what search finds on labelled questions (DATA=../shared/eval, a set or a folder of sets)
	@PYTHONPATH=tests:eval $(BIN)/python eval/evaluate.py --data $(or $(DATA),$(EVAL_DATA))
	@$(if $(DATA),,PYTHONPATH=eval $(BIN)/python eval/analyses.py --data $(EVAL_DATA))

bench-embedder: dev model torch ## Measure the embedder against raw loops and torch, half an hour (EVAL_DATA=../shared/eval)
	@$(BIN)/python bench/embedder.py --data $(EVAL_DATA) --torch-python $(TORCH_BIN)/python

bench-ingest: dev model ## Measure an import of 88,000 utterances, a quarter of an hour (EVAL_DATA=../shared/eval)
	@PYTHONPATH=tests $(BIN)/python bench/ingest.py --data $(EVAL_DATA)

scale-data: dev model ## Build a database of N chunks from real text (N=100000 EVAL_DATA=../shared/eval)
	@PYTHONPATH=tests $(BIN)/python bench/scale.py --chunks $(N) --data $(EVAL_DATA)

bench-search: dev model ## Measure searches among the N chunks of scale-data (N=100000 ROWS=alone,…)
	@PYTHONPATH=tests $(BIN)/python bench/search.py --chunks $(N) --data $(EVAL_DATA) $(if $(ROWS),--only $(ROWS))

bench-observability: dev model ## Measure what metrics and traces cost a search, half an hour
	@PYTHONPATH=tests $(BIN)/python bench/observability.py

load: dev model ## 60 s of load from 10 users on the running stack (make up), with a verdict
	@$(BIN)/python loadtest/report.py

monitoring: dev ## Write Prometheus' rules and Grafana's dashboards from deploy/sagwan_monitoring
	@PYTHONPATH=deploy $(BIN)/python -m sagwan_monitoring

same-monitoring: dev
	@PYTHONPATH=deploy $(BIN)/python -m sagwan_monitoring --check

prometheus: ## Unpack Debian's package prometheus into var/prometheus; nothing is installed, and nothing starts
	@mkdir -p var/prometheus && cd var/prometheus && { apt-get download -qq prometheus || \
	  { apt-get update -qq && apt-get download -qq prometheus; }; } && dpkg -x prometheus_*.deb . && rm prometheus_*.deb

promtool: ## Check Prometheus' configuration and rules (needs promtool: make prometheus)
	@PATH="$$PATH:$(CURDIR)/var/prometheus/usr/bin"; promtool check config --syntax-only deploy/prometheus/prometheus.yml
	@PATH="$$PATH:$(CURDIR)/var/prometheus/usr/bin"; promtool check rules deploy/prometheus/rules/*.yml

lock: dev ## Pin requirements/*.in again, with hashes
	@PATH="$(BIN):$$PATH" requirements/lock.sh

clean: ## Remove the environment and all state, the embedded database too
	rm -rf $(VENV) $(TORCH_VENV) var

setup: $(VENV)/local.stamp
dev: $(VENV)/dev.stamp
torch: $(TORCH_VENV)/torch.stamp
model: $(MODEL)/model.json

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Sagwan needs Python 3.11 or later; set PYTHON=")'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/local.stamp: requirements/local.lock $(foreach package,$(PACKAGES),$(package)/pyproject.toml) | $(VENV)/bin/python
	@echo "installing locked dependencies (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes --requirement requirements/local.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --no-build-isolation $(EDITABLE)
	@touch $@

$(VENV)/dev.stamp: requirements/dev.lock $(VENV)/local.stamp
	@echo "installing development tools (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes --requirement requirements/dev.lock
	@touch $@

$(TORCH_VENV)/torch.stamp: requirements/dev.lock requirements/export.lock requirements/torch.in $(VENV)/local.stamp
	@echo "installing torch and sentence-transformers (once)"
	@$(PYTHON) -m venv --clear $(TORCH_VENV)
	@for lock in dev export; do $(TORCH_BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps \
	  --require-hashes --requirement requirements/$$lock.lock || exit 1; done
	@$(TORCH_BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --requirement requirements/torch.in
	@$(TORCH_BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --no-build-isolation $(EDITABLE)
	@touch $@

$(MODEL)/model.json: $(VENV)/local.stamp
	@$(BIN)/python -m sagwan_embedder.build --output $(MODEL)
	@touch $@
