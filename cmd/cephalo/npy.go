package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/cephalo-ml/cephalo"
)

// writeNPY writes F32 [n, width] in NumPy's format 1.0 (numpy/lib/format.py): the
// header is padded so that the data begin at a multiple of 64.
func writeNPY(path string, v []float32, n, width int) error {
	head := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", n, width)
	const fixed = 10 // magic, version, length
	pad := 64 - (fixed+len(head)+1)%64
	head += string(bytes.Repeat([]byte(" "), pad%64)) + "\n"
	return cephalo.ReplaceFile(path, func(w io.Writer) error {
		var b bytes.Buffer
		b.WriteString("\x93NUMPY\x01\x00")
		if err := binary.Write(&b, binary.LittleEndian, uint16(len(head))); err != nil {
			return err
		}
		b.WriteString(head)
		if _, err := w.Write(b.Bytes()); err != nil {
			return err
		}
		return binary.Write(w, binary.LittleEndian, v)
	})
}
