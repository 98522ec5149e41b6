# Every command of the README. Variables: TOPO=pair|leafspine|FILE.yaml  SWITCH=auto|bmv2|v1switch
# FAULTS=500 FRAMES=1000000 CHAOS_SEED=1 MINUTES=30 FLOWS=1000 SHARE=0.8 MACHINES=64
# LAB=5 ID=you WORKERS=auto FUZZ_INPUTS=100000 FUZZ_SEED=1 MUTANTS=400 MUTANTS_SEED=1 RELEASES="bookworm trixie"
TOPO   ?= pair
SWITCH ?= auto
PYTHON ?= python3
WORKERS ?= auto
FUZZ_INPUTS ?= 100000
FUZZ_SEED   ?= 1
MUTANTS      ?= 400
MUTANTS_SEED ?= 1
LAB        ?=
ID         ?=
FAULTS     ?= 500
FRAMES     ?= 1000000
MINUTES    ?= 30
FLOWS      ?= 1000
SHARE      ?= 0.8
MACHINES   ?= 64
CHAOS_SEED ?= 1
RELEASES     ?= bookworm trixie

# Python packages go into the active virtual environment, else into .venv.
ENV    := $(if $(VIRTUAL_ENV),$(VIRTUAL_ENV),.venv)
PY     := $(ENV)/bin/python
READY  := $(ENV)/.falcon-testbed
DEV    := $(ENV)/.falcon-testbed-dev
DOCS   := $(ENV)/.falcon-testbed-docs
LABS   := $(ENV)/.falcon-testbed-labs
FUZZ   := $(ENV)/.falcon-testbed-fuzz
MUTATE := $(ENV)/.falcon-testbed-mutants

# `sudo make topo` in a user's checkout: files here are made by and for that user, not by root.
ifeq ($(shell id -u) $(SUDO_UID),0 $(shell stat -c %u . 2>/dev/null))
ifneq ($(SUDO_UID),0)
AS_OWNER := setpriv --reuid=$(SUDO_UID) --regid=$(SUDO_GID) --clear-groups \
    env HOME=$(shell getent passwd $(SUDO_UID) | cut -d: -f6)
export PYTHONDONTWRITEBYTECODE := 1
endif
endif
PIP    := $(AS_OWNER) $(PY) -m pip install --quiet --disable-pip-version-check
MINE    = $(AS_OWNER) test -w $(ENV) || { \
    echo "make: $(ENV) belongs to another user; this gives it to you:" \
    "sudo chown -R $$($(AS_OWNER) id -u):$$($(AS_OWNER) id -g) $(ENV)" >&2; exit 2; }

# What the network needs from the system, as Debian and Ubuntu call it.
APT    := mininet iproute2 util-linux ethtool iputils-ping
# What some tests need besides; without it they are skipped, and say which package they lack.
APT_TESTS := bubblewrap chromium fonts-dejavu-core memcached nginx redis-server redis-tools iperf3 sockperf wrk

.PHONY: topo down lab docs test test-quick test-distro check bench fuzz mutants chaos soak failover p4 system test-system install clean help
.DEFAULT_GOAL := help

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

topo: install ## bring the network up (TOPO=$(TOPO) SWITCH=$(SWITCH)) and return when it is ready
	@$(PY) -m topo up $(TOPO) --switch $(SWITCH)

down: ## take the network down
	@$(PY) -m topo down

# Without system packages and root: the virtual environment, and what labs import.
lab: $(LABS) ## start a lab, or check it when it is started (LAB=5 ID=you); without LAB the list
	@$(PY) -m labs $(if $(LAB),go $(LAB) $(if $(ID),--id '$(ID)'),list)

test: install $(DEV) test-system ## every test, with the main job in the checkout and of the installed wheels
	@$(PY) -m pytest -n $(WORKERS) --dist loadgroup -m "not main_job"
	@$(PY) -m pytest -m main_job tests/main_job  # alone: its frames are paced in real time

test-quick: install $(DEV) ## the tests that need no network and are quick, with fewer examples
	@TEST_PROFILE=quick $(PY) -m pytest -n $(WORKERS) --dist loadgroup -m "not network and not slow"

test-distro: ## both commands of the README in fresh Debian systems (root; RELEASES="bookworm trixie")
	@sh tools/distro.sh $(RELEASES)

