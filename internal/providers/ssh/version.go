package ssh

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/receipt"
)

// version is one version that is being copied.
type version struct {
	job
	from local
	seen view
}

func (v version) receiptFile() string {
	return receipt.File(v.from.Layer, v.from.Version, v.from.Volume)
}

func (v version) manifestFile() string {
	return receipt.ManifestFile(v.from.Layer, v.from.Version, v.from.Volume)
}

// built is where the version grows, pending its receipt while it gets its name.
func (v version) built() string   { return filepath.Join(v.workFolder(), "tree") }
func (v version) pending() string { return filepath.Join(v.workFolder(), "receipt") }
func (v version) marked() string  { return filepath.Join(v.workFolder(), "mark") }

// mark tells what the work folder is for.
func (v version) mark() string {
	mark := fmt.Sprintf("%s root=%t rsync=%s", v.from.receipt.Digest, v.seen.root, v.seen.rsync)
	if v.Copy.Full {
		mark += markOfFull
	}
	return mark
}

// markOfFull ends the mark of a version that is compared as a whole.
const markOfFull = " full"

// makeVersion copies a version of this machine, or replaces one over there:
//
//  1. it looks again at the version here, and at the destination, and whether it fits;
//  2. rsync fills a folder in the work folder over there, linked to an earlier
//     version; one that an earlier run began is continued or, where the version has
//     changed since, linked to;
//  3. rsync compares both once more, and finds nothing to do;
//  4. the folder gets its name; what it replaces goes to the work folder, its receipt
//     first;
//  5. the receipt comes last, the same bytes as here;
//  6. the work folder is removed.
//
// Nothing of that is needed where the receipt over there is the same already, unless
// the action is a full comparison.
func (p *Provider) makeVersion(ctx context.Context, j job) (providers.Result, error) {
	if _, err := p.localRsync(ctx); err != nil {
		return providers.Result{}, err
	}
	v, err := j.newVersion(ctx)
	if err != nil {
		return providers.Result{}, err
	}
	state, err := v.progress()
	result, how := providers.Result{}, v.how()
	switch {
	case err != nil:
	case state == isDone:
		return providers.Result{Already: true}, v.clear(ctx)
	case state == isAnew:
		result.Detail, how = "its receipt alone", sealStays
		err = v.prepareAnew(ctx)
	case state == isOpen:
		result, err = p.send(ctx, v)
	}
	if err != nil {
		return providers.Result{}, err
	}
	if err := v.name(context.WithoutCancel(ctx), v.path, v.receiptFile(), v.manifestFile(), how, v.from.text); err != nil {
		return providers.Result{}, err
	}
	p.reached("sealed")
	if how == sealReplaces || v.wasBegun() { // else nothing is left
		if err := v.clearWork(ctx); err != nil {
			return result, fmt.Errorf("the version is complete, but its work folder could not be removed: %w", err)
		}
	}
	return result, nil
}

func (j job) newVersion(ctx context.Context) (version, error) {
	from := j.Copy.From
	if from == nil || from.Version == nil || j.Copy.Path == "" {
		return version{}, errors.New("the action names no version, or nothing to make it from")
	}
	if from.Version.Path != j.path {
		return version{}, fmt.Errorf("version %q is to lie at %q: a copy keeps its place", from.Version.Path, j.path)
	}
	v := version{job: j}
	var err error
	if v.from, err = findLocal(ctx, *from.Version); err != nil {
		return v, err
	}
	q := question{
		folders: []string{plan.ReceiptFolder, plan.ManifestFolder, j.workFolder(), j.directory, filepath.Dir(j.path), filepath.Dir(v.receiptFile()), filepath.Dir(v.manifestFile())},
		kinds:   []string{j.path, v.built(), v.earlier()}, texts: []string{v.receiptFile(), v.pending(), v.marked()},
	}
	if j.previous != "" {
		q.kinds, q.layer, q.volume = append(q.kinds, j.previous), v.from.Layer, v.from.Volume
	}
	if v.seen, err = j.look(ctx, q); err != nil {
		return v, err
	}
	return v, j.checkRsync(v.seen)
}

// state is how far an earlier run has come.
type state int

const (
	isOpen   state = iota // the version is to be sent
	isSealed              // it is there, and has no receipt yet
	isAnew                // it is there, with the receipt of an earlier making of the same
	isDone
)

