# Two commands for a fresh machine with Python 3.11 and make: `make demo` and `make test`. `make docs` builds site/.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: setup demo demo-pacs test format lint types tests examples docs dist sbom licences audit fuzz clean

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@echo "setup: installing lesionkit and the tested versions of what it needs into $(VENV)"
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'lesionkit needs Python 3.11; name it: make PYTHON=…')"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet "pip>=25.1"
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable . --group dev --group docs
	@touch $@

demo: setup
	@rm -rf demo/data demo/run
	@echo "demo: making a chest CT with known nodules"
	@$(BIN)/lesionkit phantom ct --out demo/data --count 1 --seed 90001 --healthy 0
	@echo "demo: finding its nodules with the model that is shipped"
	@$(BIN)/lesionkit find demo/data --out demo/run
	@echo "demo: open file://$(CURDIR)/demo/run/report.html in a browser"
	@echo "demo: to accept, reject and mark: $(BIN)/lesionkit view demo/run"

demo-pacs: setup
	@$(BIN)/python benchmarks/demo_pacs.py demo/pacs

test: format lint types tests examples docs
	@echo "test: all passed"

format: setup
	@echo "test: format"
	@$(BIN)/ruff format --quiet --check .

lint: setup
	@echo "test: lint"
	@$(BIN)/ruff check --quiet .

types: setup
	@echo "test: types"
	@$(BIN)/mypy --no-error-summary

tests: setup
	@echo "test: tests and doctests"
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal

examples: setup
	@for script in examples/*.py; do \
		echo "test: $$script"; $(BIN)/python -W error "$$script" > /dev/null || exit 1; \
	done
	@echo "test: examples/*.ipynb"
	@$(BIN)/python benchmarks/notebooks.py --check > /dev/null

docs: setup
	@echo "test: docs, into site/index.html"
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict

# Time of the last commit, so that the same sources give the same bytes.
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 1577836800)
RELEASE := $(VENV)/.release

$(RELEASE): $(READY)
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --group release
	@touch $@

dist: $(RELEASE)
	@echo "dist: building wheel and sdist twice, and comparing them"
	@rm -rf dist/lesionkit-* build/again
	@$(BIN)/python -m hatchling build -d dist > /dev/null
	@$(BIN)/python -m hatchling build -d build/again > /dev/null
	@for file in dist/lesionkit-*; do cmp $$file build/again/$${file#dist/} || exit 1; done
	@cd dist && sha256sum lesionkit-*

sbom: $(RELEASE)
	@mkdir -p dist
	@$(BIN)/cyclonedx-py environment --of JSON --output-reproducible --pyproject pyproject.toml -o dist/sbom.json $(BIN)/python
	@echo "sbom: dist/sbom.json lists what is installed in $(VENV), as CycloneDX"

licences: setup
	@mkdir -p dist
	@$(BIN)/python benchmarks/licences.py > dist/licences.txt
	@echo "licences: dist/licences.txt; all are allowed"

audit: $(RELEASE)
	@$(BIN)/pip-audit --progress-spinner off --skip-editable --vulnerability-service osv 2> /dev/null || { \
		$(BIN)/python -c "import socket; socket.create_connection(('api.osv.dev', 443), 5)" 2> /dev/null && exit 1; \
		echo "audit: nothing was checked: the database of known faults (api.osv.dev) cannot be reached from here"; }

fuzz: setup
	@$(BIN)/python benchmarks/fuzz.py --count 20000 --out build/fuzz

clean:
	rm -rf $(VENV) site build dist .mypy_cache .pytest_cache .ruff_cache
