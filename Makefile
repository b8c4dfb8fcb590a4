# make demo    a model of printed digits learns real handwriting; nothing else is needed
# make test    every test: Python and C++ (adds TensorFlow, Bazel and googletest)
# make lint    ruff and mypy
# make fuzz    hostile files for converter and runner (COUNT=..., SEED=..., MODELS=...: a folder),
#              then hostile operators under sanitizers
# make bench-learning  int8 training beside fp32 on real data (MODELS=..., DATA=...: folders)
# make bench-memory    our memory plan beside TFLM's (MODELS=...)
# make bench-cortex-m7  a training step on an emulated Cortex-M7 (MODELS=..., OPT=-O3 for the
#                       compiler, ARGS=--reference to measure the plain C++ kernels too)
# make sources the C++ files that firmware links
# make setup   what `make test` sets up, in .venv; PYTHON=... chooses the interpreter
# make clean   removes what the others made, .venv too

PYTHON ?=
VENV := .venv
VENV_PYTHON := $(VENV)/bin/python

# The virtual environment's own packages, whatever the shell is set up for.
unexport PYTHONPATH PYTHONHOME

# What the installed package is made of: after a change it is installed, and so built, again.
SOURCES := pyproject.toml setup.py constraints.txt tools/setup.sh \
	$(shell find kernels tflm_training -name '*.cc' -o -name '*.h' -o -name '*.inc')

# Folders of .tflite models and of .npz data, for those benchmarks that need more than the bundled
# model.
MODELS ?=
DATA ?=
MODELS_OPTION = $(if $(MODELS),--models $(MODELS))
OPT ?= -O2
COUNT ?= 20000
SEED ?= 1
ARGS ?=

.PHONY: demo test lint fuzz sources setup clean bench-learning bench-memory bench-cortex-m7

demo: $(VENV)/demo.stamp
	@$(VENV_PYTHON) -m examples.digits.demo

# Bazel's tests run first; a failure there does not keep pytest from running.
test: $(VENV)/test.stamp
	@failed=; \
	TFLM_TRAINING_PYTHON="$(CURDIR)/$(VENV_PYTHON)" \
		bazel test --noshow_progress --test_summary=testcase //... || failed="bazel"; \
	$(VENV_PYTHON) -m pytest -q || failed="$$failed pytest"; \
	if [ -n "$$failed" ]; then echo "failed: $$failed" >&2; exit 1; fi

lint: $(VENV)/lint.stamp
	$(VENV_PYTHON) -m ruff check .
	$(VENV_PYTHON) -m ruff format --check .
	$(VENV_PYTHON) -m mypy

fuzz: $(VENV)/test.stamp
	@$(VENV_PYTHON) -m tests.fuzz --count $(COUNT) --seed $(SEED) $(MODELS_OPTION)
	@$(VENV_PYTHON) -m tests.fuzz.operators --seed $(SEED)

bench-learning: $(VENV)/demo.stamp
	@$(VENV_PYTHON) -m benchmarks.learning $(MODELS_OPTION) $(if $(DATA),--data $(DATA))

bench-memory: $(VENV)/demo.stamp
	@$(VENV_PYTHON) -m benchmarks.memory_planning $(MODELS_OPTION)

bench-cortex-m7: $(VENV)/emulator.stamp
	@$(VENV_PYTHON) -m benchmarks.cortex_m7 $(MODELS_OPTION) --opt="$(OPT)" $(ARGS)

include Makefile_internal.inc
sources:
	@printf '%s\n' $(patsubst ./%,%,$(TFLM_TRAINING_CC_SRCS))

setup: $(VENV)/test.stamp

$(VENV)/%.stamp: $(SOURCES)
	@PYTHON="$(PYTHON)" tools/setup.sh $*
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -f tflm_training/*.so
	find converter kernels tflm_training examples tests -name __pycache__ -exec rm -rf {} +
