# Two commands: `make demo` converts a network and shows the report, `make test` checks everything.
# Both create .venv (about 7 GB, most of it PyTorch); another interpreter: make demo PYTHON=python3.12

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
# Quiet, except for what goes wrong.
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check

# A stamp is newer than pyproject.toml when what pyproject.toml asks for is installed.
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev

# What OpenCV (ultralytics) and open3d load from the system, and the browser that reads pages unless there is one, by
# Debian's names.
LIBRARIES := libgl1 libglib2.0-0 libgomp1 libusb-1.0-0
BROWSER := chromium

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test test-portable docs mutants release-check lint format clean libraries

help:
	@echo "make demo           convert a trained network to a spiking one and report on both"
	@echo "make test           run the linters, the type checker and the tests"
	@echo "make test-portable  run the tests that need no compiler, as on macOS and Windows"
	@echo "make docs           build the documentation as a site, build/site, which opens without a server or a network"
	@echo "make mutants        put small faults into the code and see which the tests miss: about half an hour"
	@echo "make release-check  build wheel and sdist and try both in empty environments"
	@echo "make lint           run the linters and the type checker"
	@echo "make format         format the code and apply the linter's safe fixes"
	@echo "make clean          remove $(VENV) and every cache"

demo: $(INSTALLED)
	$(BIN)/snnfw run task=classification plugin=adafire

# The tests come last, so that pytest's closing line is the last thing printed.
# A process for each core with one thread: the tests' tensors are too small to share.
test: lint
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses auto --dist worksteal

# What tests of files say has other slashes on Windows, where what computes is tested alone.
PORTABLE := tests
ifeq ($(OS),Windows_NT)
PORTABLE := tests/contract tests/core/capture tests/core/planning tests/core/spiking tests/plugins
endif
test-portable: $(INSTALLED_DEV)
	CC=none CXX=none OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses auto --dist worksteal $(PORTABLE)

docs: $(INSTALLED_DEV)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "build/site/index.html"

# With everything installed anew, from the registry, instead of what is here: make release-check FLAGS=--whole.
release-check: $(INSTALLED_DEV)
	$(BIN)/python -m tools.check_release $(FLAGS)

# More of them, or others: make mutants SIZE=200 SEED=2.
SIZE ?= 80
SEED ?= 1
mutants: $(INSTALLED_DEV)
	$(BIN)/python -m benchmarks.mutants --size $(SIZE) --seed $(SEED) --out benchmarks/results/mutants.json

lint: $(INSTALLED_DEV)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(INSTALLED_DEV)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# venv makes pip after everything else that is needed here: where pip is, the environment is whole.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "snnfw: needs Python 3.11 or newer, and '$(PYTHON)' is not; name one with PYTHON=python3.11." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "snnfw: '$(PYTHON) -m venv' failed; on Debian and Ubuntu 'apt-get install python3-venv' mends it." >&2; exit 1; }

$(INSTALLED): pyproject.toml | $(BIN)/pip
	@echo "Installing snnfw into $(VENV): a few minutes and about 7 GB the first time."
	@$(PIP) install --editable .
	@touch $@

# Installed where that is allowed, named where it is not.
libraries:
	@command -v dpkg >/dev/null || exit 0; \
	missing=$$(for library in $(LIBRARIES); do dpkg -s $$library >/dev/null 2>&1 || printf ' %s' $$library; done; \
	  for browser in $(BROWSER) chromium-browser google-chrome; do command -v $$browser && exit; done >/dev/null; \
	  printf ' %s' $(BROWSER)); \
	[ -n "$$missing" ] || exit 0; \
	if [ "$$(id -u)" = 0 ]; then \
	  { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $$missing; } >/dev/null; \
	else \
	  echo "snnfw: the tests of detection, point clouds and pages need$$missing: sudo apt-get install$$missing" >&2; \
	fi

# The development extra contains everything that the plain installation does.
$(INSTALLED_DEV): pyproject.toml | $(BIN)/pip libraries
	@echo "Installing snnfw and its development tools into $(VENV): a few minutes and about 7 GB the first time."
	@$(PIP) install --editable '.[dev]'
	@touch $(INSTALLED) $@
