package ssh

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/receipt"
	"github.com/bkplan/bkplan/internal/rsync"
	"github.com/bkplan/bkplan/internal/tree"
)

// basis is what over there a transfer links to.
type basis struct {
	folders []string // relative to the root
	alike   int64    // files in them that have another content, and the same size and time
	why     string   // contents are to be compared; empty if sizes and times prove them
	notes   []string // what is not linked to
	// fresh is how many bytes of the version none of the folders has, at most; it is nil
	// where no manifest tells.
	fresh *int64
}

// linkTo says what makes unchanged files links: the previous version over there, and the
// one that is replaced.
//
// rsync takes a file for unchanged by its size and time. Where the manifests of two
// versions show that this would be wrong, or where there is none to look into, it
// compares contents instead. It also follows links in a version that it links to
// (docs/adr/0007-links-in-last-weeks-version.md): one in which that could lead elsewhere
// is not used.
func (p *Provider) linkTo(ctx context.Context, v version) (basis, error) {
	var b basis
	var folders []string
	if v.previous != "" && v.seen.kinds[v.previous] == isFolder {
		folders = append(folders, v.previous)
	}
	replaced := v.Kind == plan.Refresh && v.previous != v.path && v.seen.kinds[v.path] == isFolder
	if replaced {
		folders = append(folders, v.path)
	}
	for _, folder := range folders {
		c, unknown, err := p.judge(ctx, v, folder)
		if err != nil {
			return basis{}, err
		}
		b.add(folder, c, unknown)
	}
	switch {
	case replaced && v.proofThere() == nil:
		b.why = "what was there had no receipt"
	case b.why == "" && b.alike > 0:
		b.why = fmt.Sprintf("%s changed without a new size or time", count(b.alike, "file"))
	}
	return b, nil
}

// add takes a folder, unless it could mislead rsync.
func (b *basis) add(folder string, c comparison, unknown string) {
	switch {
	case c.misled:
		b.notes = append(b.notes, fmt.Sprintf("not linked to %q, in which a link lies where this version has a folder", folder))
	case c.unread != "":
		b.notes = append(b.notes, fmt.Sprintf("not linked to %q, in which there may be links that lead elsewhere: %s", folder, c.unread))
	default:
		b.folders, b.alike, b.why = append(b.folders, folder), b.alike+c.alike, cmp.Or(b.why, unknown)
		if unknown == "" && (b.fresh == nil || c.fresh < *b.fresh) {
			b.fresh = &c.fresh
		}
	}
}

// words are the options for rsync. Each end that compares contents is silent while it reads
// a file, however large: then a dead connection is ssh's to notice, and the limit of the
// action ends what hangs.
func (b basis) words(j job) []string {
	var words []string
	for _, folder := range b.folders {
		words = append(words, "--link-dest="+filepath.Join(j.root(), folder))
	}
	if b.compares() {
		words = append(words, "--checksum", "--timeout="+strconv.Itoa(int(limit(*j.Copy).Seconds())))
	}
	return words
}

func (b basis) compares() bool { return len(b.folders) > 0 && b.why != "" }

// told is what people are to know of it.
func (b basis) told() []string {
	if b.compares() {
		return append(b.notes, "contents were compared: "+b.why)
	}
	return b.notes
}

// judge says what of a version over there could mislead rsync: by the manifests, or by a
// list of the links in it. Then unknown says why nothing is known of contents.
func (p *Provider) judge(ctx context.Context, v version, base string) (c comparison, unknown string, err error) {
	c, err = v.compareWith(ctx, base)
	switch {
	case errors.Is(err, errNoManifest):
		unknown = "a version has no manifest to look into"
	case errors.Is(err, tree.ErrManifest):
		unknown = "a manifest is damaged"
	default:
		return c, "", err
	}
	c, err = p.listLinks(ctx, v, base)
	return c, unknown, err
}

// listLinks looks whether any link in a version over there lies where the one that is sent
// has a folder.
func (p *Provider) listLinks(ctx context.Context, v version, base string) (comparison, error) {
	argv, err := v.pull("-nrl", "%i %n", []string{base + "/"})
	if err != nil {
		return comparison{}, err
	}
	found := &links{in: v.from.tree()}
	err = v.retry(ctx, func() error {
		_, err := v.runner.Run(ctx, execx.Command{Argv: append(argv, p.folder+"/"), Stdout: found})
		return v.explainRsync(err)
	})
	if uncopied := rsync.Uncopied(err); uncopied != nil {
		return comparison{unread: execx.Escape(uncopied[0])}, nil
	}
	if err != nil {
		return comparison{}, fmt.Errorf("list links: %w", err)
	}
	return comparison{misled: found.mislead}, nil
}

// links holds the symbolic links that rsync tells of against a folder of this machine.
type links struct {
	in      string
	mislead bool // one lies where that has a folder
	lines   lines
}

var symlinkForm = regexp.MustCompile(`^[c.]L\S* (.*)\n$`)

// Write takes what rsync writes.
func (l *links) Write(text []byte) (int, error) {
	return l.lines.cut(text, func(line []byte) {
		if found := symlinkForm.FindSubmatch(line); found != nil && !l.mislead {
			info, err := os.Lstat(filepath.Join(l.in, rsync.Unescape(string(found[1]))))
			l.mislead = err == nil && info.IsDir()
		}
	})
}

var errNoManifest = errors.New("there is no manifest")

// compareWith holds the manifest of a version over there against that of the one that is
// sent.
func (v version) compareWith(ctx context.Context, base string) (comparison, error) {
	before, err := v.manifestOf(ctx, base)
	if err != nil {
		return comparison{}, err
	}
	now := v.from.manifest()
	if before == nil || now == "" {
		return comparison{}, errNoManifest
	}
	file, err := os.Open(now)
	if err != nil {
		return comparison{}, err
	}
	defer file.Close()
	return compare(bytes.NewReader(before), file, v.precision())
}

// precision is how exactly rsync over there compares times.
func (v version) precision() time.Duration {
	if v.seen.rsync.Before(3, 1, 3) {
		return time.Second
	}
	return time.Nanosecond
}

// manifestOf is the manifest of a version over there, from this disk where it is the
// same; nil where there is none.
func (v version) manifestOf(ctx context.Context, base string) ([]byte, error) {
	i := slices.IndexFunc(v.seen.receipts, func(r plan.Receipt) bool { return r.Path == base })
	if i < 0 {
		return nil, nil
	}
	r := v.seen.receipts[i]
	here := local{VersionAccess: plan.VersionAccess{Root: v.from.Root, Layer: r.Layer, Volume: r.Volume, Version: r.Version, Path: r.Path, Digest: r.Digest}}
	if here.readReceipt() == nil {
		if path := here.manifest(); path != "" {
			return os.ReadFile(path)
		}
	}
	a, err := v.ask(ctx, sealLimit, fetchScript, v.base, []string{v.rel, receipt.ManifestFile(r.Layer, r.Version, r.Volume)}, nil)
	if err != nil || a.get(archiveFact) != "1" || digestOf(a.archive) != r.Digest {
		return nil, err
	}
	return a.archive, nil
}

// digestOf reads a manifest through; empty when it is none.
func digestOf(manifest []byte) string {
	r, err := tree.NewReader(bytes.NewReader(manifest))
	for err == nil {
		_, err = r.Next()
	}
	if r == nil || !errors.Is(err, io.EOF) {
		return ""
	}
	return r.Digest()
}
