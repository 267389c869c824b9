package lvm_test

import (
	"context"
	"os"
	"testing"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/providers/lvm"
	"github.com/bkplan/bkplan/internal/providers/providertest"
)

// labWorld is a real thin pool; it is changed by LVM's own commands.
type labWorld struct {
	source   plan.LVMThinSource
	runner   execx.Runner
	provider *lvm.Provider
}

// TestLab runs the conformance suite on a real pool. To run it:
//
//	go test -c -o bin/lvm.test ./internal/providers/lvm
//	test/lab/run --exec bin/lvm.test -test.run TestLab -test.v
func TestLab(t *testing.T) {
	group, pool := os.Getenv("BKPLAN_LAB_VG"), os.Getenv("BKPLAN_LAB_POOL")
	if group == "" || pool == "" {
		t.Skip("BKPLAN_LAB_VG and BKPLAN_LAB_POOL name no pool; test/lab/run --exec does")
	}
	runner := execx.New()
	providertest.Run(t, &labWorld{
		source:   plan.LVMThinSource{VolumeGroup: group, ThinPool: pool, Match: "*"},
		runner:   runner,
		provider: lvm.New(runner),
	})
}

func (w *labWorld) Provider() providers.Batcher { return w.provider }

func (w *labWorld) Source() plan.LVMThinSource { return w.source }

func (w *labWorld) run(t testing.TB, argv ...string) {
	t.Helper()
	if _, err := w.runner.Run(context.Background(), execx.Command{Argv: argv}); err != nil {
		t.Fatal(err)
	}
}

func (w *labWorld) path(name string) string { return w.source.VolumeGroup + "/" + name }

func (w *labWorld) AddVolume(t testing.TB, name string) {
	t.Helper()
	w.run(t, "lvcreate", "-qq", "-y", "-V", "8M", "-T", w.path(w.source.ThinPool), "-n", name)
}

func (w *labWorld) AddSnapshot(t testing.TB, origin, name string, tags ...string) {
	t.Helper()
	argv := []string{"lvcreate", "-qq", "-y", "-s", "-n", name}
	for _, tag := range tags {
		argv = append(argv, "--addtag", tag)
	}
	w.run(t, append(argv, w.path(origin))...)
}

func (w *labWorld) AddOther(t testing.TB, name string) {
	t.Helper()
	w.run(t, "lvcreate", "-qq", "-y", "-L", "4M", "-n", name, w.source.VolumeGroup)
}

func (w *labWorld) Rename(t testing.TB, name, to string) {
	t.Helper()
	w.run(t, "lvrename", w.source.VolumeGroup, name, to)
}

func (w *labWorld) Hold(t testing.TB, name string) (release func()) {
	t.Helper()
	w.run(t, "lvchange", "-ay", "-K", w.path(name))
	device, err := os.Open("/dev/" + w.path(name))
	if err != nil {
		t.Fatal(err)
	}
	return func() { device.Close() }
}

func (w *labWorld) Remove(t testing.TB, name string) {
	t.Helper()
	if _, err := w.runner.Run(context.Background(), execx.Command{Argv: []string{"lvs", w.path(name)}}); err == nil {
		w.run(t, "lvremove", "-qq", "-y", w.path(name))
	}
}
