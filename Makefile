SHELL := /bin/bash
GO ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
BUILD_FLAGS = -trimpath -ldflags "-s -w -X autowebinar/internal/cli.buildVersion=$(VERSION)"
STATICCHECK = $(GO) tool -modfile=.ci/tools.mod staticcheck
EMBEDDED = internal/demo/embedded
# The time of the commit, for all files in images and releases.
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
# The time-out allows for a busy machine; an idle one needs a quarter of it.
TEST_FLAGS = -race -count=1 -timeout 40m
# Packages that take minutes report their running tests on standard error, see
# internal/progresstest.
PROGRESS = TEST_PROGRESS=/proc/$$BASHPID/fd/2
# The longest tests first, so that none of them runs alone at the end.
LONG_TESTS = ./internal/torture ./internal/browser ./internal/site ./internal/e2e
# Packages whose tests need more than a few seconds.
SLOW_TESTS = browser|e2e|packaging|servicetest|site|torture
PACK = $(GO) -C .ci/pack run . -version $(VERSION) -revision "$(shell git rev-parse HEAD 2>/dev/null)"

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this help.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## Try everything on this machine: database, service, receiver, a page with a video.
	@echo "Building the demo; the first start takes a minute or two ..."
	@CGO_ENABLED=0 $(GO) build -buildvcs=false -ldflags "-s -w" -o bin/demo/demo ./cmd/demo
	@GO="$(GO)" exec bin/demo/demo $(DEMO_FLAGS)

.PHONY: test
test: install lint ## All tests, on real databases, servers and browsers, with the race detector.
	@.ci/wordpress versions
	@# The pipe prevents the two writers from overwriting each other's lines.
	set -o pipefail; ($(PROGRESS) $(GO) test $(TEST_FLAGS) $(LONG_TESTS) ./...) 2>&1 | cat
	$(GO) -C $(EMBEDDED) test $(TEST_FLAGS) ./...
	$(GO) -C .ci/pack test $(TEST_FLAGS) ./...
	$(GO) test $(TEST_FLAGS) -tags embedded -run EmbeddedEngine ./internal/demo ./cmd/demo
	$(GO) test $(TEST_FLAGS) -tags failpoints ./internal/clock
	GO="$(GO)" .ci/fuzz 3

.PHONY: fuzz
fuzz: ## Fuzz all parsers of external input, FUZZ_SECONDS each (default 30).
	GO="$(GO)" .ci/fuzz $(or $(FUZZ_SECONDS),30)

.PHONY: test-mysql
test-mysql: install ## The tests of storage and logins on MySQL, which it fetches (Debian, root).
	$(PROGRESS) .ci/mysql $(GO) test $(TEST_FLAGS) ./internal/{usermeta,outbox,leader,doctor,wpdb,wordpress,mariadbtest,e2e}

.PHONY: quick
quick: ## Formatting, vet and all but the slow tests, in less than a minute.
	@test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }
	$(GO) vet ./...
	$(GO) test $$($(GO) list ./... | grep -vE '/($(SLOW_TESTS))$$')

.PHONY: lint
lint: ## gofmt, vet, staticcheck, in all modules.
	@test -z "$$(gofmt -l .)" || { echo "not gofmt'ed:"; gofmt -l .; exit 1; }
	$(GO) vet ./...
	$(GO) -C $(EMBEDDED) vet ./...
	$(GO) -C .ci/pack vet ./...
	@# ST1003 rejects names that follow those of WordPress.
	$(STATICCHECK) -checks all,-ST1003 ./...

.PHONY: bench
bench: install ## Compare the service with the bare driver and with WordPress, in six minutes.
	@# Environment variables: BENCH (Report, Scale, Start, Webinar or WordPressWrites),
	@# BENCH_ROUNDS, BENCH_SECONDS (of a measurement), BENCH_ROWS=10000,1000000,10000000,
	@# BENCH_VIEWERS, BENCH_WATCH_SECONDS and BENCH_CONNECTIONS (of Webinar),
	@# BENCH_PROFILES (absolute path of a folder for profiles of the service),
	@# BENCH_BASELINE (absolute path of an older binary, for BENCH=Baseline).
	.ci/bench $(GO) test -run '^$$' -bench '$(or $(BENCH),.)' -benchtime 1x -timeout 0 ./internal/bench

.PHONY: torture
torture: install ## Inject random faults for FOR=15m while a checker verifies every response.
	@# SEED=… repeats the requests of the viewers and the sequence of faults.
	TORTURE_FOR=$(or $(FOR),15m) TORTURE_SEED=$(SEED) $(GO) test -race -count=1 -timeout 0 -v -run 'TestTorture' ./internal/torture
	GO="$(GO)" .ci/fuzz 30

.PHONY: docs
docs: ## Write the generated parts of the documents and deploy/autowebinar.env.example.
	$(GO) test ./internal/packaging -run 'TestGeneratedParts|TestEnvExample' -update

.PHONY: build
build: ## Build the static binary in bin/.
	CGO_ENABLED=0 $(GO) build $(BUILD_FLAGS) -o bin/autowebinar ./cmd/autowebinar

.PHONY: image
image: ## Build the container image, an OCI archive in dist/, without a container engine.
	$(PACK) image

.PHONY: release
release: ## Build archives for Linux and macOS with checksums in dist/.
	$(PACK) release

.PHONY: install
install:
	@.ci/install
