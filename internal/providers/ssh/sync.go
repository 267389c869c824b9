package ssh

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/quantity"
	"github.com/bkplan/bkplan/internal/receipt"
)

// mirror is a tree that is being synced.
type mirror struct {
	job
	seen  view
	proof *plan.Receipt // of the last sync; nil where there is none
	// stands is the text of the receipt over there as it is while this sync runs.
	stands string
	mount  string // of the first path
	trail  trail
	// counted is the source, where the receipt does not tell how much the mirror has.
	counted *listing
	nowhere string // a folder of this machine, for dry runs
}

// sync makes a directory over there the mirror of paths of this machine. What would
// be deleted is counted first.
func (p *Provider) sync(ctx context.Context, j job) (providers.Result, error) {
	if j.Copy.From == nil && j.Copy.Full {
		return p.noteCompared(ctx, j)
	}
	local, err := p.localRsync(ctx)
	if err != nil {
		return providers.Result{}, err
	}
	m, err := j.newMirror(ctx)
	if err != nil {
		return providers.Result{}, err
	}
	m.nowhere = p.folder
	if m.proof != nil && m.whyNotTold() == "" && !m.proof.Slot.IsZero() && m.proof.Slot.Equal(j.Copy.Slot) {
		return providers.Result{Already: true}, nil
	}
	if err := errors.Join(m.checkRsync(m.seen), m.checkSpace(m.seen), m.checkMoved()); err != nil {
		return providers.Result{}, err
	}
	if m.trail, err = p.follow(ctx, m); err != nil {
		return providers.Result{}, err
	}
	if err := j.prepare(ctx, j.directory, "mirror"); err != nil {
		return providers.Result{}, err
	}
	listed, notes, err := p.sendMirror(ctx, &m)
	if unsent := (*unsentError)(nil); errors.As(err, &unsent) {
		return providers.Result{}, err
	}
	if err != nil {
		return providers.Result{}, fmt.Errorf("the mirror is between two states, and %s: %w", m.whatStands(), err)
	}
	p.reached("sent")
	if err := m.checkAlone(ctx); err != nil {
		return providers.Result{}, err
	}
	r := m.receipt(listed, notes)
	r.Tools, r.Ended = map[string]string{"rsync": local.String(), "rsync over there": m.seen.rsync.String()}, p.Now()
	text, err := receipt.Encode(r)
	if err != nil {
		return providers.Result{}, err
	}
	at := m.receiptFile()
	if err := j.name(context.WithoutCancel(ctx), "", at, at, sealStays, text); err != nil {
		return providers.Result{}, err
	}
	return providers.Result{Detail: m.detail(r, m.trail.keep(listed))}, nil
}

// whatStands says what the receipt of a sync that was cut off is worth.
func (m mirror) whatStands() string {
	if m.trail.goesBy == nothing && m.directory != "." {
		return "the next sync compares everything"
	}
	return "its receipt stands for the one before"
}

// detail tells what was done, for people.
func (m mirror) detail(r plan.Receipt, notKept string) string {
	text := fmt.Sprintf("%s, %s new", count(r.Files, "file"), quantity.Size(r.NewBytes).Human())
	if m.trail.goesBy != nothing {
		text = fmt.Sprintf("%s looked at by %s, %s new", count(int64(m.trail.looked), "name"), m.trail.goesBy, quantity.Size(r.NewBytes).Human())
	}
	texts := append([]string{text}, m.trail.notes()...)
	if notKept != "" {
		texts = append(texts, notKept)
	}
	return strings.Join(texts, "; ")
}

func (j job) newMirror(ctx context.Context) (mirror, error) {
	from := j.Copy.From
	if j.Copy.Path != "" || j.Version != "" || j.Volume == "" || from == nil || len(from.Paths) == 0 {
		return mirror{}, errors.New("the action names a version, or no paths to mirror")
	}
	m := mirror{job: j}
	var err error
	if m.mount, err = j.findSource(ctx); err != nil {
		return m, err
	}
	m.ready = m.checkSource
	at := m.receiptFile()
	m.seen, err = j.look(ctx, question{
		folders: []string{plan.ReceiptFolder, j.workFolder(), j.directory, filepath.Dir(at)}, kinds: []string{at}, texts: []string{at}, mirrors: true,
	})
	if err == nil && m.seen.kinds[at] == isFolder {
		err = fmt.Errorf("%s: a folder is in the place of the receipt, %q", j.host(), at)
	}
	m.proof, m.stands = m.seen.receipt(j.Layer, "", j.Volume), m.seen.texts[at]
	return m, err
}

