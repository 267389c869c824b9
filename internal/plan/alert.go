package plan

import "github.com/bkplan/bkplan/internal/quantity"

// Alerts is the `alerts` block: how Prometheus alerts about what bkplan does,
// beyond what the layers say themselves. A zero value is the default of package
// alert.
type Alerts struct {
	Severity string            `json:"severity,omitempty"` // of alerts that do not name one
	Labels   map[string]string `json:"labels,omitempty"`   // of all alerts
	// Instance is the host whose metrics count, as Prometheus names it, without a
	// port; empty is every host that Prometheus sees.
	Instance string `json:"instance,omitempty"`

	Silent          Alert `json:"silent,omitzero"`       // Age since the last run
	PoolLow         Alert `json:"pool_low,omitzero"`     // Share that is free
	DiskFull        Alert `json:"disk_full,omitzero"`    // Share that is used
	DiskFilling     Alert `json:"disk_filling,omitzero"` // Age until it is full
	CapacityUnknown Alert `json:"capacity_unknown,omitzero"`
	Unprotected     Alert `json:"unprotected,omitzero"`
	NoVersion       Alert `json:"no_version,omitzero"`
	Suspect         Alert `json:"suspect,omitzero"`
	Drift           Alert `json:"drift,omitzero"` // Kinds that count
	WrongClock      Alert `json:"wrong_clock,omitzero"`
	DrillOverdue    Alert `json:"drill_overdue,omitzero"` // Age of the last good one; zero: nobody asks for drills
	DrillFailed     Alert `json:"drill_failed,omitzero"`
}

// Alert says how an alert is called, where it goes and when it fires. Of Age,
// Share and Kinds it has at most the one that its field in Alerts or Layer tells.
type Alert struct {
	Name     string            `json:"name,omitempty"`
	Severity string            `json:"severity,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"` // win over those of Alerts
	// For is how long it must be so before the alert fires.
	For   quantity.Duration `json:"for,omitzero"`
	Age   quantity.Duration `json:"age,omitzero"`
	Share quantity.Share    `json:"share,omitzero"`
	Kinds []string          `json:"kinds,omitempty"`
}
