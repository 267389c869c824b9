package receipt

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/bkplan/bkplan/internal/plan"
)

// root is a destination in memory, with a receipt of each volume.
func root(t testing.TB, volumes ...string) string {
	t.Helper()
	top, err := os.MkdirTemp(memory, "receipts")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(top) })
	for _, v := range volumes {
		r := sample()
		r.Volume = v
		if err := Write(top, r); err != nil {
			t.Fatal(err)
		}
	}
	return top
}

func put(t *testing.T, top, at, text string) {
	t.Helper()
	path := filepath.Join(top, plan.ReceiptFolder, at)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestNothingIsThereBeforeTheFirst(t *testing.T) {
	if all, bad, err := ReadAll(t.TempDir()); all != nil || bad != nil || err != nil {
		t.Errorf("%v, %v, %v", all, bad, err)
	}
}

// A receipt that is truncated, forged with ../, or of a newer version.
func TestWhatIsNoReceiptIsTold(t *testing.T) {
	top := root(t, "a", "b")
	good := string(text(t, sample()))
	put(t, top, "weekly/2026-47/truncated.json", good[:100])
	put(t, top, "weekly/2026-47/newer.json", strings.Replace(good, `"version": 1`, `"version": 2`, 1))
	put(t, top, "weekly/2026-47/forged.json", strings.Replace(good, `"pvc-data/2026`, `"../../2026`, 1))
	put(t, top, "weekly/2026-47/elsewhere.json", good)
	put(t, top, "weekly/2026-48/a.json", string(text(t, func() plan.Receipt { r := sample(); r.Volume = "a"; return r }())))
	put(t, top, "weekly/2026-47/large.json", good+strings.Repeat(" ", maxSize))
	put(t, top, "weekly/2026-47/notes", "x")
	put(t, top, "weekly/file", "x")
	put(t, top, "file", "x")
	put(t, top, "weekly/2026-47/folder.json/x", "x")
	at := filepath.Join(top, plan.ReceiptFolder)
	for name, target := range map[string]string{"weekly/2026-47/link.json": "a.json", "weekly/linked": "2026-47", "out": "/etc"} {
		if err := os.Symlink(target, filepath.Join(at, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mkfifo(filepath.Join(at, "weekly/2026-47/pipe.json"), 0o600); err != nil {
		t.Fatal(err)
	}
	all, bad, err := ReadAll(top)
	if err != nil || len(all) != 2 || all[0].Volume != "a" || all[1].Volume != "b" {
		t.Fatalf("%+v, %v", all, err)
	}
	var got []string
	for _, b := range bad {
		got = append(got, b.File+": "+strings.ReplaceAll(b.Detail, top, "TOP"))
	}
	want := []string{
		"file: no receipt lies here",
		`out: "TOP/.bkplan/receipts/out" is a symbolic link, and none is followed here`,
		"weekly/2026-47/elsewhere.json: its place is weekly/2026-47/vaultwarden%2Fdata.json",
		"weekly/2026-47/folder.json: it is not a file",
		`weekly/2026-47/forged.json: its version lies at "../../2026-47/vaultwarden/data", which is no place below the destination`,
		"weekly/2026-47/large.json: it is larger than 1 MiB",
		"weekly/2026-47/link.json: open TOP/.bkplan/receipts/weekly/2026-47/link.json: too many levels of symbolic links",
		"weekly/2026-47/newer.json: made by a newer bkplan: format 2, this one reads 1",
		"weekly/2026-47/notes: no receipt lies here",
		"weekly/2026-47/pipe.json: it is not a file",
		"weekly/2026-47/truncated.json: it is cut short",
		"weekly/2026-48/a.json: its place is weekly/2026-47/a.json",
		"weekly/file: no receipt lies here",
		`weekly/linked: "TOP/.bkplan/receipts/weekly/linked" is a symbolic link, and none is followed here`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReceiptsFolderThatIsALink(t *testing.T) {
	top, other := root(t), root(t, "a")
	if err := os.Symlink(filepath.Join(other, plan.OwnFolder), filepath.Join(top, plan.OwnFolder)); err != nil {
		t.Fatal(err)
	}
	if all, _, err := ReadAll(top); err == nil {
		t.Errorf("followed: %v", all)
	}
	if err := Write(top, sample()); err == nil {
		t.Error("written through a link")
	}
	if err := Remove(top, "weekly", "2026-47", "a"); err == nil {
		t.Error("removed through a link")
	}
	if all, _, err := ReadAll(other); err != nil || len(all) != 1 {
		t.Errorf("%v, %v", all, err)
	}
}

func TestWriteReplacesAndLeavesNothingElse(t *testing.T) {
	top := root(t, "a")
	r := sample()
	r.Volume, r.Files = "a", 99
	if err := Write(top, r); err != nil {
		t.Fatal(err)
	}
	if all, bad, err := ReadAll(top); err != nil || len(bad) > 0 || len(all) != 1 || all[0].Files != 99 {
		t.Errorf("%+v, %v, %v", all, bad, err)
	}
	if left, err := os.ReadDir(filepath.Join(top, plan.WorkFolder)); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
	info, err := os.Stat(filepath.Join(top, File("weekly", "2026-47", "a")))
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	r.Path = "../x"
	if err := Write(top, r); err == nil {
		t.Error("a receipt that cannot be read was written")
	}
}

func BenchmarkReadAll(b *testing.B) {
	top := root(b)
	for i := range 40_000 {
		r := sample()
		r.Volume, r.Version = fmt.Sprintf("namespace/claim-%d", i/8), fmt.Sprintf("2026-%02d", 40+i%8)
		text, err := Encode(r)
		if err != nil {
			b.Fatal(err)
		}
		path := filepath.Join(top, File(r.Layer, r.Version, r.Volume))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if all, _, err := ReadAll(top); err != nil || len(all) != 40_000 {
			b.Fatal(len(all), err)
		}
	}
}

// Every pruned week would leave empty folders behind for ever.
func TestTidyRemovesEmptyFoldersOnly(t *testing.T) {
	root := t.TempDir()
	a, b := sample(), sample()
	b.Volume = "another"
	for _, r := range []plan.Receipt{a, b} {
		if err := Write(root, r); err != nil {
			t.Fatal(err)
		}
	}
	at := filepath.Dir(filepath.Join(root, File(a.Layer, a.Version, a.Volume)))
	for i, r := range []plan.Receipt{a, b} {
		if err := Remove(root, r.Layer, r.Version, r.Volume); err != nil {
			t.Fatal(err)
		}
		Tidy(root, r.Layer, r.Version)
		if _, err := os.Stat(at); os.IsNotExist(err) != (i == 1) {
			t.Errorf("%d: %v", i, err)
		}
	}
}
