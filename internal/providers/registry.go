package providers

import (
	"context"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
)

// Names asks a cluster what the volumes of a pool are called. It changes
// nothing; its answer is complete or an error.
type Names interface {
	Observe(ctx context.Context, now time.Time) (plan.Cluster, error)
}

// Registry says who observes what, and who carries out the actions of which
// kind of layer. It is made in one place and handed down: nothing registers
// itself.
type Registry struct {
	// Sources are by kind of source, Destinations by kind of destination.
	Sources, Destinations map[string]Provider
	// Layers are by kind of layer.
	Layers map[string]Provider
	// Journals tell what has changed in trees; nil where nobody watches any.
	Journals Tracker
	// Catalogues are of the trees of syncs; nil where none are kept.
	Catalogues Catalogues
	// Close ends what the providers keep open between actions.
	Close func() error
	// Names makes the one who asks a cluster.
	Names func(plan.KubernetesSource) Names
	// LoadNames gives a cluster's last good answer, and false when it never
	// gave one. SaveNames keeps a new one; only what may change things calls
	// it.
	LoadNames func(stateDir string, k plan.KubernetesSource) (plan.Cluster, bool, error)
	SaveNames func(stateDir string, c plan.Cluster) error
}