check: install $(DEV) ## lint, format, types and import contracts
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(ENV)/bin/lint-imports

docs: install $(DOCS) ## the documentation as a site, in build/site
	@NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict
	@echo "build/site/index.html is the first page; $(PY) -m mkdocs serve shows it with a search"

bench: install $(DEV) ## benchmarks, each beside its peer in the same run
	@for file in benchmarks/bench_*.py; do echo "== $$file"; $(PY) $$file || exit 1; done

fuzz: $(FUZZ) ## bad input: programs, frames, requests, users' files (FUZZ_INPUTS=100000)
	@$(PY) -m tests.fuzz --inputs $(FUZZ_INPUTS) --seed $(FUZZ_SEED)

mutants: $(MUTATE) ## how many of MUTANTS=400 faults, drawn by MUTANTS_SEED, do the tests notice?
	@$(PY) -m tests.mutants --mutants $(MUTANTS) --seed $(MUTANTS_SEED)

chaos: install $(DEV) ## faults of every kind, drawn by CHAOS_SEED: what is promised after each (FAULTS=500); hostile FRAMES=1000000
	@$(PY) -m tests.chaos --faults $(FAULTS) --seed $(CHAOS_SEED)
	@$(PY) -m tests.chaos.frames --frames $(FRAMES) --seed $(CHAOS_SEED)

soak: install $(DEV) ## near capacity for MINUTES=30 with FLOWS=1000: memory flat, no frame lost; then 64 machines
	@$(PY) -m tests.soak --minutes $(MINUTES) --flows $(FLOWS) --share $(SHARE)
	@$(PY) -m tests.soak --machines $(MACHINES)

failover: install $(DEV) ## how long traffic stands still when links and switches fail (leafspine and fattree)
	@$(PY) -m tests.failover --topology leafspine
	@$(PY) -m tests.failover --topology fattree

p4: ## compile p4/ with p4c (which must be on the PATH)
	@sh p4/compile.sh

install: system $(READY)
	@$(PY) -m v1switch.engines.native p4/compiled/falcon_vtep.json & $(PY) -m rxpath warm && wait $$!

system:
	@sh tools/system.sh $(APT)

# One by one: a system that lacks one of them has the others.
test-system:
	@for package in $(APT_TESTS); do SERVICES=off sh tools/system.sh $$package || echo "make: without $$package" >&2; done

$(PY):
	@$(AS_OWNER) $(PYTHON) -m venv $(ENV) || { echo "make: cannot create $(ENV): install your system's python3-venv package" >&2; exit 2; }

# The stamps are files of the environment: a changed pyproject.toml installs again, a second make does nothing.
$(READY): pyproject.toml v1switch/pyproject.toml | $(PY)
	@$(MINE)
	@echo "installing Python packages into $(ENV)"
	@$(PIP) --editable './v1switch[completion]' --editable '.[apps,dashboard,labs,watch]'
	@$(if $(PYTHONDONTWRITEBYTECODE),$(AS_OWNER) env -u PYTHONDONTWRITEBYTECODE $(PY) -m compileall -q -x '/labs/[0-9]' v1switch rxpath topo falcon_ctl labs)
	@$(AS_OWNER) touch $@

$(LABS): pyproject.toml v1switch/pyproject.toml | $(PY)
	@$(MINE)
	@echo "installing Python packages into $(ENV)"
	@$(PIP) --editable ./v1switch --editable '.[labs]'
	@$(AS_OWNER) touch $@

$(DEV): pyproject.toml $(READY)
	@$(MINE)
	@$(PIP) --editable '.[dev]'
	@$(AS_OWNER) touch $@

$(DOCS): pyproject.toml $(READY)
	@$(MINE)
	@$(PIP) --editable '.[docs]'
	@$(AS_OWNER) touch $@

# atheris has wheels for some platforms only: without it the inputs are not coverage-guided.
$(FUZZ): pyproject.toml $(DEV)
	@$(MINE)
	@$(PIP) --only-binary atheris --editable '.[fuzz]' 2>/dev/null || true
	@$(AS_OWNER) touch $@

$(MUTATE): pyproject.toml $(DEV)
	@$(MINE)
	@$(PIP) --editable '.[mutants]'
	@$(AS_OWNER) touch $@

clean: ## remove what builds and runs left in this folder (not the results)
	@rm -rf build *.egg-info .mypy_cache .ruff_cache .import_linter_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
