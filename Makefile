# What a developer does here. `make` alone lists it.
# A fresh machine needs Python 3.11+, Node 20+, make and a C compiler; the rest is fetched by the
# locks. Nothing outside this folder is touched.

VENV := .venv
BIN := $(VENV)/bin
# `make up ARGS="--port 9000 --feed sim"`, `make test-python ARGS="tests/kernel -x"`
ARGS ?=
FILE ?=

# Where it is set, every start would compile everything again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup up test test-python test-slow test-databases fuzz check fix gen migrate bench docs new-feature \
	doctor lock clean

help: ## List these targets
	@echo "OPTIX. Targets:"
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' Makefile

setup: ## Make the Python environment and the web app, where they are not current
	@sh tools/setup.sh python app web

up: ## Run the whole product and print the address (ARGS="--port 9000 --feed sim")
	@sh tools/setup.sh python app web
	@exec $(BIN)/optix up $(ARGS)

test: ## Run all checks and tests, from cheap to dear
	@sh tools/setup.sh python app
	@exec $(BIN)/python -m tools.verify all

test-python: ## Run the Python tests (ARGS="tests/kernel -x")
	@sh tools/setup.sh python
	@exec $(BIN)/python -m pytest -n 2 $(ARGS)

# TEST_SLOWNESS=… repeats a run; without it each stalls other tests.
test-slow: ## Run the Python tests as on a bad machine (ARGS="tests/platform")
	@sh tools/setup.sh python
	@export TEST_SLOWNESS=$${TEST_SLOWNESS:-$$(date +%s)}; echo "TEST_SLOWNESS=$$TEST_SLOWNESS"; \
		exec $(BIN)/python -m pytest -q -n 4 $(ARGS)

test-databases: ## Run the database tests on Debian's PostgreSQL 15 and Redis 7
	@sh tools/setup.sh python
	@exec $(BIN)/python -m tools.debian_stores $(ARGS)

# FUZZ_SEED=… repeats a run; without it each is new.
fuzz: ## Send what nobody expects (NAME=api FUZZ_EXAMPLES=50, NAME=stream FUZZ_SECONDS=600)
	@sh tools/setup.sh python
	@exec $(BIN)/python -m tools.fuzz $(or $(NAME),api stream) -- $(ARGS)

check: ## Lint, types, import contracts, house rules, licences, locks
	@sh tools/setup.sh python app
	@exec $(BIN)/python -m tools.verify static

fix: ## Correct what a machine can correct
	@sh tools/setup.sh python app
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@if [ -f app/package.json ]; then npm --prefix app run --if-present format; fi

gen: ## Write the API document and what the app generates from it
	@sh tools/setup.sh python app
	@$(BIN)/optix openapi --out app/src/api/openapi.json
	@if [ -f app/package.json ]; then npm --prefix app run --if-present gen; fi

migrate: ## Bring the database to this release
	@sh tools/setup.sh python
	@exec $(BIN)/optix migrate

# The last line of a benchmark is one JSON object, so the set-up keeps the output free.
bench: ## Measure one thing (NAME=foundation, or NAME=quant_accuracy FILE=…)
	@test -n "$(NAME)" || { echo "Which one? make -s bench NAME=foundation" >&2; exit 2; }
	@sh tools/setup.sh python app web >&2
	@exec $(BIN)/python -m benchmarks.$(NAME) $(ARGS) $(FILE)

docs: ## Check that the documentation's examples and links hold
	@sh tools/setup.sh python
	@exec $(BIN)/python -m pytest -q -n 0 tests/docs

new-feature: ## Stamp a feature with its tests (NAME=watchlists NOUN=watchlist)
	@sh tools/setup.sh python
	@exec $(BIN)/python -m tools.new_feature $(NAME) $(NOUN)

doctor: ## Look at this machine: what is missing, and how to get it
	@sh tools/setup.sh python
	@exec $(BIN)/optix doctor $(ARGS)

lock: ## Resolve the dependencies anew into requirements.lock
	@sh tools/setup.sh python
	@$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header --no-annotate -q -o requirements.lock

clean: ## Remove everything made here, except the data folder .optix
	@rm -rf $(VENV) app/node_modules app/dist app/.expo build dist .bench .pytest_cache .mypy_cache \
		.ruff_cache .import_linter_cache .hypothesis
	@rm -f src/optix/quant/_native.*.so src/optix/platform/fanout/_*.so src/optix/features/*/*/_*.so
	@find src tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
