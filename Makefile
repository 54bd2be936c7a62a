# The ways into colordrill. Every target prepares the machine itself; a second run costs seconds.
.DEFAULT_GOAL := help
SHELL := /bin/bash
BIN := .venv/bin
RUN_OPTIONS ?=
BOUNDS_OPTIONS ?=
BENCH_OPTIONS ?=

.PHONY: help drill test red nightly lint prepare prepare-dev bounds docs bench-drill bench-service bench-verify bench-restore clean

help: ## what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

prepare: ## the machine: Python environment, Docker engine, base image
	@ci/prepare

prepare-dev:
	@ci/prepare --dev

drill: prepare ## run the drill host_power_loss and print its verdict
	@$(BIN)/colordrill run host_power_loss $(RUN_OPTIONS)

test: prepare-dev ## the whole gate: repository rules, unit, contract, plugin, gate drills, red twins
	@ci/gate

red: prepare-dev ## all red twins: each must go red by its named check alone
	@$(BIN)/python -m pytest tests/drills -m red

nightly: prepare-dev ## the whole catalogue, all red twins, kills of the harness, mutations of the verdicts
	@ci/nightly

lint: ## ruff (all rules) and mypy (strict)
	@ci/prepare --dev venv
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bounds: prepare-dev ## measure jitter and defects, derive the colour bounds from them
	@$(BIN)/python ci/derive_bounds.py $(BOUNDS_OPTIONS)

docs: ## write the generated reference: a page for each fault, and the scenarios
	@ci/prepare venv
	@$(BIN)/python ci/reference_pages

bench-service: prepare ## speed and memory of the reference service as ratios to their floors
	@$(BIN)/python ci/bench_service

bench-verify: prepare-dev ## speed and memory of verification, and RTA against a known truth
	@$(BIN)/python ci/bench_verify

bench-drill: prepare ## speed and memory of the drill as ratios to their bounds
	@$(BIN)/python ci/bench_drill.py

bench-restore: prepare ## speed of backups and restores as ratios to plain rsync, restic, rclone, sha256sum
	@$(BIN)/python ci/bench_restore $(BENCH_OPTIONS)

clean: ## remove stacks that no living drill owns
	@$(BIN)/colordrill down
