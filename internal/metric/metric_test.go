package metric

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"pgregory.net/rapid"

	"github.com/bkplan/bkplan/internal/drill"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/run"
	"github.com/bkplan/bkplan/test/monitoring"
)

// example has two layers: one that is well, and one whose NAS could not be looked at.
func example() Facts {
	used, nas, sda := 42.0, plan.Destination{Kind: plan.DestinationSSH, Name: "nas", Path: "/v"}, plan.Destination{Kind: plan.DestinationDisk, Name: "sda", Path: "/mnt"}
	block := &plan.Block{Code: plan.BlockUnknown, Detail: "no answer"}
	return Facts{
		Version: "1.2.3",
		Policy: plan.Policy{
			Digest:       "sha256:1",
			Sources:      []plan.Source{{Kind: plan.SourceLVMThin, LVMThin: &plan.LVMThinSource{VolumeGroup: "pve", ThinPool: "data"}}, {Kind: plan.SourceLVMThin, LVMThin: &plan.LVMThinSource{VolumeGroup: "pve", ThinPool: "off"}}},
			Destinations: []plan.Destination{sda, nas, {Kind: plan.DestinationDisk, Name: "unused", Path: "/u"}},
			Layers: []plan.Layer{
				{Kind: plan.LayerFiles, Name: "weekly", From: plan.Ref{Type: "layer", Name: "x"}, To: sda.Ref()},
				{Kind: plan.LayerSync, Name: "offsite", From: sda.Ref(), To: nas.Ref()},
				{Kind: plan.LayerDump, Name: "dumps", To: sda.Ref()},
			},
			Metrics: plan.Metrics{OlderNames: true},
		},
		Observation: plan.Observation{Pools: []plan.Pool{{VolumeGroup: "pve", Name: "data", Size: 1 << 40, DataPercent: &used, MetadataPercent: &used}, {VolumeGroup: "pve", Name: "off"}}},
		Plan: plan.Plan{
			Layers: []plan.LayerStatus{
				{Name: "weekly", Kind: plan.LayerFiles, CarriedOut: true, Volumes: 2, Versions: 5},
				{Name: "offsite", Kind: plan.LayerSync, CarriedOut: true, Blocked: block, VolumesUnknown: true, VersionsUnknown: true},
				{Name: "dumps", Kind: plan.LayerDump},
			},
			Holdings: []plan.Holding{
				{Layer: "weekly", Volume: "a/b", Versions: 5, Newest: night, Oldest: night.Add(-time.Hour), Proven: true, Files: 3, Bytes: 4096},
				{Layer: "weekly", Volume: "line\nend"},
			},
			Actions:  []plan.Action{{Layer: "weekly", Volume: "line\nend", Blocked: block}},
			Drift:    []plan.Drift{{Kind: plan.Suspect, Layer: "weekly", Name: "a/b"}, {Kind: plan.Suspect}},
			Capacity: []plan.Capacity{{Destination: "sda", Size: 100, Free: 40, Inodes: 10, InodesFree: 5, Full: night.Add(24 * time.Hour)}},
		},
		Past: Past{
			last:    &run.Record{Ended: night, Outcome: run.Failed},
			layers:  map[string]turn{"weekly": {ended: night, took: time.Minute, success: true}, "offsite": {ended: night, made: night.Add(-48 * time.Hour)}},
			volumes: map[string]turn{`layer.weekly["a/b"]`: {ended: night, took: time.Second, success: true}},
		},
	}
}

func text(t *testing.T, f Facts) string {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, Gather(f)); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// samples are the lines that are not comments.
func samples(text string) []string {
	var list []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			list = append(list, strings.TrimSuffix(line, "\n"))
		}
	}
	return list
}

