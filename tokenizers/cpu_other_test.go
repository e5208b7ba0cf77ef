//go:build !unix

package tokenizers

import "time"

// cpuTime is not known here.
func cpuTime() time.Duration { return 0 }
