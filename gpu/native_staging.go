//go:build !cpuref && cgo && (linux || darwin || windows) && (amd64 || arm64)

package gpu

import (
	"math/bits"

	"github.com/cogentcore/webgpu/wgpu"
)

// direction tells the two kinds of staging memory apart.
type direction uint8

const (
	stageDown direction = iota // device to host
	stageUp                    // host to device
)

const (
	minStage  = 4 << 10  // bytes of the smallest staging buffer
	idleStage = 32 << 20 // bytes of a direction that may lie idle
)

// staged is a staging buffer taken from the pool; the zero value is none.
type staged struct {
	buf   *wgpu.Buffer
	bytes int64
	dir   direction
}

// stagingPool keeps idle staging buffers by direction and power of two.
type stagingPool struct {
	idle  [2]map[int64][]staged
	bytes [2]int64
}

func (s *stagingPool) take(n *nativeDevice, dir direction, nbytes int64) (staged, error) {
	size := max(int64(1)<<bits.Len64(uint64(nbytes-1)), minStage)
	if size > n.can.MaxBuffer {
		size = n.can.MaxBuffer
	}
	if stack := s.idle[dir][size]; len(stack) > 0 {
		s.idle[dir][size] = stack[:len(stack)-1]
		s.bytes[dir] -= size
		return stack[len(stack)-1], nil
	}
	usage, label := wgpu.BufferUsageMapRead|wgpu.BufferUsageCopyDst, "read-back"
	if dir == stageUp {
		usage, label = wgpu.BufferUsageCopySrc|wgpu.BufferUsageCopyDst, "upload"
	}
	buf, err := n.own(label, size, usage)
	return staged{buf, size, dir}, err
}

// giveBack puts s into the pool, or releases it where enough lies there.
func (s *staged) giveBack(n *nativeDevice) {
	if s.buf == nil {
		return
	}
	p := &n.staging
	if p.bytes[s.dir]+s.bytes > idleStage {
		n.disown(s.buf, s.bytes)
	} else {
		if p.idle[s.dir] == nil {
			p.idle[s.dir] = map[int64][]staged{}
		}
		p.idle[s.dir][s.bytes] = append(p.idle[s.dir][s.bytes], *s)
		p.bytes[s.dir] += s.bytes
	}
	*s = staged{}
}

func (s *stagingPool) dropAll(n *nativeDevice) {
	for _, classes := range s.idle {
		for _, stack := range classes {
			for _, st := range stack {
				n.disown(st.buf, st.bytes)
			}
		}
	}
	*s = stagingPool{}
}
