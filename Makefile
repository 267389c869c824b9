# bkplan: `make help` lists the targets. All of them do their own set-up.
SHELL := /bin/bash
.DEFAULT_GOAL := help
GO ?= go
VERSION ?=
LDFLAGS := -s -w $(if $(VERSION),-X github.com/bkplan/bkplan/internal/cli.linked=$(VERSION))
export CGO_ENABLED := 0
TOOL := $(GO) tool -modfile=tools/go.mod

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/bkplan
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/bkplan ./cmd/bkplan
	$(GO) build -trimpath -o bin/lab-kubeapi ./test/lab/kubeapi
	$(GO) build -trimpath -o bin/lab-pfsense ./test/lab/pfsense

.PHONY: setup
setup: ## install the Debian packages that tests and demo need
	@test/lab/setup

.PHONY: demo
demo: build ## watch policy, plan, apply, plan and drift on a real thin pool
	@test/demo

.PHONY: test
test: setup build ## run everything quick, then the lab's scenarios
	$(GO) vet ./...
	$(GO) test -timeout 30m ./...
	test/demo-directories
	@if [ "$$(id -u)" = 0 ] && command -v setpriv >/dev/null; then test/unprivileged test/demo-directories; fi
	test/lab/run

.PHONY: lab
lab: setup build ## run all of the lab, in a kernel with real LVM: nights, a month, failing disks (hours)
	test/lab/run
	test/lab/conformance '^TestLab.'
	BKPLAN_LAB_LIMIT=9000 test/lab/run test/lab/copies/*.sh

.PHONY: lab-soak
lab-soak: setup build ## kill the lab's kernel at random points of an apply, 20 times
	test/lab/soak

.PHONY: test-large
test-large: ## copy, verify and prune a volume of two million files (an hour, 8 GB in TMPDIR)
	BKPLAN_LARGE=1 $(GO) test -count=1 -v -timeout 6h ./test/large

.PHONY: test-monitoring
test-monitoring: setup build ## push to a real Pushgateway, let alerts fire in a real Prometheus, and clear
	BKPLAN_REQUIRE_PROMETHEUS=1 $(GO) test -count=1 ./internal/alert ./internal/dashboard ./internal/metric ./test/monitoring
	BKPLAN_REQUIRE_PROMETHEUS=1 $(GO) test -count=1 -run '^TestScripts$$/^metrics' ./internal/cli

.PHONY: test-kube
test-kube: ## run the kube provider against a real kube-apiserver (10 minutes to build once)
	test/kube/setup
	cd test/kube && BKPLAN_KUBE=1 BKPLAN_KUBE_APISERVER="$$(./build)" $(GO) test -count=1 ./...

.PHONY: test-net
test-net: setup ## cut the network to a NAS, with ssh as patient as it is (needs root, takes minutes)
	BKPLAN_NET=1 $(GO) test -count=1 -v -run '^TestNet' ./internal/providers/ssh

.PHONY: test-storm
test-storm: setup ## sync a tree by the change journal while 100,000 things happen to it
	BKPLAN_STORM=100000 $(GO) test -count=1 -v -timeout 3h -run '^TestStorm' ./internal/watch ./internal/providers/ssh

.PHONY: test-timers
test-timers: setup build ## run the units of `bkplan timers` under a systemd of their own (needs root)
	test/timers/boot test/timers/story bin/bkplan

.PHONY: bench
bench: build ## measure; docs/benchmarks.md explains the figures
	$(GO) test -run '^$$' -bench . -benchmem ./internal/...
	$(GO) run ./test/bench
	@test/bench/setup
	$(GO) run ./test/bench/copies
	$(GO) run ./test/bench/journal
	$(GO) run ./test/bench/catalogue
	$(GO) run ./test/bench/offsite
	$(GO) run ./test/bench/watch

.PHONY: lint
lint: ## run the linters
	$(TOOL) golangci-lint run ./...

.PHONY: generate
generate: ## make the golden files again; look at the difference before you commit it
	$(GO) test ./internal/cli ./internal/policy ./internal/timer ./internal/view ./internal/alert ./internal/dashboard -update

.PHONY: release
release: build ## make a Debian package in dist/ (VERSION=1.2.3)
	@test -n "$(VERSION)" || { echo 'say which: make release VERSION=1.2.3' >&2; exit 1; }
	mkdir -p dist
	VERSION=$(VERSION) $(TOOL) nfpm package --config tools/nfpm.yaml --packager deb --target dist/
