//go:build !race

package tokenizers

// slower is 1: nothing slows the tests down.
const slower = 1
