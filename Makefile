# The Engine of Deep Learning. `make` does the main job, `make test` proves it, `make help` lists the rest.

SHELL := bash
.SHELLFLAGS := -o pipefail -ec
.DEFAULT_GOAL := all
MAKEFLAGS += --no-print-directory

# The matrices of this course are small: with several threads, BLAS only gets in its own way.
export OPENBLAS_NUM_THREADS := 1
export OMP_NUM_THREADS := 1

PYTHON ?= python3
STUDENTS ?= 30
SEED ?= 1

BIN := .venv/bin
CLASS := _build/class
SITE := _build/html/index.html
READY := .venv/.ready
OTTER := _build/bench/otter

CODE := $(wildcard autograder/*.py autograder/engine/*.py autograder/templates/*)
MASTERS := $(wildcard solutions/*.py solutions/*/*)
PAGES := $(shell find book -type f -not -name '*.pyc') _config.yml _toc.yml

# $(call need,check,package,purpose): where the command `check` fails, install a system package. As root, or where sudo
# asks for nothing, that happens by itself; otherwise the message names the line to type.
define need
	@check() { $(1) >/dev/null 2>&1; }; \
	if check; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ]; then as_root=env; else as_root="sudo -n"; fi; \
	if command -v apt-get >/dev/null && $$as_root true 2>/dev/null; then \
	  echo "installing $(2), needed $(3)"; \
	  install() { $$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(2) >/dev/null 2>&1; }; \
	  install || { $$as_root apt-get update -qq >/dev/null 2>&1 && install; } || true; \
	fi; \
	if check; then exit 0; fi; \
	echo "$(2) is missing; it is needed $(3). Install it with" >&2; \
	echo "    sudo apt-get install $(2)" >&2; \
	echo "and run make again." >&2; \
	exit 1
endef

.PHONY: all help setup release site archive pdf class browser-tools lighthouse test quick lint oracle bench bench-scale constraints clean

all: release site class  ## set up, release the exercises, build the site, grade a simulated class
	@echo
	@echo "The site         _build/html/index.html"
	@echo "The exercises    exercises/<chapter>/<chapter>.ipynb"
	@echo "A graded class   $(CLASS)/report.html   (the instructor's report)"
	@echo "                 $(CLASS)/grades.csv    (one line a student)"
	@echo "                 $(CLASS)/gradebook.db  (nbgrader's gradebook)"
	@echo "Next: open the site in a browser, or read README.md for your way in."

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## *(.*)/  make \1\t\2/' | expand -t 20

setup: $(READY)  ## make the environment in .venv

$(READY): requirements.txt constraints.txt pyproject.toml book/interactive/package-lock.json
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing: install Python 3.11 or newer, or name one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "expected Python 3.11 or newer, found $$($(PYTHON) -V). Name another one: make PYTHON=python3.12" >&2; exit 1; }
	$(call need,$(PYTHON) -c 'import ensurepip',python3-venv,to make the environment)
	@echo "setting up .venv from $$($(PYTHON) -V) (a minute or two, once)"
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@$(BIN)/python -m book.bundle
	@touch $@

release: _build/.released  ## make exercises/ from the masters in solutions/

