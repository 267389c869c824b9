package alert

import (
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/quantity"
)

const (
	poolFree    = 15.0 // percent
	diskUsed    = 85.0 // percent
	fillsWithin = 14 * 24 * time.Hour
)

// capacity makes the rules about pools and destinations, where there are some.
func (b builder) capacity() []Rule {
	pools := slices.ContainsFunc(b.policy.Sources, func(s plan.Source) bool { return s.LVMThin != nil })
	disks := len(b.policy.Destinations) > 0
	var rules []Rule
	if pools {
		rules = append(rules, b.poolLow("data", PoolDataUsed), b.poolLow("metadata", PoolMetadataUsed))
	}
	if disks {
		rules = append(rules,
			b.diskFull("bytes", DestinationFree, DestinationSize),
			b.diskFull("inodes", DestinationFreeInodes, DestinationInodes),
			b.diskFilling())
	}
	if pools {
		rules = append(rules, b.unknownCapacity("pool", PoolObserved, b.poolLabels()))
	}
	if disks {
		rules = append(rules, b.unknownCapacity("destination", DestinationObserved, b.destinationLabels()))
	}
	return rules
}

// percentOr is a share in percent, and another one when it is not set.
func percentOr(share quantity.Share, other float64) float64 {
	if share.IsZero() {
		return other
	}
	return share.Percent()
}

// ratio writes a share as a number from 0 to 1.
func ratio(percent float64) string {
	return strconv.FormatFloat(math.Round(percent*100)/1e4, 'f', -1, 64)
}

func (b builder) poolLow(resource, used string) Rule {
	a := b.policy.Alerts.PoolLow
	r := b.rule(a, defaults{"LVMThinPoolLow", settle})
	r.Labels["resource"] = resource
	free := percentOr(a.Share, poolFree)
	r.Expr = b.latest(used) + " > " + ratio(100-free)
	r.Summary = "Thin pool {{ $labels.pool }} has used {{ $value | humanizePercentage }} of its " + resource
	r.Description = "A pool that is full stops every volume in it, live data included. New snapshots are blocked before that; pruning goes on.\n" +
		"What snapshots hold: lvs -o lv_name,data_percent,metadata_percent. What bkplan would remove: bkplan plan. Else extend the pool: lvextend."
	r.proof = proof{world: neglected, brings: b.poolLabels(), value: constant(almost)}
	return r
}

func (b builder) diskFull(resource, free, size string) Rule {
	a := b.policy.Alerts.DiskFull
	r := b.rule(a, defaults{"BackupDiskFull", settle})
	r.Labels["resource"] = resource
	r.Expr = "1 - " + b.latest(free) + " / " + b.latest(size) + " > " + ratio(percentOr(a.Share, diskUsed))
	r.Summary = "Destination {{ $labels.destination }} has used {{ $value | humanizePercentage }} of its " + resource
	r.Description = "Beyond the guard of the destination nothing new is copied there; pruning goes on.\n" +
		"What is kept there, and what would go: bkplan plan -v. Keep less by the retention of its layers, exclude what can be had again, or make room."
	r.proof = proof{world: neglected, brings: b.destinationLabels(), value: constant(almost)}
	return r
}

// diskFilling reads the series as it is: that there is no forecast any more clears
// the alert.
func (b builder) diskFilling() Rule {
	a := b.policy.Alerts.DiskFilling
	r := b.rule(a, defaults{"BackupDiskFilling", settle})
	within := orDefault(a.Age, fillsWithin)
	r.Expr = b.series(DestinationFull) + " < time() + " + seconds(within)
	r.Summary = "Destination {{ $labels.destination }} will be full within " + length(within)
	r.Description = "At the pace of the last weeks it is full at {{ $value | humanizeTimestamp }}. What adds to it: bkplan plan."
	r.proof = proof{world: neglected, brings: b.destinationLabels(), value: constant(0)}
	return r
}

func (b builder) unknownCapacity(label, observed string, brings []map[string]string) Rule {
	r := b.rule(b.policy.Alerts.CapacityUnknown, defaults{"BackupCapacityUnknown", settle})
	r.Labels["resource"] = label
	r.Expr = b.latest(observed) + " == 0"
	r.Summary = "The room in " + label + " {{ $labels." + label + " }} could not be looked at"
	r.Description = "What cannot be looked at is unknown to bkplan, and gets nothing new. Is it mounted, is it reachable?\n" +
		"What stands in the way: bkplan drift."
	r.proof = proof{world: neglected, brings: brings, value: constant(0)}
	return r
}

// poolLabels are those of the policy's pools, each once.
func (b builder) poolLabels() []map[string]string {
	var list []map[string]string
	seen := map[string]bool{}
	for _, s := range b.policy.Sources {
		if s.LVMThin == nil {
			continue
		}
		pool := s.LVMThin.VolumeGroup + "/" + s.LVMThin.ThinPool
		if !seen[pool] {
			list = append(list, map[string]string{"pool": pool})
		}
		seen[pool] = true
	}
	return list
}

func (b builder) destinationLabels() []map[string]string {
	var list []map[string]string
	for _, d := range b.policy.Destinations {
		list = append(list, map[string]string{"destination": d.Name})
	}
	return list
}
