# Two commands set everything up on a machine that has git, make, a C++ compiler and python3.
#   make bench   samples every model with the quick profile, and shows the table
#   make test    checks the code, without and with sampling

PYTHON3 ?= python3
# Not the environment's own scripts: they have its place in them, and that of the checkout it was made for.
PYTHON := .venv/bin/python
NUTSBENCH := $(PYTHON) -m nutsbench
ASV := $(PYTHON) -m asv

# Containers often have it that no bytecode is kept: then each of the thousand processes of the tests compiles
# pandas and scipy anew, seconds each.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help env bench asv asv-compare bench-ci releases test test-nightly test-unit lint stacks lock lock-releases clean

help: ## Show this list.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

env: ## Make the environment that everything runs in, where it is missing or out of date.
	@PYTHONPATH=src $(PYTHON3) -m nutsbench.stacks.install $(ENV)

bench: ENV = --with-stack
bench: env ## Sample every model (profile quick) and show the table.
	$(NUTSBENCH) run

asv: env ## Run asv on HEAD (BENCH=regex to choose, STACK=name), and write its pages.
	@$(ASV) machine --yes >/dev/null
	$(ASV) run --record-samples --show-stderr HEAD^! $(addprefix --environment ,$(STACK)) $(addprefix --bench ,$(BENCH)); \
	code=$$?; $(ASV) publish && echo "Pages: results/asv-html, or \`$(ASV) preview\`."; exit $$code

asv-compare: env ## Run asv's core suite on BASE and HEAD, and measure again what it flags (MODEL=name to choose).
	@$(NUTSBENCH) asv-compare $(BASE) $(HEAD) $(addprefix -m ,$(MODEL))

bench-ci: env ## Run the pytest-benchmark suites, and say red or green.
	$(NUTSBENCH) guard $(GUARD)

releases: env ## Measure PyMC3's releases (hours; goes on where it was stopped), and write the pages.
	$(NUTSBENCH) releases --run
	cd benchmarks/releases && $(CURDIR)/$(ASV) publish

# Each run says where its time goes. Tests wait now and then, so there is one process more than there are cores.
TESTS = $(PYTHON) -m pytest --durations 20 -n 3

test: env ## All tests: those of test-unit, those of whole pages in a browser, and those that sample.
	@$(MAKE) --no-print-directory -j 2 lint stacks
	$(TESTS) --dist loadfile --no-loadscope-reorder -m "not nightly"

test-nightly: env stacks ## What make test leaves out: on the other stack too what it samples on one.
	$(TESTS) --dist worksteal -m nightly

test-unit: env ## The tests that take milliseconds, without sampling and whole pages: a minute on two cores.
	$(TESTS) --dist worksteal -m "not sampling and not whole" --ignore tests/sampling --ignore tests/browser

lint: env ## Style and types.
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	$(PYTHON) -m mypy benchmarks tests

stacks: env ## Make the environments of all stacks.
	$(NUTSBENCH) stacks $$($(PYTHON) -c "from nutsbench.stacks import stack; print(*stack.NAMES)")

# The project's own installer, else the one on the path.
UV ?= $(firstword $(wildcard $(CURDIR)/.stacks/uv/bin/uv) uv)
COMPILE = $(UV) pip compile --quiet --generate-hashes --no-emit-index-url
lock: ## Resolve the locks anew (needs the network); see the date in each lock's head.
	@cd harness/stacks/locks && PYTHONPATH=$(CURDIR)/src $(PYTHON3) -c "from nutsbench.stacks.rows import TABLE; \
	  [print(row.name, row.pythons[0]) for row in TABLE if not row.packages_of]" | while read name python; do \
	  case $$python in 3.8) day=2024-06-15;; *) day=2026-11-01;; esac; \
	  $(COMPILE) --python-version $$python --exclude-newer $$day $$name.in -o $$name.txt || exit 1; \
	done
	cd harness/stacks/locks && $(COMPILE) --python-version 3.12 --exclude-newer 2026-11-01 --universal host.in -o host.txt
	cd harness/stacks/locks && $(COMPILE) --python-version 3.8 --exclude-newer 2026-11-01 --universal uv.in -o uv.txt

LOCKED = psutil threadpoolctl 'setuptools<65'
lock-releases: ## Resolve the locks of PyMC3's releases anew, each as of its day (needs the network).
	@cd benchmarks/releases/locks && $(PYTHON3) -c "import json; [print(r['version'], r['packages_of']) \
	  for r in json.load(open('../releases.json'))]" | while read version day; do \
	  { echo "# PyMC3 $$version with the packages of $$day; made by \`make lock-releases\`."; \
	    printf '%s\n' "pymc3==$$version" $(LOCKED) | $(COMPILE) --python-version 3.8 --exclude-newer $$day --no-header --no-annotate -; \
	  } > release-$$version.part && mv release-$$version.part release-$$version.txt || exit 1; \
	done

clean: ## Remove environments and compile caches; results stay.
	rm -rf .stacks .venv
