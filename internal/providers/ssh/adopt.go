package ssh

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/receipt"
)

var _ providers.Adopter = (*Provider)(nil)

// Adopt lists a version over there that an older script made, and gives it a receipt
// of what was listed. Contents are not read, and that it was whole when it was made
// nobody can say any more.
func (p *Provider) Adopt(ctx context.Context, h plan.HeldVersion, now time.Time) (plan.Receipt, error) {
	j, err := p.adoption(h, now)
	if err != nil {
		return plan.Receipt{}, err
	}
	at := receipt.File(h.Of.Layer, h.Of.Version, h.Of.Volume)
	v, err := j.look(ctx, question{
		folders: []string{plan.ReceiptFolder, j.workFolder(), filepath.Dir(j.path), filepath.Dir(at)}, kinds: []string{j.path, at},
	})
	switch {
	case err != nil:
		return plan.Receipt{}, err
	case v.kinds[j.path] != isFolder:
		return plan.Receipt{}, fmt.Errorf("%s: version %q is no folder there", j.host(), j.path)
	case v.kinds[at] != isMissing:
		return plan.Receipt{}, fmt.Errorf("%s: something is in the place of the receipt, %q, and stays as it is", j.host(), at)
	}
	r, err := p.listVersion(ctx, j, h, now)
	if err != nil {
		return plan.Receipt{}, err
	}
	text, err := receipt.Encode(r)
	if err != nil {
		return plan.Receipt{}, err
	}
	if err := j.prepare(ctx, "", "adopt"); err != nil {
		return plan.Receipt{}, err
	}
	return r, j.name(context.WithoutCancel(ctx), "", at, at, sealStays, text)
}

func (p *Provider) adoption(h plan.HeldVersion, now time.Time) (job, error) {
	if h.Remote == nil || h.Of == nil || h.Of.Path != h.Path || h.Of.Layer == "" || h.Of.Volume == "" || h.Of.Version == "" {
		return job{}, fmt.Errorf("%q is no version on another machine", h.Path)
	}
	a := plan.Action{Kind: "adopt", Layer: h.Layer, Volume: h.Volume, Version: h.Version, Copy: &plan.CopyAction{
		Remote: h.Remote, Destination: h.Destination, Directory: ".", Path: h.Path,
	}}
	at, err := newPlace(a)
	if err != nil {
		return job{}, err
	}
	m, err := p.connect(*h.Remote)
	return job{Action: a, place: at, machine: m, started: now}, err
}

// listVersion walks the version over there.
func (p *Provider) listVersion(ctx context.Context, j job, h plan.HeldVersion, now time.Time) (plan.Receipt, error) {
	argv, err := j.pull("-nrlptH", listFormat, []string{j.path + "/"})
	if err != nil {
		return plan.Receipt{}, err
	}
	var l *listing
	err = j.retry(ctx, func() error {
		l = newListing(l)
		_, err := j.runner.Run(ctx, execx.Command{Argv: append(argv, p.folder+"/"), Stdout: l})
		return j.explainRsync(err)
	})
	if err != nil {
		return plan.Receipt{}, fmt.Errorf("list version: %w", err)
	}
	size := l.bytes - l.again
	return plan.Receipt{
		Layer: h.Of.Layer, Volume: h.Of.Volume, Version: h.Of.Version, Path: h.Path, Slot: h.Time, Started: now, Ended: now,
		Source: plan.ReceiptSource{Taken: h.Time}, Files: l.files, Bytes: size, NewBytes: size, Directories: l.folders,
		Digest: l.digest(), Adopted: true, Notes: []string{"names, sizes, times and modes were listed over there; contents were not read"},
	}, nil
}

// pull is the argv, but for its target, by which rsync tells what is in paths over
// there. Nothing is transferred.
func (j job) pull(short, format string, paths []string, words ...string) ([]string, error) {
	shell, host, err := j.Shell()
	if err != nil {
		return nil, err
	}
	if ipv6(host) {
		host = "[" + host + "]"
	}
	argv := []string{"rsync", "-e", shellWords(shell), "-s", "--timeout=" + strconv.Itoa(ioTimeout), short, "-ii", "--out-format=" + format}
	argv = append(append(argv, words...), "--")
	for _, path := range paths {
		argv = append(argv, host+":"+j.root()+"/./"+literal(path))
	}
	return argv, nil
}
