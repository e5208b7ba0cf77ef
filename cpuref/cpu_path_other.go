//go:build !amd64

package cpuref

func cpuPaths() []cpuPath { return []cpuPath{cpuGeneric()} }
