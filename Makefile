SHELL := /bin/bash
GO ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
BUILD_FLAGS = -trimpath -ldflags "-s -w -X main.buildVersion=$(VERSION)"
STATICCHECK = $(GO) tool -modfile=.ci/tools.mod staticcheck
EMBEDDED = internal/demo/embedded
# The time of everything that is packed is the commit's.
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
PACK = $(GO) -C .ci/pack run . -version $(VERSION) -revision "$(shell git rev-parse HEAD 2>/dev/null)"

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this help.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## Try everything on this machine: database, service, receiver, a page with a video.
	@echo "Building the demo; the first start takes a minute or two ..."
	@CGO_ENABLED=0 $(GO) run -buildvcs=false ./cmd/demo $(DEMO_FLAGS)

.PHONY: test
test: install lint ## Every test there is, on real engines, with the race detector.
	@.ci/wordpress versions
	$(GO) test -race -count=1 ./...
	$(GO) -C $(EMBEDDED) test -race -count=1 ./...
	$(GO) -C .ci/pack test -race -count=1 ./...
	$(GO) test -race -count=1 -tags embedded -run EmbeddedEngine ./internal/demo ./cmd/demo
	GO="$(GO)" .ci/fuzz 3

.PHONY: fuzz
fuzz: ## Fuzz every parser of outside bytes, FUZZ_SECONDS each (30).
	GO="$(GO)" .ci/fuzz $(or $(FUZZ_SECONDS),30)

.PHONY: test-mysql
test-mysql: install ## The storage tests on a real MySQL server, which it fetches (Debian, root).
	.ci/mysql $(GO) test -race -count=1 ./internal/usermeta/... ./internal/wordpress/... ./internal/mariadbtest ./internal/e2e

.PHONY: quick
quick: ## Formatting, vet and the tests of the rules: under a minute.
	@test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }
	$(GO) vet ./...
	$(GO) test ./api/... ./internal/webinar ./internal/webhook ./internal/config ./internal/telemetry ./internal/usermeta ./internal/wordpress

.PHONY: lint
lint: ## gofmt, vet, staticcheck, in all modules.
	@test -z "$$(gofmt -l .)" || { echo "not gofmt'ed:"; gofmt -l .; exit 1; }
	$(GO) vet ./...
	$(GO) -C $(EMBEDDED) vet ./...
	$(GO) -C .ci/pack vet ./...
	@# Left out of "all": ST1000 and ST1020-22 ask for comments in a fixed form
	@# everywhere, ours are few and say why; ST1003 dislikes names that follow
	@# WordPress's own.
	$(STATICCHECK) -checks all,-ST1000,-ST1003,-ST1020,-ST1021,-ST1022 ./...

.PHONY: bench
bench: install ## Figures beside those of the bare driver and of WordPress, in six minutes.
	@# Other runs by the environment: BENCH (Report, Scale, Start, Webinar or WordPressWrites),
	@# BENCH_ROUNDS, BENCH_SECONDS (of a turn), BENCH_ROWS=10000,1000000,10000000,
	@# BENCH_VIEWERS, BENCH_WATCH_SECONDS and BENCH_CONNECTIONS (of Webinar),
	@# BENCH_PROFILES (an absolute folder, for profiles of the service).
	.ci/bench $(GO) test -run '^$$' -bench '$(or $(BENCH),.)' -benchtime 1x -timeout 0 ./internal/bench

.PHONY: torture
torture: install ## Everything that can break, mixed, for FOR=15m, while a checker watches.
	@# SEED=… repeats the wishes of the viewers and the order of the faults.
	TORTURE_FOR=$(or $(FOR),15m) TORTURE_SEED=$(SEED) $(GO) test -race -count=1 -timeout 0 -v -run 'TestTorture' ./internal/torture
	GO="$(GO)" .ci/fuzz 30

.PHONY: build
build: ## The binary, static, in bin/.
	CGO_ENABLED=0 $(GO) build $(BUILD_FLAGS) -o bin/autowebinar ./cmd/autowebinar

.PHONY: image
image: ## The container image, an OCI archive in dist/; needs no Docker engine.
	$(PACK) image

.PHONY: release
release: ## Archives for Linux and macOS, with checksums, in dist/.
	$(PACK) release

.PHONY: install
install:
	@.ci/install
