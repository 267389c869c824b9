package disk

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
)

// BenchmarkUnchanged compares what a volume costs of which the pool says that nothing
// changed with rsync, which walks it, on the same files of this machine's disk. To ask
// the pool is not in it: one thin_delta for each volume.
func BenchmarkUnchanged(b *testing.B) {
	const files = 20_000
	needRsync(b)
	source, dest := b.TempDir(), b.TempDir()
	for n := range files {
		write(b, filepath.Join(source, fmt.Sprint(n/100), fmt.Sprint(n)), fmt.Sprintf("file %d", n))
	}
	world := newBenchAt(b, source, dest)
	world.do(world.snapshot(week46, "", "uuid-1"))
	last, uuid := week46, "uuid-1"
	next := func(version string) plan.Action {
		uuid += "+"
		world.opener.differ = []*providers.Difference{{ToUUID: uuid}}
		return world.snapshot(version, last, uuid)
	}
	prepared := func(a plan.Action) {
		world.provider.Prepare(b.Context(), []plan.Action{a})
		if r := world.do(a); r.Detail != "unchanged" {
			b.Fatalf("%+v", r)
		}
	}
	b.Run("rsync", func(b *testing.B) {
		for n := range b.N {
			into := filepath.Join(dest, fmt.Sprint("rsync-", n))
			argv := []string{"-aHAXS", "--numeric-ids", "--link-dest=" + world.version(week46), source + "/", into}
			if out, err := exec.Command("rsync", argv...).CombinedOutput(); err != nil {
				b.Fatalf("%v: %s", err, out)
			}
			b.StopTimer()
			os.RemoveAll(into)
			b.StartTimer()
		}
	})
	made := 0
	b.Run("new version", func(b *testing.B) {
		for range b.N {
			made++
			version := fmt.Sprint("2027-", made)
			prepared(next(version))
			last = version
		}
	})
	b.Run("refresh", func(b *testing.B) {
		for range b.N {
			made++
			a := refresh(next(last))
			a.Copy.Slot = a.Copy.Slot.AddDate(0, 0, made)
			prepared(a)
		}
	})
}
