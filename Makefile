# `make help` lists the commands. They make .venv themselves; an environment of your own that has everything in it
# (conda's, made from environment.yml) is used with PYTHON=python.
ifneq ($(origin PYTHON),command line)
PYTHON := .venv/bin/python
MODERN := import sys; sys.exit(sys.version_info < (3, 6))
ANY_PYTHON := $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
                $$p -c "$(MODERN)" 2>/dev/null && echo $$p && break; done)
endif

PORT := 8000
BUILD := $(PYTHON) -c "from jupyter_book.cli.main import main; main()" build book --config _config.yml \
         --path-output . -W -n --keep-going
# How the reader calls the book's own command with this Python: .venv/bin/gate-by-gate.
COMMAND := $(if $(filter %python,$(PYTHON)),$(PYTHON:%python=%gate-by-gate),$(PYTHON) -m companion)
export JUPYTER_PREFER_ENV_PATH := 1
export PYTHONUNBUFFERED := 1

.PHONY: help setup data book test scores lab notebooks serve clean
.DEFAULT_GOAL := help

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' Makefile

setup: ## make .venv from requirements.lock (the other commands do this when they need it)
ifdef ANY_PYTHON
	@$(ANY_PYTHON) tools/bootstrap.py
else ifneq ($(origin PYTHON),command line)
	@echo "make: no Python here; install Python 3.11, 3.12 or 3.13 and run make again." >&2; exit 1
endif
	@$(if $(filter setup,$(MAKECMDGOALS)),echo "The command for texts of your own: $(COMMAND) --help")

data: setup ## obtain the corpora, Python for the pages and the models that the book needs, unless they are there
	@GATE_BY_GATE_DEVICE=cpu $(PYTHON) tools/prepare.py

book: data ## run the chapters and build the pages; the next time, only those that changed
	@$(BUILD) || { rm -rf _build/.doctrees; exit 1; }  # else the next run forgets what was wrong with a page
	@echo "Open $(CURDIR)/_build/html/index.html, or run make serve."
	@echo "The command for texts of your own: $(COMMAND) --help"

test: data ## check everything: the code, a fresh build, every notebook again, every page
	@rm -rf _build/html _build/jupyter_execute _build/.doctrees && mkdir -p _build/jupyter_execute
	@{ $(BUILD) 2>&1; echo $$? > _build/build.status; } | tee _build/build.log
	BOOK_IS_BUILT=1 $(PYTHON) -m pytest -n auto --maxprocesses 4 --max-worker-restart 0 \
	  --dist loadfile --no-loadscope-reorder --nbval --nbval-current-env _build/jupyter_execute tests

lab: setup ## open the chapters in JupyterLab, as notebooks
	JUPYTER_CONFIG_PATH="$(CURDIR)/tools/jupyter" $(PYTHON) -m jupyterlab book

scores: data ## run every chapter and record the scoreboard, after a change that is meant to move it
	@rm -rf _build/.jupyter_cache _build/.doctrees
	GATE_BY_GATE_RECORD=1 $(BUILD)
	@rm -rf _build/.jupyter_cache _build/.doctrees
	@git diff --stat companion/data

notebooks: book ## write the chapters as .ipynb into _build/notebooks: in full, and for students without solutions
	@$(PYTHON) book/_ext/notebooks.py

serve: setup ## show the built book on http://localhost:8000 (on another port: make serve PORT=8001)
	@$(PYTHON) tools/serve.py $(PORT)

clean: ## remove everything that was built (.venv stays)
	rm -rf _build
