// Package architecture holds no code: its tests hold the imports of the whole
// module against the one direction in which they may run, and the pure
// packages against the world. Start at allowed.
package architecture

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/bkplan/bkplan/"

// anything is for the top of the graph.
const anything = "*"

// allowed says which packages of the module each one may import. A package
// that is not here has no place yet: give it one.
var allowed = map[string][]string{
	"cmd/bkplan":                      {"internal/cli"},
	"internal/cli":                    {anything},
	"internal/apply":                  {"internal/plan", "internal/providers", "internal/run"},
	"internal/observe":                {"internal/plan", "internal/providers"},
	"internal/providers":              {"internal/plan"},
	"internal/providers/disk":         {"internal/plan", "internal/execx", "internal/folder", "internal/providers", "internal/quantity", "internal/receipt", "internal/rsync", "internal/tree"},
	"internal/folder":                 {},
	"internal/receipt":                {"internal/folder", "internal/plan"},
	"internal/providers/kube":         {"internal/plan", "internal/execx", "internal/providers"},
	"internal/providers/lvm":          {"internal/plan", "internal/execx", "internal/providers"},
	"internal/providers/pfsense":      {"internal/plan", "internal/execx", "internal/keyfile", "internal/openssh", "internal/providers"},
	"internal/providers/ssh":          {"internal/plan", "internal/execx", "internal/folder", "internal/openssh", "internal/providers", "internal/quantity", "internal/receipt", "internal/rsync", "internal/selection", "internal/tree"},
	"internal/providers/journal":      {"internal/journal", "internal/plan", "internal/providers", "internal/watch"},
	"internal/providers/catalogue":    {"internal/catalogue", "internal/providers", "internal/watch"},
	"internal/catalogue":              {"internal/folder", "internal/tree"},
	"internal/drill":                  {},
	"internal/keyfile":                {},
	"internal/openssh":                {"internal/execx", "internal/keyfile"},
	"internal/rsync":                  {"internal/execx"},
	"internal/providers/sqlite":       {"internal/plan", "internal/providers"},
	"internal/providers/providertest": {"internal/plan", "internal/providers"},
	"internal/policy":                 {"internal/plan", "internal/quantity", "internal/retention", "internal/schedule"},
	"internal/planfile":               {"internal/plan"},
	"internal/view":                   {"internal/plan", "internal/quantity", "internal/run"},
	"internal/plan":                   {"internal/quantity", "internal/retention", "internal/schedule", "internal/stamp"},
	"internal/retention":              {"internal/quantity"},
	"internal/schedule":               {},
	"internal/quantity":               {},
	"internal/stamp":                  {},
	"internal/execx":                  {},
	"internal/run":                    {},
	"internal/metric":                 {"internal/drill", "internal/execx", "internal/keyfile", "internal/plan", "internal/run"},
	"internal/journal":                {},
	"internal/journald":               {},
	"internal/notify":                 {"internal/execx", "internal/keyfile", "internal/plan", "internal/run"},
	"internal/watch":                  {"internal/folder", "internal/journal"},
	"internal/selection":              {"internal/execx", "internal/folder", "internal/rsync"},
	"internal/storm":                  {},
	"internal/timer":                  {"internal/plan", "internal/schedule"},
	"internal/unitdir":                {"internal/execx", "internal/timer"},
	"internal/tree":                   {},
	"internal/alert":                  {"internal/plan", "internal/quantity"},
	"internal/dashboard":              {"internal/alert", "internal/plan"},
	"internal/architecture":           {},
}

// languageLibraries are for package policy alone.
var languageLibraries = []string{"github.com/hashicorp/hcl", "github.com/zclconf/go-cty"}

// pure are the packages that look at nothing but their arguments.
var pure = []string{"internal/plan", "internal/schedule", "internal/retention", "internal/quantity", "internal/stamp", "internal/timer"}

// world are the packages by which one could look at something else.
var world = []string{
	"os", "io/fs", "io/ioutil", "net", "syscall", "log", "math/rand", "crypto/rand", "plugin", "runtime", "unsafe",
	"path/filepath", "golang.org/x/sys", "golang.org/x/term",
}

// clock are the names of package time that ask the machine.
var clock = []string{"Now", "Since", "Until", "Local", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

// source is one file of a package, without its tests.
type source struct {
	dir  string // from the root of the module, with slashes
	name string
	file *ast.File
}

func (s source) imports() []string {
	var list []string
	for _, i := range s.file.Imports {
		imported, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			panic(err)
		}
		list = append(list, imported)
	}
	return list
}

