# Two commands on a fresh machine with Python 3.11 or later and make:
#   make demo   runs the whole way on a simulated cohort and real drugs, and says where the report is
#   make test   runs the checks and the tests

PYTHON ?= $(shell command -v python3.12 >/dev/null 2>&1 && python3.12 -c '' 2>/dev/null && echo python3.12 || echo python3)
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: demo test check peers benchmark-peers docs tables clean

$(VENV)/.runtime: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "varimol needs Python 3.11 or later")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: $(VENV)/.runtime
	$(BIN)/varimol demo --out demo
	@echo "Open demo/report.html in a browser."

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: check
	# Two processes of one thread each: small networks on more threads than cores take many times as long.
	# A file of tests stays with one of them, so that what its tests share is made once.
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

# The other readers of VCF Zarr that tests compare with, each set of versions in an environment of its own.
PEERS := $(patsubst tests/genomics/peers/%.txt,$(VENV)/peers/%/.made,$(wildcard tests/genomics/peers/*.txt))
peers: $(PEERS)
$(VENV)/peers/%/.made: tests/genomics/peers/%.txt
	test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --requirement $<
	touch $@

# Other programs that only benchmarks compare with, such as chemprop.
BENCHMARK_PEERS := $(patsubst benchmarks/peers/%.txt,$(VENV)/peers/%/.made,$(wildcard benchmarks/peers/*.txt))
benchmark-peers: $(BENCHMARK_PEERS)
$(VENV)/peers/%/.made: benchmarks/peers/%.txt
	test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --requirement $<
	touch $@

docs: $(VENV)/.dev
	$(BIN)/python -m varimol.curate.docs .
	$(BIN)/python -m benchmarks.readme

clean:
	rm -rf $(VENV) demo build dist .pytest_cache .mypy_cache .ruff_cache
