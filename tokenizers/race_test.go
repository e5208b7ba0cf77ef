//go:build race

package tokenizers

// slower is by how much the race detector slows things down.
const slower = 20
