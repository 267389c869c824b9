package lvm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/google/go-cmp/cmp"
)

func TestReadVolumesRefusesGarbage(t *testing.T) {
	whole := `{"report": [{"lv": [{"lv_name":"a", "lv_uuid":"b"}]}]}`
	tests := map[string]string{
		"":                                      "nothing was printed",
		"Segfault\x1b[31m":                      `at byte 1, invalid character 'S' looking for beginning of value: "Segfault\x1b[31m"`,
		`{"report": []}`:                        `it has no list of logical volumes: "{\"report\": []}"`,
		`{"report": [{}]}`:                      `it has no list of logical volumes: "{\"report\": [{}]}"`,
		`{}`:                                    `it has no list of logical volumes: "{}"`,
		`{"report": [{"lv": [{"lv_name":7}]}]}`: `json: cannot unmarshal number into Go struct field volumeRow.report.lv.lv_name of type string: "{\"report\": [{\"lv\": [{\"lv_name\":7}]}]}"`,
		whole + "tail":                          `at byte 55, invalid character 't' after top-level value: "v\": [{\"lv_name\":\"a\", \"lv_uuid\":\"b\"}]}]}tail"`,
	}
	for text, want := range tests {
		_, err := readVolumes([]byte(text))
		if err == nil {
			t.Errorf("%q: no error", text)
		} else if diff := cmp.Diff(want, err.Error()); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
	for i := 1; i < len(whole); i++ {
		if _, err := readVolumes([]byte(whole[:i])); err == nil {
			t.Errorf("truncated at %d: no error", i)
		}
	}
}

func TestReadVolumesPassesOverUnknownColumns(t *testing.T) {
	rows, err := readVolumes([]byte(`{"report": [{"lv": [{"lv_name":"a", "new":[1], "lv_uuid":"b"}], "seg": []}], "log": []}`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]volumeRow{{Name: "a", UUID: "b"}}, rows); diff != "" {
		t.Error(diff)
	}
}

func TestRowsNobodyCouldRelyOn(t *testing.T) {
	e := newEmulator()
	good := *e.add(volumeRow{Name: "live", Pool: "data"})
	pool := e.rows[0]
	broken := func(edit func(*volumeRow)) volumeRow {
		row := good
		edit(&row)
		return row
	}
	tests := []struct {
		name string
		rows []volumeRow
		want string
	}{
		{"no name", []volumeRow{pool, broken(func(r *volumeRow) { r.Name = "" })}, `row 2 has no name or no UUID (name "", UUID "000003-0000-0000-0000-0000-0000-000000")`},
		{"no UUID", []volumeRow{pool, broken(func(r *volumeRow) { r.UUID = "" })}, `row 2 has no name or no UUID (name "live", UUID "")`},
		{"name twice", []volumeRow{pool, good, broken(func(r *volumeRow) { r.UUID = "x" })}, "pve/live is in it twice"},
		{"UUID twice", []volumeRow{pool, good, broken(func(r *volumeRow) { r.Name = "x" })}, "pve/live and pve/x have the same UUID"},
		{"size", []volumeRow{pool, broken(func(r *volumeRow) { r.Size = "8.00m" })}, `lv_size of "live": "8.00m" is no whole number`},
		{"negative size", []volumeRow{pool, broken(func(r *volumeRow) { r.Size = "-1" })}, `lv_size of "live": "-1" is no whole number`},
		{"thin id", []volumeRow{pool, broken(func(r *volumeRow) { r.ThinID = "" })}, `thin_id of "live": "" is no whole number`},
		{"time", []volumeRow{pool, broken(func(r *volumeRow) { r.Time = "2026-11-16 03:00:00 +0200" })}, `lv_time of "live": "2026-11-16 03:00:00 +0200" is no time in seconds`},
		{"percentage", []volumeRow{broken(func(r *volumeRow) { *r = pool; r.DataPercent = "NaN" })}, `data_percent of "data": "NaN" is no percentage`},
		{"metadata percentage", []volumeRow{broken(func(r *volumeRow) { *r = pool; r.MetadataPercent = "101" })}, `metadata_percent of "data": "101" is no percentage`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			group, err := newVolumeGroup("pve", test.rows)
			if err == nil {
				_, err = group.pool("data")
			}
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff("read the report of lvs: "+test.want, err.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestVolumeStates(t *testing.T) {
	tests := []struct {
		name         string
		active, open string
		want         plan.LogicalVolume
	}{
		{"inactive", "", "unknown", plan.LogicalVolume{}},
		{"active", "active", "", plan.LogicalVolume{Active: true}},
		{"mounted", "active", "open", plan.LogicalVolume{Active: true, Open: true}},
		{"active, and nobody knows", "active", "unknown", plan.LogicalVolume{Active: true, Open: true}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			row := volumeRow{Size: "1", ThinID: "2", Time: "", Active: test.active, Open: test.open}
			got, err := row.volume()
			if err != nil {
				t.Fatal(err)
			}
			test.want.Size, test.want.ThinID = 1, 2
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A snapshot outside the pool would go with its origin.
func TestOriginOfThickSnapshotIsInUse(t *testing.T) {
	e := newEmulator()
	live := *e.add(volumeRow{Name: "live", Pool: "data"})
	e.snapshot("live", "snap")
	e.add(volumeRow{Name: "thick", Layout: "linear", Origin: "snap", OriginUUID: e.row("snap").UUID})
	pool, err := observe(t, New(e), "pve", "data")
	if err != nil {
		t.Fatal(err)
	}
	if pool.Volumes[0].Open || !pool.Volumes[1].Open {
		t.Errorf("%+v", pool.Volumes)
	}
	if diff := cmp.Diff([]string{"root", "thick"}, pool.Others); diff != "" {
		t.Error(diff)
	}
	if live.Name != pool.Volumes[0].Name {
		t.Error(pool.Volumes[0].Name)
	}
}

// largeReport is what lvs prints of n thin volumes.
func largeReport(n int) []byte {
	e := newEmulator()
	for i := range n {
		e.rows = append(e.rows, volumeRow{
			Name: fmt.Sprintf("vm-9999-pvc-0a1b2c3d-0000-4000-8000-%012d_snap_20261115_0300", i),
			UUID: fmt.Sprintf("%06d-0000-0000-0000-0000-0000-000000", i+10), Layout: "thin,sparse", Pool: "data",
			Origin: fmt.Sprintf("vm-9999-pvc-0a1b2c3d-0000-4000-8000-%012d", i/8), OriginUUID: "6FiDIX-yrpj-e6Yq-YbYF-ofPg-0oKX-Jze5hV",
			Size: "1073741824", Open: "unknown", SkipActivation: "skip activation", Time: "1794823203", ThinID: "7",
			Tags: "bkplan.layer=snapshots,bkplan.slot=20261115T030000Z",
		})
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	_ = encoder.Encode(map[string]any{"report": []any{map[string]any{"lv": e.rows}}})
	return text.Bytes()
}

func BenchmarkDecode(b *testing.B) {
	for _, n := range []int{40_000, 80_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			report := largeReport(n)
			b.SetBytes(int64(len(report)))
			b.ReportAllocs()
			for b.Loop() {
				rows, err := readVolumes(report)
				if err != nil {
					b.Fatal(err)
				}
				group, err := newVolumeGroup("pve", rows)
				if err != nil {
					b.Fatal(err)
				}
				if pool, err := group.pool("data"); err != nil || len(pool.Volumes) != n {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestTimeIsUTC(t *testing.T) {
	got, err := parseTime("1794823203")
	if err != nil || got.Location() != time.UTC || !strings.HasPrefix(got.String(), "2026-11-16 10:00:03") {
		t.Errorf("%v, %v", got, err)
	}
}
