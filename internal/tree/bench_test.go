package tree

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// BenchmarkTree compares with what everybody has, on the same tree in the same
// run. BKPLAN_BENCH_FILES says how many files it has.
func BenchmarkTree(b *testing.B) {
	count := 20_000
	if text := os.Getenv("BKPLAN_BENCH_FILES"); text != "" {
		var err error
		if count, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	dir := b.TempDir()
	for _, shape := range []struct {
		name    string
		folders int
	}{{"nested", max(count/20, 1)}, {"flat", 1}} {
		from := filepath.Join(dir, shape.name)
		makeFiles(b, from, count, shape.folders)
		b.Run(shape.name, func(b *testing.B) { compareTools(b, from, filepath.Join(dir, "copy")) })
	}
}

func compareTools(b *testing.B, from, into string) {
	link := func(b *testing.B) {
		must(b, os.Mkdir(into, 0o700))
		must(b, Link(b.Context(), from, into))
	}
	cp := func(b *testing.B) { must(b, exec.Command("cp", "-al", from, into).Run()) }
	remove := func(b *testing.B) { must(b, Remove(b.Context(), into)) }
	rm := func(b *testing.B) { must(b, exec.Command("rm", "-rf", into).Run()) }
	for _, step := range []struct {
		name                string
		before, what, after func(*testing.B)
	}{
		{"Link", nil, link, remove},
		{"cp-al", nil, cp, remove},
		{"Remove", link, remove, nil},
		{"rm-rf", link, rm, nil},
		{"WriteManifest", nil, func(b *testing.B) {
			_, err := WriteManifest(b.Context(), from, Previous{}, io.Discard)
			must(b, err)
		}, nil},
	} {
		b.Run(step.name, func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				if step.before != nil {
					step.before(b)
				}
				must(b, Sync(filepath.Dir(into)))
				b.StartTimer()
				step.what(b)
				b.StopTimer()
				if step.after != nil {
					step.after(b)
				}
				b.StartTimer()
			}
		})
	}
}

func makeFiles(tb testing.TB, root string, count, folders int) {
	tb.Helper()
	for i := range folders {
		must(tb, os.MkdirAll(filepath.Join(root, fmt.Sprintf("%03d/%05d", i%97, i)), 0o755))
	}
	for i := range count {
		name := filepath.Join(root, fmt.Sprintf("%03d/%05d/file-%07d", i%folders%97, i%folders, i))
		must(tb, os.WriteFile(name, []byte(name), 0o644))
	}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
