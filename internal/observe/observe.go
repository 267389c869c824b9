// Package observe asks all providers that a policy needs, side by side, and
// assembles one Observation. Start at Observe; it changes nothing. Keep saves
// what the next observation may fall back on.
package observe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
)

// Where says where and when an observation is made.
type Where struct {
	Host, HostID string
	StateDir     string
	Now          time.Time
	LastRun      time.Time // zero when there was none
}

// concurrency is how many providers are asked side by side; clusterLimit is
// how long a cluster may take to answer.
const (
	concurrency  = 4
	clusterLimit = time.Minute
)

// Observe looks at everything that the policy's sources need. What cannot be
// observed is in the observation's Unknown and is no error; the only error is
// that ctx ended.
func Observe(ctx context.Context, policy plan.Policy, registry providers.Registry, where Where) (plan.Observation, error) {
	questions := distinct(policy, registry, where)
	answers := make([]answer, len(questions))
	var group errgroup.Group
	group.SetLimit(concurrency)
	for i, ask := range questions {
		group.Go(func() error {
			answers[i] = ask(ctx)
			return nil
		})
	}
	_ = group.Wait()
	o := plan.Observation{Time: where.Now, Host: where.Host, HostID: where.HostID, LastRun: where.LastRun}
	for _, a := range answers {
		a.addTo(&o)
	}
	o.Changes = changes(ctx, policy, registry, o)
	slices.SortFunc(o.Trees, func(a, b plan.Tree) int { return cmp.Compare(a.Path, b.Path) })
	slices.SortFunc(o.Unknown, func(a, b plan.Unknown) int { return cmp.Compare(a.Address, b.Address) })
	return o, ctx.Err()
}

// changes are what the change journals say of the trees that layers follow, since
// each layer's last sync, and whether there is a catalogue of that.
func changes(ctx context.Context, policy plan.Policy, registry providers.Registry, o plan.Observation) []plan.Changes {
	var list []plan.Changes
	for _, l := range policy.Layers {
		source, found := policy.Source(l.From)
		last := o.LastSync(policy, l)
		if !l.TrackChanges || !found || source.Directory == nil || last == nil {
			continue
		}
		c := plan.Changes{Layer: l.Name}
		c.Why = whyNotOf(*last, source.Directory.Path)
		c.NoCatalogue = c.Why
		if c.Why == "" && registry.Journals != nil && last.Journal != nil {
			c.Since = *last.Journal
			told, err := registry.Journals.Look(ctx, source.Directory.Path, *last.Journal, last.Exclude)
			c.Names, c.Subtrees, c.Why, c.Amount = len(told.Names), len(told.Subtrees), told.Why, told.Amount
			if err != nil {
				c.Why = err.Error()
			}
		}
		if c.NoCatalogue == "" && registry.Catalogues != nil {
			c.NoCatalogue = registry.Catalogues.Look(providers.TreeSync{
				Layer: l.Name, Tree: source.Directory.Path, MountPoint: last.Source.MountPoint, Exclude: last.Exclude, Started: last.Started,
			})
			if c.NoCatalogue == "" {
				c.Catalogue = last.Started
			}
		}
		list = append(list, c)
	}
	return list
}

// whyNotOf says why a receipt does not stand for a tree; empty if it does. While a sync
// compares everything, it stands for none.
func whyNotOf(last plan.Receipt, tree string) string {
	switch paths := last.Source.Paths; {
	case len(paths) == 0:
		return "a sync of everything did not end"
	case len(paths) > 1 || paths[0] != tree:
		return fmt.Sprintf("%q was last synced", paths[0])
	}
	return ""
}

// question asks one provider.
type question func(ctx context.Context) answer

// answer is what one provider saw, and why it could not see the rest.
type answer struct {
	part    providers.Part
	cluster *plan.Cluster
	unknown *plan.Unknown
}

func (a answer) addTo(o *plan.Observation) {
	if a.part.Pool != nil {
		o.Pools = append(o.Pools, *a.part.Pool)
	}
	o.Disks = append(o.Disks, a.part.Disks...)
	o.Trees = append(o.Trees, a.part.Trees...)
	for _, l := range a.part.Leftovers {
		addLeftover(o, l)
	}
	if a.cluster != nil {
		o.Clusters = append(o.Clusters, *a.cluster)
	}
	if a.unknown != nil {
		o.Unknown = append(o.Unknown, *a.unknown)
	}
}

// addLeftover puts together what several pools tell of the same name: mounts and
// mappings are the machine's, so each of them sees them; the clone is in one.
func addLeftover(o *plan.Observation, l plan.Leftover) {
	i := slices.IndexFunc(o.Leftovers, func(other plan.Leftover) bool { return other.Name == l.Name })
	if i < 0 {
		o.Leftovers = append(o.Leftovers, l)
		return
	}
	if l.Clone != "" {
		o.Leftovers[i].VolumeGroup, o.Leftovers[i].Clone, o.Leftovers[i].CloneUUID = l.VolumeGroup, l.Clone, l.CloneUUID
	}
}

