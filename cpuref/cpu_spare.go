package cpuref

import "sync"

// poolSpare keeps values for reuse, as many as were in use at one time. Unlike a sync.Pool it never drops
// one, so a warm forward pass allocates nothing, after a garbage collection too.
type poolSpare[T any] struct {
	mu   sync.Mutex
	free []*T
	make func() *T
}

func (s *poolSpare[T]) get() *T {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.free) - 1
	if last < 0 {
		return s.make()
	}
	v := s.free[last]
	s.free = s.free[:last]
	return v
}

func (s *poolSpare[T]) put(v *T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = append(s.free, v)
}
