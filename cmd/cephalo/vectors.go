package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// vectorFile is a file of F32 [n, width] in the making. Rows go to a hidden file
// beside the one asked for, and their number into its header at the end.
type vectorFile struct {
	path   string
	header vectorHeader
	width  int
	n      int64
	f      *os.File
	w      *bufio.Writer
	row    []byte
}

// createVectors begins the file, or says why it could not be written; finish it,
// and discard it in any case.
func createVectors(path string, width int) (*vectorFile, error) {
	header, err := headerOf(path)
	if err != nil {
		return nil, err
	}
	old, err := os.Stat(path)
	switch {
	case err == nil && !old.Mode().IsRegular():
		return nil, fmt.Errorf("--output: %s is no regular file", path)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("--output: %w", err)
	}
	removeKilled(path)
	f, err := os.OpenFile(fmt.Sprintf("%s%08x", hidden(path), rand.Uint32()), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, fmt.Errorf("--output: %w", err)
	}
	v := &vectorFile{path: path, header: header, width: width, f: f, w: bufio.NewWriterSize(f, 1<<16)}
	if old != nil {
		if err := os.Chmod(f.Name(), old.Mode().Perm()); err != nil {
			v.discard()
			return nil, fmt.Errorf("--output: %w", err)
		}
	}
	v.w.Write(header(0, width)) // the error stays with the writer
	return v, nil
}

// hidden is what the names of the files in the making begin with.
func hidden(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".tmp-")
}

var hiddenEnd = regexp.MustCompile(`^[0-9a-f]{8}$`)

// removeKilled removes what a killed process left, as far as it can.
func removeKilled(path string) {
	all, _ := os.ReadDir(filepath.Dir(path))
	for _, e := range all {
		if end, ok := strings.CutPrefix(e.Name(), filepath.Base(hidden(path))); ok && hiddenEnd.MatchString(end) {
			os.Remove(filepath.Join(filepath.Dir(path), e.Name()))
		}
	}
}

// write adds a row.
func (v *vectorFile) write(row []float32) error {
	if len(row) != v.width {
		return fmt.Errorf("vector %d has %d values, want %d", v.n, len(row), v.width)
	}
	v.row = v.row[:0]
	for _, x := range row {
		v.row = binary.LittleEndian.AppendUint32(v.row, math.Float32bits(x))
	}
	v.n++
	_, err := v.w.Write(v.row)
	return err
}

// finish puts the file in its place.
func (v *vectorFile) finish() error {
	if err := v.w.Flush(); err != nil {
		return err
	}
	if _, err := v.f.WriteAt(v.header(v.n, v.width), 0); err != nil {
		return err
	}
	if err := v.f.Sync(); err != nil {
		return err
	}
	if err := v.f.Close(); err != nil {
		return err
	}
	return os.Rename(v.f.Name(), v.path)
}

// discard leaves nothing behind but what finish put in place.
func (v *vectorFile) discard() {
	v.f.Close()
	os.Remove(v.f.Name())
}

// vectorHeader is what comes before n rows, of one length whatever n is.
type vectorHeader func(n int64, width int) []byte

// headerOf is the header of the format that a name ends in.
func headerOf(path string) (vectorHeader, error) {
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".npy":
		return npyHeader, nil
	case ".safetensors":
		return safetensorsHeader, nil
	default:
		return nil, usagef("--output ends in %q, want .npy or .safetensors", ext)
	}
}

// headerBytes is the length of both headers: room for all numbers of 64 bits, and
// a multiple of 64, where NumPy wants its data to begin.
const headerBytes = 192

// npyHeader is that of NumPy's format 1.0 (numpy/lib/format.py).
func npyHeader(n int64, width int) []byte {
	const fixed = 10 // magic, version, length
	b := binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), headerBytes-fixed)
	dict := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", n, width)
	return fmt.Appendf(b, "%-*s\n", headerBytes-fixed-1, dict)
}

// safetensorsHeader is that of a file with one tensor, "embeddings".
func safetensorsHeader(n int64, width int) []byte {
	const fixed = 8 // length
	b := binary.LittleEndian.AppendUint64(nil, headerBytes-fixed)
	dict := fmt.Sprintf(`{"embeddings":{"dtype":"F32","shape":[%d,%d],"data_offsets":[0,%d]}}`, n, width, n*int64(width)*4)
	return fmt.Appendf(b, "%-*s", headerBytes-fixed, dict)
}
