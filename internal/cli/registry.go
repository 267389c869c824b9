package cli

import (
	"slices"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/providers/catalogue"
	"github.com/bkplan/bkplan/internal/providers/disk"
	"github.com/bkplan/bkplan/internal/providers/journal"
	"github.com/bkplan/bkplan/internal/providers/kube"
	"github.com/bkplan/bkplan/internal/providers/lvm"
	"github.com/bkplan/bkplan/internal/providers/pfsense"
	"github.com/bkplan/bkplan/internal/providers/sqlite"
	"github.com/bkplan/bkplan/internal/providers/ssh"
)

// observers are the providers as plan and its like get them: they can run
// nothing but commands that look. One of these is ssh, by which the provider asks
// another machine one fixed question.
func (a *App) observers(p plan.Policy) providers.Registry {
	looking := slices.Concat(lvm.New(nil).Info().ReadOnly, ssh.New(ssh.Config{}).Info().ReadOnly)
	return a.registry(p, execx.ReadOnly(a.Runner, looking...), ssh.Config{OneLook: true})
}

// doers are the providers as apply gets them.
func (a *App) doers(p plan.Policy) providers.Registry { return a.registry(p, a.Runner, ssh.Config{}) }

func (a *App) registry(p plan.Policy, runner execx.Runner, reach ssh.Config) providers.Registry {
	pool := lvm.New(runner)
	opener := lvm.NewOpener(pool, runner, p.StateDir)
	copies := func(producer providers.Producer) *disk.Provider {
		return disk.New(disk.Config{Runner: runner, Producer: producer, Opener: opener, Now: a.now, Patience: a.Patience})
	}
	observer := disk.NewObserver(a.Patience)
	_, host := a.host()
	tracker := journal.Tracker{StateDir: p.StateDir, Host: host}
	catalogues := catalogue.New(p.StateDir, host)
	reach.Runner, reach.Now, reach.Tracker, reach.Catalogues, reach.Sleep = runner, a.now, tracker, catalogues, a.Sleep
	far := ssh.New(reach)
	return providers.Registry{
		Sources: map[string]providers.Provider{
			plan.SourceLVMThin: pool, plan.SourceDirectory: observer, plan.SourcePaths: observer,
		},
		Destinations: map[string]providers.Provider{plan.DestinationDisk: observer, plan.DestinationSSH: far},
		Layers: map[string]providers.Provider{
			plan.LayerSnapshot: pool,
			plan.LayerFiles:    copies(disk.NewRsync(runner)),
			plan.LayerSQLite:   copies(sqlite.Producer{}),
			plan.LayerFetch:    copies(pfsense.New(runner)),
			plan.LayerSync:     providers.Route{Here: copies(nil), Remote: far},
		},
		Close:      far.Close,
		Journals:   tracker,
		Catalogues: catalogues,
		Names:      func(k plan.KubernetesSource) providers.Names { return kube.New(k, version()) },
		LoadNames:  kube.Load,
		SaveNames:  kube.Save,
	}
}
