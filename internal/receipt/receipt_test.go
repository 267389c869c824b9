package receipt

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bkplan/bkplan/internal/plan"
)

var at = time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)

// memory is a folder where syncing costs nothing.
const memory = "/dev/shm"

func sample() plan.Receipt {
	return plan.Receipt{
		Layer: "weekly", Volume: "vaultwarden/data", Version: "2026-47", Path: "pvc-data/2026-47/vaultwarden/data",
		Slot: at, Started: at.Add(time.Minute), Ended: at.Add(2 * time.Minute),
		Source: plan.ReceiptSource{Taken: at, Snapshot: &plan.SnapshotRef{VolumeGroup: "pve", Name: "vm-1_snap", UUID: "u"}},
		Files:  12, Bytes: 3400, NewBytes: 100, Directories: 2, Digest: "sha256:00",
		Tools: map[string]string{"rsync": "3.5.0"}, Notes: []string{"one"},
	}
}

func text(t *testing.T, r plan.Receipt) []byte {
	t.Helper()
	b, err := Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFormatComesFirst(t *testing.T) {
	if head := "{\n  \"format\": \"bkplan.receipt\",\n  \"version\": 1,\n"; !strings.HasPrefix(string(text(t, sample())), head) {
		t.Errorf("%s", text(t, sample()))
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := string(text(t, sample()))
	for name, c := range map[string]struct{ text, want string }{
		"nothing":        {"", "it is empty"},
		"white space":    {" \n", "it is empty"},
		"garbage":        {"\x00\x01\x02", "it is not a receipt of bkplan"},
		"other JSON":     {`{"format":"bkplan.plan","version":1}`, "it is not a receipt of bkplan"},
		"a list":         {`[]`, "it is not a receipt of bkplan"},
		"newer":          {strings.Replace(good, `"version": 1`, `"version": 7`, 1), "made by a newer bkplan: format 7, this one reads 1"},
		"newer and odd":  {`{"format":"bkplan.receipt","version":2,"kind":"x","receipt":{}}`, "made by a newer bkplan: format 2, this one reads 1"},
		"version 0":      {strings.Replace(good, `"version": 1`, `"version": 0`, 1), "there is no format 0"},
		"unknown member": {strings.Replace(good, `"files"`, `"file"`, 1), `its content is not valid: json: unknown field "file"`},
		"two values":     {good + good, "its content is not valid: something follows it"},
		"no content":     {`{"format":"bkplan.receipt","version":1}`, "it has no content"},
		"no layer":       {strings.Replace(good, `"layer": "weekly"`, `"layer": ""`, 1), "it names no layer"},
		"no volume":      {strings.Replace(good, `"volume": "vaultwarden/data"`, `"volume": ""`, 1), "it names no volume"},
		"forged":         {strings.Replace(good, `"pvc-data/`, `"../`, 1), `its version lies at "../2026-47/vaultwarden/data", which is no place below the destination`},
		"absolute":       {strings.Replace(good, `"pvc-data/`, `"/etc/`, 1), `its version lies at "/etc/2026-47/vaultwarden/data", which is no place below the destination`},
		"the root":       {strings.Replace(good, `"pvc-data/2026-47/vaultwarden/data"`, `"."`, 1), `its version lies at ".", which is no place below the destination`},
		"our own":        {strings.Replace(good, `"pvc-data/2026-47`, `".bkplan/work`, 1), `its version lies at ".bkplan/work/vaultwarden/data", which is no place below the destination`},
		"too large":      {good + strings.Repeat(" ", maxSize), "it is larger than 1 MiB"},
	} {
		_, err := Decode([]byte(c.text))
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: %v\nwant %s", name, err, c.want)
		}
	}
}

func TestReceiptTruncatedAnywhere(t *testing.T) {
	good := bytes.TrimSpace(text(t, sample()))
	for n := 1; n < len(good); n++ {
		if _, err := Decode(good[:n]); !errors.Is(err, errTruncated) {
			t.Fatalf("at %d bytes: %v", n, err)
		}
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{".", "..", "a/b", "--x", "$(id)", "a\nb", strings.Repeat("x", 300)})).Filter(func(s string) bool { return s != "" })
		r := sample()
		r.Layer, r.Volume, r.Version = name.Draw(t, "layer"), name.Draw(t, "volume"), name.Draw(t, "version")
		root, err := os.MkdirTemp(memory, "receipt")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(root)
		if err := Write(root, r); err != nil {
			t.Fatal(err)
		}
		got, err := Read(root, r.Layer, r.Version, r.Volume)
		if diff := cmp.Diff(r, got); err != nil || diff != "" {
			t.Fatalf("%v\n%s", err, diff)
		}
		all, bad, err := ReadAll(root)
		if diff := cmp.Diff([]plan.Receipt{r}, all); err != nil || len(bad) > 0 || diff != "" {
			t.Fatalf("%v, %v\n%s", err, bad, diff)
		}
		of, err := Of(root, r.Layer, r.Volume)
		if diff := cmp.Diff(all, of); err != nil || diff != "" {
			t.Fatalf("%v\n%s", err, diff)
		}
		if err := Remove(root, r.Layer, r.Version, r.Volume); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(root, r.Layer, r.Version, r.Volume); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("after it was removed: %v", err)
		}
	})
}

func TestEveryNameHasOneSafePlace(t *testing.T) {
	seen := map[string][3]string{}
	rapid.Check(t, func(t *rapid.T) {
		any := rapid.OneOf(rapid.StringN(0, 400, -1), rapid.SampledFrom([]string{"", ".", "..", "@", "@synced", "%40synced", "a/b", "a%2Fb", "\xff", "\x00"}))
		names := [3]string{any.Draw(t, "layer"), any.Draw(t, "version"), any.Draw(t, "volume")}
		path := Path(names[0], names[1], names[2])
		parts := strings.Split(path, "/")
		if len(parts) != 3 || !filepath.IsLocal(path) || filepath.Clean(path) != path {
			t.Fatalf("%q", path)
		}
		for _, p := range parts {
			if len(p) > maxName || p[0] == '.' {
				t.Fatalf("part %q", p)
			}
		}
		if other, used := seen[path]; used && other != names {
			t.Fatalf("%q is the place of %q and %q", path, other, names)
		}
		seen[path] = names
	})
}
