package gpu

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPick(t *testing.T) {
	list := []AdapterInfo{
		{Index: 0, Name: "llvmpipe (LLVM 15)", Type: "cpu", Software: true},
		{Index: 1, Name: "Mystery", Type: "unknown"},
		{Index: 2, Name: "Arc Integrated", Type: "integrated"},
		{Index: 3, Name: "Big Discrete", Type: "discrete"},
		{Index: 4, Name: "Small Discrete", Type: "discrete"},
	}
	for name, c := range map[string]struct {
		list []AdapterInfo
		opt  Options
		want int
	}{
		"best":                 {list, Options{}, 3},
		"low power":            {list, Options{LowPower: true}, 2},
		"number":               {list, Options{Adapter: "1"}, 1},
		"part of name":         {list, Options{Adapter: "discrete"}, 3},
		"name in other case":   {list, Options{Adapter: "ARC INT"}, 2},
		"named software":       {list, Options{Adapter: "llvmpipe", AllowSoftware: true}, 0},
		"software as a last":   {list[:1], Options{AllowSoftware: true}, 0},
		"unknown over softw.":  {list[:2], Options{AllowSoftware: true}, 1},
		"low power, no integr": {list[3:], Options{LowPower: true}, 3},
	} {
		got, err := pick(c.list, c.opt)
		require.NoError(t, err, name)
		require.Equal(t, c.want, got.Index, name)
	}
	for name, c := range map[string]struct {
		list []AdapterInfo
		opt  Options
		want string
	}{
		"none":                   {nil, Options{AllowSoftware: true}, "no adapter found"},
		"software only":          {list[:1], Options{}, "only software renderers found (0: llvmpipe (LLVM 15))"},
		"named software refused": {list, Options{Adapter: "0"}, "software renderer"},
		"no such number":         {list, Options{Adapter: "7"}, `no adapter "7", there are: 0: llvmpipe`},
		"no such name":           {list, Options{Adapter: "voodoo"}, `no adapter "voodoo"`},
	} {
		_, err := pick(c.list, c.opt)
		require.ErrorIs(t, err, ErrNoDevice, name)
		require.ErrorContains(t, err, c.want, name)
	}
}

func TestSoftware(t *testing.T) {
	for name, want := range map[string]bool{
		"llvmpipe (LLVM 15.0.6, 256 bits)":    true,
		"SwiftShader Device (Subzero)":        true,
		"Microsoft Basic Render Driver":       true,
		"NVIDIA H100 80GB HBM3":               false,
		"Intel(R) Iris(R) Xe Graphics (TGL)":  false,
		"AMD Radeon RX 7900 XT (RADV NAVI31)": false,
	} {
		require.Equal(t, want, isSoftware(name, "discrete"), name)
	}
	require.True(t, isSoftware("some other renderer", "cpu"))
}

func TestOpenClosesTheDriverItCannotUse(t *testing.T) {
	drv := &fakeDriver{}
	open := func(context.Context) (driver, error) { return drv, nil }
	_, err := openWith(t.Context(), open, Options{})
	require.ErrorIs(t, err, ErrNoDevice)
	require.Equal(t, 1, drv.closes)
	_, err = listAdapters(open)
	require.ErrorIs(t, err, ErrNoDevice)
	require.Equal(t, 2, drv.closes)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = openWith(ctx, open, Options{})
	require.ErrorIs(t, err, context.Canceled)
}
