package lvm

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/google/go-cmp/cmp"
)

// scripts is the real Runner with small programs in the place of LVM's.
type scripts struct{ path string }

// withScripts makes programs; their text is a shell script's.
func withScripts(t *testing.T, programs map[string]string) *Provider {
	t.Helper()
	folder := t.TempDir()
	for name, text := range programs {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return New(scripts{folder})
}

func (s scripts) Run(ctx context.Context, c execx.Command) (execx.Output, error) {
	c.Env = append(c.Env, "PATH="+s.path)
	return execx.New().Run(ctx, c)
}

const (
	goodGroups  = `echo '{"report": [{"vg": [{"vg_name":"pve", "vg_uuid":"u"}]}]}'`
	lvsCommand  = "lvs" + reporting
	vgsCommand  = "vgs" + reporting
	reporting   = ` --reportformat json --units b --nosuffix --config "report{time_format=\"%s\" binary_values_as_numeric=0 compact_output=0 list_item_separator=\",\"}" -o …`
	wantMissing = ": the program is not installed, or not in PATH; Debian has it in the package lvm2"
)

func TestProgramsThatMisbehave(t *testing.T) {
	tests := []struct {
		name     string
		programs map[string]string
		want     string
	}{
		{"vgs is missing", nil, vgsCommand + wantMissing},
		{"lvs is missing", map[string]string{"vgs": goodGroups}, lvsCommand + wantMissing},
		{
			"lvs fails", map[string]string{"vgs": goodGroups, "lvs": `echo "  Permission denied" >&2; exit 5`},
			lvsCommand + ": exit 5: Permission denied",
		},
		{
			"lvs prints garbage", map[string]string{"vgs": goodGroups, "lvs": `printf 'Usage: lvs\033[2J'`},
			`read the report of lvs: at byte 1, invalid character 'U' looking for beginning of value: "Usage: lvs\x1b[2J"`,
		},
		{"lvs prints nothing", map[string]string{"vgs": goodGroups, "lvs": ":"}, "read the report of lvs: nothing was printed"},
		{"vgs prints nothing", map[string]string{"vgs": ":"}, "read the report of vgs: nothing was printed"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := observe(t, withScripts(t, test.programs), "pve", "data")
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(test.want, err.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestHangingProgram(t *testing.T) {
	p := withScripts(t, map[string]string{"vgs": goodGroups, "lvs": "exec /bin/sleep 1000"})
	p.limits.observe = 100 * time.Millisecond
	_, err := observe(t, p, "pve", "data")
	if !errors.Is(err, context.DeadlineExceeded) || err.Error() != lvsCommand+": no end within 100ms" {
		t.Error(err)
	}
	if _, err = observe(t, p, "pve", "data"); !errors.Is(err, errHung) {
		t.Error(err)
	}
}

func TestWaitingForAnotherCommandEndsWithTheContext(t *testing.T) {
	p := New(newEmulator())
	if err := p.begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.begin(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestReadOnlyRunnerObservesAndChangesNothing(t *testing.T) {
	e := newEmulator()
	live := *e.add(volumeRow{Name: "live", Pool: "data"})
	reader := execx.ReadOnly(e, New(nil).Info().ReadOnly...)
	if _, err := observe(t, New(reader), "pve", "data"); err != nil {
		t.Error(err)
	}
	refused := (*execx.RefusedError)(nil)
	if _, err := New(reader).Do(t.Context(), createOf(&live, "snap")); !errors.As(err, &refused) {
		t.Error(err)
	}
	e.snapshot("live", "snap")
	if _, err := New(reader).Do(t.Context(), pruneOf(e.row("snap"))); !errors.As(err, &refused) {
		t.Error(err)
	}
}
