// Package observe asks all providers that a policy needs, side by side, and
// assembles one Observation. Start at Observe; it changes nothing. Keep saves
// what the next observation may fall back on.
package observe

import (
	"cmp"
	"context"
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
	slices.SortFunc(o.Unknown, func(a, b plan.Unknown) int { return cmp.Compare(a.Address, b.Address) })
	return o, ctx.Err()
}

// question asks one provider.
type question func(ctx context.Context) answer

// answer is what one provider saw, or why it could not.
type answer struct {
	pool    *plan.Pool
	cluster *plan.Cluster
	unknown *plan.Unknown
}

func (a answer) addTo(o *plan.Observation) {
	if a.pool != nil {
		o.Pools = append(o.Pools, *a.pool)
	}
	if a.cluster != nil {
		o.Clusters = append(o.Clusters, *a.cluster)
	}
	if a.unknown != nil {
		o.Unknown = append(o.Unknown, *a.unknown)
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
		lvm := source.LVMThin
		if lvm == nil {
			continue
		}
		once(plan.PoolAddress(lvm.VolumeGroup, lvm.ThinPool), askPool(registry, source, where))
		if k := lvm.Kubernetes; k != nil {
			once(plan.ClusterAddress(*k), askCluster(registry, *k, where))
		}
	}
	return questions
}

func askPool(registry providers.Registry, source plan.Source, where Where) question {
	return func(ctx context.Context) answer {
		part, err := registry.Sources[source.Kind].Observe(ctx, providers.Target{Source: source, Now: where.Now})
		if err != nil {
			lvm := source.LVMThin
			return answer{unknown: &plan.Unknown{Address: plan.PoolAddress(lvm.VolumeGroup, lvm.ThinPool), Detail: err.Error()}}
		}
		return answer{pool: part.Pool}
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
