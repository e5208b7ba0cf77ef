//go:build unix

package tokenizers

import (
	"syscall"
	"time"
)

// cpuTime is the processor time that this process has used: it tells more than the clock on a busy machine.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
