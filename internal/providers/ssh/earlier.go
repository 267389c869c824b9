package ssh

import (
	"context"
	"path/filepath"
)

// A tree that was begun for another content of a version is not gone on with: files of it
// may be links to finished versions, and rsync changes attributes in place. It is put
// aside, and linked to (docs/adr/0010-copies-of-copies.md).

// earlier is what was sent of the version when its content was another one.
func (v version) earlier() string { return filepath.Join(v.workFolder(), "earlier") }

// askToPrepare may have to remove what was sent.
func (j job) askToPrepare(ctx context.Context, folder, mark string) (answer, error) {
	return j.ask(ctx, limit(*j.Copy), prepareScript, j.base, []string{j.rel, j.work, mark, folder}, nil)
}

// prepareTree makes the folder in which the version grows, and says whether something is
// left of what was sent before it changed.
func (v version) prepareTree(ctx context.Context) (left bool, err error) {
	a, err := v.askToPrepare(ctx, v.built(), v.mark())
	return a.get("earlier") == isFolder, err
}

// linkToEarlier links to what was sent of the version before it changed, too. It comes
// last: what a finished version has as well is to be one file with that. Nobody knows what
// is in it, so it is judged as a version without a manifest is.
func (p *Provider) linkToEarlier(ctx context.Context, v version, b *basis) error {
	c, err := p.listLinks(ctx, v, v.earlier())
	if err == nil {
		b.add(v.earlier(), c, "part of it was sent before it changed")
	}
	return err
}
