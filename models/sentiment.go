//go:build !nomodel

package models

import (
	"embed"
	"io/fs"
)

//go:embed sentiment-bert-mini
var files embed.FS

// DefaultName is the folder name of the embedded model.
const DefaultName = "sentiment-bert-mini"

// Default is the embedded model's folder; false where the build left it out.
func Default() (fs.FS, bool) {
	sub, err := fs.Sub(files, DefaultName)
	return sub, err == nil
}
