package gpu

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// AdapterInfo describes an adapter.
type AdapterInfo struct {
	Index    int    // its number for Options.Adapter
	Name     string // as the driver gives it
	Vendor   string
	Backend  string // vulkan, metal, d3d12, …
	Type     string // discrete, integrated, virtual, cpu, unknown
	Driver   string // version and build; empty where the binding does not say
	Software bool   // a renderer that runs on the processor
}

// String is the adapter in one line.
func (a AdapterInfo) String() string {
	s := fmt.Sprintf("%s (%s, %s)", a.Name, a.Type, a.Backend)
	if a.Software {
		s += ", a software renderer"
	}
	return s
}

// Options say which adapter Open takes.
type Options struct {
	// Adapter is its number, or a part of its name in any case. Empty: the best
	// one, discrete before integrated before others before software.
	Adapter string
	// LowPower prefers integrated to discrete.
	LowPower bool
	// AllowSoftware lets Open take a software renderer when there is nothing
	// better, or when Adapter names one. Without it such an adapter is never taken.
	AllowSoftware bool
}

// Adapters lists the adapters that are there. Where there are none, or the build
// has no driver, the error is ErrNoDevice.
func Adapters() ([]AdapterInfo, error) { return listAdapters(openDriver) }

func listAdapters(open driverOpener) ([]AdapterInfo, error) {
	drv, err := open(context.Background())
	if err != nil {
		return nil, fmt.Errorf("adapters: %w", err)
	}
	defer drv.close()
	list := drv.adapters()
	if len(list) == 0 {
		return nil, fmt.Errorf("adapters: none found: %w", ErrNoDevice)
	}
	return list, nil
}

// softwareNames are parts of the names of renderers that run on the processor:
// Mesa's, Google's and Microsoft's.
var softwareNames = []string{"llvmpipe", "lavapipe", "softpipe", "swiftshader", "basic render driver"}

func isSoftware(name, kind string) bool {
	name = strings.ToLower(name)
	for _, s := range softwareNames {
		if strings.Contains(name, s) {
			return true
		}
	}
	return kind == "cpu"
}

// pick is the adapter that opt asks for.
func pick(list []AdapterInfo, opt Options) (AdapterInfo, error) {
	if len(list) == 0 {
		return AdapterInfo{}, fmt.Errorf("no adapter found: %w", ErrNoDevice)
	}
	if opt.Adapter != "" {
		return pickNamed(list, opt)
	}
	best, rank := -1, 0
	for i, a := range list {
		if a.Software && !opt.AllowSoftware {
			continue
		}
		if r := preference(a, opt.LowPower); best < 0 || r < rank {
			best, rank = i, r
		}
	}
	if best < 0 {
		return AdapterInfo{}, fmt.Errorf("only software renderers found (%s), which are not taken unless asked for: %w", names(list), ErrNoDevice)
	}
	return list[best], nil
}

func pickNamed(list []AdapterInfo, opt Options) (AdapterInfo, error) {
	want := strings.ToLower(opt.Adapter)
	number, err := strconv.Atoi(want)
	best, rank := -1, 0
	for i, a := range list {
		switch {
		case err == nil && a.Index == number:
			best = i
		case err != nil && strings.Contains(strings.ToLower(a.Name), want):
			if r := preference(a, opt.LowPower); best < 0 || r < rank {
				best, rank = i, r
			}
		}
	}
	if best < 0 {
		return AdapterInfo{}, fmt.Errorf("no adapter %q, there are: %s: %w", opt.Adapter, names(list), ErrNoDevice)
	}
	if a := list[best]; a.Software && !opt.AllowSoftware {
		return AdapterInfo{}, fmt.Errorf("adapter %d: %s is a software renderer, which is not taken unless asked for: %w", a.Index, a.Name, ErrNoDevice)
	}
	return list[best], nil
}

// preference orders adapters, the least first; of equals the first listed wins.
func preference(a AdapterInfo, lowPower bool) int {
	rank := 2
	switch {
	case a.Software:
		rank = 3
	case a.Type == "discrete":
		rank = 0
	case a.Type == "integrated":
		rank = 1
	}
	if lowPower && rank < 2 {
		rank = 1 - rank
	}
	return rank
}

func names(list []AdapterInfo) string {
	parts := make([]string, len(list))
	for i, a := range list {
		parts[i] = fmt.Sprintf("%d: %s", a.Index, a.Name)
	}
	return strings.Join(parts, "; ")
}
