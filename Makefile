# `make help` lists the commands. They make .venv themselves; an environment of your own that has everything in it
# (conda's, made from environment.yml) is used with PYTHON=python.
ifneq ($(origin PYTHON),command line)
PYTHON := .venv/bin/python
ANY_PYTHON := $(shell for p in python3 python3.13 python3.12 python3.11 python; do $$p -c "" 2>/dev/null && echo $$p && break; done)
endif

BUILD := $(PYTHON) -c "from jupyter_book.cli.main import main; main()" build book --config _config.yml \
         --path-output . -W -n --keep-going
export JUPYTER_PREFER_ENV_PATH := 1
export PYTHONUNBUFFERED := 1

.PHONY: help setup data book test scores lab notebooks serve clean
.DEFAULT_GOAL := help

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' Makefile

setup: ## make .venv from requirements.lock (the others do it when it is needed)
ifdef ANY_PYTHON
	@$(ANY_PYTHON) tools/bootstrap.py
else ifeq ($(PYTHON),.venv/bin/python)
	@echo "make: no Python here; install Python 3.11, 3.12 or 3.13 and run make again." >&2; exit 1
endif

data: setup ## obtain the corpora and train the recipes the book needs (what is there already is kept)
	@$(PYTHON) tools/prepare.py

book: data ## execute the chapters and build the pages; again, only what changed
	@$(BUILD) || { rm -rf _build/.doctrees; exit 1; }  # else the next run forgets what was wrong with a page
	@echo "Open $(CURDIR)/_build/html/index.html, or run make serve."

test: data ## check everything: code, a fresh build, every notebook again, every page
	@rm -rf _build/html _build/jupyter_execute _build/.doctrees && mkdir -p _build/jupyter_execute
	@{ $(BUILD) 2>&1; echo $$? > _build/build.status; } | tee _build/build.log
	BOOK_IS_BUILT=1 $(PYTHON) -m pytest -n auto --maxprocesses 4 --max-worker-restart 0 \
	  --dist loadfile --no-loadscope-reorder --nbval --nbval-current-env _build/jupyter_execute tests

lab: setup ## open the chapters in JupyterLab, as notebooks
	JUPYTER_CONFIG_PATH=$(CURDIR)/tools/jupyter $(PYTHON) -m jupyterlab book

scores: data ## record the scoreboard anew, where a change is meant to move it: every chapter runs
	@rm -rf _build/.jupyter_cache _build/.doctrees
	GATE_BY_GATE_RECORD=1 $(BUILD)
	@rm -rf _build/.jupyter_cache _build/.doctrees
	@git diff --stat companion/data

notebooks: book ## write the chapters as .ipynb into _build/notebooks: full, and student without solutions
	@$(PYTHON) book/_ext/notebooks.py

serve: ## show the built book on http://localhost:8000
	@$(PYTHON) -m http.server --bind 127.0.0.1 --directory _build/html 8000

clean: ## remove everything that was built (.venv stays)
	rm -rf _build
