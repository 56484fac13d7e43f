# causalmix: two commands do it all. `make book` builds the book, `make test` runs the tests.
# Paths are relative and quoted, so the checkout may lie in a folder with spaces in its name.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help install book pdf publish quick reproduce audit test test-mitra lint bench clean

PY := .venv/bin/python
CAUSALMIX := $(PY) -m causalmix.cli
PROFILE ?= quick
SAMPLE ?= 20
# The environment is up to date when this file exists: its name is a checksum of what it was made from.
STAMP := .venv/stamp-$(shell (pwd; cat pyproject.toml constraints.txt .ci/install) | cksum | tr -s ' \t' '--')
MITRA_STAMP := $(subst .venv/,.venv-mitra/,$(STAMP))
# One installation at a time, where the machine has flock.
LOCK := $(shell command -v flock >/dev/null 2>&1 && echo flock .venv.lock)

export PYTHON TORCH_INDEX

help: ## list the commands
	@echo "causalmix: causal data augmentation for fine-tuning tabular foundation models"
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'
	@echo
	@echo "  STUDY=results/NAME chooses the recorded study of the book; CAUSALMIX_DATA=FOLDER the benchmark's tables."

install: $(STAMP) ## make the environment .venv (every other command does this by itself)

$(STAMP) $(MITRA_STAMP):
	@$(LOCK) .ci/install "$@"

book: $(STAMP) ## build the book from the recorded runs (the first time: run the quick study if there is none)
	@$(PY) -m causalmix.book $(if $(STUDY),--study "$(STUDY)")

pdf: $(STAMP) ## build the book and print it into one PDF (needs a Chromium)
	@$(PY) -m causalmix.book --pdf $(if $(STUDY),--study "$(STUDY)")

publish: $(STAMP) ## check that the book can be shown on GitHub Pages, and say how
	@$(PY) -m causalmix.book.publish

quick: $(STAMP) ## run the quick study for real: bundled tables, embedded model, minutes on two cores
	@$(CAUSALMIX) run --profile quick

reproduce: $(STAMP) ## run a whole study anew (PROFILE=quick) into results/PROFILE-again, and build the book from it
	@$(CAUSALMIX) run --profile "$(PROFILE)" --study "$(PROFILE)-again"
	@$(PY) -m causalmix.book --study "$(PROFILE)-again"

audit: $(STAMP) ## run SAMPLE=20 recorded runs of STUDY=paper again and compare
	@$(CAUSALMIX) audit "$(or $(patsubst results/%,%,$(patsubst %/,%,$(STUDY))),paper)" --sample "$(SAMPLE)"

test: $(STAMP) ## run all tests (two processes, about ten minutes)
	@OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 --dist loadscope --no-loadscope-reorder $(TESTS)

test-mitra: $(MITRA_STAMP) ## compare with AutoGluon's Mitra, in an environment of its own (.venv-mitra, 2 GB)
	@OMP_NUM_THREADS=1 .venv-mitra/bin/python -m pytest tests/mitra

lint: $(STAMP) ## ruff, ruff format and mypy
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy causalmix

bench: $(STAMP) ## run every benchmark in its quick form
	@for file in benchmarks/*.py; do echo "== $$file"; $(PY) "$$file" --quick || exit 1; done

clean: ## remove what was built (keeps the environment and the recorded runs)
	rm -rf _build .pytest_cache .mypy_cache .ruff_cache
