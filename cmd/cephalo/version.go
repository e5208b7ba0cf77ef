package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

type versionCmd struct {
	Format string `help:"Output: ${enum}." enum:"text,json,tsv" default:"text"`
}

// built is what the program was built from.
type built struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Go       string `json:"go"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
}

func (c *versionCmd) Run(a *app) error {
	b := built{Version: "(devel)", Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	if bi, ok := debug.ReadBuildInfo(); ok {
		if bi.Main.Version != "" {
			b.Version = bi.Main.Version
		}
		for _, s := range bi.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				b.Revision = s.Value[:12]
			}
		}
	}
	switch c.Format {
	case "json":
		return writeJSON(a.out, b)
	case "tsv":
		return writeKeys(a.out, b)
	}
	revision := ""
	if b.Revision != "" {
		revision = " " + b.Revision
	}
	_, err := fmt.Fprintf(a.out, "cephalo %s%s %s %s/%s\n", b.Version, revision, b.Go, b.OS, b.Arch)
	return err
}
