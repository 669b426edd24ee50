# The developer's workflow. `make help` lists the targets; everything needs only
# Go, make, curl and, for the race detector, a C compiler.
SHELL := bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

GO        ?= go
VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
DEV_FLAGS ?=
SEEDS     ?= 1..1000
FOR       ?= 10m
# Seeds of each cell of the table of settings and faults.
SEEDS_PER_CELL ?= 500
# Fixed seeds that `make test` runs twice.
FIXED     ?= 1..200
RACE_PKGS ?= ./node/... ./wal/... ./client/... ./linearizability/... ./cmd/...

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Building and running

.PHONY: build
build: ## build bin/quorate
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-X main.version=$(VERSION)" -o bin/quorate ./cmd/quorate

.PHONY: run
run: build ## three nodes in the foreground; Ctrl-C stops them (DEV_FLAGS="--nodes 5")
	bin/quorate dev $(DEV_FLAGS)

.PHONY: run-cluster
run-cluster: build ## three nodes in the background
	scripts/cluster.sh start $(DEV_FLAGS)

.PHONY: stop-cluster
stop-cluster: ## stop what run-cluster started
	scripts/cluster.sh stop

.PHONY: api-examples
api-examples: ## curl and redis-cli against a running cluster
	scripts/api-examples.sh

##@ Checking

.PHONY: test
test: fmt-check lint ## formatting, vet, staticcheck, all tests, simulator seeds twice
	$(GO) test ./...
	$(MAKE) --no-print-directory determinism

.PHONY: determinism
determinism: build ## the fixed seeds, and some of every scenario, give equal hashes in two processes (FIXED=1..200)
	scripts/determinism.sh $(FIXED)

.PHONY: race
race: ## the concurrent packages under the race detector
	$(GO) test -race $(RACE_PKGS)

.PHONY: test-coverage
test-coverage: ## coverage.out and coverage.html over all packages
	$(GO) test -coverpkg=./... -covermode=atomic -coverprofile=coverage.out ./...
	$(GO) tool cover -html=coverage.out -o coverage.html
	@$(GO) tool cover -func=coverage.out | tail -n 1

.PHONY: fmt
fmt: ## format all Go files
	gofmt -w .

.PHONY: fmt-check
fmt-check:
	@files=$$(gofmt -l .); test -z "$$files" || { printf 'gofmt would change (run make fmt):\n%s\n' "$$files" >&2; exit 1; }

.PHONY: lint
lint: ## go vet, the determinism rules and staticcheck
	$(GO) vet ./...
	$(GO) run ./internal/determinism/cmd
	$(GO) tool staticcheck ./...

.PHONY: cross
cross: ## compile for Linux, macOS and Windows
	@for os in linux darwin windows; do for arch in amd64 arm64; do \
		echo "$$os/$$arch"; CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch $(GO) build -o /dev/null ./cmd/quorate || exit 1; done; done

##@ Simulating

.PHONY: sim
sim: build ## simulate SEEDS (1..1000)
	bin/quorate sim --seeds $(SEEDS)

.PHONY: mutants
mutants: ## every planted bug must be convicted, on five ranges of seeds (ONLY='9 12' JSON=FILE)
	$(GO) run ./internal/mutants $(if $(ONLY),-only '$(ONLY)') $(if $(JSON),-json '$(JSON)')

.PHONY: mutants-fast
mutants-fast: ## the same on one range, without the bugs that need many seeds
	$(GO) run ./internal/mutants -fast $(if $(ONLY),-only '$(ONLY)') $(if $(JSON),-json '$(JSON)')

.PHONY: replan
replan: ## shrink new plans in the place of those in sim/testdata/regressions that convict their bug no more
	$(GO) run ./internal/mutants -replan

.PHONY: soak
soak: build ## fresh seeds of all scenarios FOR (10m), going on where the last soak ended (out/soak.json)
	$(GO) run ./internal/soak -for $(FOR)

.PHONY: torture
torture: build ## real processes under faults FOR (10m)
	bin/quorate torture --for $(FOR)

##@ Measuring

.PHONY: matrix
matrix: build ## measure the table of settings and faults: docs/consistency.md and .csv (SEEDS_PER_CELL=500)
	bin/quorate lab matrix --seeds $(SEEDS_PER_CELL)

.PHONY: bench
bench: build ## throughput beside redis-server (Debian's redis-server and redis-tools)
	scripts/bench.sh

.PHONY: bench-sim
bench-sim: build ## simulated events per second on one core (SEEDS=1..200 by default)
	scripts/bench-sim.sh $(if $(filter-out file,$(origin SEEDS)),$(SEEDS),1..200)

##@ Housekeeping

.PHONY: install-tools
install-tools: ## build the pinned staticcheck into bin/
	$(GO) build -o bin/staticcheck honnef.co/go/tools/cmd/staticcheck

.PHONY: clean
clean: ## remove what was built and measured, never data/
	rm -rf bin out coverage.out coverage.html
	@if [ -d data ]; then echo "data/ is kept; remove it yourself to lose what the development cluster stored"; fi
