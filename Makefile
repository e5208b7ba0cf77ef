# The commands that people and CI run. CGO_ENABLED=0 -tags cpuref needs Go alone.
GO ?= go

.PHONY: test test-gpu test-race test-full lint cross examples gen shaders bench

## test: everything that needs no GPU and no C compiler.
test: lint
	CGO_ENABLED=0 $(GO) test -tags cpuref ./...

## lint: format, vet under both tags, staticcheck, tidy go.mod. The import rules are a test.
lint:
	@out=$$(gofmt -s -l $$(git ls-files '*.go')); if [ -n "$$out" ]; then echo "gofmt -s would change:"; echo "$$out"; exit 1; fi
	CGO_ENABLED=0 $(GO) vet -tags cpuref ./...
	$(GO) vet ./...
	$(GO) tool staticcheck -tags cpuref ./...
	$(GO) mod tidy -diff

## test-gpu: the packages that touch a device, one after another; a missing adapter fails.
test-gpu:
	REQUIRE_GPU=1 $(GO) test -p=1 -shuffle=on ./gpu/... ./kernels/... ./tensor/... ./heads/... ./cmd/... .

## test-race: concurrency under the race detector, on the CPU.
test-race:
	$(GO) test -race -tags cpuref -short -run 'Race|Concurrent|Goroutines' ./cpuref ./tokenizers ./internal/safetensors .

## test-full: acceptance rows at full size.
test-full:
	CEPHALO_FULL=1 $(GO) test -timeout 60m -tags cpuref -run 'Acceptance' ./heads

## cross: every package builds everywhere.
cross:
	GOOS=windows GOARCH=amd64 CGO_ENABLED=0 $(GO) build ./...
	GOOS=darwin GOARCH=arm64 CGO_ENABLED=0 $(GO) build ./...
	GOOS=linux GOARCH=arm64 CGO_ENABLED=0 $(GO) build ./...
	GOOS=linux GOARCH=386 CGO_ENABLED=0 $(GO) build ./...
	GOOS=js GOARCH=wasm $(GO) build ./...
	@if CGO_ENABLED=0 $(GO) list -deps -tags cpuref ./... | grep -q cogentcore/webgpu; then echo "the binding is in a cpuref build"; exit 1; fi

## examples: every program of examples/, on tiny sizes.
examples:
	@for d in examples/*/; do echo "$$d"; CGO_ENABLED=0 $(GO) run -tags cpuref ./$$d || exit 1; done

## gen: generated files; CI checks that nothing changes.
gen:
	$(GO) generate ./...

## shaders: every WGSL variant through Dawn (node and npm needed).
shaders:
	.ci/shaders

## bench: backends side by side.
bench:
	$(GO) run ./bench
