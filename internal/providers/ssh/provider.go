// Package ssh keeps copies on another machine that is reached by ssh and rsync
// only, such as a NAS: of versions that lie on a disk of this machine, and of trees.
// Start at New, then at version.go, which tells the steps by which a version gets
// there; script.go has all that runs over there.
//
// The root of a copy is laid out like the disk that it is a copy of, with the same
// receipts. Whatever happens at whatever moment, what has a receipt there is whole.
// A finished version is never written into: files that did not change are hard links
// to an earlier one.
package ssh

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/openssh"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/rsync"
)

// Config is what a Provider works with.
type Config struct {
	Runner execx.Runner
	Now    func() time.Time
	// Tracker tells what has changed in trees; nil where nobody watches any.
	Tracker providers.Tracker
	// Catalogues are of the trees of mirrors; nil where none are kept.
	Catalogues providers.Catalogues
	// OneLook is for those who observe and do no more: nothing is made on this machine
	// then, no socket of a shared connection neither.
	OneLook bool
	// Sleep waits between two tries; nil is the real thing.
	Sleep func(context.Context, time.Duration) error
}

// Provider observes destinations on other machines, and carries out the actions of
// layers that keep copies there.
type Provider struct {
	Config
	mu      sync.Mutex
	folder  string // of the sockets of shared connections; empty before the first
	shared  map[openssh.Command]openssh.Command
	release rsync.Release // of this machine's rsync
	// script is nothingReached, but in tests; reached is called where an action could
	// be cut off on this machine.
	script  string
	reached func(step string)
}

// How long an action waits for the network in all, between tries, and a look.
const (
	actionPatience = 10 * time.Minute
	lookPatience   = 10 * time.Second
)

// New makes a Provider. It must be closed.
func New(config Config) *Provider {
	if config.Sleep == nil {
		config.Sleep = pause
	}
	return &Provider{
		Config: config, shared: map[openssh.Command]openssh.Command{},
		script: nothingReached, reached: func(string) {},
	}
}

// Info says that one action is carried out at a time: two would share one
// connection and the disks of one machine.
func (p *Provider) Info() providers.Info { return providers.Info{ReadOnly: []string{"ssh"}} }

// Do carries out one action.
func (p *Provider) Do(ctx context.Context, action plan.Action) (providers.Result, error) {
	c := action.Copy
	if c == nil || c.Remote == nil {
		return providers.Result{}, unsupported(action)
	}
	do, known := map[plan.ActionKind]func(context.Context, job) (providers.Result, error){
		plan.Create: p.makeVersion, plan.Refresh: p.makeVersion, plan.Prune: p.prune,
		plan.Sync: p.sync, plan.Clean: p.clean, plan.Relink: p.relink,
	}[action.Kind]
	if !known {
		return providers.Result{}, unsupported(action)
	}
	at, err := newPlace(action)
	if err != nil {
		return providers.Result{}, err
	}
	m, err := p.connect(*c.Remote)
	if err != nil {
		return providers.Result{}, err
	}
	j := job{action, at, m, p.Now(), nil}
	if err := j.mayBegin(ctx); err != nil {
		return providers.Result{}, err
	}
	most := limit(*c)
	ctx, cancel := context.WithTimeoutCause(ctx, most, fmt.Errorf("no end within %s: set a longer `timeout` in layer %q", most, action.Layer))
	defer cancel()
	result, err := do(ctx, j)
	if cause := context.Cause(ctx); err != nil && cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w (%w)", cause, err)
	}
	return result, err
}

// job is an action with what is needed to carry it out.
type job struct {
	plan.Action
	place
	machine
	started time.Time
	// ready proves before each try of a transfer that it may be made; nil needs no proof.
	ready func(context.Context) error
}

// mayBegin refuses to begin in a quiet time of the destination: an action, a transfer
// after a look that took long, or another try of one.
func (j job) mayBegin(context.Context) error {
	if begin := j.Copy.StartBefore; !begin.IsZero() && !j.now().Before(begin) {
		return stale("it is past %s, from when on nothing is begun at this destination", begin.Format("15:04"))
	}
	return nil
}

// defaultLimit is long enough for a first copy of some terabytes.
const defaultLimit = 24 * time.Hour

// limit is how long an action may take.
func limit(c plan.CopyAction) time.Duration {
	if d := c.Timeout.Approx(); d > 0 {
		return d
	}
	return defaultLimit
}

// connect gives the way to a machine, by the shared connection.
func (p *Provider) connect(r plan.Remote) (machine, error) {
	command, err := p.share(openssh.Command{Address: r.Address, IdentityFile: r.IdentityFile})
	return p.machine(command, actionPatience), err
}

// share gives a command the connection that all actions and looks share.
func (p *Provider) share(direct openssh.Command) (openssh.Command, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if command, known := p.shared[direct]; known {
		return command, nil
	}
	if err := p.makeFolder(); err != nil {
		return openssh.Command{}, err
	}
	command := direct
	command.Socket = filepath.Join(p.folder, strconv.Itoa(len(p.shared)))
	p.shared[direct] = command
	return command, nil
}

func (p *Provider) machine(command openssh.Command, limit time.Duration) machine {
	return machine{command, p.Runner, p.script, patience{p.Now, p.Sleep, limit}}
}

// longestSocket is how long the path of a socket may be: the kernel takes 107
// bytes, and ssh adds 17 while it makes one.
const longestSocket = 107 - 17

func (p *Provider) makeFolder() (err error) {
	if p.folder != "" {
		return nil
	}
	for _, at := range []string{os.TempDir(), "/tmp"} {
		if p.folder, err = os.MkdirTemp(at, "bkplan-"); err != nil {
			continue
		}
		if len(p.folder)+len("/000") <= longestSocket {
			return nil
		}
		err = os.Remove(p.folder)
		p.folder = ""
	}
	return errors.Join(err, errors.New("no folder for the socket of ssh: TMPDIR and /tmp cannot hold it"))
}

// closeLimit is how long the end of a connection may take.
const closeLimit = 10 * time.Second

// Close ends the shared connections.
func (p *Provider) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, command := range p.shared {
		if _, err := os.Lstat(command.Socket); err != nil {
			continue // never opened, or gone
		}
		if argv, err := command.Exit(); err == nil {
			_, _ = p.Runner.Run(context.Background(), execx.Command{Argv: argv, Timeout: closeLimit}) // it ends by itself, too
		}
	}
	clear(p.shared)
	if p.folder == "" {
		return nil
	}
	err := os.RemoveAll(p.folder)
	p.folder = ""
	return err
}

// localRsync asks this machine's rsync once what it is.
func (p *Provider) localRsync(ctx context.Context) (rsync.Release, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.release != (rsync.Release{}) {
		return p.release, nil
	}
	seen, err := rsync.Ask(ctx, p.Runner)
	if err == nil {
		p.release = seen
	}
	return seen, err
}

func unsupported(a plan.Action) error {
	return fmt.Errorf("%s %s: %w", a.Kind, a.Address(), providers.ErrUnsupported)
}

// stale says that the world is not as it was when the action was planned.
func stale(format string, arguments ...any) error {
	return &providers.StaleError{Violation: plan.Violation{Detail: fmt.Sprintf(format, arguments...)}}
}
