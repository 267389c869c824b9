// Package catalogue lets syncs compare a tree with what it was like at the last sync.
// Start at New; how that is known is in the package catalogue beside this one's parent.
package catalogue

import (
	"context"

	"github.com/bkplan/bkplan/internal/catalogue"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/watch"
)

// Catalogues are those below a state directory.
type Catalogues struct{ store catalogue.Store }

// New gives the catalogues that a host keeps below its state directory.
func New(stateDir, host string) Catalogues {
	return Catalogues{catalogue.Store{StateDir: stateDir, Host: host}}
}

func sync(s providers.TreeSync) catalogue.Sync {
	return catalogue.Sync{
		Layer: s.Layer, Tree: s.Tree, Mount: s.MountPoint, Exclude: s.Exclude, Skip: watch.Plain(s.Exclude), Started: s.Started,
	}
}

// Look looks at the beginning of a catalogue.
func (c Catalogues) Look(last providers.TreeSync) string { return c.store.Look(sync(last)) }

// Compare walks the tree, unless others can change what lies there: then the time of the
// last change that a file system tells is no proof.
func (c Catalogues) Compare(ctx context.Context, last, next providers.TreeSync) (providers.TreeChanges, providers.Catalogue, error) {
	if err := watch.Followable(next.Tree); err != nil {
		return providers.TreeChanges{Why: err.Error()}, nil, c.store.Forget(next.Layer)
	}
	found, kept, err := c.store.Compare(ctx, sync(last), sync(next))
	return providers.TreeChanges{Names: found.Names, Folders: found.Folders, Subtrees: found.Subtrees, Why: found.Why}, wrap(kept), err
}

// Continue adds to the catalogue what a journal told.
func (c Catalogues) Continue(ctx context.Context, last, next providers.TreeSync, told providers.TreeChanges) (providers.Catalogue, error) {
	kept, err := c.store.Continue(ctx, sync(last), sync(next), told.Names, told.Subtrees)
	return wrap(kept), err
}

// Retain removes what no layer needs.
func (c Catalogues) Retain(layers []string) error { return c.store.Retain(layers) }

// kept is a catalogue whose sync has not ended.
type kept struct{ *catalogue.Catalogue }

// wrap keeps nil what is none.
func wrap(c *catalogue.Catalogue) providers.Catalogue {
	if c == nil {
		return nil
	}
	return kept{c}
}

// Keep makes it that of the last sync.
func (k kept) Keep(d providers.Deleted) error {
	return k.Catalogue.Keep(d.Names, d.Folders, d.MaybeMore)
}
