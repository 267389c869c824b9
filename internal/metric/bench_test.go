package metric

import (
	"fmt"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/test/monitoring"
)

// large has so many volumes, each of which a snapshot layer and a layer of copies cover,
// and all of which the last run did something for.
func large(volumes int) Facts {
	f := example()
	f.Policy.Layers = append(f.Policy.Layers, plan.Layer{Kind: plan.LayerSnapshot, Name: "snapshots"})
	f.Plan.Layers = append(f.Plan.Layers, plan.LayerStatus{Name: "snapshots", Kind: plan.LayerSnapshot, CarriedOut: true, Volumes: volumes, Versions: 7 * volumes})
	for i := range volumes {
		name := fmt.Sprintf("ns-%d/data-%d", i%20, i)
		f.Plan.Holdings = append(f.Plan.Holdings,
			plan.Holding{Layer: "snapshots", Volume: name, Versions: 7, Newest: night, Oldest: night.Add(-168 * time.Hour)},
			plan.Holding{Layer: "weekly", Volume: name, Versions: 4, Newest: night, Oldest: night.Add(-672 * time.Hour), Proven: true, Files: int64(i), Bytes: int64(i) << 20},
		)
		for _, layer := range []string{"snapshots", "weekly"} {
			f.Past.volumes[plan.Address(layer, name)] = turn{ended: night, took: time.Second, success: true}
		}
	}
	return f
}

// BenchmarkPush gathers and pushes to the real Pushgateway, which has the same metrics of
// an earlier run and runs on the same machine.
func BenchmarkPush(b *testing.B) {
	for _, volumes := range []int{258, 10_000} {
		b.Run(fmt.Sprintf("%dvolumes", volumes), func(b *testing.B) {
			gateway := plan.Pushgateway{URL: monitoring.Gateway(b), Timeout: time.Minute}
			f := large(volumes)
			series := 0
			for _, family := range Gather(f) {
				series += len(family.Metric)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := Push(b.Context(), gateway, "pve", Gather(f)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(series), "series")
		})
	}
}

// BenchmarkGather is what of it is bkplan's own share.
func BenchmarkGather(b *testing.B) {
	f := large(10_000)
	b.ReportAllocs()
	for b.Loop() {
		Gather(f)
	}
}
