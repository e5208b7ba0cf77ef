//go:build !cpuref && cgo && (linux || darwin || windows) && (amd64 || arm64)

package gpu

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/cogentcore/webgpu/wgpu"
)

// nativeDriver is an instance of the binding with its adapters.
type nativeDriver struct {
	inst *wgpu.Instance
	list []*wgpu.Adapter
	info []AdapterInfo
}

// openDriver makes an instance. Where the loader of the graphics system is
// missing there are simply no adapters.
func openDriver(context.Context) (_ driver, err error) {
	defer recovered(&err)
	if err := checkLayouts(); err != nil {
		return nil, err
	}
	wgpu.SetLogLevel(wgpu.LogLevelOff) // what it would write is returned as well
	// Mesa complains on standard error when this is unset.
	const dir = "XDG_RUNTIME_DIR"
	if _, set := os.LookupEnv(dir); !set && runtime.GOOS == "linux" {
		if os.Setenv(dir, os.TempDir()) == nil {
			defer func() { _ = os.Unsetenv(dir) }()
		}
	}
	backends := wgpu.InstanceBackendVulkan
	if runtime.GOOS != "linux" {
		backends = wgpu.InstanceBackendPrimary
	}
	inst, err := newInstance(backends)
	if err != nil {
		return nil, err
	}
	n := &nativeDriver{inst: inst}
	n.list = n.inst.EnumerateAdapters(&wgpu.InstanceEnumerateAdapterOptons{Backends: backends})
	for i, a := range n.list {
		n.info = append(n.info, adapterInfo(i, a.GetInfo()))
	}
	return n, nil
}

// vendors are the makers of hardware by their PCI numbers.
var vendors = map[uint32]string{
	0x1002: "AMD", 0x106b: "Apple", 0x10de: "NVIDIA", 0x13b5: "ARM", 0x1010: "ImgTec",
	0x14e4: "Broadcom", 0x5143: "Qualcomm", 0x8086: "Intel",
}

// adapterInfo puts the binding's fields in their places: it has the name as the
// description and only the number of the vendor, says cpu for virtual devices
// too, and does not know the driver.
func adapterInfo(i int, in wgpu.AdapterInfo) AdapterInfo {
	kind := map[wgpu.AdapterType]string{
		wgpu.AdapterTypeDiscreteGPU:   "discrete",
		wgpu.AdapterTypeIntegratedGPU: "integrated",
		wgpu.AdapterTypeCPU:           "cpu",
	}[in.AdapterType]
	vendor := vendors[in.VendorId]
	switch {
	case kind == "":
		kind = "unknown"
	case kind == "cpu" && vendor != "":
		kind = "virtual"
	}
	if vendor == "" {
		vendor = fmt.Sprintf("0x%04x", in.VendorId)
	}
	name := in.DriverDescription
	if name == "" {
		name = in.Name
	}
	return AdapterInfo{
		Index: i, Name: name, Vendor: vendor, Type: kind,
		Backend:  strings.ToLower(in.BackendType.String()),
		Software: isSoftware(name, kind),
	}
}

func (n *nativeDriver) adapters() []AdapterInfo { return n.info }

func (n *nativeDriver) close() {
	for _, a := range n.list {
		a.Release()
	}
	n.inst.Release()
}

// maxStorageBuffers is how many storage bindings are asked for where the
// adapter has more.
const maxStorageBuffers = 16

func (n *nativeDriver) open(i int) (_ hardware, err error) {
	defer recovered(&err)
	a := n.list[i]
	var features []wgpu.FeatureName
	timestamps := a.HasFeature(wgpu.FeatureNameTimestampQuery)
	if timestamps {
		features = append(features, wgpu.FeatureNameTimestampQuery)
	}
	dev, bell, err := requestDevice(a, features)
	if err != nil && timestamps {
		timestamps = false
		dev, bell, err = requestDevice(a, nil)
	}
	if err != nil {
		return nil, err
	}
	return newNativeDevice(n, dev, bell, timestamps), nil
}

// recovered turns a panic of the binding into an error.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("webgpu binding: %v", p)
	}
}
