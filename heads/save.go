package heads

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/cephalo-ml/cephalo/internal/safetensors"
	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// The files of our heads in a model folder (spec, section 8).
const (
	ConfigFile  = "heads.json"
	WeightsFile = "heads.safetensors"
)

// formatVersion of heads.json.
const formatVersion = 1

// Module is what heads.json describes: a head of ours, or a *MultiTask. Published
// heads are none: they lie in model.safetensors under their own names.
type Module interface {
	// InputDim is the encoder width that the module takes.
	InputDim() int
	describe() manifest
}

// manifest is heads.json.
type manifest struct {
	FormatVersion int      `json:"format_version"`
	InputDim      int      `json:"input_dim"`
	MultiTask     bool     `json:"multi_task"`
	Projections   bool     `json:"projections"`
	Heads         headList `json:"heads"`
}

type headList []headJSON

type headJSON struct {
	InputDim int        `json:"input_dim"`
	Task     TaskConfig `json:"task"`
	Options  Options    `json:"options"`
}

func (t *trunk) describe() manifest {
	return manifest{FormatVersion: formatVersion, InputDim: t.dim, Heads: []headJSON{{t.dim, t.cfg, t.opt}}}
}

func (m *MultiTask) describe() manifest {
	f := manifest{FormatVersion: formatVersion, InputDim: m.dim, MultiTask: true, Projections: m.Projections()}
	for _, t := range m.tasks {
		f.Heads = append(f.Heads, t.head.(Module).describe().Heads...)
	}
	return f
}

// Write puts heads.json and heads.safetensors into the folder dir, which is there
// and which the caller is about to put in place as a whole. w are the parameters
// of the module alone.
func Write(ctx context.Context, dir string, m Module, w *nn.Weights) error {
	raw, err := json.MarshalIndent(m.describe(), "", "  ")
	if err != nil {
		return fmt.Errorf("%s: %w", ConfigFile, err)
	}
	if err := os.WriteFile(filepath.Join(dir, ConfigFile), append(raw, '\n'), 0o666); err != nil {
		return err
	}
	return nn.SaveWeights(ctx, filepath.Join(dir, WeightsFile), w)
}

// Save makes the folder dir of a module alone, or replaces one that holds nothing
// else: dir is at every moment the old folder or the new one.
func Save(ctx context.Context, dir string, m Module, w *nn.Weights) error {
	to, err := safetensors.Target(dir)
	if err != nil {
		return fmt.Errorf("save heads to %q: %w", dir, err)
	}
	entries, err := os.ReadDir(to)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if e.Name() != ConfigFile && e.Name() != WeightsFile {
			return fmt.Errorf("save heads to %s: it holds %s, which would be lost; want a folder of heads alone", dir, e.Name())
		}
	}
	return safetensors.ReplaceDir(to, func(tmp string) error { return Write(ctx, tmp, m, w) })
}

// LoadOptions are the choices of Load.
type LoadOptions struct {
	// WordEmbeddings [V,D] are the encoder's, for heads with tie_to.
	WordEmbeddings tensor.Tensor
	Seed           uint64 // of what a lenient load draws afresh
	// Lenient fills missing tensors and ignores surplus ones; Weights.Filled says
	// which.
	Lenient bool
}

// Load reads heads.json and heads.safetensors from a folder. Errors: an unknown
// format version or key, a key that comes twice or is missing, a config that no head
// takes, tensors that are missing, surplus or of another shape (all listed), a broken
// file. format_version, input_dim, heads, and each head's input_dim, task and options
// are required; a field of a task and an option that are left out or null have the
// defaults that TaskConfig and Options name.
func Load(ctx context.Context, backend tensor.Backend, fsys fs.FS, opt LoadOptions) (Module, *nn.Weights, error) {
	f, err := readManifest(fsys)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", ConfigFile, err)
	}
	src, err := safetensors.OpenFS(fsys, WeightsFile)
	if err != nil {
		return nil, nil, err
	}
	defer src.Close()
	for i := range f.Heads {
		f.Heads[i].Options.WordEmbeddings = opt.WordEmbeddings
	}
	m, w, err := finish(nn.NewBuilder(ctx, backend, nn.Options{Source: src, Seed: opt.Seed, Lenient: opt.Lenient}), f.build)
	if err != nil {
		return nil, nil, fmt.Errorf("load heads: %w", err)
	}
	return m, w, nil
}

// LoadDir is Load from a folder on disk.
func LoadDir(ctx context.Context, backend tensor.Backend, dir string, opt LoadOptions) (Module, *nn.Weights, error) {
	return Load(ctx, backend, os.DirFS(dir), opt)
}

func readManifest(fsys fs.FS) (f manifest, err error) {
	raw, err := fs.ReadFile(fsys, ConfigFile)
	if err != nil {
		return f, err
	}
	// The version first: another one may have other keys.
	keys, err := members(raw)
	if err != nil {
		return f, err
	}
	var version int
	if text, ok := keys["format_version"]; ok && string(text) != "null" {
		if err := json.Unmarshal(text, &version); err != nil {
			return f, fmt.Errorf("format_version: %w", err)
		}
		if version != formatVersion {
			return f, fmt.Errorf("format_version is %s, want %d: %w", text, formatVersion, tensor.ErrUnsupported)
		}
	}
	if err := decodeStrict(raw, &f); err != nil {
		return f, err
	}
	if len(f.Heads) == 0 || (!f.MultiTask && (len(f.Heads) != 1 || f.Projections)) {
		return f, fmt.Errorf("%d heads, multi_task %t, projections %t: want one head, or multi_task with at least one", len(f.Heads), f.MultiTask, f.Projections)
	}
	return f, nil
}

// build makes the module that the file describes.
func (f manifest) build(b *nn.Builder) (Module, error) {
	m, err := f.module(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ConfigFile, err)
	}
	if got := m.describe(); !slices.EqualFunc(got.Heads, f.Heads, func(a, b headJSON) bool { return a.InputDim == b.InputDim }) {
		return nil, fmt.Errorf("%s: input_dim of the heads does not follow from input_dim %d and their hidden sizes: %w", ConfigFile, f.InputDim, ErrDimMismatch)
	}
	return m, nil
}

func (f manifest) module(b *nn.Builder) (Module, error) {
	if !f.MultiTask {
		h, err := NewHead(b.At("head"), f.Heads[0].Task, f.InputDim, f.Heads[0].Options)
		if err != nil {
			return nil, err
		}
		return h.(Module), nil
	}
	var tasks []Task
	for _, h := range f.Heads {
		tasks = append(tasks, Task{Config: h.Task, Options: h.Options})
	}
	return NewMultiTask(b, tasks, f.InputDim, f.Projections)
}
