# Go, make and git are enough for everything but the race detector (a C
# compiler) and `make vuln` (the network). `make help` lists the targets.

# The version comes from git describe below; go's own stamping fails where the
# clone belongs to another user.
export GOFLAGS := $(GOFLAGS) -buildvcs=false

MODULE  := github.com/cogplan/cogplan
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X $(MODULE)/cmd/cogplan/internal/cli.version=$(VERSION)

EMBED  := cmd/cogplan/internal/embedded/wasm
# A provider is a folder of providers/ with a main.go.
PROVIDERS := $(patsubst providers/%/main.go,%,$(wildcard providers/*/main.go))
GUESTS    := $(PROVIDERS:%=$(EMBED)/%.wasm)
# What every guest is built from, besides its own folder.
GUEST_SOURCES := $(shell find pkg/reconcile runtime/wasm/abi sdk -name '*.go' ! -name '*_test.go' 2>/dev/null) go.mod go.sum

TOOLS         := bin/tools
GOLANGCI_LINT := $(TOOLS)/golangci-lint
# A module of its own: it needs another version of a package that both use.
ACTIONLINT    := $(TOOLS)/actionlint

# `make test RACE=1` adds the race detector, as `make check` does, except where no
# goroutine of ours runs: the detector finds nothing there, makes the tests ten
# times slower, and breaks the bounds on memory that they check.
RACE ?=
# The detector makes each process wait a second at its end for reports of races
# that are under way; the tests start some thousand processes.
export GORACE := atexit_sleep_ms=20 $(GORACE)
NO_RACE := $(MODULE)/lang/funcs $(MODULE)/providers/file
TEST_FLAGS := -shuffle=on -timeout 16m

# The steps of `make check`, in the order in which they are run; .ci/run runs the
# same ones.
CHECKS := check-format check-vet check-tidy check-cross check-lint check-workflows check-demo check-test

.DEFAULT_GOAL := build
.DELETE_ON_ERROR:
.SECONDEXPANSION:
.PHONY: help deps providers build test demo check lint fmt crash bench bench-gate peers peers-tofu vuln clean print-checks $(CHECKS)

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

deps: ## Install the Debian packages that the checks need
	@bash scripts/deps.sh

providers: $(GUESTS) ## Build the providers that are shipped inside cogplan
	@cd $(EMBED) && for f in *.wasm; do \
	  case " $(PROVIDERS:%=%.wasm) " in *" $$f "*) ;; *) rm -f "$$f" ;; esac; done

$(EMBED)/%.wasm: $$(shell find providers/$$* -type f ! -name '*_test.go' 2>/dev/null) $$(GUEST_SOURCES) Makefile
	@echo "building provider $*"
	@GOOS=wasip1 GOARCH=wasm CGO_ENABLED=0 go build -buildmode=c-shared -trimpath \
	  -ldflags="-s -w" -o $@ ./providers/$*
	@touch $@

build: providers ## Build bin/cogplan
	go build -trimpath -ldflags="$(LDFLAGS)" -o bin/cogplan ./cmd/cogplan

test: providers ## Run all tests
ifneq ($(RACE),)
	@status=0; \
	go test $(TEST_FLAGS) -race $$(go list ./... $(NO_RACE:%=| grep -vx %)) || status=1; \
	go test $(TEST_FLAGS) $(NO_RACE) || status=1; \
	exit $$status
else
	go test $(TEST_FLAGS) ./...
endif

demo: build ## Show the main job on a copy of examples/site
	@COGPLAN=$(CURDIR)/bin/cogplan sh scripts/demo.sh

check: $(CHECKS) ## Run everything that CI runs

print-checks:
	@echo $(CHECKS)

lint: check-lint ## Run the linters

fmt: $(GOLANGCI_LINT) ## Format all Go files
	$(GOLANGCI_LINT) fmt ./...

KILLS ?= 200
crash: providers ## Kill applies on a folder and on PowerDNS, cut the power, break the disk (KILLS=500)
	COGPLAN_KILLS=$(KILLS) go test ./cmd/cogplan -run 'TestKilledAppliesLoseNothing' -v -timeout 120m | grep -E '^(---|ok|FAIL|panic)|kills in|temporaries|orphan|recorded'
	go test ./pkg/reconcile -run 'TestPowerCut|TestSaveFaults|TestJournal.*Fault|TestJournalCut|TestJournalDamage|TestDeadHolder|TestPlanAfterADeadRun|TestFindAfterADeadRun|TestRandomSequence' -v -count=1 | grep -E '^(---|ok|FAIL|panic)|cuts$$'
	go test ./cmd/cogplan -run 'TestScripts/^(disk-full.*|target-read-only|apply-journal-damaged|state-cut)$$' -v -count=1 | grep -E '^ *(---|ok|FAIL|panic)'

bench: build ## Measure cogplan, and terraform or tofu where they are on PATH (BENCH="-n 5 -sizes 1000")
	go run ./bench $(BENCH)

# The versions of the peers are those that docs/performance.md speaks of.
peers: ## Build conftest and opa into bin/peers, to be measured beside the gate
	@mkdir -p bin/peers
	GOFLAGS= GOBIN=$(CURDIR)/bin/peers go install github.com/open-policy-agent/conftest@v0.71.1
	GOFLAGS= GOBIN=$(CURDIR)/bin/peers go install github.com/open-policy-agent/opa@v1.22.2

peers-tofu: ## Build OpenTofu and its local_file into bin/peers, to be measured beside plan and apply
	@bash scripts/peers-tofu.sh

bench-gate: build ## Measure the policy gate beside conftest and opa (after make peers)
	go run ./bench -gate 100,10000,100000 $(BENCH)

vuln: ## Look for known vulnerabilities (needs the network)
	go run golang.org/x/vuln/cmd/govulncheck@latest ./...

clean: ## Remove what was built
	rm -rf bin $(EMBED)/*.wasm

# gofumpt and gci, through the linter's own copy of them.
check-format: $(GOLANGCI_LINT)
	$(GOLANGCI_LINT) fmt --diff ./...

check-vet: providers
	go vet ./...

check-tidy:
	go mod tidy -diff
	go -C tools mod tidy -diff
	go -C tools/actionlint mod tidy -diff

# Other systems, and the sandbox for what guests are made of.
check-cross:
	GOOS=darwin GOARCH=arm64 go build ./...
	GOOS=windows GOARCH=amd64 go build ./...
	GOOS=wasip1 GOARCH=wasm go vet ./pkg/reconcile/... ./runtime/wasm/abi/... ./sdk/... ./providers/...

# Twice: files that only build for wasip1 are invisible to the first run.
check-lint: $(GOLANGCI_LINT)
	$(GOLANGCI_LINT) run ./...
	GOOS=wasip1 GOARCH=wasm $(GOLANGCI_LINT) run ./sdk/... ./providers/...

check-demo: demo

check-test:
	@$(MAKE) --no-print-directory test RACE=1

# The workflows of the examples; Gitea's runner takes another version of an action.
check-workflows: $(ACTIONLINT)
	$(ACTIONLINT) -shellcheck= examples/ci/github/*.yml
	$(ACTIONLINT) -shellcheck= -ignore 'is too old to run on GitHub Actions' examples/ci/gitea/*.yml

$(ACTIONLINT): tools/actionlint/go.mod tools/actionlint/go.sum
	@mkdir -p $(TOOLS)
	go -C tools/actionlint build -o $(CURDIR)/$@ github.com/rhysd/actionlint/cmd/actionlint
	@touch $@

# Built once for each version that tools/go.mod asks for.
$(GOLANGCI_LINT): tools/go.mod tools/go.sum
	@mkdir -p $(TOOLS)
	go -C tools build -o $(CURDIR)/$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@touch $@