_build/.released: $(READY) $(CODE) $(MASTERS) $(wildcard exercises/*/*)
	@mkdir -p _build
	@$(BIN)/autograder release
	@touch $@

site: $(SITE)  ## build the site into _build/html

# Sphinx writes a page again when its text has changed, not when the code that finishes pages has.
_build/.finishing: $(wildcard book/*.py book/*.cjs) $(shell find book/templates -type f)
	@rm -rf _build/.doctrees _build/html
	@mkdir -p _build
	@touch $@

$(SITE): _build/.finishing _build/.released $(PAGES)
	@$(BIN)/python -m book.execute
	@echo "building the site from what the pages displayed (a minute or two)"
	@$(BIN)/jupyter-book build . -W -n --keep-going -q
	@touch $@

archive: $(SITE)  ## the site as one file that works when unpacked anywhere: _build/the-engine-of-deep-learning.zip
	@$(BIN)/python -m book.offline

pdf: $(SITE)  ## the course as one PDF: _build/the-engine-of-deep-learning.pdf
	$(call need,command -v chromium chromium-browser google-chrome,chromium,to print the course)
	@$(BIN)/python -m book.print

class: $(CLASS)/report.html  ## simulate a class, grade it, and compare the grades with the truth

$(CLASS)/report.html: $(READY) _build/.released
	$(call need,command -v bwrap,bubblewrap,to run submissions in a sandbox)
	@rm -rf $(CLASS)
	@$(BIN)/autograder simulate --students $(STUDENTS) --seed $(SEED) --broken 1 --out $(CLASS)
	@$(BIN)/autograder grade $(CLASS)
	@$(BIN)/autograder verify $(CLASS)

browser-tools: _build/browser/.ready  ## install what the tests measure the site with: axe-core and Lighthouse

_build/browser/.ready: $(READY) tests/book/package.json tests/book/package-lock.json tests/book/.npmrc
	@mkdir -p _build/browser
	@cp tests/book/package.json tests/book/package-lock.json tests/book/.npmrc _build/browser
	@cd _build/browser && $(CURDIR)/$(BIN)/npm ci --omit=optional --loglevel=error
	@touch $@

lighthouse: site browser-tools  ## Lighthouse's scores of a few pages, desktop and mobile, median of three
	$(call need,command -v chromium chromium-browser google-chrome,chromium,to test the site in a browser)
	@LIGHTHOUSE_RUNS=3 $(BIN)/python -m pytest -q -rP tests/book/test_lighthouse.py

test: lint site browser-tools  ## set up what the tests need and run them all
	$(call need,command -v bwrap,bubblewrap,to run submissions in a sandbox)
	$(call need,{ command -v initdb || ls /usr/lib/postgresql/*/bin/initdb; },postgresql,to test the gradebook on a PostgreSQL server)
	$(call need,command -v chromium chromium-browser google-chrome,chromium,to test the site in a browser)
	@$(BIN)/autograder release --check
	@$(MAKE) quick
	@$(BIN)/python -m pytest -m slow

quick: $(READY)  ## the fast tests: no kernels, no site, no browser
	@$(BIN)/python -m pytest -m "not slow" -n auto --dist worksteal

lint: $(READY)  ## check style and spelling
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/codespell

oracle: $(READY)  ## recompute the stored PyTorch trajectories (needs torch) and compare
	@$(BIN)/python -c 'import torch' 2>/dev/null || { \
	  echo "PyTorch is missing. Install it with" >&2; echo "    $(BIN)/pip install torch" >&2; exit 1; }
	@for script in tests/solutions/oracle/[a-z]*.py; do $(BIN)/python $$script --check; done

bench: $(READY) _build/.released  ## measure, side by side: this grader and others; tables in _build/bench/
	$(call need,command -v bwrap,bubblewrap,to run submissions in a sandbox)
	@$(MAKE) $(OTTER)/.ready || echo "otter-grader could not be installed; the comparison leaves it out" >&2
	@failed=0; for script in tests/bench/*.py; do echo; echo "$$script"; $(BIN)/python $$script || failed=1; done; exit $$failed

# In an environment of its own: the course does not need it, and it brings a hundred packages.
$(OTTER)/.ready: constraints.txt
	@echo "installing otter-grader into $(OTTER), to compare with (a minute or two, once)"
	@$(PYTHON) -m venv $(OTTER)
	@$(OTTER)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
	  'otter-grader>=7,<8' ipykernel matplotlib numpy
	@touch $@

bench-scale: $(READY) _build/.released  ## grade a simulated class of 10,000 (half an hour); fewer: SCALE="--students 500"
	$(call need,command -v bwrap,bubblewrap,to run submissions in a sandbox)
	@$(BIN)/python tests/bench/scale/scale.py $(SCALE)

constraints: $(READY)  ## write constraints.txt anew from the environment
	@echo "# The whole tree behind requirements.txt, as it was tested. \`make constraints\` writes it anew." > constraints.txt
	@$(BIN)/pip freeze --exclude-editable | sort -f >> constraints.txt

clean:  ## delete everything generated but the environment
	@rm -rf _build
