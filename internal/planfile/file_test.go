package planfile

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bkplan/bkplan/internal/plan"
)

func saved() File {
	return File{
		MadeBy: "0.1.0", Expires: noon.Add(24 * time.Hour),
		Plan: plan.Plan{
			Time: noon, Observed: noon, Host: "pve", PolicyDigest: "sha256:00",
			Layers: []plan.LayerStatus{{Name: "snapshots", Kind: plan.LayerSnapshot, CarriedOut: true}},
			Actions: []plan.Action{
				{ID: "a", Kind: plan.Create, Layer: "snapshots", Volume: "vault/data", VersionTime: noon,
					Snapshot: &plan.SnapshotAction{VolumeGroup: "pve", Pool: "data", Origin: "vm", Name: "vm_snap"}},
				{ID: "b", Kind: plan.Prune, Layer: "snapshots", Volume: "<vault>/data & co", DependsOn: []string{"a"}},
			},
		},
	}
}

var sameZone = cmp.Comparer(func(a, b plan.Zone) bool { return a.String() == b.String() })

func TestPlanRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plan")
	want := saved()
	id, err := Write(path, want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	want.ID = id
	if diff := cmp.Diff(want, got, sameZone); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	again, err := Write(path, got)
	if err != nil || again != id {
		t.Errorf("written again: %s, %v; want %s", again, err, id)
	}
}

func TestWriteReplaces(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "plan")
	if err := os.WriteFile(path, []byte("older"), 0o644); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink("plan", link); err != nil {
		t.Fatal(err)
	}
	if _, err := Write(link, saved()); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("left behind: %v", entries)
	}
	if info, _ := os.Lstat(link); info.Mode()&os.ModeSymlink == 0 {
		t.Error("the link is no link any more")
	}
	if _, err := Write("/dev/null", saved()); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a device is replaced: %v", err)
	}
	if _, err := Write(filepath.Join(dir, "missing", "plan"), saved()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("folder missing: %v", err)
	}
}

func encodedPlan(t *testing.T, f File) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := Encode(&b, f); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// sealed gives content the right envelope and digest.
func sealed(k kind, members string) string {
	covered := members + "}\n"
	return `{"format":"` + k.format + `","version":1,"digest":"` + sum([]byte(covered)) + `",` + covered
}

func TestBadObservations(t *testing.T) {
	good := string(encoded(t, homelab(2, 1)))
	reseal := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("no %s in %s", old, good)
		}
		_, members, _ := strings.Cut(strings.Replace(good, old, new, 1), `",`+`"observation"`)
		return sealed(observationKind, `"observation"`+strings.TrimSuffix(members, "}\n"))
	}
	for _, c := range []struct {
		name, data string
		code       Code
		detail     string // a part of it
	}{
		{"empty", "", NotBkplanFile, "it is empty"},
		{"a policy", "layer \"snapshot\" {}\n", NotBkplanFile, "not JSON of bkplan"},
		{"a report of lvs", `{"report":[{"lv":[]}]}`, NotBkplanFile, "without bkplan's format member"},
		{"a list", `[1]`, NotBkplanFile, "not JSON of bkplan"},
		{"a plan", encodedPlan(t, saved()), OtherKind, "this is a saved plan, not an observation"},
		{"something else", `{"format":"bkplan.moon","version":1}`, OtherKind, `format "bkplan.moon"`},
		{"newer", strings.Replace(good, `"version":1`, `"version":2`, 1), NewerVersion, "made by a newer bkplan: format 2, this one reads 1"},
		{"newer, laid out otherwise", `{ "format": "bkplan.observation", "version": 7 }`, NewerVersion, "format 7"},
		{"version 0", strings.Replace(good, `"version":1`, `"version":0`, 1), Invalid, "no format 0"},
		{"cut in the envelope", good[:15], Truncated, "cut short"},
		{"cut behind the version", good[:45], Truncated, "cut short"},
		{"cut in the digest", good[:80], Truncated, "cut short"},
		{"cut in the middle", good[:len(good)/2], Truncated, "cut short"},
		{"cut before the end", good[:len(good)-3], Truncated, "cut short"},
		{"edited", strings.Replace(good, "10737418240", "10737418241", 1), Changed, "does not fit its content"},
		{"with another ending", good + "\n", Changed, "does not fit"},
		{"with a byte order mark", "\ufeff" + good, Changed, "laid out"},
		{"reformatted", strings.ReplaceAll(good, ",", ", "), Changed, "laid out"},
		{"without a digest", strings.Replace(good, `"digest":"`, `"disgust":"`, 1), Changed, "digest is missing"},
		{"unknown member", reseal(`"host":`, `"hostess":1,"host":`), Invalid, "hostess"},
		{"unknown member of a volume", reseal(`"thin_id":`, `"thick_id":1,"thin_id":`), Invalid, `unknown member "thick_id"`},
		{"unknown member beside", sealed(observationKind, `"observed":{}`), Invalid, "observed"},
		{"not an object", sealed(observationKind, `"observation":[]`), Invalid, "byte"},
		{"no time", reseal(`"time":"2026-11-24T12:00:00Z"`, `"time":"0001-01-01T00:00:00Z"`), Invalid, "no time"},
		{"no host", reseal(`"host":"pve"`, `"host":""`), Invalid, "no host"},
		{"pool without a name", reseal(`"name":"data"`, `"name":""`), Invalid, "lacks a name"},
		{"negative size", reseal(`"size_bytes":10737418240`, `"size_bytes":-1`), Invalid, "negative size"},
		{"fraction", reseal(`"size_bytes":10737418240`, `"size_bytes":1.5`), Invalid, "byte"},
		{"percent", reseal(`"data_percent":42.17`, `"data_percent":142`), Invalid, "data_percent outside of 0 to 100"},
		{"two of one UUID", reseal(`4444-s1"`, `4444-00"`), Invalid, "is twice in pool"},
		{"two of one name", reseal(`_snap_20261123_1200"`, `"`), Invalid, "is twice in pool"},
		{"no such time", reseal(`"created":"2026-08-24`, `"created":"2026-08-34`), Invalid, "byte"},
		{"persistent volume twice", reseal(`"name":"pvc-00000001-3c5a-4f6e-9b1d-000000000001"`, `"name":"pvc-00000000-3c5a-4f6e-9b1d-000000000000"`), Invalid, "is there twice"},
		{"claim twice", reseal(`"name":"data-1"`, `"name":"data-0"`), Invalid, `claim "apps/data-0"`},
		{"cluster without a time", reseal(`"seen":"2026-11-24T12:00:00Z"`, `"seen":"0001-01-01T00:00:00Z"`), Invalid, "lacks the time"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := DecodeObservation([]byte(c.data))
			expect(t, err, c.code, c.detail)
		})
	}
}

