package safetensors

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/tensor"
)

// fileOf is a file of a header and data, padded as little as can be.
func fileOf(header string, data []byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

// guard fails the test where something reads outside the file.
type guard struct {
	t testing.TB
	b []byte
}

func (g guard) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off > int64(len(g.b)) || int64(len(p)) > int64(len(g.b))-off {
		g.t.Errorf("read of %d bytes at %d of a file of %d", len(p), off, len(g.b))
	}
	return bytes.NewReader(g.b).ReadAt(p, off)
}

func openBytes(t testing.TB, b []byte) (*File, error) {
	return New("model.safetensors", guard{t, b}, int64(len(b)))
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Row 5 of the cases, and its neighbours.
func TestLyingHeaderIsRefused(t *testing.T) {
	u8 := func(begin, end int) string {
		return fmt.Sprintf(`{"dtype":"U8","shape":[%d],"data_offsets":[%d,%d]}`, end-begin, begin, end)
	}
	for _, c := range []struct {
		name, header string
		data         int
		want         string
	}{
		{"short data", `{"t":{"dtype":"F32","shape":[1000,1000],"data_offsets":[0,4]}}`, 4, "F32[1000 1000] needs 4000000 bytes, data_offsets [0 4] declare 4"},
		{"backwards", `{"t":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}`, 4, "data_offsets [4 0]"},
		{"negative", `{"t":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}`, 4, "data_offsets [-4 0]"},
		{"three offsets", `{"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}`, 4, "data_offsets: more than 2"},
		{"one offset", `{"t":{"dtype":"F32","shape":[1],"data_offsets":[4]}}`, 4, "data_offsets [4]"},
		{"no offsets", `{"t":{"dtype":"F32","shape":[1]}}`, 4, "data_offsets []"},
		{"dtype", `{"t":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}}`, 4, `"F31"`},
		{"dtype null", `{"t":{"dtype":null,"shape":[1],"data_offsets":[0,4]}}`, 4, "dtype: null"},
		{"no dtype", `{"t":{"shape":[1],"data_offsets":[0,4]}}`, 4, "no dtype"},
		{"dtype none", `{"t":{"dtype":"none","shape":[1],"data_offsets":[0,4]}}`, 4, `"none"`},
		{"overflow", `{"t":{"dtype":"F32","shape":[2147483647,2147483647,2147483647],"data_offsets":[0,4]}}`, 4, "overflows 64 bits"},
		{"overflow of bytes alone", `{"t":{"dtype":"I64","shape":[2147483647,1073741825],"data_offsets":[0,8]}}`, 8, "overflows 64 bits"},
		{"overflow to zero", `{"t":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, 0, "size 4294967296"},
		{"size over 64 bits", `{"t":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}}`, 4, "99999999999999999999"},
		{"negative size", `{"t":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}`, 4, "size -1"},
		{"negative sizes", `{"t":{"dtype":"F32","shape":[-1,-1],"data_offsets":[0,4]}}`, 4, "size -1"},
		{"fraction", `{"t":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}`, 4, "1.5"},
		{"exponent", `{"t":{"dtype":"F32","shape":[1e0],"data_offsets":[0,4]}}`, 4, "1e0"},
		{"size null", `{"t":{"dtype":"F32","shape":[null],"data_offsets":[0,0]}}`, 0, "null"},
		{"size text", `{"t":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}`, 4, "want an integer"},
		{"shape null", `{"t":{"dtype":"F32","shape":null,"data_offsets":[0,4]}}`, 4, "want a list"},
		{"no shape", `{"t":{"dtype":"F32","data_offsets":[0,4]}}`, 4, "no shape"},
		{"too many axes", `{"t":{"dtype":"F32","shape":[` + strings.Repeat("1,", 64) + `1],"data_offsets":[0,4]}}`, 4, "more than 64"},
		{"past the data", `{"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 4, "the file has 4 bytes of data"},
		{"far past the data", `{"t":{"dtype":"U8","shape":[1000000000,1000000000],"data_offsets":[0,1000000000000000000]}}`, 4, "the file has 4 bytes of data"},
		{"gap before", `{"t":` + u8(1, 4) + `}`, 4, "want begin 0"},
		{"gap between", `{"a":` + u8(0, 1) + `,"t":` + u8(2, 4) + `}`, 4, "want begin 1"},
		{"overlap", `{"a":` + u8(0, 3) + `,"t":` + u8(2, 4) + `}`, 4, "want begin 3"},
		{"same range", `{"a":` + u8(0, 4) + `,"t":` + u8(0, 4) + `}`, 4, "want begin 4"},
		{"empty inside another", `{"a":` + u8(0, 4) + `,"t":` + u8(2, 2) + `}`, 4, "want begin 4"},
		{"tensor null", `{"t":null}`, 0, "null, want an object"},
		{"tensor list", `{"t":[]}`, 0, "want an object"},
		{"field twice", `{"t":{"dtype":"F32","dtype":"I32","shape":[1],"data_offsets":[0,4]}}`, 4, `"dtype" twice`},
		{"field in another case", `{"t":{"DTYPE":"F32","shape":[1],"data_offsets":[0,4]}}`, 4, "no dtype"},
		{"name twice", `{"t":` + u8(0, 4) + `,"t":` + u8(0, 4) + `}`, 4, `"t" twice`},
		{"cut", `{"t":{"dtype":"F32","sha`, 0, "unexpected EOF"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := fileOf(c.header, make([]byte, c.data))
			var err error
			used := allocated(func() { _, err = openBytes(t, b) })
			require.ErrorIs(t, err, ErrFormat)
			require.ErrorContains(t, err, "model.safetensors: ")
			require.ErrorContains(t, err, `"t"`)
			require.ErrorContains(t, err, c.want)
			require.Less(t, used, uint64(100_000))
		})
	}
}

func TestFileThatIsNone(t *testing.T) {
	length := func(n uint64) []byte {
		return append(binary.LittleEndian.AppendUint64(nil, n), "{}"...)
	}
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "0 bytes"},
		{"short", []byte("1234567"), "7 bytes"},
		{"header past the end", length(3), "header of 3 bytes in a file of 10"},
		{"huge header", length(100_000_001), "want at most 100000000"},
		{"largest header", length(1<<64 - 1), "want at most 100000000"},
		{"LFS pointer", []byte("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), "Git LFS"},
		{"no header", fileOf("", nil), "unexpected EOF"},
		{"no object", fileOf("[]", nil), "want an object"},
		{"trailing JSON", fileOf("{}{}", nil), "after its end"},
		{"trailing bytes", fileOf("{} \x00", nil), "after its end"},
		{"no UTF-8", fileOf("{\"\xff\":1}", nil), "UTF-8"},
		{"data nobody owns", fileOf("{}", []byte{1}), "1 bytes of data, want 0"},
		{"metadata number", fileOf(`{"__metadata__":{"a":1}}`, nil), "__metadata__: a"},
		{"metadata list", fileOf(`{"__metadata__":[]}`, nil), "__metadata__"},
		{"metadata twice", fileOf(`{"__metadata__":{},"__metadata__":{}}`, nil), "twice"},
		{"deep", fileOf(`{"t":{"x":`+strings.Repeat("[", 1<<20)+`}}`, nil), "depth"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := openBytes(t, c.file)
			require.ErrorIs(t, err, ErrFormat)
			require.ErrorContains(t, err, "model.safetensors: ")
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestHeaderForms(t *testing.T) {
	t.Run("nothing", func(t *testing.T) {
		f, err := openBytes(t, fileOf("{}", nil))
		require.NoError(t, err)
		require.Empty(t, f.Names())
		require.Nil(t, f.Metadata())
	})
	t.Run("metadata, space, unknown fields, order", func(t *testing.T) {
		f, err := openBytes(t, fileOf(" {\"__metadata__\":{\"format\":\"pt\"}, \"b\":{\"data_offsets\":[0,1],\"extra\":{\"a\":[1]},\"shape\":[],\"dtype\":\"BOOL\"},\n"+
			"\"a\":{\"dtype\":\"F32\",\"shape\":[0,3],\"data_offsets\":[1,1]},\"ä\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}   ", []byte{1, 2, 3}))
		require.NoError(t, err)
		require.Equal(t, []string{"a", "b", "ä"}, f.Names())
		require.Equal(t, map[string]string{"format": "pt"}, f.Metadata())
		require.Equal(t, []int{}, f.Dims("b"))
		require.Equal(t, []int{0, 3}, f.Dims("a"))
		require.Nil(t, f.Dims("c"))
		h, err := f.Read("ä")
		require.NoError(t, err)
		require.Equal(t, tensor.Host{Spec: tensor.Of(tensor.U8, 2), Data: []byte{2, 3}}, h)
		h, err = f.Read("b")
		require.NoError(t, err)
		require.Equal(t, tensor.Of(tensor.Bool), h.Spec)
		h, err = f.Read("a")
		require.NoError(t, err)
		require.Empty(t, h.Data)
		require.NoError(t, f.ReadFloat32("a", func(int64, []float32) error { return errors.New("called") }))
	})
	t.Run("metadata null", func(t *testing.T) {
		f, err := openBytes(t, fileOf(`{"__metadata__":null}`, nil))
		require.NoError(t, err)
		require.Nil(t, f.Metadata())
	})
}

func TestTensorsNobodyCanHold(t *testing.T) {
	f, err := openBytes(t, fileOf(`{"d":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},"r":{"dtype":"F32","shape":[1,1,1,1,1],"data_offsets":[8,12]},`+
		`"i":{"dtype":"I32","shape":[1],"data_offsets":[12,16]}}`, make([]byte, 16)))
	require.NoError(t, err)
	require.Equal(t, []int{1, 1, 1, 1, 1}, f.Dims("r"))
	for _, c := range []struct {
		name, want string
		is         error
	}{
		{"d", `model.safetensors: tensor "d": dtype F64`, tensor.ErrUnsupported},
		{"r", `model.safetensors: tensor "r": shape [1 1 1 1 1]: 5 axes, at most 4`, tensor.ErrShape},
		{"none", `model.safetensors: no tensor "none"`, fs.ErrNotExist},
	} {
		_, ok := f.Spec(c.name)
		require.False(t, ok)
		_, err := f.Read(c.name)
		require.ErrorIs(t, err, c.is)
		require.ErrorContains(t, err, c.want)
		err = f.ReadFloat32(c.name, nil)
		require.ErrorIs(t, err, c.is)
		require.ErrorContains(t, err, c.want)
	}
	err = f.ReadFloat32("i", nil)
	require.ErrorIs(t, err, tensor.ErrDType)
	require.ErrorContains(t, err, `model.safetensors: tensor "i": I32[1], want F32`)
}

// Each piece is bounded, and all of them together are the tensor.
func TestReadFloat32InPieces(t *testing.T) {
	n := 2*chunkElems + 3
	for d, one := range map[tensor.DType]func(i int) []byte{
		tensor.F32:  func(i int) []byte { return tensor.Bytes([]float32{float32(i % 128)}) },
		tensor.BF16: func(i int) []byte { return tensor.Bytes([]float32{float32(i % 128)})[2:] },
		tensor.F16: func(i int) []byte {
			// 1 + i/1024, of the mantissa alone.
			return binary.LittleEndian.AppendUint16(nil, 0x3c00|uint16(i%128)<<3)
		},
	} {
		t.Run(d.String(), func(t *testing.T) {
			var data []byte
			for i := range n {
				data = append(data, one(i)...)
			}
			f, err := openBytes(t, fileOf(fmt.Sprintf(`{"w":{"dtype":%q,"shape":[%d],"data_offsets":[0,%d]}}`, d, n, len(data)), data))
			require.NoError(t, err)
			next, pieces := int64(0), 0
			require.NoError(t, f.ReadFloat32("w", func(off int64, v []float32) error {
				require.Equal(t, next, off)
				require.LessOrEqual(t, len(v), chunkElems)
				for i, x := range v {
					want := float32((int(off) + i) % 128)
					if d == tensor.F16 {
						want = 1 + want/128
					}
					if x != want {
						t.Fatalf("element %d: %v, want %v", int(off)+i, x, want)
					}
				}
				next += int64(len(v))
				pieces++
				return nil
			}))
			require.EqualValues(t, n, next)
			require.Equal(t, 3, pieces)
			stop := errors.New("stop")
			require.Equal(t, stop, f.ReadFloat32("w", func(int64, []float32) error { return stop }))
		})
	}
}

func TestAllDTypesRead(t *testing.T) {
	for d := tensor.F32; d <= tensor.Bool; d++ {
		data := make([]byte, 3*d.Size())
		for i := range data {
			data[i] = byte(i + 1)
		}
		f, err := openBytes(t, fileOf(fmt.Sprintf(`{"w":{"dtype":%q,"shape":[3,1],"data_offsets":[0,%d]}}`, d, len(data)), data))
		require.NoError(t, err)
		h, err := f.Read("w")
		require.NoError(t, err)
		require.Equal(t, tensor.Host{Spec: tensor.Of(d, 3, 1), Data: data}, h)
		sp, ok := f.Spec("w")
		require.True(t, ok)
		require.Equal(t, h.Spec, sp)
	}
}

var oneTensor = fileOf(`{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, []byte{0, 0, 128, 63})

func TestOpenFromEveryKindOfPlace(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, ModelFile)
	require.NoError(t, os.WriteFile(path, oneTensor, 0o644))
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	w, err := z.Create(ModelFile)
	require.NoError(t, err)
	_, err = w.Write(oneTensor)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	zipped, err := zip.NewReader(bytes.NewReader(archive.Bytes()), int64(archive.Len()))
	require.NoError(t, err)
	check := func(t *testing.T, f Source, err error) {
		require.NoError(t, err)
		var got []float32
		require.NoError(t, f.ReadFloat32("w", func(_ int64, v []float32) error { got = append(got, v...); return nil }))
		require.Equal(t, []float32{1}, got)
		require.NoError(t, f.Close())
		require.NoError(t, f.Close())
		_, err = f.Read("w")
		require.ErrorIs(t, err, tensor.ErrClosed)
		require.ErrorIs(t, f.ReadFloat32("w", nil), tensor.ErrClosed)
	}
	t.Run("path", func(t *testing.T) {
		f, err := Open(path)
		check(t, f, err)
	})
	for name, fsys := range map[string]fs.FS{
		"dir": os.DirFS(dir), "zip": zipped, "map": fstest.MapFS{ModelFile: {Data: oneTensor}},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := OpenFS(fsys, ModelFile)
			check(t, f, err)
			s, err := OpenFolder(fsys)
			check(t, s, err)
		})
	}
	t.Run("missing", func(t *testing.T) {
		_, err := Open(filepath.Join(dir, "none"))
		require.ErrorIs(t, err, fs.ErrNotExist)
	})
	t.Run("folder", func(t *testing.T) {
		_, err := Open(dir)
		require.ErrorContains(t, err, "want a regular file")
	})
}

// A file that shrinks after it was opened gives an error that says where.
func TestFileCutWhileOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), ModelFile)
	require.NoError(t, os.WriteFile(path, oneTensor, 0o644))
	f, err := Open(path)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, os.Truncate(path, int64(len(oneTensor)-1)))
	_, err = f.Read("w")
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.ErrorContains(t, err, `tensor "w"`)
}

func TestConcurrentReads(t *testing.T) {
	path := filepath.Join(t.TempDir(), ModelFile)
	require.NoError(t, os.WriteFile(path, oneTensor, 0o644))
	f, err := Open(path)
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				h, err := f.Read("w")
				if err != nil {
					if !errors.Is(err, tensor.ErrClosed) {
						t.Error(err)
					}
					return
				}
				if !bytes.Equal(h.Data, oneTensor[len(oneTensor)-4:]) {
					t.Error("wrong bytes")
				}
			}
		})
	}
	require.NoError(t, f.Close())
	wg.Wait()
}