// findSource proves that the paths are there, and gives the mount point of the first.
func (j job) findSource(ctx context.Context) (mount string, err error) {
	from := *j.Copy.From
	return providers.Within(ctx, localLimit, from.Paths[0], func() (string, error) { return checkPaths(from) })
}

// checkSource refuses a source that is not there any more, and a quiet time of the
// destination: a sync may wait long for the network, or have counted for long what it would
// delete.
func (m mirror) checkSource(ctx context.Context) error {
	if err := m.mayBegin(ctx); err != nil {
		return err
	}
	mount, err := m.findSource(ctx)
	if err == nil && mount != m.mount {
		err = stale("source %q lies on the mount %q now, and lay on %q when the sync began", m.Copy.From.Paths[0], mount, m.mount)
	}
	return err
}

// checkMoved refuses a source that lies on another mount than when it was last
// synced: an unmounted one shows what is below it.
func (m mirror) checkMoved() error {
	if m.proof == nil || m.Copy.AcceptLoss || m.proof.Source.MountPoint == "" || m.proof.Source.MountPoint == m.mount {
		return nil
	}
	return fmt.Errorf("source %q lies on the mount %q, and lay on %q when it was last synced; if it has moved for good, acknowledge the layer %q",
		m.Copy.From.Paths[0], m.mount, m.proof.Source.MountPoint, m.Layer)
}

// sendMirror sends what has changed by what is known of that, or else looks at everything.
func (p *Provider) sendMirror(ctx context.Context, m *mirror) (*listing, []string, error) {
	if m.trail.goesBy != nothing {
		l, notes, err := p.sendChanges(ctx, m)
		if err != nil || m.trail.goesBy != nothing {
			return l, notes, err
		}
	}
	return m.send(ctx)
}

// send runs rsync over everything, unless that would delete more than it may.
func (m *mirror) send(ctx context.Context) (*listing, []string, error) {
	options, notes := keep(m.seen, noOwners)
	words := slices.Concat(options, excludes(*m.Copy), []string{m.partial()})
	sources := m.sources()
	if len(sources) > 1 || !m.Copy.From.Whole {
		words = append(words, "--relative", "--no-implied-dirs")
	}
	most, err := m.rehearse(ctx, words, sources, nil)
	if err == nil {
		err = m.checkSource(ctx)
	}
	if err != nil {
		return nil, nil, &unsentError{err}
	}
	if err := m.takeBack(ctx); err != nil {
		return nil, nil, err
	}
	l, more, err := m.fill(ctx, words, most, sources, nil, nil)
	return l, append(notes, more...), err
}

// sources are the paths as rsync takes them. Several are kept under their full names.
func (m mirror) sources() []string {
	if m.Copy.From.Whole {
		return []string{filepath.Clean(m.Copy.From.Paths[0]) + "/"}
	}
	var paths []string
	for _, p := range m.Copy.From.Paths {
		paths = append(paths, filepath.Clean(p)+"/") // which follows a link, as its proof does
	}
	return paths
}

func (m mirror) receipt(l *listing, notes []string) plan.Receipt {
	r := plan.Receipt{
		Layer: m.Layer, Volume: m.Volume, Path: m.directory, Slot: m.Copy.Slot, Started: m.started,
		Source:   plan.ReceiptSource{Taken: m.started, Paths: m.Copy.From.Paths, MountPoint: m.mount},
		NewBytes: l.fresh, Exclude: m.Copy.Exclude, Notes: append(notes, m.trail.notes()...), Journal: m.trail.until,
	}
	if m.trail.goesBy != nothing {
		r.Files, r.Directories = max(0, m.proof.Files+l.grown.files), max(0, m.proof.Directories+l.grown.folders)
		if m.counted != nil {
			r.Files, r.Directories = m.counted.files, m.counted.folders
		}
		r.Bytes, r.Full = m.proof.Bytes, m.proof.Full
		return r
	}
	r.Files, r.Bytes, r.Directories, r.Digest, r.Full = l.files, l.bytes, l.folders, l.digest(), m.started
	if m.Copy.Directory == "." && !m.Copy.Full { // its versions were not compared
		r.Full = time.Time{}
		if m.proof != nil {
			r.Full = m.proof.Full
		}
	}
	return r
}
