package cpuref

import (
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
)

// cpuPool runs loops on the goroutine that asks and on up to threads-1 helpers that all its callers share.
// It is safe for concurrent use. A caller works on its own loop first and waits at most for the steps that
// helpers have already begun, so callers neither deadlock, when a step runs a loop itself, nor starve.
type cpuPool struct {
	path    *cpuPath
	threads int

	open atomic.Int32 // len(jobs), for helpers that look for work without the lock

	mu     sync.Mutex
	wake   sync.Cond
	jobs   []*poolJob // with steps that nobody has begun
	turn   int        // the next job to help
	asleep int
	closed bool

	spare   poolSpare[poolJob]
	tasks   poolSpare[gemmTask]
	batches poolSpare[gemmBatchTask]
	scratch poolSpare[gemmScratch]
}

// poolJob is one loop in progress.
type poolJob struct {
	fn    func(int)
	n     int64
	next  atomic.Int64
	users atomic.Int32  // helpers at work on it, + poolWaiting once the caller sleeps
	done  chan struct{} // the last helper to leave wakes the caller
	fault atomic.Pointer[poolFault]
}

type poolFault struct{ value any }

const poolWaiting = 1 << 30

// poolSpins bounds how long a helper looks for the next loop before it sleeps, about 50 microseconds:
// the loops of a forward pass follow each other faster than a sleeping thread wakes.
const poolSpins = 1000

// cpuThreads reads the number of threads from the value of CEPHALO_THREADS; "" means one for each
// processor that the Go runtime may use.
func cpuThreads(value string) (int, error) {
	if value == "" {
		return runtime.GOMAXPROCS(0), nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > 4096 {
		return 0, fmt.Errorf("cpuref: CEPHALO_THREADS got %q, want a number from 1 to 4096", value)
	}
	return n, nil
}

// newCPUPool starts the helpers; close ends them.
func newCPUPool(threads int, path *cpuPath) *cpuPool {
	p := &cpuPool{path: path, threads: max(threads, 1)}
	p.wake.L = &p.mu
	p.spare.make = func() *poolJob { return &poolJob{done: make(chan struct{}, 1)} }
	p.tasks.make, p.batches.make = newGemmTask, newGemmBatchTask
	p.scratch.make = func() *gemmScratch { return new(gemmScratch) }
	for range p.threads - 1 {
		go p.help()
	}
	return p
}

// close ends the helpers. Loops that still run, or start later, finish on their caller.
func (p *cpuPool) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.wake.Broadcast()
}

// run calls fn(0) … fn(n-1), each once, in no set order, some at the same time, and returns when all are
// done. It allocates nothing once warm; a caller that must not allocate either passes a func that it keeps.
// A panic in fn reaches the caller.
func (p *cpuPool) run(n int, fn func(i int)) {
	if n <= 1 || p.threads == 1 {
		for i := range n {
			fn(i)
		}
		return
	}
	j := p.begin(n, fn)
	defer p.end(j)
	j.work()
}

func (p *cpuPool) begin(n int, fn func(int)) *poolJob {
	j := p.spare.get()
	j.fn, j.n = fn, int64(n)
	j.next.Store(0)
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.jobs = append(p.jobs, j)
		p.open.Store(int32(len(p.jobs)))
		for range min(n-1, p.asleep) {
			p.wake.Signal()
		}
	}
	return j
}

func (p *cpuPool) end(j *poolJob) {
	j.next.Store(j.n) // after a panic here helpers begin no more steps
	p.retire(j)
	for spin := 0; j.users.Load() != 0; spin++ {
		if spin < poolSpins {
			cpuPause()
			continue
		}
		if j.users.Add(poolWaiting) != poolWaiting {
			<-j.done
		}
		j.users.Store(0)
		break
	}
	fault := j.fault.Swap(nil)
	j.fn = nil
	p.spare.put(j)
	if fault != nil {
		panic(fault.value)
	}
}

// retire takes j off the list once its last step has begun.
func (p *cpuPool) retire(j *poolJob) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.jobs {
		if p.jobs[i] == j {
			last := len(p.jobs) - 1
			p.jobs[i], p.jobs[last] = p.jobs[last], nil
			p.jobs = p.jobs[:last]
			p.open.Store(int32(last))
			return
		}
	}
}

func (p *cpuPool) help() {
	for {
		j := p.take()
		if j == nil {
			return
		}
		j.help()
		p.retire(j)
		if j.users.Add(-1) == poolWaiting {
			j.done <- struct{}{}
		}
	}
}

// take waits for a job and joins it; nil means that the pool is closed.
func (p *cpuPool) take() *poolJob {
	for spin := 0; spin < poolSpins && p.open.Load() == 0; spin++ {
		if spin%64 == 63 {
			runtime.Gosched()
		}
		cpuPause()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.jobs) == 0 {
		if p.closed {
			return nil
		}
		p.asleep++
		p.wake.Wait()
		p.asleep--
	}
	p.turn = (p.turn + 1) % len(p.jobs)
	j := p.jobs[p.turn]
	j.users.Add(1)
	return j
}

func (j *poolJob) work() {
	for i := j.next.Add(1) - 1; i < j.n; i = j.next.Add(1) - 1 {
		j.fn(int(i))
	}
}

// help is work for a helper, which hands a panic to the caller instead of ending the process.
func (j *poolJob) help() {
	defer func() {
		if v := recover(); v != nil {
			j.fault.CompareAndSwap(nil, &poolFault{v})
			j.next.Store(j.n)
		}
	}()
	j.work()
}