// read parses all Go files below cmd and internal.
func read(t *testing.T) []source {
	t.Helper()
	root := filepath.Join("..", "..")
	var sources []source
	for _, top := range []string{"cmd", "internal"} {
		err := fs.WalkDir(os.DirFS(root), top, func(name string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if entry.IsDir() && entry.Name() == "testdata" {
				return fs.SkipDir
			}
			if entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				return nil
			}
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, filepath.FromSlash(name)), nil, parser.SkipObjectResolution)
			sources = append(sources, source{path.Dir(name), name, file})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return sources
}

// wrongImport says why a package must not import another; empty when it may.
func wrongImport(dir, imported string) string {
	to, own := strings.CutPrefix(imported, module)
	targets, placed := allowed[dir]
	switch {
	case !placed:
		return "the package has no place in the architecture: see allowed"
	case own && to == "internal/cli" && dir != "cmd/bkplan":
		return "nothing imports the command line"
	case own && !slices.Contains(targets, to) && !slices.Contains(targets, anything):
		return "imports run one way, and this is another"
	case dir != "internal/policy" && below(imported, languageLibraries):
		return "only package policy knows the language"
	case slices.Contains(pure, dir) && below(imported, world):
		return "the package is pure"
	}
	return ""
}

// below says whether a path is one of the roots or inside of one.
func below(imported string, roots []string) bool {
	return slices.ContainsFunc(roots, func(root string) bool {
		return imported == root || strings.HasPrefix(imported, root+"/")
	})
}

// clockUses lists what a file takes from package time that asks the machine.
func clockUses(file *ast.File) []string {
	name := ""
	for _, i := range file.Imports {
		if i.Path.Value != `"time"` {
			continue
		}
		name = "time"
		if i.Name != nil {
			name = i.Name.Name
		}
	}
	var uses []string
	ast.Inspect(file, func(n ast.Node) bool {
		selector, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := selector.X.(*ast.Ident); ok && name != "" && x.Name == name && slices.Contains(clock, selector.Sel.Name) {
			uses = append(uses, "time."+selector.Sel.Name)
		}
		return true
	})
	if name == "." {
		uses = append(uses, "a dot import of time")
	}
	return uses
}

func TestImportsRunOneWay(t *testing.T) {
	sources := read(t)
	for _, s := range sources {
		for _, imported := range s.imports() {
			if why := wrongImport(s.dir, imported); why != "" {
				t.Errorf("%s imports %s: %s", s.name, imported, why)
			}
		}
	}
	if len(sources) < 50 {
		t.Errorf("only %d files were looked at", len(sources))
	}
}

func TestPurePackagesDoNotAskTheClock(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range read(t) {
		if !slices.Contains(pure, s.dir) {
			continue
		}
		seen[s.dir] = true
		if uses := clockUses(s.file); len(uses) > 0 {
			t.Errorf("%s uses %s: now is an argument", s.name, strings.Join(uses, ", "))
		}
	}
	if len(seen) != len(pure) {
		t.Errorf("looked at %v only", seen)
	}
}

func TestWrongImportsAreNoticed(t *testing.T) {
	for _, test := range [][2]string{
		{"internal/plan", "os"},
		{"internal/plan", "os/exec"},
		{"internal/retention", "net/http"},
		{"internal/schedule", module + "internal/plan"},
		{"internal/plan", module + "internal/policy"},
		{"internal/view", "github.com/hashicorp/hcl/v2/hclsyntax"},
		{"internal/cli", "github.com/zclconf/go-cty/cty"},
		{"internal/providers/lvm", module + "internal/providers/kube"},
		{"internal/observe", module + "internal/apply"},
		{"internal/apply", module + "internal/cli"},
		{"internal/somewhere", "fmt"},
	} {
		if wrongImport(test[0], test[1]) == "" {
			t.Errorf("%s may import %s", test[0], test[1])
		}
	}
	if why := wrongImport("internal/cli", module+"internal/apply"); why != "" {
		t.Errorf("the command line must not apply: %s", why)
	}
}

func TestClockUsesAreNoticed(t *testing.T) {
	for text, want := range map[string]int{
		`import "time"; var now = time.Now()`:           1,
		`import t "time"; var zone = t.Local`:           1,
		`import . "time"; var now = Now()`:              1,
		`import "time"; var second = time.Second`:       0,
		`import "time"; type x struct{ Now time.Time }`: 0,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "", "package p; "+text, 0)
		if err != nil {
			t.Fatal(err)
		}
		if uses := clockUses(file); len(uses) != want {
			t.Errorf("%s: found %v", text, uses)
		}
	}
}
