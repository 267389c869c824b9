package selection

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/rsync"
)

// TestMain makes a property of real programs cheap; -rapid.checks=1000 is thorough.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "6"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// names are those that somebody stumbles over, and few: things happen to the same
// ones again and again.
var names = []string{
	"a", "b", "c.tmp", "cache", "two\nlines", strings.Repeat("n", 255), "not\xffutf8", "-rf", "#c", ";d", " ", "[a]*?", `b\#012s`, "\u00e9", "e\u0301",
}

// patterns are what people exclude: by name, by place, folders alone, with wildcards.
var patterns = []string{"*.tmp", "/cache/", "cache", "a/b", "/b/a/", "/a/**/b", "*\n*", "[[]a]*", "e?", "- /b", "+ /b/keep"}

// pair is a tree, and two mirrors of it.
type pair struct {
	t                   *rapid.T
	tree, whole, chosen string
	some                []string // of the names
	patterns            []string
	// what a journal would tell
	names, subtrees []string
}

func (p *pair) path(label string) string {
	parts := rapid.SliceOfN(rapid.SampledFrom(p.some), 1, 3).Draw(p.t, label)
	return path.Join(parts...)
}

func (p *pair) at(name string) string { return filepath.Join(p.tree, name) }

func (p *pair) isFolder(name string) bool {
	info, err := os.Lstat(p.at(name))
	return err == nil && info.IsDir()
}

// told notes what is told of a name, as it was or as it is.
func (p *pair) told(name string, folder bool) {
	if folder {
		p.subtrees = append(p.subtrees, name)
	} else {
		p.names = append(p.names, name)
	}
}

// there is one of the names that are in the tree.
func (p *pair) there(label string) string {
	var all []string
	_ = filepath.WalkDir(p.tree, func(at string, _ fs.DirEntry, err error) error {
		if err == nil && at != p.tree {
			all = append(all, at[len(p.tree)+1:])
		}
		return nil
	})
	if len(all) == 0 {
		return p.path(label)
	}
	return rapid.SampledFrom(all).Draw(p.t, label)
}

func (p *pair) step(text string) {
	what := rapid.IntRange(0, 9).Draw(p.t, "what")
	name := p.path("name")
	if what > 3 && what != 8 {
		name = p.there("name")
	}
	was := p.isFolder(name)
	switch what {
	case 0, 1, 2:
		if os.WriteFile(p.at(name), []byte(text), 0o600) == nil {
			p.others(name)
		}
	case 3:
		for dir := path.Dir(name); os.MkdirAll(p.at(name), 0o755) == nil && dir != "."; dir = path.Dir(dir) {
			p.told(dir, true)
		}
		p.told(name, true)
	case 4, 5:
		to := p.path("to")
		there := p.isFolder(to)
		if os.Rename(p.at(name), p.at(to)) == nil {
			p.told(name, was)
			p.told(to, was || there)
		}
	case 6:
		if os.RemoveAll(p.at(name)) == nil {
			p.told(name, was)
		}
	case 7:
		to := p.path("to")
		if os.Link(p.at(name), p.at(to)) == nil {
			p.others(to)
		}
	case 8:
		if os.Symlink(rapid.SampledFrom([]string{"a", "..", "/etc"}).Draw(p.t, "target"), p.at(name)) == nil {
			p.told(name, false)
		}
	case 9:
		mode := fs.FileMode(rapid.IntRange(0o400, 0o777).Draw(p.t, "mode"))
		if info, err := os.Lstat(p.at(name)); err == nil && info.Mode()&fs.ModeSymlink == 0 && os.Chmod(p.at(name), mode) == nil {
			p.others(name)
		}
	}
}

// others tells of a name, and of all names of the same file: a journal does so of what
// is written.
func (p *pair) others(name string) {
	p.told(name, false)
	info, err := os.Stat(p.at(name))
	if err != nil || info.IsDir() {
		return
	}
	_ = filepath.WalkDir(p.tree, func(at string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if other, err := d.Info(); err == nil && os.SameFile(info, other) {
				p.told(strings.TrimPrefix(at, p.tree+"/"), false)
			}
		}
		return nil
	})
}

func (p *pair) rsync(stdin []byte, words ...string) {
	p.t.Helper()
	argv := append([]string{"-aHXS", "--delete-delay", "--modify-window=-1"}, words...)
	cmd := exec.Command("rsync", argv...)
	cmd.Stdin = bytes.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("%q: %v: %s", argv, err, out)
	}
}

