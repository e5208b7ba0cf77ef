package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/cephalo-ml/cephalo"
)

type verifyCmd struct {
	Folder string `arg:"" help:"Model folder with io.safetensors." type:"path"`
	backendFlags
	Tolerance float64 `help:"Bound of |got-want|/max(1,|want|)." default:"5e-5"`
	Dump      string  `help:"Write every tensor computed to a safetensors file." placeholder:"FILE" type:"path"`
	Strict    bool    `help:"An expected tensor that was not compared is a failure."`
	Format    string  `help:"Output: ${enum}." enum:"text,json" default:"text"`
}

func (c *verifyCmd) Run(a *app) error {
	if !(c.Tolerance > 0) {
		return usagef("--tolerance is %v, want more than 0", c.Tolerance)
	}
	m, err := cephalo.Open(a.ctx, c.Folder, cephalo.WithBackend(c.Backend), cephalo.WithDevice(c.Device), cephalo.WithThreads(c.Threads), cephalo.WithLog(a.log))
	if err != nil {
		return err
	}
	defer m.Close()
	v, err := m.Verify(a.ctx, cephalo.VerifyOptions{Tolerance: c.Tolerance, Dump: c.Dump})
	if err != nil {
		return err
	}
	bad, skipped := 0, 0
	tw := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	for _, r := range v.Rows {
		state := "ok"
		switch {
		case !r.Compared:
			state = "not compared"
			skipped++
		case !r.OK:
			state = "DIFFERS"
			bad++
		}
		if c.Format == "json" {
			if err := writeJSON(a.out, r); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(tw, "%s\t%s\t%.2e\t%.2e\t%s\n", r.Name, state, r.Abs, r.Rel, r.Note)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	if v.Missing != "" {
		a.log("encoder outputs only: " + v.Missing)
	}
	switch {
	case bad > 0:
		return fmt.Errorf("%d of %d tensors differ by more than %g", bad, len(v.Rows), c.Tolerance)
	case c.Strict && skipped > 0:
		return fmt.Errorf("%d of %d expected tensors were not compared", skipped, len(v.Rows))
	}
	return nil
}
