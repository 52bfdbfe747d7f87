# make help lists the verbs. Everything happens in ./.venv; nothing else on the machine is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help run test test-all check bench study study-runs docs clean

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(INSTALLED) ## train bce, wgan, lsgan and fgan_kl on MNIST and print the path of the report
	@$(BIN)/python run.py experiment=compare_families

test: $(INSTALLED) ## run the tests but the slow ones, a process for each core
	@CUDA_VISIBLE_DEVICES= OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal

test-all: $(INSTALLED) ## run the slow tests too: environments of their own, clusters
	@CUDA_VISIBLE_DEVICES= OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal -m ''

check: $(INSTALLED) ## format, lint and types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

bench: $(INSTALLED) ## measure speed and write benchmarks/README.md (about an hour, on an idle machine)
	@$(BIN)/python -m benchmarks

study: $(INSTALLED) ## write docs/study.md, its figures and the study's part of docs/choosing.md from the data
	@$(BIN)/python -m gan_zoo.experiments.study_page

study-runs: $(INSTALLED) ## print what the runs of the study take, and run what is missing (days on two cores)
	@$(BIN)/python -m gan_zoo.experiments.study_runs run=true

docs: $(INSTALLED) ## build the documentation into build/docs; a warning is an error
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	@OMP_NUM_THREADS=1 $(BIN)/python -m sphinx -q -W docs build/docs
	@echo build/docs/index.html

clean: ## remove the virtual environment and caches; runs and reports stay
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache .hypothesis build dist docs/generated *.egg-info

# Installed again when what is to be installed changes.
$(INSTALLED): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@
