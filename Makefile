# Short names for what CMake does. `make help` lists them.
.DEFAULT_GOAL := help
JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
export CTEST_OUTPUT_ON_FAILURE = 1

# $(call build,PRESET): configures once, then builds; ninja configures again by itself when a build file changes.
build_dir = $(if $(filter release,$(1)),build,build-$(1))
build = test -f $(call build_dir,$(1))/build.ninja || cmake --preset $(1); cmake --build --preset $(1) -j $(JOBS)

.PHONY: help
help: ## Lists these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

.PHONY: setup
setup: ## Installs what is missing (Debian packages; as root or with sudo)
	@tools/setup

.PHONY: build
build: setup ## Builds everything; programs land in build/bin
	@$(call build,release)

.PHONY: demo
demo: build ## Trains two networks on the digits data, eager and compiled, and compares both
	@build/bin/digits --net cnn --epochs 20
	@echo
	@build/bin/digits

.PHONY: test
test: build ## Runs every test but the long ones
	@ctest --preset release -j $(JOBS)

.PHONY: test-fast
test-fast: build ## Runs the tests that take under a minute together
	@ctest --preset fast -j $(JOBS)

.PHONY: test-slow
test-slow: build ## Runs the long tests
	@ctest --preset slow -j $(JOBS)

.PHONY: test-gpu
test-gpu: build ## Runs what needs a GPU of NVIDIA, and times it
	@tools/gpu_check build

.PHONY: test-asan
test-asan: setup ## Runs the fast tests under the address and undefined-behaviour sanitizers
	@$(call build,asan)
	@ctest --preset asan -j $(JOBS)

.PHONY: test-tsan
test-tsan: setup ## Runs the fast tests under the thread sanitizer
	@$(call build,tsan)
	@ctest --preset tsan -j $(JOBS)

FUZZ_PROGRAMS ?= 100000
FUZZ_DEVICE_PROGRAMS ?= 500
.PHONY: fuzz
fuzz: build ## Runs FUZZ_PROGRAMS (100000) random programs, FUZZ_DEVICE_PROGRAMS (500) on OpenCL, then fuzzes the readers of files, FUZZ_SECONDS (300) each
	@build/test/fuzz-programs --programs $(FUZZ_PROGRAMS) --first 100000 --jobs $(JOBS) --folder build/fuzz-findings
	@build/test/fuzz-programs --programs $(FUZZ_DEVICE_PROGRAMS) --first 100000 --device opencl --jobs $(JOBS) --folder build/fuzz-findings
	@tools/setup --fuzz
	@tools/fuzz

.PHONY: oracle
oracle: build ## Runs the cases of CASES=DIR, another library's answers, eager, compiled, pure and on OpenCL: how many agree (tools/oracle_score --help)
	@test -n "$(CASES)" || { echo "make oracle: CASES must name a folder of cases, got none"; exit 2; }
	@tools/oracle_score $(CASES) --jobs $(JOBS)

.PHONY: accuracy
accuracy: build ## Measures the errors of unary ops over every number of f32 and halves for docs/accuracy.md (an hour of 2 cores)
	@tools/docs/refresh.py --samples docs/accuracy.md

.PHONY: check
check: build ## Format, include directions, file sizes, generated docs
	@tools/check/all

.PHONY: format
format: setup ## Formats every tracked source
	@tools/check/format --fix

.PHONY: docs
docs: build ## Writes the generated pages and listings of README.md and docs/ anew
	@cd build/gen/docs && find . -name '*.md' -exec cp --parents -t ../../../docs {} +
	@tools/docs/refresh.py

.PHONY: figures
figures: build ## Measures the figures of README.md anew (minutes, on a quiet machine)
	@tools/docs/refresh.py --samples

.PHONY: plans
plans: build ## Counts launches, bytes and spills of the workloads anew, for test/tools/plans.txt
	@test/tools/plans_test.py build/bin --refresh

.PHONY: guard
guard: build ## Looks for calls that are slower compiled than eager: every function and workload (minutes, on a quiet machine)
	@build/bin/weft-bench guard --json build/guard.json

PYTHON ?= python3
THREADS ?= 2
DEVICE ?= cpu
.PHONY: peers
peers: build ## Times Weft beside the libraries that PYTHON has: THREADS=2 DEVICE=cpu WORKLOADS="ew_4m '40 products'"
	@$(PYTHON) tools/peers/peers.py --threads $(THREADS) --device $(DEVICE) --json build/peers/peers.json $(WORKLOADS)

.PHONY: eager-figures
eager-figures: build ## Times eager ops beside PyTorch's, with PYTHON=one that has it (minutes, on a quiet machine)
	@$(PYTHON) tools/eager_figures --build build

.PHONY: install
install: build ## Installs libraries, headers, tools and the CMake package below PREFIX=DIR
	@cmake --install build --prefix $(PREFIX)

.PHONY: clean
clean: ## Removes every build folder
	@rm -rf build build-dev build-asan build-tsan
