package observe

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
)

// consumed notes up to where a journal is forgotten.
type consumed map[string]plan.JournalPoint

func (c consumed) Look(context.Context, string, plan.JournalPoint, []string) (providers.TreeChanges, error) {
	return providers.TreeChanges{}, nil
}

func (c consumed) Prove(context.Context, string, plan.JournalPoint, []string) (providers.TreeChanges, error) {
	return providers.TreeChanges{}, nil
}

func (c consumed) Consumed(tree string, upTo plan.JournalPoint) error {
	c[tree] = upTo
	return nil
}

// A journal is forgotten up to what every mirror that goes by it has seen.
func TestConsume(t *testing.T) {
	source := plan.Ref{Type: "source", Kind: plan.SourceDirectory, Name: "nfs"}
	nas := plan.Destination{Kind: plan.DestinationSSH, Name: "nas", Address: "nas", Path: "/volume1"}
	usb := plan.Destination{Kind: plan.DestinationDisk, Name: "usb", Path: "/mnt/usb"}
	layer := func(name string, to plan.Destination) plan.Layer {
		return plan.Layer{Kind: plan.LayerSync, Name: name, From: source, To: to.Ref(), Directory: name, TrackChanges: true}
	}
	receipt := func(layer, span string, segment uint64) plan.Receipt {
		return plan.Receipt{Layer: layer, Volume: "nfs", Path: layer, Journal: &plan.JournalPoint{Span: span, Segment: segment}}
	}
	for name, test := range map[string]struct {
		receipts []plan.Receipt
		want     consumed
	}{
		"the earliest":         {[]plan.Receipt{receipt("one", "a", 7), receipt("two", "a", 5)}, consumed{"/srv/nfs": {Span: "a", Segment: 5}}},
		"another span":         {[]plan.Receipt{receipt("one", "a", 7), receipt("two", "b", 5)}, consumed{}},
		"one is not seen":      {[]plan.Receipt{receipt("one", "a", 7)}, consumed{}},
		"one was compared all": {[]plan.Receipt{receipt("one", "a", 7), {Layer: "two", Volume: "nfs", Path: "two"}}, consumed{}},
	} {
		p := plan.Policy{
			Sources:      []plan.Source{{Kind: source.Kind, Name: source.Name, Directory: &plan.DirectorySource{Path: "/srv/nfs"}}},
			Destinations: []plan.Destination{nas, usb},
			Layers:       []plan.Layer{layer("one", nas), layer("two", nas), layer("here", usb)},
		}
		o := plan.Observation{Disks: []plan.Disk{
			{Address: nas.Address, Path: nas.Path, Receipts: test.receipts}, {Path: usb.Path, Receipts: []plan.Receipt{{Layer: "here", Volume: "nfs", Path: "here"}}},
		}}
		got := consumed{}
		if err := Consume(o, p, got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