// progress says how far an earlier run has come: to the end, or so far that only the
// names are to be given. A name that is taken otherwise is no place for a new version.
func (v version) progress() (state, error) {
	digest := v.from.receipt.Digest
	there := v.seen.kinds[v.path]
	if there != isFolder && there != isMissing {
		return isOpen, stale("%s: something that is no folder has the name of version %q", v.host(), v.path)
	}
	r := v.proofThere()
	if there == isFolder && r != nil && r.Path == v.path && r.Digest == digest && !v.Copy.Full {
		if v.seen.texts[v.receiptFile()] == strings.TrimRight(string(v.from.text), "\n") {
			return isDone, nil
		}
		return isAnew, nil
	}
	pending, err := receipt.Decode([]byte(v.seen.texts[v.pending()]))
	began := err == nil && pending.Path == v.path && pending.Digest == digest && v.hasCompared()
	grown := v.seen.kinds[v.built()] == isFolder
	switch {
	case began && !grown && there == isFolder:
		return isSealed, nil
	case there == isFolder && v.Kind == plan.Create:
		return isOpen, stale("%s: version %q is there already", v.host(), v.path)
	case there == isMissing && v.Kind == plan.Refresh && !grown:
		return isOpen, stale("%s: version %q is gone", v.host(), v.path)
	}
	return isOpen, v.checkBegin()
}

// hasCompared says whether the run that left a receipt to be put in place had compared
// what this one is to compare: one that sent the receipt alone compared nothing.
func (v version) hasCompared() bool {
	return !v.Copy.Full || strings.HasSuffix(v.seen.texts[v.marked()], markOfFull)
}

// checkBegin looks at what a transfer needs.
func (v version) checkBegin() error {
	if v.previous != "" && v.seen.kinds[v.previous] != isFolder && v.previous != v.path {
		return stale("%s: version %q, to which the new one was to be linked, is gone", v.host(), v.previous)
	}
	return v.checkSpace(v.seen)
}

// send fills a folder in the work folder, with the manifest beside it, and proves
// that nothing is missing.
func (p *Provider) send(ctx context.Context, v version) (providers.Result, error) {
	sent := &meter{Runner: v.runner}
	v.runner = sent
	ownerless := manifested
	if v.from.manifest() == "" {
		ownerless = noOwners
	}
	options, notes := keep(v.seen, ownerless)
	options = append(options, "--delete", spareSynology)
	links, err := p.begin(ctx, v)
	if err != nil {
		return providers.Result{}, err
	}
	notes = append(notes, links.told()...)
	words := slices.Concat(options, []string{v.partial(), "--stats"}, links.words(v.job))
	sources := []string{v.from.tree() + "/"}
	first := v.job
	first.ready = v.mayBegin // what comes after is short, and ends what has begun
	if _, err := first.transfer(ctx, words, sources, v.built(), nil); err != nil {
		return providers.Result{}, err
	}
	p.reached("sent")
	if manifest := v.from.manifest(); manifest == "" {
		notes = append(notes, "it has no manifest")
	} else if _, err := v.transfer(ctx, []string{"-t", "--chmod=F600", "--stats", oneFile}, []string{manifest}, filepath.Join(v.workFolder(), "manifest"), nil); err != nil {
		return providers.Result{}, fmt.Errorf("send manifest: %w", err)
	}
	if err := v.prove(ctx, options, sources); err != nil {
		return providers.Result{}, err
	}
	p.reached("proven")
	return providers.Result{Detail: sent.detail(v.from.receipt, notes)}, nil
}

// begin finds out what to link to, looks whether the version fits, and makes the folder in
// which it grows.
func (p *Provider) begin(ctx context.Context, v version) (basis, error) {
	links, err := p.linkTo(ctx, v)
	if err != nil {
		return links, fmt.Errorf("look at the version before: %w", err)
	}
	if err := v.checkFits(ctx, links); err != nil {
		return links, err
	}
	left, err := v.prepareTree(ctx)
	if err == nil && left {
		err = p.linkToEarlier(ctx, v, &links)
	}
	return links, err
}

// prove compares names, sizes, times and modes once more.
func (v version) prove(ctx context.Context, options, sources []string) error {
	words := append([]string{"--dry-run", "--out-format=%i %n", "--info=nonreg0", "--stats"}, options...)
	output, err := v.transfer(ctx, words, sources, v.built(), nil)
	if err != nil {
		return fmt.Errorf("compare what was sent: %w", err)
	}
	if found := differences(output.Stdout); found != "" {
		first, _, _ := strings.Cut(found, "\n")
		return fmt.Errorf("%s: what was sent is not what is here, after rsync said that it was done; of %d differences the first: %s",
			v.host(), strings.Count(found, "\n")+1, execx.Escape(first))
	}
	return v.from.same()
}

func (j job) prepare(ctx context.Context, folder, mark string) error {
	_, err := j.askToPrepare(ctx, folder, mark)
	return err
}

// prepareAnew is for a version that stays as it is: nothing that an earlier run built
// may be in the work folder, to take its place.
func (v version) prepareAnew(ctx context.Context) error {
	if v.seen.kinds[v.built()] != isMissing {
		if err := v.clearWork(ctx); err != nil {
			return err
		}
	}
	return v.prepare(ctx, "", v.mark())
}

// count is a number of things in words.
func count(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