// distinct are the questions of a policy, each pool and each cluster once.
func distinct(policy plan.Policy, registry providers.Registry, where Where) []question {
	var questions []question
	asked := map[string]bool{}
	once := func(address string, q question) {
		if !asked[address] {
			asked[address] = true
			questions = append(questions, q)
		}
	}
	for _, source := range policy.Sources {
		if lvm := source.LVMThin; lvm != nil {
			address := plan.PoolAddress(lvm.VolumeGroup, lvm.ThinPool)
			once(address, ask(registry.Sources[source.Kind], address, providers.Target{Source: source, StateDir: where.StateDir, Now: where.Now}))
			if k := lvm.Kubernetes; k != nil {
				once(plan.ClusterAddress(*k), askCluster(registry, *k, where))
			}
		}
		for _, part := range trees(source) {
			address := plan.TreeAddress(part.Paths[0])
			once(address, ask(registry.Sources[source.Kind], address, providers.Target{Source: part, Now: where.Now}))
		}
	}
	for _, d := range policy.Destinations {
		target := providers.Target{Destination: d, Folders: folders(policy, d), Copies: copies(policy, d), StateDir: where.StateDir, Now: where.Now}
		if len(target.Folders) > 0 || len(target.Copies) > 0 {
			address := plan.DiskAddress(d.Place())
			once(address, ask(registry.Destinations[d.Kind], address, target))
		}
	}
	return questions
}

// trees are the directories of a source, each as a source of its own: that one
// cannot be seen says nothing of the others.
func trees(source plan.Source) []plan.Source {
	paths := source.Paths
	if source.Directory != nil {
		paths = []string{source.Directory.Path}
	}
	parts := make([]plan.Source, len(paths))
	for i, path := range paths {
		parts[i] = source
		parts[i].Paths = []string{path}
	}
	return parts
}

// folders are the directories to list at a destination: those that layers own, and
// its top where a layer copies all of it. Layers that are not carried out are not
// looked for.
func folders(policy plan.Policy, d plan.Destination) []plan.Folder {
	var list []plan.Folder
	for _, l := range policy.Layers {
		if l.To.Name == d.Name && l.From.Type != "destination" && policy.CarriesOut(l) {
			list = append(list, plan.Folder{Directory: l.Directory, Depth: policy.Depth(l)})
		}
	}
	if slices.ContainsFunc(policy.Layers, func(l plan.Layer) bool { return l.From == d.Ref() && policy.CarriesOut(l) }) {
		list = append(list, plan.Folder{Directory: ".", Depth: 1})
	}
	return list
}

// copies are the directories at a destination that are copies of other ones.
func copies(policy plan.Policy, d plan.Destination) []providers.Copy {
	var list []providers.Copy
	for _, l := range policy.Layers {
		from, found := policy.Destination(l.From)
		if found && l.To.Name == d.Name && policy.CarriesOut(l) {
			list = append(list, providers.Copy{Directory: l.Directory, Folders: folders(policy, from)})
		}
	}
	return list
}

func ask(provider providers.Provider, address string, target providers.Target) question {
	return func(ctx context.Context) answer {
		if provider == nil {
			return answer{unknown: &plan.Unknown{Address: address, Detail: providers.ErrUnsupported.Error()}}
		}
		part, err := provider.Observe(ctx, target)
		if err != nil {
			return answer{unknown: &plan.Unknown{Address: address, Detail: err.Error()}}
		}
		return answer{part: part}
	}
}

// askCluster falls back on the last good answer, and says why. An answer that
// is there and cannot be read is not the same as none.
func askCluster(registry providers.Registry, k plan.KubernetesSource, where Where) question {
	return func(ctx context.Context) answer {
		limited, cancel := context.WithTimeout(ctx, clusterLimit)
		defer cancel()
		cluster, err := registry.Names(k).Observe(limited, where.Now)
		if err == nil {
			return answer{cluster: &cluster}
		}
		kept, found, loadErr := registry.LoadNames(where.StateDir, k)
		if loadErr != nil {
			err = fmt.Errorf("%w; %w", err, loadErr)
		}
		if loadErr != nil || !found {
			return answer{unknown: &plan.Unknown{Address: plan.ClusterAddress(k), Detail: err.Error()}}
		}
		kept.Detail = err.Error()
		return answer{cluster: &kept}
	}
}

// Keep saves the clusters' answers of this observation as their last good
// ones.
func Keep(o plan.Observation, registry providers.Registry, stateDir string) error {
	for _, c := range o.Clusters {
		if !c.Seen.Equal(o.Time) {
			continue
		}
		if err := registry.SaveNames(stateDir, c); err != nil {
			return fmt.Errorf("keep names: %w", err)
		}
	}
	return nil
}

// Consume lets the change journals forget what all layers that follow a tree have
// synced, as this observation shows. While one of them is not seen, nothing is
// forgotten. Mirrors on disks of this machine do not go by a journal.
func Consume(o plan.Observation, policy plan.Policy, journals providers.Tracker) error {
	earliest, unknown := map[string]plan.JournalPoint{}, map[string]bool{}
	for _, l := range policy.Layers {
		source, found := policy.Source(l.From)
		to, _ := policy.Destination(l.To)
		if !l.TrackChanges || !found || source.Directory == nil || to.Kind != plan.DestinationSSH {
			continue
		}
		tree := source.Directory.Path
		last := o.LastSync(policy, l)
		if last == nil || last.Journal == nil {
			unknown[tree] = true
			continue
		}
		point, known := earliest[tree]
		switch {
		case !known || last.Journal.Span == point.Span && last.Journal.Segment < point.Segment:
			earliest[tree] = *last.Journal
		case last.Journal.Span != point.Span:
			unknown[tree] = true
		}
	}
	var errs []error
	for tree, point := range earliest {
		if !unknown[tree] {
			errs = append(errs, journals.Consumed(tree, point))
		}
	}
	return errors.Join(errs...)
}

// Retain removes the catalogues of layers that do not follow their trees any more, or
// are gone from the policy: they would be believed when such a layer comes back.
func Retain(policy plan.Policy, catalogues providers.Catalogues) error {
	var layers []string
	for _, l := range policy.Layers {
		if l.TrackChanges {
			layers = append(layers, l.Name)
		}
	}
	return catalogues.Retain(layers)
}
