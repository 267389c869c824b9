package lvm

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write the golden files anew")

const testdata = "../../../testdata/lvm/"

// recorded is a Runner that answers from one state of testdata/lvm/recorded.txtar.
type recorded map[string]string

func readRecorded(t *testing.T, state string) recorded {
	t.Helper()
	archive, err := txtar.ParseFile(testdata + "recorded.txtar")
	if err != nil {
		t.Fatal(err)
	}
	files := recorded{}
	for _, file := range archive.Files {
		if name, ok := strings.CutPrefix(file.Name, state+"/"); ok {
			files[name] = string(file.Data)
		}
	}
	if len(files) == 0 {
		t.Fatalf("nothing is recorded of %s", state)
	}
	return files
}

func (r recorded) Run(_ context.Context, c execx.Command) (execx.Output, error) {
	program := c.Argv[0]
	output := execx.Output{Stdout: []byte(r[program+".stdout"]), Stderr: r[program+".stderr"]}
	exit, err := strconv.Atoi(strings.TrimSpace(r[program+".exit"]))
	if err != nil {
		return output, err
	}
	if exit != 0 {
		return output, &execx.Error{Argv: c.Argv, Exit: exit, Stderr: output.Stderr, Reason: execx.ReasonExit}
	}
	return output, nil
}

func observe(t *testing.T, p *Provider, group, pool string) (plan.Pool, error) {
	t.Helper()
	source := plan.Source{Kind: plan.SourceLVMThin, Name: "pvcs", LVMThin: &plan.LVMThinSource{VolumeGroup: group, ThinPool: pool}}
	part, err := p.Observe(t.Context(), providers.Target{Source: source})
	if err != nil {
		return plan.Pool{}, err
	}
	return *part.Pool, nil
}

func TestObserveRecorded(t *testing.T) {
	for _, state := range []string{"empty-pool", "pool", "inactive"} {
		t.Run(state, func(t *testing.T) {
			answers := readRecorded(t, state)
			for name, text := range readRecorded(t, "pool") { // vgs is the same in all states
				if strings.HasPrefix(name, "vgs.") {
					answers[name] = text
				}
			}
			pool, err := observe(t, New(answers), "pve", "data")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, testdata+state+".golden.json", pool)
		})
	}
}

func golden(t *testing.T, file string, value any) {
	t.Helper()
	got, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(filepath.FromSlash(file))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestObserveRecordedErrors(t *testing.T) {
	tests := []struct{ state, group, pool, want string }{
		{"missing-group", "nope", "data", `there is no volume group "nope" on this machine: vgs --reportformat json --units b --nosuffix --config "report{time_format=\"%s\" binary_values_as_numeric=0 compact_output=0 list_item_separator=\",\"}" -o …: exit 5: Volume group "nope" not found; Cannot process volume group nope`},
		{"pool", "pve", "date", `there is no thin pool "date" in volume group "pve"; did you mean "data"?`},
		{"pool", "pve", "ssd-pool", `there is no thin pool "ssd-pool" in volume group "pve"; the group has data`},
		{"pool", "pve", "root", `pve/root is no thin pool, its layout is "linear"; the group has data`},
		{"pool", "other", "data", `read the report of vgs: it has 1 volume groups and should have "other" alone`},
		{"pool", "-x", "data", `"-x" is no name of a volume group`},
		{"pool", "pve", "$(id)", `"$(id)" is no name of a logical volume`},
	}
	for _, test := range tests {
		t.Run(test.group+"/"+test.pool, func(t *testing.T) {
			_, err := observe(t, New(readRecorded(t, test.state)), test.group, test.pool)
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(test.want, err.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What lvremove said in the lab of one mounted, one gone and one of another
// UUID is found for the volume it is about, and only for that.
func TestWhyFromRecordedWords(t *testing.T) {
	said := readRecorded(t, "remove")
	b := &pruneBatch{stderr: said["lvremove.stderr"]}
	failure := errors.New("exit 5")
	const snapshot = "vm-9999-pvc-0a1b2c3d-0000-4000-8000-000000000001_snap_20261113_0300"
	tests := map[string]string{
		snapshot:                            "Logical volume pve/" + snapshot + " contains a filesystem in use.",
		"gone":                              `Failed to find logical volume "pve/gone"`,
		snapshot[:len(snapshot)-1]:          "exit 5",
		strings.TrimPrefix(snapshot, "vm-"): "exit 5",
	}
	for name, want := range tests {
		if diff := cmp.Diff(want, b.why(name, failure).Error()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if got := b.why("never-mentioned", nil).Error(); got != "lvremove reported success and left it" {
		t.Error(got)
	}
}
