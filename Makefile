# Two commands do everything on a fresh machine: `make book` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
NEW_ENOUGH := -c 'import sys; sys.exit(sys.version_info < (3, 11))'

.DEFAULT_GOAL := help
.PHONY: help install book pdf handouts test lint lock wheel bench clean

help:  ## Say what the targets do
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# The stamp makes installation a matter of the two files that declare it.
$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) $(NEW_ENOUGH) 2>/dev/null || { echo "Python 3.11 or newer is needed: install it, or say 'make PYTHON=/path/to/python3'"; exit 1; }
	@# One that an older Python made keeps that Python, whatever is installed over it.
	$(PYTHON) -m venv $$(test -f $(VENV)/pyvenv.cfg && ! $(BIN)/python $(NEW_ENOUGH) 2>/dev/null && echo --clear) $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	@# uv takes a fraction of pip's time; where it cannot reach what pip is configured to reach, pip it is. Compiled
	@# here once: where PYTHONDONTWRITEBYTECODE is set, every chapter's kernel would compile all of torch anew.
	$(BIN)/pip install --quiet uv \
		&& $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -r requirements.lock \
		|| $(BIN)/pip install --quiet -r requirements.lock
	@touch $@

install: $(VENV)/.installed  ## Make the environment

book: install  ## Build the book's pages, then say which file to open
	$(BIN)/jupyter-book build . -W -n --keep-going

pdf: book  ## Print the whole book to _build/pdf (needs Chromium)
	$(BIN)/python -m cosface_edu.publishing.printing book

handouts: book  ## Print every chapter by itself, with solutions and without, to _build/pdf/handouts
	$(BIN)/python -m cosface_edu.publishing.printing handouts

test: install  ## Run every test (the browser tests need Chromium and say so where it is missing)
	$(BIN)/ruff check .
	$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder

lint: install  ## Style, types, which way imports point, spelling, links and anchors
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/pytest -q -n 0 tests/book/test_links.py

lock: install  ## Upgrade everything: exact versions of what requirements.txt asks for, the newest that it allows
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-header \
		requirements.txt -o requirements.lock

wheel: install  ## Build wheel and source archive into dist/, and try the wheel in an environment of its own
	rm -rf dist
	$(BIN)/uv build --quiet
	$(BIN)/uvx --quiet twine check --strict dist/*
	cd dist && $(abspath $(BIN))/uv run --quiet --isolated --no-project --with ./*.whl python -c "import torch; \
		from cosface_edu.losses import CosFace; CosFace(8, 4)(torch.randn(3, 8), torch.tensor([0, 1, 3])).backward()"

bench: install  ## Measure speed as ratios to references in the same run
	$(BIN)/pytest benchmarks

clean:  ## Remove built pages and cached results, keep the environment
	rm -rf _build dist .cache
