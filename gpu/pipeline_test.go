package gpu

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPipelineIsMadeOnce(t *testing.T) {
	d := openFake(t, newFake())
	p := addKernel(t, d, "add")
	require.Same(t, p, addKernel(t, d, "add"))
	require.Equal(t, "add", p.Name())
	require.EqualValues(t, 1, d.Stats().Pipelines)
	_, err := d.Pipeline(KernelSpec{Name: "add", WGSL: "another", Bindings: []Kind{ReadWrite}, Workgroup: [3]int{1, 1, 1}})
	require.ErrorContains(t, err, "another source")
}

func TestPipelineChecks(t *testing.T) {
	d := openFake(t, newFake())
	good := KernelSpec{Name: "k", WGSL: "w", Bindings: []Kind{ReadWrite}, ParamBytes: 16, Workgroup: [3]int{64, 2, 1}, WorkgroupBytes: 1024}
	for name, c := range map[string]struct {
		change func(*KernelSpec)
		want   string
	}{
		"no name":          {func(s *KernelSpec) { s.Name = "" }, "no name"},
		"no bindings":      {func(s *KernelSpec) { s.Bindings = nil }, "0 storage bindings, want 1 to 4"},
		"many bindings":    {func(s *KernelSpec) { s.Bindings = make([]Kind, 5) }, "5 storage bindings, want 1 to 4"},
		"bad kind":         {func(s *KernelSpec) { s.Bindings = []Kind{7} }, "kind 7"},
		"odd params":       {func(s *KernelSpec) { s.ParamBytes = 20 }, "20 bytes of parameters"},
		"many params":      {func(s *KernelSpec) { s.ParamBytes = 144 }, "up to 128"},
		"no workgroup":     {func(s *KernelSpec) { s.Workgroup = [3]int{} }, "workgroup [0 0 0]"},
		"long workgroup":   {func(s *KernelSpec) { s.Workgroup = [3]int{1, 1, 65} }, "want 1 to [128 128 64]"},
		"many invocations": {func(s *KernelSpec) { s.Workgroup = [3]int{16, 16, 1} }, "256 invocations, want up to 128"},
		"workgroup memory": {func(s *KernelSpec) { s.WorkgroupBytes = 1028 }, "1028 bytes of workgroup memory, want up to 1024"},
		"source":           {func(s *KernelSpec) { s.WGSL = "broken" }, "parse error"},
	} {
		s := good
		c.change(&s)
		_, err := d.Pipeline(s)
		require.ErrorContains(t, err, c.want, name)
	}
	_, err := d.Pipeline(good)
	require.NoError(t, err)
}
