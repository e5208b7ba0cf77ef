package benchmark

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// PeerResult is one line of the OpenBLAS peer.
type PeerResult map[string]any

// OpenBLAS builds the peer program in source and runs it on shapes ("MxNxK");
// nil, nil where there is no C compiler or no library.
func OpenBLAS(ctx context.Context, source string, threads int, shapes []string) ([]PeerResult, error) {
	cc, err := exec.LookPath("cc")
	if err != nil {
		return nil, nil
	}
	dir, err := os.MkdirTemp("", "peer")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	bin := filepath.Join(dir, "openblas")
	if out, err := exec.CommandContext(ctx, cc, "-O2", "-o", bin, source, "-ldl", "-lm").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building %s: %w: %s", source, err, out)
	}
	cmd := exec.CommandContext(ctx, bin, append([]string{fmt.Sprint(threads)}, shapes...)...)
	cmd.Env = append(os.Environ(), "OPENBLAS_CORETYPE=Haswell")
	out, err := cmd.Output()
	if err != nil {
		return nil, nil // the library is not installed
	}
	var all []PeerResult
	for sc := bufio.NewScanner(bytes.NewReader(out)); sc.Scan(); {
		var r PeerResult
		if err := json.Unmarshal(sc.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("peer printed %q: %w", sc.Text(), err)
		}
		all = append(all, r)
	}
	return all, nil
}
