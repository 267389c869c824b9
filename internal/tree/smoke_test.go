package tree

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestLinkManifestCheckRemove(t *testing.T) {
	dir := t.TempDir()
	from, into := filepath.Join(dir, "from"), filepath.Join(dir, "into")
	os.MkdirAll(filepath.Join(from, "a/b"), 0o755)
	os.Mkdir(into, 0o755)
	os.WriteFile(filepath.Join(from, "a/b/file"), []byte("content"), 0o640)
	os.WriteFile(filepath.Join(from, "a.b"), []byte("more"), 0o600)
	os.Symlink("/nowhere", filepath.Join(from, "a/\nlink"))
	if err := Link(t.Context(), from, into); err != nil {
		t.Fatal(err)
	}
	var one, two bytes.Buffer
	first, err := WriteManifest(t.Context(), from, Previous{}, &one)
	if err != nil {
		t.Fatal(err)
	}
	second, err := WriteManifest(t.Context(), into, Previous{Root: from, Manifest: bytes.NewReader(one.Bytes()), Digest: first.Digest}, &two)
	if err != nil {
		t.Fatal(err)
	}
	if first.Digest != second.Digest || second.NewBytes != 0 || first.NewBytes != 11 || first.Files != 3 || first.Directories != 3 {
		t.Errorf("%+v, then %+v", first, second)
	}
	report, err := Check(t.Context(), into, &one, CheckOptions{Data: true})
	if err != nil || report.Total != 0 || report.Entries != 6 {
		t.Errorf("%+v, %v", report, err)
	}
	if err := Remove(t.Context(), into); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(into); !os.IsNotExist(err) {
		t.Error(err)
	}
}
