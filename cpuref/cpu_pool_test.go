package cpuref

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func poolForTest(t *testing.T, threads int) *cpuPool {
	path := cpuGeneric()
	p := newCPUPool(threads, &path)
	t.Cleanup(p.close)
	return p
}

func TestCPUThreads(t *testing.T) {
	n, err := cpuThreads("")
	require.NoError(t, err)
	require.Equal(t, runtime.GOMAXPROCS(0), n)
	n, err = cpuThreads("3")
	require.NoError(t, err)
	require.Equal(t, 3, n)
	for _, bad := range []string{"0", "-1", "two", "1.5", "5000"} {
		_, err = cpuThreads(bad)
		require.ErrorContains(t, err, bad)
	}
}

func TestPoolRunsEachStepOnce(t *testing.T) {
	for _, threads := range []int{1, 2, 3, 8} {
		p := poolForTest(t, threads)
		for _, n := range []int{0, 1, 2, 3, 7, 1000} {
			hits := make([]atomic.Int32, n)
			p.run(n, func(i int) { hits[i].Add(1) })
			for i := range hits {
				require.EqualValues(t, 1, hits[i].Load(), "step %d of %d", i, n)
			}
		}
	}
}

// Loops of many goroutines, and loops inside of steps, share the helpers and all end.
func TestPoolConcurrentAndNested(t *testing.T) {
	p := poolForTest(t, 3)
	var total atomic.Int64
	var wg sync.WaitGroup
	for range 24 {
		wg.Go(func() {
			for range 50 {
				p.run(5, func(int) {
					p.run(4, func(int) { total.Add(1) })
				})
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 24*50*5*4, total.Load())
}

func TestPoolHandsPanicsToTheCaller(t *testing.T) {
	p := poolForTest(t, 3)
	for step := range 30 {
		require.PanicsWithValue(t, "broken", func() {
			p.run(30, func(i int) {
				time.Sleep(10 * time.Microsecond) // leaves steps to the helpers
				if i == step {
					panic("broken")
				}
			})
		})
	}
	var n atomic.Int32
	p.run(100, func(int) { n.Add(1) })
	require.EqualValues(t, 100, n.Load())
}

// Helpers with nothing to do sleep, wake for the next loop, and end with the pool.
func TestPoolHelpersSleep(t *testing.T) {
	p := poolForTest(t, 4)
	resting := func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.asleep == p.threads-1
	}
	for range 3 {
		var other atomic.Int32
		p.run(4, func(int) { // each step waits for all the others: four threads
			other.Add(1)
			for other.Load() < 4 {
				time.Sleep(time.Microsecond)
			}
		})
		require.Eventually(t, resting, 10*time.Second, time.Millisecond)
	}
	p.close()
	require.Eventually(t, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.asleep == 0
	}, 10*time.Second, time.Millisecond)
	var n atomic.Int32
	p.run(10, func(int) { n.Add(1) })
	require.EqualValues(t, 10, n.Load(), "after close")
}

func TestPoolSteadyStateAllocatesNothing(t *testing.T) {
	p := poolForTest(t, 2)
	var n atomic.Int64
	fn := func(int) { n.Add(1) }
	require.Zero(t, testing.AllocsPerRun(100, func() { p.run(64, fn) }))
}

func TestCPUSelect(t *testing.T) {
	fastest, err := cpuSelect("")
	require.NoError(t, err)
	auto, err := cpuSelect("auto")
	require.NoError(t, err)
	require.Equal(t, fastest.name, auto.name)
	for _, path := range cpuPaths() {
		got, err := cpuSelect(path.name)
		if path.usable {
			require.NoError(t, err)
			require.Equal(t, path.name, got.name)
		} else {
			require.ErrorContains(t, err, path.name)
		}
	}
	_, err = cpuSelect("sse9")
	require.ErrorContains(t, err, `"sse9"`)
	require.ErrorContains(t, err, "generic")
}

// A path that this processor lacks is refused, not replaced.
func TestCPUPickRefusesWhatCannotRun(t *testing.T) {
	paths := []cpuPath{{name: "new"}, {name: "old", usable: true}}
	_, err := cpuPick(paths, "new")
	require.ErrorContains(t, err, "new")
	got, err := cpuPick(paths, "")
	require.NoError(t, err)
	require.Equal(t, "old", got.name)
}
