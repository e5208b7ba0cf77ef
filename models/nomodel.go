//go:build nomodel

package models

import "io/fs"

// DefaultName is empty: this build embeds no model.
const DefaultName = ""

// Default is the embedded model's folder; false where the build left it out.
func Default() (fs.FS, bool) { return nil, false }
