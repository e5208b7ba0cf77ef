package main

import (
	"fmt"
	"math"
	"text/tabwriter"

	"github.com/cephalo-ml/cephalo"
)

type verifyCmd struct {
	Folder string `arg:"" help:"Model folder with io.safetensors."`
	backendFlags
	Tolerance float64 `help:"Bound of |got-want|/max(1,|want|)." default:"5e-5"`
	Dump      string  `help:"Write every tensor computed to a safetensors file." placeholder:"FILE" type:"path" default:""`
	Strict    bool    `help:"An expected tensor that was not compared is a failure."`
	Gradients bool    `hidden:""`
	Format    string  `help:"Output: ${enum}." enum:"text,json,tsv" default:"text"`
}

// check finds what cannot be asked for.
func (c *verifyCmd) check() error {
	switch {
	case c.Folder == "":
		return usagef("the folder is missing")
	case !(c.Tolerance > 0):
		return usagef("--tolerance is %v, want more than 0", c.Tolerance)
	case c.Gradients:
		return usagef("--gradients is not supported yet: verify computes outputs and losses, no gradients")
	}
	return nil
}

func (c *verifyCmd) Run(a *app) error {
	if err := c.check(); err != nil {
		return err
	}
	opts, err := c.options()
	if err != nil {
		return err
	}
	m, err := cephalo.Open(a.ctx, c.Folder, append(opts, cephalo.WithLog(a.log))...)
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
		switch {
		case !r.Compared:
			skipped++
		case !r.OK:
			bad++
		}
		row := compared(r)
		if c.Format != "text" {
			err = write(a.out, c.Format, row)
		} else {
			_, err = fmt.Fprintln(tw, row.text)
		}
		if err != nil {
			return err
		}
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

// comparedTensor is the JSON form of a row: null is what was not compared, and an
// error that is no number.
type comparedTensor struct {
	Name     string   `json:"name"`
	Compared bool     `json:"compared"`
	OK       *bool    `json:"ok"`
	Abs      *float64 `json:"abs"`
	Rel      *float64 `json:"rel"`
	Note     string   `json:"note,omitempty"`
}

// compared is a row of the comparison. Text has its columns between tabs.
func compared(r cephalo.VerifyRow) value {
	t := comparedTensor{Name: r.Name, Compared: r.Compared, Note: r.Note}
	state, abs, rel := "not compared", "-", "-"
	if r.Compared {
		t.OK, state = &r.OK, "ok"
		if !r.OK {
			state = "DIFFERS"
		}
		// Shapes that differ leave no error to measure.
		if r.OK || r.Rel > 0 || r.Abs > 0 {
			abs, rel = fmt.Sprintf("%.2e", r.Abs), fmt.Sprintf("%.2e", r.Rel)
			t.Abs, t.Rel = finite(r.Abs), finite(r.Rel)
		}
	}
	return value{
		json: t,
		text: fmt.Sprintf("%s\t%s\t%s\t%s\t%s", r.Name, state, abs, rel, r.Note),
		tsv:  []string{r.Name, state, abs, rel, r.Note},
	}
}

// finite is nil for what JSON has no number for.
func finite(x float64) *float64 {
	if math.IsInf(x, 0) || math.IsNaN(x) {
		return nil
	}
	return &x
}
