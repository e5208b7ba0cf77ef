package safetensors

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"

	"github.com/cephalo-ml/cephalo/tensor"
)

// The file names of a model folder.
const (
	ModelFile = "model.safetensors"
	IndexFile = "model.safetensors.index.json"
)

// OpenFolder opens the weights of a model folder: ModelFile, or the shards that
// IndexFile lists. The error where there is neither wraps fs.ErrNotExist.
func OpenFolder(fsys fs.FS) (Source, error) {
	f, err := OpenFS(fsys, ModelFile)
	if err == nil {
		return f, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	s, err := openShards(fsys, IndexFile)
	if err == nil {
		return s, nil
	}
	if !errors.Is(err, errNoIndex) {
		return nil, err
	}
	hint := ""
	for _, other := range []string{"pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5", "flax_model.msgpack"} {
		if _, err := fs.Stat(fsys, other); err == nil {
			hint = fmt.Sprintf("; there is %s, which must be converted to safetensors first", other)
			break
		}
	}
	return nil, fmt.Errorf("no weights: want %s or %s%s: %w", ModelFile, IndexFile, hint, fs.ErrNotExist)
}

// errNoIndex tells a folder without an index from one whose shard is missing.
var errNoIndex = errors.New("no index")

// Shards are the files of one model. A tensor lies in the shard that the index
// names; whatever else a shard holds is not part of the model.
type Shards struct {
	names []string // sorted
	where map[string]*File
	files []*File
}

var _ Source = (*Shards)(nil)

// openShards opens every shard that the index lists. The index's total_size is
// not looked at: writers do not agree on what it counts.
func openShards(fsys fs.FS, index string) (*Shards, error) {
	weights, err := readIndex(fsys, index)
	if err != nil {
		return nil, err
	}
	s := &Shards{names: slices.Sorted(maps.Keys(weights)), where: map[string]*File{}}
	opened := map[string]*File{}
	for _, name := range s.names {
		shard := weights[name]
		f := opened[shard]
		if f == nil {
			if f, err = openShard(fsys, shard); err != nil {
				s.Close()
				return nil, fmt.Errorf("%s: tensor %q: %w", index, name, err)
			}
			opened[shard] = f
			s.files = append(s.files, f)
		}
		if f.entries[name] == nil {
			s.Close()
			return nil, fmt.Errorf("%s: tensor %q is not in its shard %s: %w", index, name, shard, ErrFormat)
		}
		s.where[name] = f
	}
	return s, nil
}

func openShard(fsys fs.FS, name string) (*File, error) {
	if !fs.ValidPath(name) {
		return nil, fmt.Errorf("shard %q: want a path inside the folder: %w", name, ErrFormat)
	}
	f, err := OpenFS(fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("shard %s is missing: %w", name, err)
	}
	return f, err
}

// readIndex is the index's map of tensor to shard.
func readIndex(fsys fs.FS, index string) (map[string]string, error) {
	f, err := fsys.Open(index)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNoIndex
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxHeader+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", index, err)
	}
	if len(raw) > maxHeader {
		return nil, fmt.Errorf("%s: more than %d bytes: %w", index, maxHeader, ErrFormat)
	}
	var v struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", index, err, ErrFormat)
	}
	if len(v.WeightMap) == 0 {
		return nil, fmt.Errorf("%s: weight_map is empty or missing: %w", index, ErrFormat)
	}
	return v.WeightMap, nil
}

// Names implements Source.
func (s *Shards) Names() []string { return slices.Clone(s.names) }

// Dims implements Source.
func (s *Shards) Dims(name string) []int {
	if f := s.where[name]; f != nil {
		return f.Dims(name)
	}
	return nil
}

// Spec implements Source.
func (s *Shards) Spec(name string) (tensor.Spec, bool) {
	if f := s.where[name]; f != nil {
		return f.Spec(name)
	}
	return tensor.Spec{}, false
}

// Read implements Source.
func (s *Shards) Read(name string) (tensor.Host, error) {
	f, err := s.lookup(name)
	if err != nil {
		return tensor.Host{}, err
	}
	return f.Read(name)
}

// ReadFloat32 implements Source.
func (s *Shards) ReadFloat32(name string, chunk func(off int64, v []float32) error) error {
	f, err := s.lookup(name)
	if err != nil {
		return err
	}
	return f.ReadFloat32(name, chunk)
}

func (s *Shards) lookup(name string) (*File, error) {
	if f := s.where[name]; f != nil {
		return f, nil
	}
	return nil, fmt.Errorf("%s: no tensor %q: %w", IndexFile, name, fs.ErrNotExist)
}

// Close implements Source.
func (s *Shards) Close() error {
	var errs []error
	for _, f := range s.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
