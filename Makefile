# make demo    a model of printed digits learns real handwriting; nothing else is needed
# make test    linters and every test: C++, C++ under sanitizers, Python (adds TensorFlow, Bazel
#              and googletest)
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
# model: those beside the checkout, if they are there.
MODELS ?= $(wildcard ../shared/models)
DATA ?= $(wildcard ../shared/data)
MODELS_OPTION = $(if $(MODELS),--models $(MODELS))
OPT ?= -O2
COUNT ?= 20000
SEED ?= 1
ARGS ?=

BAZEL_TEST := TFLM_TRAINING_PYTHON="$(CURDIR)/$(VENV_PYTHON)" \
	bazel test --keep_going --noshow_progress --test_summary=testcase
# All three, whatever the first ones say.
LINT = ok=yes; for linter in "ruff check ." "ruff format --check ." mypy; do \
	echo "$$linter:"; $(VENV_PYTHON) -m $$linter || ok=no; done; [ $$ok = yes ]

.PHONY: demo test lint fuzz sources setup clean bench-learning bench-memory bench-cortex-m7

demo: $(VENV)/demo.stamp
	@$(VENV_PYTHON) -m examples.digits.demo

# The shorter ones first; a failure does not keep the others from running.
test: $(VENV)/test.stamp
	@failed=; \
	($(LINT)) || failed="lint"; \
	$(BAZEL_TEST) //... || failed="$$failed bazel"; \
	$(BAZEL_TEST) --config=sanitize //... || failed="$$failed sanitizers"; \
	$(VENV_PYTHON) -m pytest -q || failed="$$failed pytest"; \
	if [ -n "$$failed" ]; then echo "failed: $$failed" >&2; exit 1; fi

lint: $(VENV)/lint.stamp
	@$(LINT)

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
