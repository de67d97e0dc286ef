# Set-up and checks. Another Python: make PYTHON=python3.12 demo
# Another Qt: make QT=pyqt6 test (in an environment of its own)
# CPU-only torch (a much smaller download): make PIP_FLAGS="--extra-index-url https://download.pytorch.org/whl/cpu" demo
PYTHON ?= python3
PIP_FLAGS ?=
ARGS ?=
QT ?= pyqt5
PROCESSES ?= 2
VENV := $(if $(filter pyqt5,$(QT)),.venv,.venv-$(QT))
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check $(PIP_FLAGS) -c constraints.txt
export PYTHON

.PHONY: help install demo test test-triton lint types accuracy structures ablations bench fuzz clean
help:
	@echo "make demo      set up, segment the sample data, open napari on the result"
	@echo "make install   set up only: $(BIN)/napari-localdisc and $(BIN)/napari"
	@echo "make test      set up, run all tests under xvfb (ARGS='tests/io -x' for some)"
	@echo "make test-triton  the window once more beside triton, which PyPI's torch brings"
	@echo "make lint      rules, format and import contracts"
	@echo "make types     strict type check"
	@echo "make accuracy  Dice on the real images in ../shared/data, half an hour (ARGS=--fast: ready-made segmenters)"
	@echo "make ablations  what each stage of guidance gives on them, an hour a seed"
	@echo "make structures  Dice on structures of many modalities in ../shared/data, ten minutes a seed"
	@echo "make bench     speed and memory"
	@echo "make fuzz      parsers of files, guided by coverage (ARGS='--seconds 600 --only session')"
	@echo "make clean     remove environments, caches and the demo's output"

$(BIN)/python:
	tools/system-packages venv
	$(PYTHON) -m venv $(VENV)

$(VENV)/.app: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) -e ".[$(QT),medical]"
	touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) -e ".[$(QT),dev]"
	touch $@ $(VENV)/.app

install: $(VENV)/.app

demo: $(VENV)/.app
	$(BIN)/napari-localdisc demo -o localdisc-demo $(ARGS)

test: $(VENV)/.dev
	tools/system-packages display
	xvfb-run -a $(BIN)/python -m pytest -n $(PROCESSES) --dist loadgroup $(ARGS)

# In a process that has opened a Mesa window, importing triton ends it; the window imports no torch.
test-triton: $(VENV)/.dev
	tools/system-packages display
	$(PIP) --target $(VENV)/triton --no-deps "triton>=3.4"
	PYTHONPATH=$(VENV)/triton xvfb-run -a $(BIN)/python -m pytest tests/widgets/test_without_torch.py $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/npe2 validate napari-localdisc

types: $(VENV)/.dev
	$(BIN)/mypy

accuracy: $(VENV)/.dev
	$(BIN)/python benchmarks/accuracy.py $(ARGS)

structures: $(VENV)/.dev
	$(BIN)/python benchmarks/structures.py --page docs/structures.md $(ARGS)

ablations: $(VENV)/.dev
	$(BIN)/python benchmarks/ablations.py --page docs/ablations.md $(ARGS)

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/speed.py $(ARGS)

fuzz: $(VENV)/.dev
	$(PIP) -e ".[$(QT),fuzz]"
	$(BIN)/python benchmarks/fuzz.py $(ARGS)

clean:
	rm -rf .venv .venv-* localdisc-demo build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