func (p *pair) sync() {
	p.t.Helper()
	s, err := Of(context.Background(), p.tree, p.names, p.subtrees)
	if err == nil {
		s, err = s.Without(context.Background(), execx.New(), p.patterns)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	excludes := rsync.Excludes(p.patterns)
	p.rsync(nil, slices.Concat(excludes, []string{p.tree + "/", p.whole + "/"})...)
	p.rsync(s.Names(), slices.Concat(Words(), excludes, []string{p.tree + "/", p.chosen + "/"})...)
	p.names, p.subtrees = nil, nil
	if diff := cmp.Diff(snapshot(p.t, p.whole), snapshot(p.t, p.chosen)); diff != "" {
		p.t.Fatalf("what was selected is not enough, or too much:\n%s", diff)
	}
}

// snapshot tells all that rsync keeps of a tree: which names are one file, too.
func snapshot(t *rapid.T, root string) map[string]string {
	found, first := map[string]string{}, map[uint64]string{}
	err := filepath.WalkDir(root, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		what := fmt.Sprint(info.Mode(), info.ModTime().UnixNano())
		switch {
		case info.Mode().IsRegular():
			content, err := os.ReadFile(at)
			if err != nil {
				return err
			}
			stat := info.Sys().(*syscall.Stat_t)
			if _, known := first[stat.Ino]; !known {
				first[stat.Ino] = at[len(root):]
			}
			what += fmt.Sprintf(" %q as %q", content, first[stat.Ino])
		case info.Mode()&fs.ModeSymlink != 0:
			to, err := os.Readlink(at)
			if err != nil {
				return err
			}
			what += " to " + to
		}
		found[at[len(root):]] = what
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// What rsync makes of a selection is what it makes of everything: also of what is
// excluded, here and there.
func TestASelectionIsAsGoodAsEverything(t *testing.T) {
	if _, err := exec.LookPath("rsync"); err != nil {
		t.Skip("rsync is not installed")
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root, to read files that nobody may")
	}
	base := t.TempDir()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		root := filepath.Join(base, fmt.Sprint(n))
		p := &pair{t: rt, tree: root + "/tree", whole: root + "/whole", chosen: root + "/chosen"}
		p.some = rapid.SliceOfNDistinct(rapid.SampledFrom(names), 2, 5, rapid.ID).Draw(rt, "names")
		p.patterns = rapid.SliceOfNDistinct(rapid.SampledFrom(patterns), 0, 3, rapid.ID).Draw(rt, "patterns")
		for _, dir := range []string{p.tree, p.whole, p.chosen} {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				rt.Fatal(err)
			}
		}
		defer os.RemoveAll(root)
		p.subtrees = []string{"."}
		rounds := rapid.IntRange(2, 4).Draw(rt, "rounds")
		for round := range rounds {
			for i := range rapid.IntRange(0, 30).Draw(rt, "steps") {
				p.step(fmt.Sprintf("%d %*s", round, i, ""))
			}
			p.sync()
		}
	})
}

func selected(t *testing.T, s Selection) []string {
	t.Helper()
	list := strings.Split(strings.TrimSuffix(string(s.Names()), "\x00"), "\x00")
	if s.IsEmpty() {
		list = nil
	}
	return list
}

func TestWhatIsSelected(t *testing.T) {
	tree := t.TempDir()
	for _, dir := range []string{"d/e/deep/er", "full/sub"} {
		if err := os.MkdirAll(filepath.Join(tree, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"d/f", "d/e/g", "full/sub/x", "top"} {
		if err := os.WriteFile(filepath.Join(tree, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Link(tree+"/full/sub/x", tree+"/d/e/link"), os.Symlink("/etc", tree+"/away")); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ names, subtrees, want []string }{
		"nothing":                  {nil, nil, nil},
		"a file":                   {[]string{"d/f"}, nil, []string{"./d", "./d/f"}},
		"at the top":               {[]string{"top"}, nil, []string{"./", "./top"}},
		"the tree itself":          {[]string{"."}, nil, []string{"./"}},
		"gone":                     {[]string{"d/gone"}, nil, []string{"./d/"}},
		"gone with its folder":     {[]string{"d/gone/deep/er"}, nil, []string{"./d/"}},
		"gone from the top":        {[]string{"gone/x"}, nil, []string{"./"}},
		"a file on the way":        {[]string{"d/f/x"}, nil, []string{"./d", "./d/f"}},
		"a link on the way":        {[]string{"away/passwd"}, []string{"away/ssh"}, []string{"./", "./away"}},
		"a folder, not below":      {[]string{"d"}, nil, []string{"./", "./d"}},
		"a subtree":                {nil, []string{"d/e"}, []string{"./d", "./d/e/", "./d/e/deep/", "./d/e/deep/er/", "./d/e/g", "./d/e/link", "./full/sub/x"}},
		"another name":             {[]string{"full/sub/x"}, nil, []string{"./d/e/link", "./full/sub", "./full/sub/x"}},
		"a subtree that is gone":   {nil, []string{"d/gone"}, []string{"./d/"}},
		"a subtree that is a file": {nil, []string{"d/f"}, []string{"./d", "./d/f"}},
	} {
		s, err := Of(t.Context(), tree, test.names, test.subtrees)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, selected(t, s)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for _, name := range []string{"", "..", "../x", "/etc", "d/../f", "d//f", "a\x00b", "d/"} {
		if _, err := Of(t.Context(), tree, []string{name}, nil); err == nil {
			t.Errorf("%q is a name", name)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Of(ctx, tree, nil, []string{"d"}); !errors.Is(err, context.Canceled) {
		t.Errorf("it went on: %v", err)
	}
}

// What cannot be asked is an error: nothing may be taken for selected.
func TestWithoutAnAnswer(t *testing.T) {
	tree := t.TempDir()
	if err := os.WriteFile(tree+"/f", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Of(t.Context(), tree, []string{"f"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Without(t.Context(), execx.ReadOnly(execx.New(), "true"), []string{"*.tmp"}); err == nil {
		t.Error("rsync was not asked")
	}
	t.Setenv("TMPDIR", tree+"/none")
	if _, err := s.Without(t.Context(), execx.New(), []string{"*.tmp"}); err == nil {
		t.Error("there is no folder for the model")
	}
}