func TestGather(t *testing.T) {
	want := `backup_weekly_last_status 0
backup_weekly_last_success_timestamp 1.7954964e+09
bkplan_build_info{version="1.2.3"} 1
bkplan_destination_free_bytes{destination="sda"} 40
bkplan_destination_free_inodes{destination="sda"} 5
bkplan_destination_full_timestamp_seconds{destination="sda"} 1.7955828e+09
bkplan_destination_inodes{destination="sda"} 10
bkplan_destination_observed{destination="nas"} 0
bkplan_destination_observed{destination="sda"} 1
bkplan_destination_size_bytes{destination="sda"} 100
bkplan_drift{kind="accepted"} 0
bkplan_drift{kind="foreign"} 0
bkplan_drift{kind="missing"} 0
bkplan_drift{kind="orphaned"} 0
bkplan_drift{kind="stale"} 0
bkplan_drift{kind="suspect"} 2
bkplan_drift{kind="unknown"} 0
bkplan_drift{kind="unmatched"} 0
bkplan_drift{kind="unprotected"} 0
bkplan_last_run_success 0
bkplan_last_run_timestamp_seconds 1.7954964e+09
bkplan_layer_blocked_actions{kind="files",layer="weekly"} 1
bkplan_layer_blocked_actions{kind="sync",layer="offsite"} 1
bkplan_layer_bytes{kind="files",layer="weekly"} 4096
bkplan_layer_files{kind="files",layer="weekly"} 3
bkplan_layer_last_drill_timestamp_seconds{kind="files",layer="weekly"} 0
bkplan_layer_last_drill_timestamp_seconds{kind="sync",layer="offsite"} 0
bkplan_layer_last_run_duration_seconds{kind="files",layer="weekly"} 60
bkplan_layer_last_run_duration_seconds{kind="sync",layer="offsite"} 0
bkplan_layer_last_run_success{kind="files",layer="weekly"} 1
bkplan_layer_last_run_success{kind="sync",layer="offsite"} 0
bkplan_layer_last_run_timestamp_seconds{kind="files",layer="weekly"} 1.7954964e+09
bkplan_layer_last_run_timestamp_seconds{kind="sync",layer="offsite"} 1.7954964e+09
bkplan_layer_last_success_timestamp_seconds{kind="files",layer="weekly"} 1.7954964e+09
bkplan_layer_last_success_timestamp_seconds{kind="sync",layer="offsite"} 1.7953236e+09
bkplan_layer_oldest_version_timestamp_seconds{kind="files",layer="weekly"} 1.7954928e+09
bkplan_layer_suspect_versions{kind="files",layer="weekly"} 1
bkplan_layer_suspect_versions{kind="sync",layer="offsite"} 0
bkplan_layer_versions{kind="files",layer="weekly"} 5
bkplan_layer_volumes{kind="files",layer="weekly"} 2
bkplan_policy_info{digest="sha256:1"} 1
bkplan_pool_data_used_ratio{pool="pve/data"} 0.42
bkplan_pool_metadata_used_ratio{pool="pve/data"} 0.42
bkplan_pool_observed{pool="pve/data"} 1
bkplan_pool_observed{pool="pve/off"} 0
bkplan_pool_size_bytes{pool="pve/data"} 1.099511627776e+12
bkplan_pool_size_bytes{pool="pve/off"} 0
bkplan_volume_blocked_actions{layer="weekly",volume="\"line\\nend\""} 1
bkplan_volume_bytes{layer="weekly",volume="a/b"} 4096
bkplan_volume_files{layer="weekly",volume="a/b"} 3
bkplan_volume_last_run_duration_seconds{layer="weekly",volume="a/b"} 1
bkplan_volume_last_run_success{layer="weekly",volume="a/b"} 1
bkplan_volume_last_run_timestamp_seconds{layer="weekly",volume="a/b"} 1.7954964e+09
bkplan_volume_last_success_timestamp_seconds{layer="weekly",volume="a/b"} 1.7954964e+09
bkplan_volume_oldest_version_timestamp_seconds{layer="weekly",volume="a/b"} 1.7954928e+09
bkplan_volume_suspect_versions{layer="weekly",volume="a/b"} 1
bkplan_volume_versions{layer="weekly",volume="\"line\\nend\""} 0
bkplan_volume_versions{layer="weekly",volume="a/b"} 5
offsite_backup_sync_last_status 1
offsite_backup_sync_last_success_timestamp 1.7953236e+09`
	got := strings.Join(samples(text(t, example())), "\n")
	if got != want {
		t.Errorf("got:\n%s", got)
	}
	quiet := example()
	quiet.Policy.Metrics.OlderNames = false
	if got := text(t, quiet); strings.Contains(got, "backup_weekly") || strings.Contains(got, "offsite_backup") {
		t.Error("older names are not asked for")
	}
}

