package safetensors

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/tensor"
)

func shardOf(name string, v byte) *fstest.MapFile {
	return &fstest.MapFile{Data: fileOf(`{"`+name+`":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"extra":{"dtype":"U8","shape":[0],"data_offsets":[1,1]}}`, []byte{v})}
}

func TestShards(t *testing.T) {
	fsys := fstest.MapFS{
		IndexFile:             {Data: []byte(`{"metadata":{"total_size":99.0},"weight_map":{"b":"two.safetensors","a":"sub/one.safetensors"}}`)},
		"sub/one.safetensors": shardOf("a", 1),
		"two.safetensors":     shardOf("b", 2),
	}
	s, err := OpenFolder(fsys)
	require.NoError(t, err)
	// "extra" lies in both shards, and the index does not name it.
	require.Equal(t, []string{"a", "b"}, s.Names())
	for i, name := range s.Names() {
		h, err := s.Read(name)
		require.NoError(t, err)
		require.Equal(t, []byte{byte(i + 1)}, h.Data)
		sp, ok := s.Spec(name)
		require.True(t, ok)
		require.Equal(t, tensor.Of(tensor.U8, 1), sp)
		require.Equal(t, []int{1}, s.Dims(name))
		require.ErrorIs(t, s.ReadFloat32(name, nil), tensor.ErrDType)
	}
	require.Nil(t, s.Dims("extra"))
	_, ok := s.Spec("extra")
	require.False(t, ok)
	_, err = s.Read("extra")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorIs(t, s.ReadFloat32("extra", nil), fs.ErrNotExist)
	require.NoError(t, s.Close())
	_, err = s.Read("a")
	require.ErrorIs(t, err, tensor.ErrClosed)
}

func TestFoldersThatCannotBeOpened(t *testing.T) {
	index := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	for _, c := range []struct {
		name string
		fsys fstest.MapFS
		is   error
		want []string
	}{
		{"empty", fstest.MapFS{}, fs.ErrNotExist, []string{ModelFile, IndexFile}},
		{"PyTorch alone", fstest.MapFS{"pytorch_model.bin": {}}, fs.ErrNotExist, []string{ModelFile, IndexFile, "pytorch_model.bin"}},
		{"left over from a crash", fstest.MapFS{"." + ModelFile + ".tmp-0123abcd": {Data: oneTensor}}, fs.ErrNotExist, []string{"no weights"}},
		{"shard missing", fstest.MapFS{IndexFile: index(`{"weight_map":{"a":"one","b":"two"}}`), "one": shardOf("a", 1)}, fs.ErrNotExist, []string{"shard two is missing", `tensor "b"`}},
		{"tensor missing", fstest.MapFS{IndexFile: index(`{"weight_map":{"a":"one","b":"one"}}`), "one": shardOf("a", 1)}, ErrFormat, []string{`tensor "b" is not in its shard one`}},
		{"tensor in another shard", fstest.MapFS{IndexFile: index(`{"weight_map":{"a":"two","b":"two"}}`), "one": shardOf("a", 1), "two": shardOf("b", 1)}, ErrFormat, []string{`tensor "a" is not in its shard two`}},
		{"broken shard", fstest.MapFS{IndexFile: index(`{"weight_map":{"a":"one"}}`), "one": {Data: []byte("x")}}, ErrFormat, []string{"one: 1 bytes", `tensor "a"`}},
		{"shard outside", fstest.MapFS{IndexFile: index(`{"weight_map":{"a":"../one"}}`)}, ErrFormat, []string{`"../one"`, "inside the folder"}},
		{"shard at the root", fstest.MapFS{IndexFile: index(`{"weight_map":{"a":"/etc/one"}}`)}, ErrFormat, []string{"inside the folder"}},
		{"no JSON", fstest.MapFS{IndexFile: index(`{`)}, ErrFormat, []string{IndexFile}},
		{"no map", fstest.MapFS{IndexFile: index(`{}`)}, ErrFormat, []string{"weight_map"}},
		{"broken file beside an index", fstest.MapFS{ModelFile: {Data: []byte("x")}, IndexFile: index(`{"weight_map":{"a":"one"}}`), "one": shardOf("a", 1)}, ErrFormat, []string{ModelFile + ": 1 bytes"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := OpenFolder(c.fsys)
			require.ErrorIs(t, err, c.is)
			for _, w := range c.want {
				require.ErrorContains(t, err, w)
			}
		})
	}
}

func TestOneFileGoesBeforeAnIndex(t *testing.T) {
	s, err := OpenFolder(fstest.MapFS{ModelFile: {Data: oneTensor}, IndexFile: {Data: []byte(`{"weight_map":{"a":"gone"}}`)}})
	require.NoError(t, err)
	require.Equal(t, []string{"w"}, s.Names())
}
