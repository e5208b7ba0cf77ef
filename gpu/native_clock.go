//go:build !cpuref && cgo && (linux || darwin || windows) && (amd64 || arm64)

package gpu

import (
	"github.com/cogentcore/webgpu/wgpu"
)

// querySetSize is how many timestamps one query set holds: the least that the
// specification grants.
const querySetSize = 4096

// stopwatch writes the timestamps of one program. What it makes lives for one
// submission.
type stopwatch struct {
	dev     *nativeDevice
	sets    []*wgpu.QuerySet
	written int
	buf     *wgpu.Buffer // where the sets are resolved, one after another
}

func newStopwatch(n *nativeDevice, p *program) (*stopwatch, error) {
	s := &stopwatch{dev: n}
	for count := 2*p.dispatches + 2; count > 0; count -= querySetSize {
		set, err := n.dev.CreateQuerySet(&wgpu.QuerySetDescriptor{Type: wgpu.QueryTypeTimestamp, Count: querySetSize})
		if err != nil {
			s.release()
			return nil, err
		}
		s.sets = append(s.sets, set)
	}
	var err error
	if s.buf, err = n.own("timestamps", s.bytes(), wgpu.BufferUsageQueryResolve|wgpu.BufferUsageCopySrc); err != nil {
		s.release()
		return nil, err
	}
	return s, nil
}

func (s *stopwatch) bytes() int64 { return int64(len(s.sets)) * querySetSize * wgpu.QuerySize }

func (s *stopwatch) write(cmd *wgpu.CommandEncoder) error {
	set, i := s.sets[s.written/querySetSize], s.written%querySetSize
	s.written++
	return cmd.WriteTimestamp(set, uint32(i))
}

// resolve copies what was written to dst from byte off.
func (s *stopwatch) resolve(cmd *wgpu.CommandEncoder, dst *wgpu.Buffer, off int64) error {
	for done := 0; done < s.written; done += querySetSize {
		n := min(s.written-done, querySetSize)
		if err := cmd.ResolveQuerySet(s.sets[done/querySetSize], 0, uint32(n), s.buf, uint64(done)*wgpu.QuerySize); err != nil {
			return err
		}
	}
	if s.written == 0 {
		return nil
	}
	return cmd.CopyBufferToBuffer(s.buf, 0, dst, uint64(off), uint64(s.written)*wgpu.QuerySize)
}

// release lets go of what the submission now holds on to.
func (s *stopwatch) release() {
	for _, set := range s.sets {
		set.Release()
	}
	if s.buf != nil {
		s.dev.disown(s.buf, s.bytes())
	}
}
