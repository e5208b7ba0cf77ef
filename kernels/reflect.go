package kernels

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"

	"github.com/cephalo-ml/cephalo/gpu"
)

// shape is what the text of a shader says of itself.
type shape struct {
	kinds          []gpu.Kind // of the storage bindings
	words          int        // of Params, in 4 bytes, a multiple of 4
	scalars        int        // of Params after grid and the views
	workgroup      [3]int
	workgroupBytes int
}

var (
	storageLine   = regexp.MustCompile(`(?m)^@group\(0\) @binding\((\d+)\) var<storage, (read|read_write)> \w+: array<[^;]+>;`)
	uniformLine   = regexp.MustCompile(`(?m)^@group\(0\) @binding\((\d+)\) var<uniform> p: Params;$`)
	paramsBlock   = regexp.MustCompile(`(?s)\nstruct Params \{\n(.*?)\n\}`)
	paramsMember  = regexp.MustCompile(`^\s*(\w+): (vec4<u32>|u32|i32|f32),`)
	workgroupSize = regexp.MustCompile(`@compute @workgroup_size\(([^)]+)\)`)
	workgroupVar  = regexp.MustCompile(`(?m)^var<workgroup> \w+: ([^;]+);`)
	arrayType     = regexp.MustCompile(`^array<(.+), ([^,]+)>$`)
	constDecl     = regexp.MustCompile(`(?m)^const (\w+): u32 = ([^;]+);`)
)

// reflect reads bindings, parameters and sizes from a shader in the form that
// doc.go describes. What does not keep to the form is an error.
func reflect(text string) (shape, error) {
	var sh shape
	for i, m := range storageLine.FindAllStringSubmatch(text, -1) {
		if m[1] != strconv.Itoa(i) {
			return sh, fmt.Errorf("binding %s stands where %d is wanted", m[1], i)
		}
		kind := gpu.ReadOnly
		if m[2] == "read_write" {
			kind = gpu.ReadWrite
		}
		sh.kinds = append(sh.kinds, kind)
	}
	if n := len(sh.kinds); n == 0 || n > maxBindings {
		return sh, fmt.Errorf("%d storage bindings, want 1 to %d", n, maxBindings)
	}
	u := uniformLine.FindStringSubmatch(text)
	if u == nil || u[1] != strconv.Itoa(len(sh.kinds)) {
		return sh, fmt.Errorf("no line binds Params as number %d", len(sh.kinds))
	}
	if err := sh.readParams(text); err != nil {
		return sh, err
	}
	consts := map[string]int{}
	for _, m := range constDecl.FindAllStringSubmatch(text, -1) {
		if v, err := evaluate(m[2], consts); err == nil {
			consts[m[1]] = v
		}
	}
	size := workgroupSize.FindStringSubmatch(text)
	if size == nil {
		return sh, fmt.Errorf("no entry point")
	}
	sh.workgroup = [3]int{1, 1, 1}
	for i, part := range strings.Split(size[1], ",") {
		v, err := evaluate(part, consts)
		if err != nil || i > 2 {
			return sh, fmt.Errorf("workgroup size %q: %w", size[1], err)
		}
		sh.workgroup[i] = v
	}
	for _, m := range workgroupVar.FindAllStringSubmatch(text, -1) {
		n, err := sizeOf(m[1], consts)
		if err != nil {
			return sh, err
		}
		sh.workgroupBytes += n
	}
	return sh, nil
}

// readParams counts the members of Params: grid, one view for each binding, then scalars.
func (sh *shape) readParams(text string) error {
	block := paramsBlock.FindStringSubmatch(text)
	if block == nil {
		return fmt.Errorf("no struct Params")
	}
	vecs := 0
	for _, line := range strings.Split(block[1], "\n") {
		m := paramsMember.FindStringSubmatch(line)
		switch {
		case m == nil && strings.HasPrefix(strings.TrimSpace(line), "//"):
		case m == nil:
			return fmt.Errorf("member %q of Params", line)
		case vecs == 0 && m[1] != "grid":
			return fmt.Errorf("struct Params begins with %s, want grid", m[1])
		case m[2] != "vec4<u32>":
			sh.scalars++
		case sh.scalars > 0:
			return fmt.Errorf("view %s after the scalars of Params", m[1])
		default:
			vecs++
		}
	}
	if vecs != 1+len(sh.kinds) {
		return fmt.Errorf("struct Params has %d views for %d bindings", vecs-1, len(sh.kinds))
	}
	sh.words = 4*vecs + (sh.scalars+3)/4*4
	if sh.words > maxWords {
		return fmt.Errorf("struct Params has %d words, at most %d", sh.words, maxWords)
	}
	return nil
}

// sizeOf is the bytes of a type of workgroup memory.
func sizeOf(typ string, consts map[string]int) (int, error) {
	switch typ {
	case "f32", "u32", "i32", "atomic<u32>":
		return 4, nil
	case "vec2<f32>":
		return 8, nil
	case "vec4<f32>":
		return 16, nil
	}
	m := arrayType.FindStringSubmatch(typ)
	if m == nil {
		return 0, fmt.Errorf("workgroup memory of type %s", typ)
	}
	elem, err := sizeOf(m[1], consts)
	if err != nil {
		return 0, err
	}
	n, err := evaluate(m[2], consts)
	return elem * n, err
}

// evaluate is the value of a constant u32 expression, whose syntax Go shares.
func evaluate(expr string, consts map[string]int) (int, error) {
	tree, err := parser.ParseExpr(unsigned.ReplaceAllString(expr, "$1"))
	if err != nil {
		return 0, fmt.Errorf("expression %q: %w", expr, err)
	}
	v, ok := value(tree, consts)
	if !ok {
		return 0, fmt.Errorf("expression %q is no constant", expr)
	}
	return v, nil
}

var unsigned = regexp.MustCompile(`\b(\d+)u\b`)

func value(e ast.Expr, consts map[string]int) (int, bool) {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return value(e.X, consts)
	case *ast.BasicLit:
		v, err := strconv.Atoi(e.Value)
		return v, err == nil
	case *ast.Ident:
		v, ok := consts[e.Name]
		return v, ok
	case *ast.BinaryExpr:
		x, okX := value(e.X, consts)
		y, okY := value(e.Y, consts)
		if !okX || !okY {
			return 0, false
		}
		switch e.Op {
		case token.ADD:
			return x + y, true
		case token.SUB:
			return x - y, true
		case token.MUL:
			return x * y, true
		case token.QUO:
			if y != 0 {
				return x / y, true
			}
		}
	}
	return 0, false
}
