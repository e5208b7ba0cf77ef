package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cephalo-ml/cephalo"
)

type devicesCmd struct {
	Format string `help:"${enum}." enum:"text,json" default:"text"`
}

func (d *devicesCmd) Run(a *app) error {
	infos, err := cephalo.Adapters()
	if err != nil && !errors.Is(err, cephalo.ErrNoDevice) {
		return err
	}
	if d.Format == "json" {
		enc := json.NewEncoder(a.out)
		for _, i := range infos {
			if err := enc.Encode(map[string]any{"index": i.Index, "name": i.Name, "vendor": i.Vendor, "backend": i.Backend, "type": i.Type, "driver": i.Driver, "software": i.Software}); err != nil {
				return err
			}
		}
		return nil
	}
	if len(infos) == 0 {
		_, e := fmt.Fprintf(a.out, "no WebGPU adapter (%v); the CPU backend runs everywhere\n", err)
		return e
	}
	for _, i := range infos {
		note := ""
		if i.Software {
			note = ", software renderer: taken only by --backend webgpu"
		}
		if _, err := fmt.Fprintf(a.out, "%d  %s (%s, %s%s)\n", i.Index, i.Name, i.Backend, i.Type, note); err != nil {
			return err
		}
	}
	return nil
}
