package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
)

// content is what a copy is made from, open for reading.
type content struct {
	roots  []string
	source plan.ReceiptSource
	// close must be called once; its context must not have ended.
	close func(context.Context) error
}

// openContent proves that the source is what it should be, and opens it.
func (p *Provider) openContent(ctx context.Context, access plan.Access, now time.Time) (content, error) {
	switch {
	case access.Snapshot != nil:
		return p.openSnapshot(ctx, *access.Snapshot)
	case len(access.Paths) > 0:
		mount, err := p.checkPaths(ctx, access)
		return content{
			roots:  access.Paths,
			source: plan.ReceiptSource{Taken: now, Paths: access.Paths, MountPoint: mount},
			close:  func(context.Context) error { return nil },
		}, err
	case access.PFSense != nil:
		address := access.PFSense.Address
		if address == "" {
			address = access.PFSense.APIURL
		}
		return content{
			source: plan.ReceiptSource{Taken: now, Address: address},
			close:  func(context.Context) error { return nil },
		}, nil
	}
	return content{}, errors.New("the action does not say what to copy")
}

func (p *Provider) openSnapshot(ctx context.Context, access plan.SnapshotAccess) (content, error) {
	if p.Opener == nil {
		return content{}, errors.New("there is nothing here that opens snapshots")
	}
	opened, err := p.Opener.Open(ctx, access)
	if err != nil {
		return content{}, fmt.Errorf("open snapshot %s/%s: %w", access.VolumeGroup, access.Name, err)
	}
	c := content{roots: []string{opened.Root}, source: snapshotSource(access, opened.UUID), close: opened.Close}
	if access.UUID != "" && opened.UUID != access.UUID {
		err := stale("snapshot %s/%s is another one than when the plan was made", access.VolumeGroup, access.Name)
		return content{}, errors.Join(err, opened.Close(context.WithoutCancel(ctx)))
	}
	return c, nil
}

func snapshotSource(access plan.SnapshotAccess, uuid string) plan.ReceiptSource {
	return plan.ReceiptSource{
		Taken:    access.Taken,
		Snapshot: &plan.SnapshotRef{VolumeGroup: access.VolumeGroup, Name: access.Name, UUID: uuid},
	}
}

// checkPaths proves that every path is the directory it should be, and gives the
// mount point of the first.
func (p *Provider) checkPaths(ctx context.Context, access plan.Access) (string, error) {
	for _, path := range access.Paths {
		_, err := providers.Within(ctx, p.limit, path, func() (any, error) {
			if err := isDirectory(path); err != nil {
				return nil, stale("source: %v", err)
			}
			return nil, nil
		})
		if err != nil {
			return "", err
		}
	}
	return providers.Within(ctx, p.limit, access.Paths[0], func() (string, error) { return checkMount(access) })
}

// checkMount proves that the first path lies on the file system that it should.
func checkMount(access plan.Access) (string, error) {
	system, err := fileSystem(access.Paths[0])
	if err != nil {
		return "", err
	}
	first := access.Paths[0]
	switch mount := system.MountPoint; {
	case access.MountPoint != "" && mount != access.MountPoint:
		return "", stale("%q is on the file system mounted at %q, and was on that of %q when the plan was made: what is there now is not the source",
			first, mount, access.MountPoint)
	case access.RequireMount && access.MountPoint == "" && mount != first:
		return "", stale("nothing is mounted at %q, so what is there is not the source", first)
	}
	return system.MountPoint, nil
}

// firstEmpty finds a folder with nothing in it; an empty string is none.
func (p *Provider) firstEmpty(ctx context.Context, roots []string) (string, error) {
	for _, root := range roots {
		empty, err := providers.Within(ctx, p.limit, root, func() (bool, error) { return isEmpty(root) })
		if err != nil {
			return "", err
		}
		if empty {
			return root, nil
		}
	}
	return "", nil
}

func isEmpty(folder string) (bool, error) {
	f, err := os.Open(folder)
	if err != nil {
		return false, err
	}
	defer f.Close()
	_, err = f.Readdirnames(1)
	if errors.Is(err, io.EOF) {
		return true, nil
	}
	return false, err
}
