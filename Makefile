# SPDX-FileCopyrightText: The Tidemark Authors
# SPDX-License-Identifier: Apache-2.0

# `make` prints the targets. Tools are pinned in modules of their own under tools/ and built on first use into bin/.

MODULES  := gen platform localparts scanner resolver updater cmd/tidemark tests bench
PROGRAMS := tidemark scanner resolver updater
ALONE    := tests/manifests
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS  := -X github.com/tidemark-io/tidemark/platform/version.version=$(VERSION)
KEEP     ?=
BENCH    ?= .
export CGO_ENABLED ?= 1

.PHONY: help
help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: bin/tidemark ## the main job on loopback, from a pushed tag to the commit (KEEP=1 leaves it running)
	bin/tidemark demo $(if $(KEEP),--keep)

.PHONY: test
test: bin/grpcurl build test-manifests ## every test, end to end included
	go test $(foreach m,$(MODULES),./$(m)/...)

.PHONY: test-race
test-race: bin/grpcurl build ## every test under the race detector
	go test -race $(foreach m,$(MODULES),./$(m)/...)

.PHONY: test-manifests
test-manifests: ## manifests at random against Flux's own schemas; a module outside go.work, as it needs Kubernetes' libraries
	GOWORK=off go -C tests/manifests test ./...

.PHONY: bench
bench: ## the benchmarks at full size, and their report (BENCH_REPOSITORIES, BENCH_TAGS, BENCH_FILES, BENCH_ROUNDS make it smaller; BENCH=regexp chooses)
	@go test -run '^$$' -bench '$(BENCH)' -benchtime 1x -timeout 60m ./bench/... ./resolver/internal/benchmarks | go run ./bench/cmd/report

.PHONY: build
build: $(addprefix bin/,$(PROGRAMS)) ## the four programs, into bin/

.PHONY: bin/tidemark bin/scanner bin/resolver bin/updater
bin/tidemark:
	go build -trimpath -ldflags '$(LDFLAGS)' -o $@ ./cmd/tidemark
bin/scanner bin/resolver bin/updater:
	go build -trimpath -ldflags '$(LDFLAGS)' -o $@ ./$(@F)/cmd/$(@F)

.PHONY: generate
generate: bin/buf bin/protoc-gen-go bin/protoc-gen-go-grpc ## the Go code of the contracts
	bin/buf format -w
	bin/buf generate

.PHONY: check-generate
check-generate: generate ## fail where `make generate` leaves a diff
	@git diff --exit-code -- proto gen || { echo 'run make generate and commit what it changes' >&2; exit 1; }
	@untracked=$$(git ls-files --others --exclude-standard -- gen); test -z "$$untracked" || { echo "not committed: $$untracked" >&2; exit 1; }

.PHONY: lint
lint: bin/buf bin/golangci-lint check-workspace ## contracts, Go code and the workspace's own rules
	bin/buf lint
	bin/buf format -d --exit-code
	@for m in $(filter-out gen,$(MODULES)); do echo "golangci-lint $$m"; (cd $$m && $(CURDIR)/bin/golangci-lint run ./...) || exit 1; done
	@for m in $(ALONE); do echo "golangci-lint $$m"; (cd $$m && GOWORK=off $(CURDIR)/bin/golangci-lint run ./...) || exit 1; done

.PHONY: format
format: bin/buf bin/golangci-lint ## write contracts and Go code in their one format
	bin/buf format -w
	@for m in $(filter-out gen,$(MODULES)); do (cd $$m && $(CURDIR)/bin/golangci-lint fmt ./...) || exit 1; done

.PHONY: check-workspace
check-workspace: ## one module root, one go line, one version of each dependency, imports in one direction
	cd tools/repocheck && GOWORK=off go run . -dir ../..

.PHONY: check-modules
check-modules: ## each module builds and vets by itself, and is tidy
	@for m in $(MODULES) $(ALONE); do echo "GOWORK=off $$m"; (cd $$m && GOWORK=off go build ./... && GOWORK=off go vet ./... && GOWORK=off go mod tidy -diff) || exit 1; done

.PHONY: tidy
tidy: ## tidy every module, then settle on one version of each dependency
	@for m in $(MODULES) $(ALONE); do (cd $$m && GOWORK=off go mod tidy) || exit 1; done
	go work sync

.PHONY: clean
clean: ## remove bin/
	rm -rf bin

# Tools. Each is built from its own pinned module, again when its go.sum changes.
bin/buf: tools/buf/go.sum
	GOWORK=off go -C tools/buf build -o $(CURDIR)/$@ github.com/bufbuild/buf/cmd/buf
bin/protoc-gen-go: tools/protoc-gen-go/go.sum
	GOWORK=off go -C tools/protoc-gen-go build -o $(CURDIR)/$@ google.golang.org/protobuf/cmd/protoc-gen-go
bin/protoc-gen-go-grpc: tools/protoc-gen-go-grpc/go.sum
	GOWORK=off go -C tools/protoc-gen-go-grpc build -o $(CURDIR)/$@ google.golang.org/grpc/cmd/protoc-gen-go-grpc
bin/golangci-lint: tools/golangci-lint/go.sum
	GOWORK=off go -C tools/golangci-lint build -o $(CURDIR)/$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
bin/grpcurl: tools/grpcurl/go.sum
	GOWORK=off go -C tools/grpcurl build -o $(CURDIR)/$@ github.com/fullstorydev/grpcurl/cmd/grpcurl
