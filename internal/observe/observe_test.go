package observe

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/providers/providertest"
)

var night = time.Date(2026, 11, 24, 1, 0, 0, 0, time.UTC)

var home = plan.KubernetesSource{Kubeconfig: "/root/.kube/config", Driver: "csi"}

// names is a cluster that answers, or not.
type names struct {
	err   error
	hangs bool
	asked atomic.Int32
}

func (n *names) Observe(ctx context.Context, now time.Time) (plan.Cluster, error) {
	n.asked.Add(1)
	if n.hangs {
		<-ctx.Done()
		return plan.Cluster{}, ctx.Err()
	}
	return plan.Cluster{Kubeconfig: home.Kubeconfig, Server: "https://home", Seen: now}, n.err
}

// world is what a test observes.
type world struct {
	names   names
	kept    plan.Cluster // the last good answer
	found   bool
	loadErr error
	saved   []plan.Cluster
	pools   providers.Provider
	files   files
}

// files knows of every directory but /gone.
type files struct {
	providers.Provider
	asked atomic.Int32
}

func (f *files) Observe(_ context.Context, target providers.Target) (providers.Part, error) {
	f.asked.Add(1)
	if target.Destination.Path != "" {
		return providers.Part{Disks: []plan.Disk{{Path: target.Destination.Path, Folders: target.Folders}}}, nil
	}
	path := append(target.Source.Paths, "")[0]
	if path == "/gone" {
		return providers.Part{}, errors.New("it is gone")
	}
	return providers.Part{Trees: []plan.Tree{{Path: path}}}, nil
}

func (w *world) registry() providers.Registry {
	return providers.Registry{
		Sources:      map[string]providers.Provider{plan.SourceLVMThin: w.pools, plan.SourceDirectory: &w.files, plan.SourcePaths: &w.files},
		Destinations: map[string]providers.Provider{plan.DestinationDisk: &w.files},
		Names:        func(plan.KubernetesSource) providers.Names { return &w.names },
		LoadNames: func(string, plan.KubernetesSource) (plan.Cluster, bool, error) {
			return w.kept, w.found, w.loadErr
		},
		SaveNames: func(_ string, c plan.Cluster) error {
			w.saved = append(w.saved, c)
			return nil
		},
	}
}

// counted counts how often a provider is asked.
type counted struct {
	*providertest.Fake
	asked atomic.Int32
}

func (c *counted) Observe(ctx context.Context, target providers.Target) (providers.Part, error) {
	c.asked.Add(1)
	return c.Fake.Observe(ctx, target)
}

func source(name, pool string, k *plan.KubernetesSource) plan.Source {
	return plan.Source{Kind: plan.SourceLVMThin, Name: name, LVMThin: &plan.LVMThinSource{VolumeGroup: "pve", ThinPool: pool, Match: "*", Kubernetes: k}}
}

func newWorld() *world {
	return &world{pools: providertest.NewFake(plan.Pool{VolumeGroup: "pve", Name: "data"})}
}

