package providers

import (
	"context"
	"time"
)

// Catalogues keep what the trees of layers were like at their last syncs, so that a sync
// whose change journal proves nothing can compare the tree with that, and not with the
// other end. They are caches: where there is none everything is compared.
type Catalogues interface {
	// Look says why nothing can be compared with the catalogue of a sync; empty is that
	// it can. That is good enough for a plan: damage may show later. It changes nothing.
	Look(last TreeSync) (why string)
	// Compare looks at all of a tree, and tells what may have changed since the last sync;
	// where Why is set it tells nothing. What it saw is the catalogue of the next sync:
	// that begins after it, and sends what was told, or compares everything. The catalogue
	// is nil where none can be kept, and Why says so. The error is that the context has
	// ended, or that an old catalogue is in the way that must not be believed any more.
	Compare(ctx context.Context, last, next TreeSync) (TreeChanges, Catalogue, error)
	// Continue is for a next sync that goes by what a journal tells. The catalogue may be
	// nil; the error is as that of Compare.
	Continue(ctx context.Context, last, next TreeSync, told TreeChanges) (Catalogue, error)
	// Retain removes the catalogues of all layers but these.
	Retain(layers []string) error
}

// Catalogue is that of a sync that has not ended. If it is not kept, the one before
// stays.
type Catalogue interface {
	// Keep makes it that of the last sync, once the receipt of this is over there.
	Keep(Deleted) error
}

// Deleted is what a sync has deleted at the other end. Folders went with all below
// them. MaybeMore says that this is not all, because a try was cut off.
type Deleted struct {
	Names, Folders []string
	MaybeMore      bool
}

// TreeSync is one sync of a tree.
type TreeSync struct {
	Layer, Tree string
	MountPoint  string    // that the tree lies on
	Exclude     []string  // rsync's patterns
	Started     time.Time // as in its receipt; zero is no sync
}
