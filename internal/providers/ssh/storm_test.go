package ssh

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/storm"
)

// stormNames are what the file systems of others make of names, beside what
// everybody stumbles over.
var stormNames = append(slices.Clone(storm.Names), "\u00e9", "e\u0301", "[a]*?", "x.tmp", "#a", "cache")

// stormSize is how long a storm is, and how often it is synced: BKPLAN_STORM=100000 is
// the full form.
func stormSize() (steps, rounds int) {
	steps, err := strconv.Atoi(os.Getenv("BKPLAN_STORM"))
	if err != nil {
		return 800, 4
	}
	return steps, max(6, steps/1500)
}

// TestStormReachesTheNAS: whatever happens to a tree, and whenever the one who
// watches it is killed, a mirror that is kept up by the journal is the tree.
func TestStormReachesTheNAS(t *testing.T) {
	for name, exclude := range map[string][]string{
		"everything": nil, "with excludes": {"*.tmp", "/cache/", "a/b", "/b/a/"},
	} {
		t.Run(name, func(t *testing.T) {
			w := trackedIn(t, newBench(t), ownSystem(t, "ext4"), exclude...)
			seed := stormSeed()
			t.Logf("seed %d", seed)
			random := rand.New(rand.NewPCG(seed, 1))
			s := storm.New(seed, 2, w.source, filepath.Dir(w.source))
			s.Names = stormNames
			steps, rounds := stormSize()
			put(t, w.source+"/stays", "so that it is never empty")
			w.follow()
			w.inFull("never synced")
			byJournal := 0
			for round := range rounds {
				over := make(chan struct{})
				go func() { // some of it happens while the sync runs
					defer close(over)
					for range steps / rounds {
						s.Step()
					}
				}()
				if random.IntN(2) == 0 {
					<-over
				}
				restart := round == rounds/2 || random.IntN(5) == 0
				if restart {
					w.stop([]syscall.Signal{syscall.SIGKILL, syscall.SIGTERM}[random.IntN(2)])
					w.follow()
				}
				why := w.sync()
				<-over
				if full := why != ""; full != restart {
					t.Errorf("restarted: %v, and everything was compared: %q", restart, why)
				} else if !full {
					byJournal++
				}
			}
			w.byJournal()
			w.equal()
			t.Logf("%d of %d syncs went by the journal", byJournal, rounds)
		})
	}
}

func stormSeed() uint64 {
	if seed, err := strconv.ParseUint(os.Getenv("BKPLAN_STORM_SEED"), 10, 64); err == nil {
		return seed
	}
	return uint64(time.Now().UnixNano())
}
