# Mover: what people and CI run. `make help` lists it.
#
# A fresh Debian or Ubuntu machine with Python 3.11 and make is enough: the first target that needs it makes .venv with
# the locked dependencies, and `make test` installs the servers that the tests talk to (apt, as root or with sudo).

.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
# Twice as many as the cores that CI has: tests that start servers and processes wait half of their time.
WORKERS ?= 4
FAST_WORKERS ?= 3
PYTEST := $(BIN)/pytest --dist loadfile --no-loadscope-reorder

# Folders of tests lie in memory where 6 GB of it are free and programs may be run from there: a database that waits for a
# disk at each commit, a thousand times over, costs minutes. TESTS_IN=/tmp puts them on a disk.
TESTS_IN ?= $(shell free_kb() { df --output=avail "$$1" 2>/dev/null | tail -n 1; }; \
  awk -v shm="$$(free_kb /dev/shm)" '/^MemAvailable/ { memory = $$2 } END { exit !(shm > 6e6 && memory > 6e6) }' /proc/meminfo \
  && ! grep -q '^[^ ]* /dev/shm [^ ]* [^ ]*noexec' /proc/mounts && echo /dev/shm)
export PYTEST_DEBUG_TEMPROOT := $(TESTS_IN)

# Rooms that keep nothing.
WITHOUT_DATABASE := connectors contract demo hashing mail memory naming settings staging

# What `make check` looks at, two at a time: types take as long as all the rest.
CHECKS := check-types check-secrets check-tests check-style check-vulnerabilities check-licences

# Test modules are rewritten once, not by each worker of each run.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo tour test test-postgresql test-thorough test-fast security image-check check $(CHECKS) format bench audit dist sbom pictures clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

$(READY): pyproject.toml uv.lock .ci/setup
	@PYTHON=$(PYTHON) .ci/setup
	@touch $@

demo: $(READY) ## start the service with everything it needs and a first move; the pages are at https://localhost:8443
	@$(BIN)/python -m demo

tour: $(READY) ## the command line: move a folder through three real servers, compare both ends byte by byte
	@$(BIN)/python -m tour

# Kills, browsers and a dozen servers share two cores: what failed (exit code 1) is tried once more by itself.
test: $(READY) ## all tests, against real servers
	@tests/servers/install.sh
	$(PYTEST) -n $(WORKERS) || { [ $$? -eq 1 ] && $(PYTEST) -n 0 --last-failed --last-failed-no-failures none; }

test-postgresql: $(READY) ## the tests of all that is kept, with PostgreSQL instead of SQLite
	@tests/servers/install.sh
	MOVER_TEST_DATABASE=postgresql $(PYTEST) -n $(WORKERS) $(WITHOUT_DATABASE:%=--ignore=tests/%)

test-thorough: $(READY) ## the tests whose size can be chosen, in full; takes some half an hour
	@tests/servers/install.sh
	HOSTILE_FILES=20000 KILL_FILES=20000 KILLS=10 COMMAND_KILLS=20 RESTART_POSTGRESQL=yes SCHEMATHESIS_CASES=60 \
	  $(PYTEST) -n 0 tests/e2e/test_hostile_tree.py tests/e2e/test_kill.py tests/e2e/test_service_kill.py \
	  tests/api/test_schemathesis.py

test-fast: $(READY) ## tests that need no server, in some two minutes
	$(PYTEST) -n $(FAST_WORKERS) -m "not servers and not slow"

security: $(READY) ## the tests of what is promised to a security officer, and the table of promises
	@tests/servers/install.sh
	$(PYTEST) -n $(WORKERS) -m promise

image-check: $(READY) ## build the container's image, look into it and run it; as root on Debian 12, with a network, in some ten minutes
	@tests/servers/install_engine.sh
	@$(BIN)/python -m release.dist
	IMAGE_CHECK=yes $(PYTEST) -n 0 tests/deploy/test_image.py

check: $(READY) ## lint (bandit's rules too), format, types, order of the rooms, spelling, secrets, known vulnerabilities, licences
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target $(CHECKS)

check-types:
	$(BIN)/mypy

check-secrets:
	$(BIN)/python .ci/forgotten_secrets.py

# That all can be found; and what pytest makes of their modules is there when several workers look for them at once.
check-tests:
	@found=$$($(BIN)/pytest --collect-only --quiet -p no:cacheprovider) || { echo "$$found"; exit 1; }; echo "$${found##*$$'\n'}"

check-style:
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	$(BIN)/codespell

check-vulnerabilities:
	$(BIN)/python .ci/known_vulnerabilities.py

check-licences:
	$(BIN)/python -m release.licences --check

format: $(READY) ## format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(READY) ## compare with rclone on the same servers in the same run
	@tests/servers/install.sh
	@$(BIN)/python -m bench

audit: $(READY) ## look for known vulnerabilities in the locked dependencies; fails also if that cannot be found out
	$(BIN)/python .ci/known_vulnerabilities.py --insist

dist: $(READY) ## wheel, source distribution, locked requirements and bill of materials, the same from every build of a commit
	@$(BIN)/python -m release.dist

sbom: $(READY) ## the bill of materials alone (CycloneDX), as dist/sbom.cdx.json
	@$(BIN)/python -m release.sbom dist/sbom.cdx.json

pictures: ## draw the pictures of the documents from their text; needs Graphviz
	@for text in docs/pictures/*.dot; do dot -Tsvg "$$text" -o "$${text%.dot}.svg"; done

clean: ## remove what the targets made
	rm -rf demo-home demo-home.lock tour-output .venv .tools .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache dist
