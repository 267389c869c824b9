package plan

import (
	"fmt"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/retention"
)

// largeScene is a pool of many claims with eight daily snapshots each, in
// twenty namespaces of which one is excluded; every volume is due, and has one
// snapshot to lose.
func largeScene(volumes int) *scene {
	s := newScene()
	s.layer().Retention = retention.Rules{Daily: 8}
	s.policy.Excludes = []Exclude{{Name: "one", Namespaces: []string{"ns-1"}, Reason: "dumps"}}
	s.cluster().Namespaces = nil
	for i := range 20 {
		s.cluster().Namespaces = append(s.cluster().Namespaces, fmt.Sprintf("ns-%d", i))
	}
	pool := s.pool()
	pool.Volumes = make([]LogicalVolume, 0, 9*volumes)
	zone := s.policy.Timezone.Location()
	for i := range volumes {
		lv, claim := fmt.Sprintf("vm-9999-pvc-%036d", i), fmt.Sprintf("ns-%d/data-%d", i%20, i)
		s.claim(claim, lv)
		for day := 1; day <= 8; day++ {
			at := s.now.Add(-time.Duration(day) * 24 * time.Hour)
			var tags []string
			if day < 5 {
				tags = snapshotTags("snapshots", volume{name: claim, lvName: lv}, at, at)
			}
			s.lv(lv+snapInfix+at.In(zone).Format(stampLayout), lv, tags...)
		}
	}
	return s
}

func TestLargeSceneIsPlannedInFull(t *testing.T) {
	p := largeScene(100).build()
	if s := p.Summary(); s.Create != 95 || s.Prune != 95 || s.Excluded != 5 {
		t.Errorf("summary %+v", s)
	}
}

func BenchmarkBuild(b *testing.B) {
	for _, volumes := range []int{10_000, 20_000} {
		b.Run(fmt.Sprintf("%dvolumes", volumes), func(b *testing.B) {
			s := largeScene(volumes)
			b.ReportAllocs()
			for b.Loop() {
				s.build()
			}
		})
	}
}
