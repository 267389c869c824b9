package planfile

import (
	"fmt"
	"io"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
)

// File is a saved plan.
type File struct {
	Plan plan.Plan
	// Expires is the first instant at which the plan must not be applied any
	// more: what retention decides ages.
	Expires time.Time
	MadeBy  string // version of bkplan
	// ID is the digest of the file, by which a run knows that a plan was
	// applied before. Encode ignores it and returns it.
	ID string
}

type planContent struct {
	MadeBy  string    `json:"made_by"`
	Expires time.Time `json:"expires"`
	Plan    plan.Plan `json:"plan"`
}

// Write saves a plan, readable by its owner alone, and returns its ID.
func Write(path string, f File) (id string, err error) {
	err = replace(path, 0o600, func(w io.Writer) error {
		id, err = Encode(w, f)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("write plan %q: %w", path, err)
	}
	return id, nil
}

// Read reads a saved plan. It says nothing about its expiry.
func Read(path string) (File, error) {
	data, err := planKind.readFile(path)
	if err != nil {
		return File{}, fmt.Errorf("read plan %q: %w", path, err)
	}
	f, err := Decode(data)
	if err != nil {
		return File{}, fmt.Errorf("read plan %q: %w", path, err)
	}
	return f, nil
}

// Encode writes f and returns its ID. The same plan gives the same bytes.
func Encode(w io.Writer, f File) (id string, err error) {
	if f.Plan.Layers == nil {
		f.Plan.Layers = []plan.LayerStatus{}
	}
	if f.Plan.Actions == nil {
		f.Plan.Actions = []plan.Action{}
	}
	return planKind.seal(w, planContent{f.MadeBy, f.Expires.UTC(), f.Plan})
}

// Decode reads what Encode wrote.
func Decode(data []byte) (File, error) {
	id, covered, err := planKind.open(data)
	if err != nil {
		return File{}, err
	}
	var content planContent
	if err := unmarshal(append([]byte{'{'}, covered...), &content); err != nil {
		return File{}, planKind.invalid(err.Error())
	}
	f := File{Plan: content.Plan, Expires: content.Expires, MadeBy: content.MadeBy, ID: id}
	if err := checkPlan(f); err != nil {
		return File{}, err
	}
	return f, nil
}

// checkPlan looks for what no plan made by bkplan can have.
func checkPlan(f File) error {
	var found problems
	found.unless(!f.Plan.Time.IsZero(), "the plan has no time")
	found.unless(!f.Expires.IsZero(), "the plan has no expiry")
	found.unless(f.Plan.PolicyDigest != "", "the plan names no policy")
	layers := map[string]bool{}
	for _, l := range f.Plan.Layers {
		found.unless(l.Name != "" && !layers[l.Name], "layer %q is there twice or has no name", l.Name)
		layers[l.Name] = true
	}
	seen := map[string]bool{}
	for _, a := range f.Plan.Actions {
		found.unless(a.ID != "" && !seen[a.ID], "action %q is there twice or has no ID", a.ID)
		found.unless(layers[a.Layer], "action %q is of the layer %q, which the plan does not have", a.ID, a.Layer)
		found.unless(known[a.Kind], "action %q is of the unknown kind %q", a.ID, a.Kind)
		for _, d := range a.DependsOn {
			found.unless(seen[d], "action %q comes before %q, on which it depends", a.ID, d)
		}
		seen[a.ID] = true
	}
	return found.of(planKind)
}

var known = map[plan.ActionKind]bool{
	plan.Create: true, plan.Refresh: true, plan.Prune: true,
	plan.Sync: true, plan.Trigger: true, plan.Clean: true, plan.Relink: true,
}
