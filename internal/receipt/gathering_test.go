package receipt

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bkplan/bkplan/internal/plan"
)

// What comes from elsewhere is judged as what lies here.
func TestGatheringIsReadAll(t *testing.T) {
	top := root(t, "a", "b", "new\nline", strings.Repeat("x", 300))
	good := string(text(t, sample()))
	put(t, top, "weekly/2026-47/truncated.json", good[:100])
	put(t, top, "weekly/2026-47/newer.json", strings.Replace(good, `"version": 1`, `"version": 2`, 1))
	put(t, top, "weekly/2026-47/forged.json", strings.Replace(good, `"pvc-data/2026`, `"../../2026`, 1))
	put(t, top, "weekly/2026-47/elsewhere.json", good)
	put(t, top, "weekly/2026-47/large.json", good+strings.Repeat(" ", maxSize))
	put(t, top, "weekly/2026-47/notes", "x")
	put(t, top, "weekly/file", "x")
	put(t, top, "file", "x")
	put(t, top, "weekly/2026-47/folder.json/x", "x")
	put(t, top, "weekly/2026-47/folder/x/y", "x")
	var g Gathering
	at := filepath.Join(top, plan.ReceiptFolder)
	err := filepath.WalkDir(at, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == at {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		var content []byte
		if info.Mode().IsRegular() {
			if content, err = os.ReadFile(path); err != nil {
				return err
			}
		}
		rel, _ := filepath.Rel(at, path)
		return g.Add(rel, info, bytes.NewReader(content))
	})
	if err != nil {
		t.Fatal(err)
	}
	receipts, bad := g.All()
	wantReceipts, wantBad, err := ReadAll(top)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wantReceipts, receipts); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(wantBad, bad); diff != "" {
		t.Error(diff)
	}
}

// Only a synced tree may be all that is at a destination.
func TestARootIsASyncedTree(t *testing.T) {
	r := sample()
	r.Path = "."
	if _, err := Encode(r); err == nil {
		t.Error("a version is the root")
	}
	r.Version = ""
	if _, err := Encode(r); err != nil {
		t.Error(err)
	}
}
