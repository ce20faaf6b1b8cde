# Everything here works on a bare Debian with python3 and make; what is missing is installed first.
.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv
READY := $(VENV)/ready
BIN := $(VENV)/bin
# Containers need root; sudo is used where it is there.
AS_ROOT := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: help demo test quick lint unit browser-test stage-test bench lock clean

help: ## what can be done
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

$(READY): requirements.lock pyproject.toml tools/venv
	@tools/venv $(VENV)

demo: $(READY) ## the whole story in containers: build a home, deploy, upload photos (KEEP=1 leaves it up)
	@tools/containers
	@$(AS_ROOT) $(BIN)/hotshoe rehearse $(if $(KEEP),--keep)

test: lint unit browser-test stage-test ## everything that proves that it works

quick: lint unit demo ## for who is at work: style, types, unit tests, one home in containers

# What templates make has an indentation of its own, and constants are in upper case.
J2LINT_IGNORED := S3 S5 S6 S7 V1

lint: $(READY) ## style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/shellcheck tools/* .ci/run
	$(BIN)/j2lint templates --ignore $(J2LINT_IGNORED)
	$(BIN)/yamllint --strict .
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/ansible-lint -q molecule

# Tests wait as much as they compute.
unit: $(READY) ## tests that need neither root nor network
	$(BIN)/pytest -q -m "not stage and not browser" --dist=worksteal \
	    --numprocesses=$$((3 * $$(nproc) / 2))

browser-test: $(READY) ## tests of what people look at, in a browser
	@tools/browser-test

stage-test: $(READY) ## tests with real packets, in containers
	@tools/stage-test

bench: $(READY) ## how fast a deploy is, beside Ansible, an upload, beside a stock vsftpd, and a delivery, beside sftp (LONG=1: and what the intake takes with 1,000 and 100,000 photos)
	@tools/containers
	@$(AS_ROOT) $(BIN)/python -m benchmarks $(if $(LONG),plan deploy upload delivery intake)

lock: $(READY) ## write requirements.lock anew from pyproject.toml, and that of the tests' clients
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	    --extra dev --no-annotate --output-file requirements.lock pyproject.toml
	cd tests/clients && $(CURDIR)/$(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	    --generate-hashes --no-annotate --output-file requirements.lock requirements.in

clean: ## take the stage down and remove what was built and downloaded (not pki/)
	-@$(AS_ROOT) $(BIN)/hotshoe stage down
	$(AS_ROOT) rm -rf /var/cache/hotshoe
	$(AS_ROOT) rm -rf $(VENV) .stage .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
