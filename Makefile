# The habits: setup, check, test, bench, demo. Everything lives in .venv; nothing is installed outside this folder.
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.setup-done
STAMP_DEV := $(VENV)/.setup-dev-done
PEERS := .peers
# How many test files run at a time: the suite is made for two cores; make test TEST_JOBS=0 runs them one after the other.
TEST_JOBS ?= 2

.PHONY: help setup setup-dev check test bench bench-kb bench-asr peers demo clean

help: ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

setup: $(STAMP) ## make .venv with everything that CallCue needs to run, and put its models together

$(VENV)/pyvenv.cfg:
	@command -v $(PYTHON) >/dev/null || { echo "CallCue needs $(PYTHON); install it or say make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(STAMP): pyproject.toml | $(VENV)/pyvenv.cfg
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar on -e .
	$(BIN)/callcue models fetch
	@touch $@

setup-dev: $(STAMP_DEV) ## the same, and what the tests need

$(STAMP_DEV): pyproject.toml $(STAMP) | $(VENV)/pyvenv.cfg
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar on -e '.[dev,embedders]'
	@touch $@

check: setup-dev ## style, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check ## check, then every test
	$(BIN)/python -m pytest -n $(TEST_JOBS) --dist loadfile

bench: setup-dev ## the figures of the README and docs, measured on this machine
	$(BIN)/python -m eval.bench

bench-kb: setup-dev ## card search: speed, memory and how soon an edit is found, at 1,000 to 100,000 cards
	$(BIN)/python -m eval.bench_kb --json bench-out/kb.json

bench-asr: setup-dev peers ## recognition: accuracy, latency, load, beside other recognisers; QUICK=1: in ten minutes
	$(BIN)/python -m eval.bench_asr $(if $(QUICK),--quick) --json bench-out/asr.json --plots bench-out

peers: $(PEERS)/whisperlivekit/.done $(PEERS)/whisper_streaming/.done ## the recognisers to compare with, each in its own environment

# A peer that cannot be installed is no reason to stop: the table says so.
$(PEERS)/whisper_streaming/.done: PIP_OPTIONS := --no-deps
$(PEERS)/%/.done: eval/peers/requirements/%.txt
	$(PYTHON) -m venv --clear $(PEERS)/$*
	$(PEERS)/$*/bin/python -m pip install --disable-pip-version-check --progress-bar on $(PIP_OPTIONS) -r $< \
	  && touch $@ || { echo "$* could not be installed"; rm -rf $(PEERS)/$*; }

demo: setup ## a recorded call, as an agent would see it
	$(BIN)/callcue demo

clean: ## remove what the targets made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist bench-out $(PEERS)
