package planfile

import (
	"fmt"
	"io"
	"slices"

	"github.com/bkplan/bkplan/internal/plan"
)

// WriteObservation writes an observation for everybody to read: it holds names
// and sizes, no secrets.
func WriteObservation(path string, o plan.Observation) error {
	err := replace(path, 0o644, func(w io.Writer) error { return EncodeObservation(w, o) })
	if err != nil {
		return fmt.Errorf("write observation %q: %w", path, err)
	}
	return nil
}

// ReadObservation reads an observation.
func ReadObservation(path string) (plan.Observation, error) {
	data, err := observationKind.readFile(path)
	if err != nil {
		return plan.Observation{}, fmt.Errorf("read observation %q: %w", path, err)
	}
	o, err := DecodeObservation(data)
	if err != nil {
		return plan.Observation{}, fmt.Errorf("read observation %q: %w", path, err)
	}
	return o, nil
}

// EncodeObservation writes o. The same observation gives the same bytes.
func EncodeObservation(w io.Writer, o plan.Observation) error {
	content := struct {
		Observation plan.Observation `json:"observation"`
	}{withLists(o)}
	_, err := observationKind.seal(w, content)
	return err
}

// withLists has empty lists for the missing ones that the format requires.
func withLists(o plan.Observation) plan.Observation {
	o.Pools, o.Clusters = slices.Clone(o.Pools), slices.Clone(o.Clusters)
	for i := range o.Pools {
		o.Pools[i].Volumes = orEmpty(o.Pools[i].Volumes)
	}
	for i := range o.Clusters {
		c := &o.Clusters[i]
		c.Namespaces, c.Volumes, c.Claims = orEmpty(c.Namespaces), orEmpty(c.Volumes), orEmpty(c.Claims)
	}
	return o
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// DecodeObservation reads what EncodeObservation wrote. The strings of the
// result are parts of one copy of data.
func DecodeObservation(data []byte) (plan.Observation, error) {
	_, covered, err := observationKind.open(data)
	if err != nil {
		return plan.Observation{}, err
	}
	o, err := readObservation("{" + string(covered))
	if err != nil {
		return plan.Observation{}, observationKind.invalid(err.Error())
	}
	if err := checkObservation(o); err != nil {
		return plan.Observation{}, err
	}
	return o, nil
}
