// Package kube asks a Kubernetes API which volumes, claims and namespaces
// there are: it is how a logical volume gets the name that people know it by.
//
// Start at [New] and [Provider.Observe]. The provider only lists; nothing in this
// package changes a cluster. Because names decide what is excluded, an answer
// is complete or it is an error: there is no partial one. [Save] keeps the
// last good answer for the night on which the API is silent, and [Load] gives
// it back, unless the kubeconfig leads to another cluster by now.
package kube

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
)

// Provider observes one cluster. It holds no connection and is safe for
// concurrent use.
type Provider struct {
	source    plan.KubernetesSource
	userAgent string
}

var _ providers.Names = (*Provider)(nil)

// New makes a provider for the cluster that the source names. An empty
// Kubeconfig is the cluster in which bkplan runs, an empty Context the
// kubeconfig's current one. The API's audit log shows it as bkplan/<version>.
func New(source plan.KubernetesSource, version string) *Provider {
	return &Provider{source: source, userAgent: "bkplan/" + version}
}

// Observe lists all namespaces, volumes and claims, in order of their names.
// The caller bounds it with ctx; now becomes the answer's Seen and is the
// clock by which an expired certificate is told.
//
// An error wraps one of the Err values of this package, is one line, says
// what to do, and carries no credential. A cancelled ctx gives
// context.Canceled, so that a shutdown is not taken for a silent API.
func (p *Provider) Observe(ctx context.Context, now time.Time) (plan.Cluster, error) {
	config, err := loadConfig(p.source)
	if err != nil {
		return plan.Cluster{}, err
	}
	c, err := connect(config, p.userAgent)
	if err != nil {
		return plan.Cluster{}, fmt.Errorf("%w: %s: %s; copy it anew from the cluster", ErrKubeconfig, nameOf(p.source), clean(err, config))
	}
	cluster := plan.Cluster{
		Kubeconfig: p.source.Kubeconfig,
		Context:    p.source.Context,
		Server:     serverOf(config),
		Seen:       now,
	}
	if err := c.fill(ctx, &cluster); err != nil {
		return plan.Cluster{}, explain(err, question{source: p.source, config: config, now: now})
	}
	return cluster, nil
}

// client is a connection to one cluster's API.
type client struct{ corev1.CoreV1Interface }

// connect prepares a connection; nothing is sent yet. Requests follow one
// another and each asks for a page, so no rate limit is put on top.
func connect(config *rest.Config, userAgent string) (client, error) {
	config = rest.CopyConfig(config)
	config.UserAgent = userAgent
	config.QPS = -1
	config.ContentType = "application/vnd.kubernetes.protobuf"
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	config.WarningHandler = rest.NoWarnings{}
	core, err := corev1.NewForConfig(config)
	return client{core}, err
}

// fill asks all three questions. A refusal does not end it, so that one error
// names all that must be granted.
func (c client) fill(ctx context.Context, into *plan.Cluster) error {
	var refused refusals
	for _, ask := range []func() error{
		func() (err error) { into.Namespaces, err = c.namespaces(ctx); return err },
		func() (err error) { into.Volumes, err = c.volumes(ctx); return err },
		func() (err error) { into.Claims, err = c.claims(ctx); return err },
	} {
		if err := ask(); err != nil && !refused.add(err) {
			return err
		}
	}
	if len(refused) > 0 {
		return refused
	}
	return nil
}

func (c client) namespaces(ctx context.Context) ([]string, error) {
	names, err := list(ctx, "namespaces", c.Namespaces().List, namespaceNames)
	if err == nil && !slices.Contains(names, "kube-system") {
		err = fmt.Errorf("%w: its namespaces lack kube-system, which every cluster has", errNoAnswer)
	}
	slices.Sort(names)
	return names, err
}

func (c client) volumes(ctx context.Context) ([]plan.PersistentVolume, error) {
	volumes, err := list(ctx, "persistentvolumes", c.PersistentVolumes().List, persistentVolumes)
	slices.SortFunc(volumes, func(x, y plan.PersistentVolume) int { return strings.Compare(x.Name, y.Name) })
	return volumes, err
}

func (c client) claims(ctx context.Context) ([]plan.Claim, error) {
	claims, err := list(ctx, "persistentvolumeclaims", c.PersistentVolumeClaims("").List, persistentVolumeClaims)
	slices.SortFunc(claims, func(x, y plan.Claim) int {
		return cmp.Or(strings.Compare(x.Namespace, y.Namespace), strings.Compare(x.Name, y.Name))
	})
	return claims, err
}
