package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/cephalo-ml/cephalo"
)

type devicesCmd struct {
	Format string `help:"Output: ${enum}." enum:"text,json,tsv" default:"text"`
}

// Run writes a line for each adapter. Where there is none, that is said: in place of
// the list to people, on standard error to programs.
func (d *devicesCmd) Run(a *app) error {
	infos, err := cephalo.Adapters()
	if err != nil && !errors.Is(err, cephalo.ErrNoDevice) {
		return err
	}
	if len(infos) == 0 {
		none := fmt.Sprintf("no WebGPU adapter (%v); the CPU backend runs everywhere", err)
		if d.Format != "text" {
			a.log(none)
			return nil
		}
		_, err := fmt.Fprintln(a.out, none)
		return err
	}
	for _, i := range infos {
		if err := write(a.out, d.Format, adapter(i)); err != nil {
			return err
		}
	}
	return nil
}

func adapter(i cephalo.AdapterInfo) value {
	note := ""
	if i.Software {
		note = ", software renderer: taken only by --backend webgpu"
	}
	return value{
		json: map[string]any{"index": i.Index, "name": i.Name, "vendor": i.Vendor, "backend": i.Backend, "type": i.Type, "driver": i.Driver, "software": i.Software},
		text: fmt.Sprintf("%d  %s (%s, %s%s)", i.Index, i.Name, i.Backend, i.Type, note),
		tsv:  []string{strconv.Itoa(i.Index), i.Name, i.Backend, i.Type, fmt.Sprint(i.Vendor), i.Driver, strconv.FormatBool(i.Software)},
	}
}