func observation(t *testing.T, w *world, sources ...plan.Source) plan.Observation {
	t.Helper()
	where := Where{Host: "pve", HostID: "id", StateDir: "/state", Now: night, LastRun: night.Add(-time.Hour)}
	o, err := Observe(t.Context(), plan.Policy{Sources: sources}, w.registry(), where)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestEachPoolAndClusterIsAskedOnce(t *testing.T) {
	w := newWorld()
	pools := &counted{Fake: providertest.NewFake(plan.Pool{VolumeGroup: "pve", Name: "data"}, plan.Pool{VolumeGroup: "pve", Name: "fast"})}
	w.pools = pools
	directory := plan.Source{Kind: plan.SourceDirectory, Name: "nfs", Directory: &plan.DirectorySource{Path: "/srv/nfs"}}
	o := observation(t, w, source("a", "data", &home), source("b", "data", &home), directory, source("c", "fast", nil))
	if pools.asked.Load() != 2 || w.names.asked.Load() != 1 {
		t.Errorf("pools were asked %d times, clusters %d times", pools.asked.Load(), w.names.asked.Load())
	}
	if len(o.Pools) != 2 || len(o.Clusters) != 1 || len(o.Trees) != 1 || len(o.Unknown) != 0 {
		t.Errorf("%+v", o)
	}
	if o.Host != "pve" || o.HostID != "id" || !o.Time.Equal(night) || !o.LastRun.Equal(night.Add(-time.Hour)) {
		t.Errorf("%+v", o)
	}
}

// A disk is asked for the directories of the layers that are carried out, in one
// question.
func TestDiskIsAskedOnceForAllItsLayers(t *testing.T) {
	w := newWorld()
	from, to := plan.Ref{Type: "source", Kind: plan.SourceDirectory, Name: "nfs"}, plan.Ref{Type: "destination", Kind: plan.DestinationDisk, Name: "sda"}
	policy := plan.Policy{
		Sources:      []plan.Source{{Kind: plan.SourceDirectory, Name: "nfs", Directory: &plan.DirectorySource{Path: "/srv/nfs", Each: "*"}}},
		Destinations: []plan.Destination{{Kind: plan.DestinationDisk, Name: "sda", Path: "/mnt/backup"}},
		Layers: []plan.Layer{
			{Kind: plan.LayerFiles, Name: "weekly", From: from, To: to, Directory: "files"},
			{Kind: plan.LayerSync, Name: "mirror", From: from, To: to, Directory: "mirror"},
			{Kind: plan.LayerDump, Name: "dumps", From: from, To: to, Directory: "dumps"},
		},
	}
	o, err := Observe(t.Context(), policy, w.registry(), Where{Host: "pve", Now: night})
	if err != nil {
		t.Fatal(err)
	}
	want := []plan.Disk{{Path: "/mnt/backup", Folders: []plan.Folder{{Directory: "files", Depth: 2}, {Directory: "mirror", Depth: 1}}}}
	if diff := cmp.Diff(want, o.Disks); diff != "" || w.files.asked.Load() != 2 {
		t.Errorf("asked %d times, %s", w.files.asked.Load(), diff)
	}
}

// One tree of several that cannot be seen takes nothing else with it.
func TestTreeThatIsNotThereIsUnknown(t *testing.T) {
	o := observation(t, newWorld(), plan.Source{Kind: plan.SourcePaths, Name: "etc", Paths: []string{"/etc", "/gone"}})
	want := []plan.Unknown{{Address: "tree /gone", Detail: "it is gone"}}
	if diff := cmp.Diff(want, o.Unknown); diff != "" || len(o.Trees) != 1 {
		t.Errorf("%+v, %s", o.Trees, diff)
	}
}

// What could not be observed is unknown, with its reason, and takes nothing
// else with it (safety rule 12).
func TestPoolThatIsNotThereIsUnknown(t *testing.T) {
	o := observation(t, newWorld(), source("a", "nope", nil), source("b", "data", nil))
	want := []plan.Unknown{{Address: "pool pve/nope", Detail: `there is no thin pool "nope" in volume group "pve"`}}
	if diff := cmp.Diff(want, o.Unknown); diff != "" || len(o.Pools) != 1 {
		t.Errorf("%d pools, %s", len(o.Pools), diff)
	}
}

// Names are unknown, old, or wrong: none of these is an empty cluster (safety
// rule 8).
func TestClusterThatDoesNotAnswer(t *testing.T) {
	refused := errors.New("connection refused")
	seen := night.Add(-26 * time.Hour)
	for _, test := range []struct {
		name     string
		found    bool
		loadErr  error
		clusters []plan.Cluster
		unknown  []plan.Unknown
	}{
		{"it never did", false, nil, nil, []plan.Unknown{{Address: "cluster of /root/.kube/config", Detail: "connection refused"}}},
		{"it did", true, nil, []plan.Cluster{{Server: "https://home", Seen: seen, Detail: "connection refused"}}, nil},
		{"the answer is damaged", false, errors.New("damaged"), nil, []plan.Unknown{{Address: "cluster of /root/.kube/config", Detail: "connection refused; damaged"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld()
			w.names.err, w.found, w.loadErr = refused, test.found, test.loadErr
			w.kept = plan.Cluster{Server: "https://home", Seen: seen}
			o := observation(t, w, source("a", "data", &home))
			if diff := cmp.Diff(test.clusters, o.Clusters); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(test.unknown, o.Unknown); diff != "" {
				t.Error(diff)
			}
			if err := Keep(o, w.registry(), "/state"); err != nil || len(w.saved) != 0 {
				t.Errorf("an old answer was kept as a new one: %v, %v", w.saved, err)
			}
		})
	}
}

func TestKeepSavesWhatTheClusterSaidNow(t *testing.T) {
	w := newWorld()
	o := observation(t, w, source("a", "data", &home))
	if len(w.saved) != 0 {
		t.Error("observing saved something")
	}
	if err := Keep(o, w.registry(), "/state"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(o.Clusters, w.saved); diff != "" {
		t.Error(diff)
	}
}

func TestSlowClusterIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.names.hangs = true
		began := time.Now()
		o := observation(t, w, source("a", "data", &home))
		if took := time.Since(began); took != clusterLimit {
			t.Errorf("it took %s", took)
		}
		if len(o.Pools) != 1 || len(o.Unknown) != 1 || !strings.Contains(o.Unknown[0].Detail, "deadline") {
			t.Errorf("%+v", o)
		}
	})
}

func TestCanceledObservationIsAnError(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Observe(ctx, plan.Policy{Sources: []plan.Source{source("a", "data", nil)}}, newWorld().registry(), Where{Now: night})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// With two pools a leftover is seen twice, and is one.
func TestLeftoversOfSeveralPoolsArePutTogether(t *testing.T) {
	var o plan.Observation
	seen := plan.Leftover{Name: "bkplan-0123456789abcdef", Mounted: "/state/mnt/bkplan-0123456789abcdef"}
	cloned := seen
	cloned.VolumeGroup, cloned.Clone, cloned.CloneUUID = "pve", seen.Name, "uuid"
	for _, l := range []plan.Leftover{seen, cloned, seen} {
		addLeftover(&o, l)
	}
	if diff := cmp.Diff([]plan.Leftover{cloned}, o.Leftovers); diff != "" {
		t.Error(diff)
	}
}