func expect(t *testing.T, err error, code Code, detail string) {
	t.Helper()
	var found *Error
	switch {
	case !errors.As(err, &found):
		if err != nil || code != "" {
			t.Errorf("got %v, want %s", err, code)
		}
	case found.Code != code || !strings.Contains(found.Detail, detail):
		t.Errorf("got %s: %s, want %s: %s", found.Code, found.Detail, code, detail)
	case found.Hint == "":
		t.Errorf("%s has no hint", found.Detail)
	}
}

func TestBadPlans(t *testing.T) {
	changed := func(change func(*File)) string {
		f := saved()
		change(&f)
		return encodedPlan(t, f)
	}
	good := encodedPlan(t, saved())
	for _, c := range []struct {
		name, data string
		code       Code
		detail     string
	}{
		{"good", good, "", ""},
		{"an observation", string(encoded(t, homelab(1, 1))), OtherKind, "this is an observation, not a saved plan"},
		{"newer", strings.Replace(good, `"version":1`, `"version":2`, 1), NewerVersion, "format 2"},
		{"edited", strings.Replace(good, `"kind":"create"`, `"kind":"prune"`, 1), Changed, "does not fit"},
		{"truncated", good[:len(good)-10], Truncated, "cut short"},
		{"unknown member", sealed(planKind, `"plam":{}`), Invalid, "plam"},
		{"no expiry", changed(func(f *File) { f.Expires = time.Time{} }), Invalid, "no expiry"},
		{"no policy", changed(func(f *File) { f.Plan.PolicyDigest = "" }), Invalid, "no policy"},
		{"twice the same action", changed(func(f *File) { f.Plan.Actions[1].ID = "a" }), Invalid, `action "a" is there twice`},
		{"unknown layer", changed(func(f *File) { f.Plan.Actions[1].Layer = "x" }), Invalid, `layer "x"`},
		{"unknown kind", changed(func(f *File) { f.Plan.Actions[1].Kind = "burn" }), Invalid, `kind "burn"`},
		{"wrong order", changed(func(f *File) { f.Plan.Actions[0].DependsOn = []string{"b"} }), Invalid, `comes before "b"`},
		{"many problems", changed(func(f *File) {
			for range 20 {
				f.Plan.Actions = append(f.Plan.Actions, plan.Action{})
			}
		}), Invalid, "more"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Decode([]byte(c.data))
			expect(t, err, c.code, c.detail)
		})
	}
}

func TestEndlessFileIsRefused(t *testing.T) {
	_, err := ReadObservation("/dev/zero")
	expect(t, err, TooLarge, "larger than")
}

// Wherever a file is cut, and whichever byte of it changes, it is refused.
func TestEveryCutAndEveryChangeIsFound(t *testing.T) {
	good := encoded(t, homelab(1, 1))
	for i := range good {
		if _, err := DecodeObservation(good[:i]); err == nil {
			t.Errorf("cut after %d bytes, it is read", i)
		}
		changed := bytes.Clone(good)
		changed[i] ^= 1
		if _, err := DecodeObservation(changed); err == nil {
			t.Errorf("with another byte %d, it is read", i)
		}
	}
}

func FuzzReadObservation(f *testing.F) {
	f.Add(string(encodedObservationMembers(f)))
	f.Add(`{"observation":{"pools":[{"volumes":[{"name":"a\u00e9\n"`)
	f.Fuzz(func(t *testing.T, text string) {
		o, err := readObservation(text)
		var want struct {
			Observation plan.Observation `json:"observation"`
		}
		if err != nil || unmarshal([]byte(text), &want) != nil {
			return
		}
		if diff := cmp.Diff(want.Observation, o, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("-json +cursor:\n%s", diff)
		}
	})
}

func encodedObservationMembers(f *testing.F) []byte {
	var b bytes.Buffer
	if err := EncodeObservation(&b, homelab(2, 1)); err != nil {
		f.Fatal(err)
	}
	_, covered, err := observationKind.open(b.Bytes())
	if err != nil {
		f.Fatal(err)
	}
	return append([]byte{'{'}, covered...)
}
