# SPDX-License-Identifier: Apache-2.0

GO     ?= go
TOOL   := $(GO) tool -modfile=$(CURDIR)/.ci/tools.mod
# Folders with a go.mod of their own (go test cannot see that they depend on slipway, so nothing is cached), and packages whose tests rewrite golden files.
NESTED := $(patsubst %/go.mod,%,$(wildcard testdata/*/go.mod))
GOLDEN  = $(addprefix ./,$(sort $(dir $(shell git grep -l 'Bool("update"' -- 'cmd/*_test.go' 'fn/*_test.go' 'render/*_test.go' 'rollout/*_test.go'))))

# Tests on a real control plane, a sample of its kills and faults, one package at a time.
SLIPWAY_SEEDS ?= 4
ONCLUSTER = rollout/kube rollout/agent rollout/steer rollout/verify rollout/manifests
CLUSTER = SLIPWAY_SEEDS=$(SLIPWAY_SEEDS) $(GO) test -p=1 -timeout=25m

OUT    = slipway
.DEFAULT_GOAL := build
.PHONY: help build test soak kruise argocd lab quick fmt lint race fuzz bench golden docs picture release ci clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 10

# Functions are inlined only in the packages of .ci/gcflags, where a run spends its time: that takes a tenth off the program, and adds
# nothing to the time of a render, and a twentieth to that of a simulation.
build: ## build ./slipway, static and stripped
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w -funcalign=16" `cat .ci/gcflags` -o $(OUT) ./cmd/slipway

# Tests run what is shipped, built without cgo; such programs also start and link in three quarters of the time.
quick test argocd: export CGO_ENABLED = 0

# Before the tests: it may take minutes, and go test would neither show that nor wait for it.
test: ## every test that needs only Go and git; a real control plane is built once, into the user's cache
	$(GO) -C testdata/controlplane run .
	$(GO) test -shuffle=on -timeout=30m $$($(GO) list ./... | grep -v $(ONCLUSTER:%=-e /%))
	$(CLUSTER) $(ONCLUSTER:%=./%/...)
	@for m in $(NESTED); do echo "$$m: building the programs it drives (a minute or more the first time, then cached) and testing"; $(GO) -C $$m test -count=1 -shuffle=on -timeout=45m ./... || exit 1; done

soak: ## every kill, fifty seeds of faults, 200 schedules for the simulator's models; ten minutes each for the fuzzers of edits
	SLIPWAY_SEEDS=50 $(GO) test -count=1 -timeout=60m ./rollout/agent
	@GO="$(GO)" FUZZ='Splice|Eject|Function' FUZZTIME=10m bash .ci/fuzz

kruise: ## slipway and a real Kruise take a CloneSet over from each other (builds Kruise, some minutes the first time)
	CGO_ENABLED=0 $(GO) -C testdata/kruise tool -n kruise
	SLIPWAY_KRUISE=1 $(GO) test -count=1 -timeout=10m -run=Kruise ./rollout/agent

argocd: ## the Argo CD plugin under Argo CD's own plugin server (builds it, some ten minutes the first time)
	$(GO) -C testdata/clients/argocd tool -n argocd
	SLIPWAY_ARGOCD=1 $(GO) -C testdata/clients test -count=1 -timeout=30m -run=ArgoCD .

lab: ## a control plane to try slipway on, up until Ctrl-C: testdata/examples/rollout/WALK.md
	@CGO_ENABLED=0 $(GO) run ./testdata/lab $(LAB)

quick: ## the tests to run after each change: none needs a control plane or a browser
	$(GO) test -short -ldflags=-w ./...

fmt: ## format every Go file
	$(TOOL) golangci-lint fmt ./... ./testdata/...

lint: ## golangci-lint, and actionlint for workflows (the first run builds it, about a minute and a half)
	$(TOOL) golangci-lint run ./... ./testdata/bench/... ./testdata/lab
	$(GO) -C testdata/clients tool actionlint $(CURDIR)/.github/workflows/*.yaml $(CURDIR)/testdata/examples/ci/.github/workflows/*.yaml
	@for m in $(NESTED); do (cd $$m && $(TOOL) golangci-lint run --config $(CURDIR)/.golangci.yaml ./...) || exit 1; done

race: ## the libraries' tests under the race detector (needs a C compiler)
	@$(GO) list ./... | { grep -v -e /cmd/ -e /rollout/agent$$ -e /rollout/verify$$ || true; } | xargs -r $(GO) test -race -shuffle=on -timeout=30m
	SLIPWAY_SEEDS=1 $(GO) test -race -timeout=10m -run 'Article|Fence' ./rollout/agent

fuzz: ## fuzz each target for FUZZTIME (10s)
	@GO="$(GO)" bash .ci/fuzz

bench: ## benchmarks, then whole processes against kyaml, and what slipway adds to each client
	$(GO) test -run '^$$' -bench . -benchmem ./...
	$(GO) run ./testdata/bench

golden: ## rewrite the golden files from what the code does now
	$(if $(GOLDEN),$(GO) test $(GOLDEN) -update,@echo no golden files)

docs: ## regenerate the documents that come from the code
	$(GO) generate ./...

picture: ## take the documents' picture of a release report again (needs chromium)
	$(GO) test -count=1 ./rollout/report -run TestPicture -args -picture $(CURDIR)/testdata/examples/rollout/report.png

release: ## write completions and man pages into release/, with CHECKSUMS=dist/checksums.txt catalog manifests, too
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(GO) test -count=1 ./cmd/slipway -run 'TestCompletionsAndManPages|TestCatalogManifests' -args -release $(CURDIR)/release $(if $(CHECKSUMS),-checksums $(abspath $(CHECKSUMS)))

ci: ## what CI runs
	bash .ci/run

clean: ## remove what the other targets leave in the tree
	rm -rf slipway dist release .lab
