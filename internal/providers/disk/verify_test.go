package disk

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/receipt"
)

// held is a version as planning lists it.
func (b *bench) held(version string) plan.HeldVersion {
	h := plan.HeldVersion{Layer: "weekly", Kind: plan.LayerFiles, Volume: volume, Version: version, Destination: b.dest, Path: filepath.Join("pvc-data", version, volume), Time: start}
	if r, err := receipt.Read(b.dest, "weekly", version, volume); err == nil {
		h.Receipt = &r
	}
	return h
}

func (b *bench) verify(version string, data bool) []string {
	b.t.Helper()
	findings, err := b.provider.Verify(b.t.Context(), b.held(version), data)
	if err != nil {
		b.t.Fatal(err)
	}
	return findings
}

// A change that leaves name, size and time is seen by its content alone.
func TestVerifyFindsWhatHasChanged(t *testing.T) {
	b := newBench(t)
	b.write("f", "one")
	b.write("g", "two")
	b.do(b.action(week46, ""))
	b.do(b.action(week47, week46))
	for _, version := range []string{week46, week47} {
		if findings := b.verify(version, true); len(findings) > 0 {
			t.Errorf("%s: %q", version, findings)
		}
	}
	f := filepath.Join(b.version(week47), "f")
	info, err := os.Stat(f)
	if err != nil {
		t.Fatal(err)
	}
	write(t, f, "eno")
	if err := os.Chtimes(f, time.Time{}, info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if findings := b.verify(week47, false); len(findings) > 0 {
		t.Errorf("%q", findings)
	}
	b.provider = New(b.provider.Config) // another run
	if diff := cmp.Diff([]string{`"f": its content changed`}, b.verify(week46, true)); diff != "" {
		t.Error("the version that has the same file: ", diff)
	}
	if err := os.Remove(f); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(b.version(week47), "h"), "new")
	if got := strings.Join(b.verify(week47, false), "; "); !strings.Contains(got, `"f" is missing`) || !strings.Contains(got, `"h" is extra`) {
		t.Error(got)
	}
}

// Only a change after the first look shows that there was no second one.
func TestVerifyReadsAFileOfSeveralVersionsOnce(t *testing.T) {
	b := newBench(t)
	b.write("f", "one")
	b.do(b.action(week46, ""))
	b.do(b.action(week47, week46))
	f := filepath.Join(b.version(week46), "f")
	info, err := os.Stat(f)
	if err != nil {
		t.Fatal(err)
	}
	if findings := b.verify(week46, true); len(findings) > 0 {
		t.Errorf("%q", findings)
	}
	write(t, f, "eno")
	if err := os.Chtimes(f, time.Time{}, info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if findings := b.verify(week47, true); len(findings) > 0 {
		t.Errorf("it was read again: %q", findings)
	}
	if findings := b.verify(week47, true); len(findings) != 1 {
		t.Errorf("all of its names were met, and what was read is kept: %q", findings)
	}
}

func TestVerifyWithoutAWholeManifest(t *testing.T) {
	b := newBench(t)
	b.write("f", "one")
	b.do(b.action(week46, ""))
	manifest := filepath.Join(b.dest, receipt.ManifestFile("weekly", week46, volume))
	h := b.held(week46)
	h.Receipt.Digest = "sha256:another"
	findings, err := b.provider.Verify(t.Context(), h, false)
	if err != nil || len(findings) != 1 || !strings.Contains(findings[0], "not the one that the receipt names") {
		t.Errorf("%q, %v", findings, err)
	}
	write(t, manifest, "garbage")
	if findings := b.verify(week46, false); len(findings) != 1 || !strings.Contains(findings[0], "damaged") {
		t.Errorf("%q", findings)
	}
	if err := os.Remove(manifest); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"its manifest is missing"}, b.verify(week46, false)); diff != "" {
		t.Error(diff)
	}
}

// inspecting is a Producer that finds something wrong in every version.
type inspecting struct{ producer }

func (inspecting) Inspect(_ context.Context, folder string) ([]string, error) {
	return []string{"looked into " + filepath.Base(folder)}, nil
}

func TestVerifyAsksWhoMadeTheVersion(t *testing.T) {
	b := newBench(t)
	b.write("f", "one")
	b.do(b.action(week46, ""))
	b.provider.Producer = inspecting{}
	if diff := cmp.Diff([]string{"looked into " + filepath.Base(volume)}, b.verify(week46, true)); diff != "" {
		t.Error(diff)
	}
	if findings := b.verify(week46, false); len(findings) > 0 {
		t.Errorf("contents were not asked for: %q", findings)
	}
}

// Week directories of older scripts are versions; one that was adopted can be
// verified.
func TestAdoptGivesAnOldVersionItsReceipt(t *testing.T) {
	b := newBench(t)
	write(t, filepath.Join(b.dest, "pvc-data", week46, volume, "f"), "old")
	r, err := b.provider.Adopt(t.Context(), b.held(week46), start)
	if err != nil || !r.Adopted || r.Files != 1 || r.Bytes != 3 || !r.Source.Taken.Equal(start) {
		t.Fatalf("%+v, %v", r, err)
	}
	if findings := b.verify(week46, true); len(findings) > 0 {
		t.Errorf("%q", findings)
	}
	b.nothingLeft()
	for _, path := range []string{"../x", ".bkplan/work", "/etc", ""} {
		h := b.held(week47)
		h.Path = path
		if _, err := b.provider.Adopt(t.Context(), h, start); err == nil {
			t.Errorf("%q was adopted", path)
		}
	}
}

// rsnapshot: failed runs rotated good versions out. The version that stays may be
// one that this run has made of a source that was hardly there.
func TestNothingIsPrunedForAVersionThatLooksWrong(t *testing.T) {
	b := newBench(t)
	for i := range 40 {
		b.write("f"+strings.Repeat("x", i), "0123456789")
	}
	b.do(b.action(week46, ""))
	for i := 1; i < 40; i++ {
		os.Remove(b.source + "/f" + strings.Repeat("x", i))
	}
	b.do(b.action(week47, week46))
	b.fails(b.prune(week46, week47), "nothing is pruned while the newest looks wrong", "acknowledge")
	a := b.prune(week46, week47)
	a.Copy.AcceptLoss = true
	b.do(a)
}

func TestSourceOnAnotherMountThanBefore(t *testing.T) {
	b := newBench(t)
	b.write("f", "one")
	b.do(b.action(week46, ""))
	r := b.receipt(week46)
	r.Source.MountPoint = "/srv/nfs"
	if err := receipt.Write(b.dest, r); err != nil {
		t.Fatal(err)
	}
	b.fails(b.action(week47, week46), `lay on "/srv/nfs" when it was last copied`)
	a := b.action(week47, week46)
	a.Copy.AcceptLoss = true
	b.do(a)
}
