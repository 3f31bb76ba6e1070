# Everything that is done to this project. Needs only make (3.81 will do) and a Python >= 3.11:
# the environment, and uv to make it with, are set up by the first target that needs them.

ARGS ?=
BIN := .venv/bin
READY := .venv/.ready
export UV_PYTHON_DOWNLOADS := never

# The first interpreter that runs and is new enough. Asked for only when .venv is made.
PYTHON = $(shell for p in python3.13 python3.12 python3.11 python3.14 python3 python; do \
	$$p -c 'import sys; sys.version_info < (3, 11) and sys.exit(1); print(sys.executable)' \
	2>/dev/null && break; done)
# The uv of this machine if it works, else one of our own.
UV = $(shell uv --version >/dev/null 2>&1 && echo uv || echo .uv/bin/uv)
# A full BLAS for MLX on Linux CPU; a Mac has its own. And llama.cpp, for GGUF models.
EXTRAS = $(shell test "$$(uname -s)" = Linux && echo --extra cpu) --extra gguf

.PHONY: help serve test lint types format bench soak clean

help:
	@echo "make serve    start the server; ARGS='...' are those of 'pippin serve'"
	@echo "make test     run the tests; ARGS='...' are those of pytest"
	@echo "make lint     style, formatting, and the rules of import"
	@echo "make types    strict type checking"
	@echo "make format   put the code in its style"
	@echo "make bench    measure beside the limit and a peer; ARGS='...' are its flags"
	@echo "make soak     five minutes of mixed work under pressure; ARGS='--minutes 60'"
	@echo "make clean    remove the environment and everything that was made"

serve: $(READY)
	@$(BIN)/pippin serve $(ARGS)

# Two processes share the tests; ARGS="-n 0" is one, as a debugger needs it.
test: $(READY)
	$(BIN)/pytest -n 2 --dist worksteal $(ARGS)

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-logo

types: $(READY)
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(READY)
	$(BIN)/python -m benchmarks $(ARGS)

soak: $(READY)
	$(BIN)/python -m benchmarks.soak $(ARGS)

clean:
	rm -rf .venv .uv dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml uv.lock | $(BIN)/python
	@echo "Installing into .venv"
	@$(UV) sync --quiet $(EXTRAS)
	@touch $@

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Pippin needs Python 3.11 or newer; none was found."; exit 1; }
	@test "$(UV)" = uv || $(MAKE) --no-print-directory .uv/bin/uv
	@$(UV) venv --quiet --python "$(PYTHON)" .venv

.uv/bin/uv:
	@echo "Getting uv"
	@"$(PYTHON)" -m venv .uv || { echo "Python cannot make environments here;" \
		"on Debian and Ubuntu: apt-get install python3-venv"; rm -rf .uv; exit 1; }
	@.uv/bin/python -m pip install --quiet --disable-pip-version-check uv
