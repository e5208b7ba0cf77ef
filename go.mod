module github.com/cephalo-ml/cephalo

go 1.26.0

require (
	github.com/cogentcore/webgpu v0.23.0 // indirect
	github.com/stretchr/testify v1.12.1 // indirect
	golang.org/x/sync v0.25.0 // indirect
)
