package unitdir_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/timer"
	"github.com/bkplan/bkplan/internal/unitdir"
)

func unit(name, body string) timer.Unit {
	return timer.Unit{Name: name, Text: timer.Seal(body), Enable: strings.HasSuffix(name, ".timer")}
}

var wanted = []timer.Unit{
	unit("bkplan@.service", "[Service]\n"),
	unit("bkplan@a.timer", "[Timer]\n\n[Install]\nWantedBy=timers.target\n"),
	unit("bkplan@a.service.d/50-bkplan.conf", "[Unit]\n"),
}

func put(t *testing.T, folder, name, text string) {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
}

func statuses(t *testing.T, folder string, units []timer.Unit) map[string]unitdir.Status {
	t.Helper()
	found, err := unitdir.Look(folder, units)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]unitdir.Status{}
	for _, f := range found.Files {
		all[f.Name] = f.Status
	}
	for _, name := range found.Local {
		all[name] = "local"
	}
	return all
}

func TestLookTellsApart(t *testing.T) {
	folder := t.TempDir()
	if err := os.Symlink("/dev/null", filepath.Join(folder, "bkplan@a.timer")); err != nil {
		t.Fatal(err)
	}
	put(t, folder, "bkplan@.service", timer.Seal("[Service]\nNice=1\n"))
	put(t, folder, "bkplan@a.service.d/50-bkplan.conf", wanted[2].Text+"# mine\n")
	put(t, folder, "bkplan@a.service.d/mine.conf", "[Unit]\n")
	put(t, folder, "bkplan@gone.timer", timer.Seal("[Timer]\n"))
	put(t, folder, "bkplan@changed.timer", timer.Seal("[Timer]\n")+"x")
	put(t, folder, "bkplan@theirs.timer", "[Timer]\n")
	put(t, folder, "bkplanner.service", timer.Seal("[Service]\n"))
	put(t, folder, "ssh.service", timer.Seal("[Service]\n"))
	want := map[string]unitdir.Status{
		"bkplan@.service": unitdir.Outdated, "bkplan@a.timer": unitdir.Foreign, "bkplan@a.service.d/50-bkplan.conf": unitdir.Edited,
		"bkplan@a.service.d/mine.conf": "local", "bkplan@gone.timer": unitdir.Leftover, "bkplan@changed.timer": unitdir.Edited,
	}
	if diff := cmp.Diff(want, statuses(t, folder, wanted)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestInstallIsAllOrNothing(t *testing.T) {
	for name, text := range map[string]string{"foreign": "[Unit]\n", "edited": wanted[2].Text + "# mine\n", "not text": "\xff\x00"} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			put(t, folder, wanted[2].Name, text)
			found, err := unitdir.Look(folder, wanted)
			if err != nil {
				t.Fatal(err)
			}
			var conflict *unitdir.ConflictError
			if err := found.Install(folder); !errors.As(err, &conflict) {
				t.Fatalf("installed over it: %v", err)
			}
			if entries, _ := os.ReadDir(folder); len(entries) != 1 {
				t.Errorf("it wrote %v", entries)
			}
			if kept, _ := os.ReadFile(filepath.Join(folder, wanted[2].Name)); string(kept) != text {
				t.Errorf("it is %q now", kept)
			}
		})
	}
}

func TestInstallThenLookThenRemove(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "etc/systemd/system")
	found, err := unitdir.Look(folder, wanted)
	if err != nil {
		t.Fatal(err)
	}
	if err := found.Install(folder); err != nil {
		t.Fatal(err)
	}
	for name, status := range statuses(t, folder, wanted) {
		if status != unitdir.Same {
			t.Errorf("%s is %s", name, status)
		}
	}
	found, err = unitdir.Look(folder, wanted)
	if err != nil {
		t.Fatal(err)
	}
	if got := found.Drift(); got != "bkplan@a.timer: not enabled\n" {
		t.Errorf("drift: %q", got)
	}
	found, err = unitdir.Look(folder, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := found.Remove(folder, unitdir.Leftover); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(folder); len(entries) != 0 {
		t.Errorf("%v is left, %v", entries, err)
	}
}

// TestAnEditedUnitOfAGoneLayerIsInNobodysWay, and is kept.
func TestAnEditedUnitOfAGoneLayerIsInNobodysWay(t *testing.T) {
	folder := t.TempDir()
	put(t, folder, "bkplan@gone.timer", timer.Seal("[Timer]\n")+"x")
	found, err := unitdir.Look(folder, wanted)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(found.Install(folder), found.Remove(folder, unitdir.Leftover)); err != nil {
		t.Fatal(err)
	}
	if got := statuses(t, folder, wanted)["bkplan@gone.timer"]; got != unitdir.Edited {
		t.Errorf("it is %q", got)
	}
}

// told is a Runner that only notes what it was to run.
type told struct {
	lines []string
	err   error
}

func (r *told) Run(_ context.Context, c execx.Command) (execx.Output, error) {
	r.lines = append(r.lines, strings.Join(c.Argv, " "))
	return execx.Output{}, r.err
}

func TestSystemctlIsToldInOrder(t *testing.T) {
	runner := &told{}
	running, image := unitdir.Systemctl{Runner: runner}, unitdir.Systemctl{Runner: runner, Root: "/image"}
	ctx := context.Background()
	if err := errors.Join(
		running.Enable(ctx, []string{"bkplan@a.timer"}), running.Disable(ctx, []string{`bkplan@\x2d.timer`}), running.Disable(ctx, nil),
		image.Enable(ctx, []string{"bkplan@a.timer"}), image.Reload(ctx), image.Enable(ctx, nil),
	); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"systemctl daemon-reload", "systemctl enable --quiet --now -- bkplan@a.timer",
		`systemctl disable --quiet --now -- bkplan@\x2d.timer`,
		"systemctl enable --quiet --root=/image -- bkplan@a.timer",
	}
	if diff := cmp.Diff(want, runner.lines); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	runner.err = errors.New("no")
	if err := running.Enable(ctx, []string{"x"}); err == nil {
		t.Error("that systemd refused is lost")
	}
}