// What a drill found holds until the next one of that volume; what never could be tried
// came out neither well nor badly.
func TestDrills(t *testing.T) {
	of := func(volume string, good time.Time, wrong, untried string) drill.Drill {
		return drill.Drill{Layer: "weekly", Of: "weekly", Volume: volume, Ended: night, Good: good, Error: wrong, Untried: untried}
	}
	for name, c := range map[string]struct {
		drills []drill.Drill
		last   string
		want   string // absent where it is empty
	}{
		"none":               {nil, "0", ""},
		"good":               {[]drill.Drill{of("a/b", night, "", "")}, "1.7954964e+09", "1"},
		"untried":            {[]drill.Drill{of("a/b", time.Time{}, "", "no manifest")}, "0", ""},
		"untried after good": {[]drill.Drill{of("a/b", night, "", "no room")}, "1.7954964e+09", "1"},
		"one is bad":         {[]drill.Drill{of("line\nend", night, "", ""), of("a/b", time.Time{}, "it changed", "")}, "1.7954964e+09", "0"},
		"untried after bad":  {[]drill.Drill{of("a/b", night, "it changed", "no room")}, "1.7954964e+09", "0"},
		"bad, and gone":      {[]drill.Drill{of("a/b", night, "", ""), of("gone", time.Time{}, "it changed", "")}, "1.7954964e+09", "1"},
	} {
		t.Run(name, func(t *testing.T) {
			f := example()
			f.Past.drills = c.drills
			got := map[string]string{}
			for _, s := range samples(text(t, f)) {
				if labels, found := strings.CutPrefix(s, "bkplan_layer_last_drill_"); found && strings.Contains(labels, `"weekly"`) {
					metric, value, _ := strings.Cut(labels, " ")
					metric, _, _ = strings.Cut(metric, "{")
					got[metric] = value
				}
			}
			want := map[string]string{"timestamp_seconds": c.last}
			if c.want != "" {
				want["success"] = c.want
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// docs/metrics.md says how many series there are at most, and names each metric.
func TestWhatTheDocsSay(t *testing.T) {
	docs, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	series := func(volumes int) (n int) {
		f := large(volumes)
		f.Past.drills = []drill.Drill{{Layer: "weekly", Volume: "a/b", Good: night}}
		for _, family := range Gather(f) {
			if !strings.Contains(string(docs), "`"+family.GetName()+"`") {
				t.Errorf("%s is not in docs/metrics.md", family.GetName())
			}
			n += len(family.Metric)
		}
		return n
	}
	if got := series(1001) - series(1); got != (8+6)*1000 { // snapshots have no files and bytes
		t.Errorf("%d series of a thousand volumes in two layers", got)
	}
	// Two volumes, of which one is blocked and one suspect; three layers, two pools and
	// two destinations.
	if got, most := series(0), 10*2+13*3+4*2+6*2+9+4+6; got > most {
		t.Errorf("%d series, at most %d by the docs", got, most)
	}
}

// What Prometheus's own checker has to say of names, types and help.
func TestRealPromtoolHasNothingToSay(t *testing.T) {
	monitoring.Require(t, "promtool")
	f := example()
	f.Policy.Metrics.OlderNames = false
	cmd := exec.Command("promtool", "check", "metrics")
	cmd.Stdin = strings.NewReader(text(t, f))
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

// Two names are never one label, whatever bytes they have; and any label goes through the
// text and back.
func TestLabelsTellNamesApart(t *testing.T) {
	name := rapid.OneOf(
		rapid.String(),
		rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]byte("a\"\\x\xff\xe9\n80")), 0, 6), func(b []byte) string { return string(b) }),
	)
	rapid.Check(t, func(t *rapid.T) {
		a, b := name.Draw(t, "a"), name.Draw(t, "b")
		if (a == b) != (label(a) == label(b)) {
			t.Fatalf("%q and %q are %q and %q", a, b, label(a), label(b))
		}
		if !utf8.ValidString(label(a)) || strings.ContainsFunc(label(a), unicode.IsControl) {
			t.Fatalf("%q is %q", a, label(a))
		}
		f := families{}
		f.one("x", "Help.", 1, "volume", label(a))
		var out bytes.Buffer
		if err := Write(&out, f.list()); err != nil {
			t.Fatal(err)
		}
		parser := expfmt.NewTextParser(model.LegacyValidation)
		list, err := parser.TextToMetricFamilies(&out)
		if err != nil || list["x"].Metric[0].Label[0].GetValue() != label(a) {
			t.Fatalf("%q: %v, %v", a, list, err)
		}
	})
}

func TestLabels(t *testing.T) {
	for name, want := range map[string]string{
		"vaultwarden/data": "vaultwarden/data", `back\slash`: `back\slash`, "caf\xe9": `"caf\xe9"`, `"caf\xe9"`: `"\"caf\\xe9\""`, "a\nb": `"a\nb"`,
	} {
		if got := label(name); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
}

// Whoever reads the file while it is written again and again finds a whole one.
func TestTextfileIsNeverHalf(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bkplan.prom")
	list := Gather(example())
	want := text(t, example())
	if err := WriteTextfile(path, list); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		for range 50 {
			if err := WriteTextfile(path, list); err != nil {
				done <- err
				return
			}
		}
		close(done)
	}()
	for {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			entries, _ := os.ReadDir(filepath.Dir(path))
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 || len(entries) != 1 {
				t.Errorf("%v, %v, %d files", info.Mode(), err, len(entries))
			}
			return
		default:
			if got, err := os.ReadFile(path); err != nil || string(got) != want {
				t.Fatalf("%v, %d bytes", err, len(got))
			}
		}
	}
}

func TestTextfileThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "link.prom")
	if err := os.Symlink("/etc/passwd", link); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "none", "x.prom"): "no such file or directory",
		dir:                                  "is not a regular file",
		link:                                 "is not a regular file",
	} {
		if err := WriteTextfile(path, nil); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "write metrics") {
			t.Errorf("%s: %v", path, err)
		}
	}
	unwritable := "/proc" // also for root
	if os.Geteuid() != 0 {
		unwritable = dir
		if err := os.Chmod(dir, 0o500); err != nil {
			t.Fatal(err)
		}
	}
	if err := WriteTextfile(filepath.Join(unwritable, "x.prom"), nil); err == nil || !strings.HasPrefix(err.Error(), "write metrics") {
		t.Error(err)
	}
}
