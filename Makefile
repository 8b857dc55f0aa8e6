# Each target does all the set-up it needs, on its own: `make demo`, `make test`.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

# One process more than cores, since windows wait; each with its share of the tests; who is done first takes from the others.
PROCESSES := $(shell $(PYTHON) -c "import os; print(min(4, (os.cpu_count() or 1) + 1))")
PYTEST := $(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist worksteal

.PHONY: demo test test-quick test-next fuzz napari docs check bench clean
.DELETE_ON_ERROR:

demo: $(READY)  ## make the sample micrograph, pick it, score the picks
	$(BIN)/napari-drpnet demo --out demo

test: $(READY)  ## all tests, windows on screens that are not there (Xvfb)
	tools/system-packages.sh test
	$(PYTEST)

test-quick: $(READY)  ## in a minute: all but windows and what takes long
	$(PYTEST) -m "not slow and not gui"

# The newest napari, release candidates too, with the other Qt, in an environment of its own.
NEXT := .venv-next
# PySide6 6.12 gives references to None back that it never took, so that Python 3.11 comes to an end.
NEXT_NAPARI ?= 'napari>=0.10.0rc0' 'PySide6<6.12'
NEXT_TESTS ?= -m gui tests/widgets tests/test_reader.py tests/test_writer.py tests/layers
test-next: $(NEXT)/.ready  ## the window's tests with the next napari and PySide6
	tools/system-packages.sh test
	QT_API=pyside6 PYTEST_QT_API=pyside6 $(NEXT)/bin/python -m pytest --numprocesses $(PROCESSES) --dist worksteal $(NEXT_TESTS)

$(NEXT)/.ready: pyproject.toml constraints.txt
	PYTHON=$(PYTHON) tools/system-packages.sh venv
	$(PYTHON) -m venv $(NEXT)
	grep --extended-regexp '^(torch|numpy|pydantic|hatchling|editables|pip|pytest[a-z-]*)==' constraints.txt > $(NEXT)/constraints.txt
	$(NEXT)/bin/python -m pip install -c $(NEXT)/constraints.txt --upgrade pip hatchling editables
	$(NEXT)/bin/python -m pip install -c $(NEXT)/constraints.txt $(NEXT_NAPARI) torch
	$(NEXT)/bin/python -m pip install -c $(NEXT)/constraints.txt --no-build-isolation --editable .
	$(NEXT)/bin/python -m pip install -c $(NEXT)/constraints.txt pytest pytest-qt pytest-xdist hypothesis psutil
	@touch $@

MINUTES ?= 5
SEED ?= 1
KINDS ?=
fuzz: $(READY)  ## damage files of every kind by chance for MINUTES, from SEED on: make fuzz MINUTES=60 SEED=7 KINDS=star,cs
	$(BIN)/python tools/fuzz.py --minutes $(MINUTES) --seed $(SEED) --kinds "$(KINDS)"

napari: $(READY) demo/sample.mrc  ## open the sample in the viewer
	tools/system-packages.sh window
	$(BIN)/napari --plugin napari-drpnet demo/sample.mrc --with napari-drpnet Workspace

docs: $(READY)  ## the documentation as a site, in build/site; any broken link ends it
	$(BIN)/python docs/build_site.py

check: $(READY) docs  ## style, types, architecture, manifest, the site
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy examples/*/*.py
	$(BIN)/lint-imports
	$(BIN)/npe2 validate src/napari_drpnet/napari.yaml

bench: $(READY)  ## time and memory of every stage, and of a data set
	$(BIN)/python benchmarks/speed.py
	$(BIN)/python benchmarks/throughput.py

clean:
	rm -rf .venv $(NEXT) demo build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .cache fuzz-failures

demo/sample.mrc: | $(READY)
	$(BIN)/napari-drpnet sample --out demo

# --no-build-isolation: what builds the package is pinned as well.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "error: $$($(PYTHON) --version) is too old. Install Python 3.11 or later, or name one: make PYTHON=python3.12" >&2; exit 1; }
	PYTHON=$(PYTHON) tools/system-packages.sh venv
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -c constraints.txt --upgrade pip hatchling editables
	$(BIN)/python -m pip install -c constraints.txt --no-build-isolation --group dev --editable .
	@touch $@
