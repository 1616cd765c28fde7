PYTHON ?= python3
BIN := .venv/bin
CORE := tests/revisions tests/cli/test_rollout.py tests/cli/test_gate.py tests/cli/test_other_project.py

.PHONY: rollout ui test test-lowest test-sqlalchemy-2.0 test-celery test-mutations test-states test-versions fuzz check docs reference pictures bench bench-live bench-history bench-fleet bench-ticks clean install
.DEFAULT_GOAL := rollout

install: .venv/installed

.venv/installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "error: $(PYTHON) is older than 3.11; choose another version: make PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; \
		echo "error: $(PYTHON) cannot create a virtual environment; on Debian: apt-get install python3-venv" >&2; exit 2; }
	@echo "installing into .venv, which takes one or two minutes …" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

rollout: install
	@$(BIN)/wish-rollout sandbox rollout

ui: install
	@$(BIN)/wish-rollout sandbox up
	@variables="$$($(BIN)/wish-rollout sandbox env)" && eval "$$variables" \
		&& WISH_ROLLOUT_SANDBOX=1 exec $(BIN)/dagster dev -w workspace.yaml

test: install
	@$(BIN)/python -m pytest -n auto --dist worksteal

# The lowest versions that pyproject.toml allows, in a virtual environment of their own.
test-lowest: install
	@$(BIN)/python -m tests.lowest .lowest
	@.lowest/bin/python -m pytest -n auto -p no:cacheprovider $(CORE)

# SQLAlchemy 2.0, which most projects still use; the suite itself runs on 2.1.
test-sqlalchemy-2.0: install
	@$(BIN)/python -m tests.lowest .sqlalchemy-2.0 --only 'sqlalchemy[asyncio]>=2.0,<2.1'
	@.sqlalchemy-2.0/bin/python -m pytest -n auto -p no:cacheprovider $(CORE)

# A backfill and a rollout of a fleet with Celery and Redis, which this project does not need. On Debian: apt-get install redis-server
test-celery: install
	@$(BIN)/python -m tests.lowest .celery --only 'celery[redis]' \
		"dagster-celery==$$($(BIN)/python -c 'from importlib.metadata import version; print(version("dagster-postgres"))')"
	@.celery/bin/python -m pytest -p no:cacheprovider tests/deploy/test_celery.py

# Every catalog mutation as a release of its own on each of PostgreSQL 14, 15 and 18, and every remedy on 15 and 18; `test`
# applies each on one of them, several in a release.
test-mutations: install
	@WISH_ALL_MUTATIONS=1 $(BIN)/python -m pytest -n auto --dist worksteal \
		tests/postgres/test_mutations_as_releases.py tests/postgres/test_remedies.py tests/postgres/catalog/test_snapshot_tracker.py

# Every state of a database on each version that is installed, each plan signed; `test` meets each on one of them.
test-states: install
	@WISH_ALL_STATES=1 WISH_ALL_PAIRS=1 $(BIN)/python -m pytest -n auto --dist worksteal tests/rollout/states

# Every case on each version that is installed, of the tests that `test` runs on one of them.
test-versions: install
	@WISH_ALL_VERSIONS=1 $(BIN)/python -m pytest -n auto --dist worksteal -m one_version

fuzz: install
	@$(BIN)/python -m tests.postgres.fuzz $(COUNT) $(SEED)

check: install
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/codespell

docs: install
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

reference: install
	@$(BIN)/python -m docs.generator

# The pictures of the documentation: the tests in the browser take them.
pictures: install
	@mkdir -p docs/images
	@WISH_PICTURES=docs/images $(BIN)/python -m pytest tests/browser

bench: install
	@$(BIN)/python -m bench

bench-live: install
	@$(BIN)/python -m bench.live

bench-history: install
	@$(BIN)/python -m bench.history

bench-fleet: install
	@$(BIN)/python -m bench.fleet

bench-ticks: install
	@$(BIN)/python -m bench.ticks

clean:
	@if [ -x $(BIN)/wish-rollout ]; then $(BIN)/wish-rollout sandbox remove; fi
	@rm -rf .venv .lowest .sqlalchemy-2.0 .celery .sandbox .dagster logs .logs_queue .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache dist site
	@rm -f bench.json bench-live.json bench-history.json bench-fleet.json bench-ticks.json
