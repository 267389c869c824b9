package lvm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// heldMetadata is the metadata snapshot of a thin pool: there is at most one, it
// outlives processes and reboots, and as long as it is there the pool's metadata
// grows. So it is always released, and one that a killed run left as well.
//
// The kernel does not tell whose it is. A mark in the state directory does: it is
// made while there is none, right before one is reserved, and removed after the
// release. With a mark, and under the run's lock, it can only be another's if
// that one came within the moment between mark and reserve, long ago, and has
// not ended yet. Without a mark it is somebody else's, who may be reading it, and
// is left alone.
type heldMetadata struct {
	*Opener
	pool string // its name for the device mapper
	uuid string
}

var errMetadataHeld = errors.New("the pool has a metadata snapshot that is not bkplan's")

func (h heldMetadata) mark() string { return filepath.Join(h.stateDir, "metadata-snapshots", h.uuid) }

// reserve takes the metadata snapshot; the kernel commits what it holds in memory
// first, so it has all that was done to the pool until now.
func (h heldMetadata) reserve(ctx context.Context) error {
	if err := h.provider.begin(ctx); err != nil {
		return err
	}
	defer h.provider.end()
	held, err := h.isHeld(ctx)
	if err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	if held {
		if _, err := os.Lstat(h.mark()); err != nil {
			return errMetadataHeld
		}
		if err := h.message(ctx, "release_metadata_snap"); err != nil {
			return err
		}
	}
	if err := writeMark(h.mark()); err != nil {
		return fmt.Errorf("mark the metadata snapshot as bkplan's: %w", err)
	}
	err = h.message(ctx, "reserve_metadata_snap")
	if err != nil && !isTimeout(err) {
		return errors.Join(err, os.Remove(h.mark())) // one that is there now is another's
	}
	return err
}

// release gives it back. Where that is not possible the mark stays, and the next
// run tries again.
func (h heldMetadata) release(ctx context.Context) {
	if err := h.provider.begin(ctx); err != nil {
		return
	}
	defer h.provider.end()
	if err := h.message(ctx, "release_metadata_snap"); err == nil {
		_ = os.Remove(h.mark())
	}
}

// isHeld looks into the pool's status: "0 8388608 thin-pool 4 118/1024 83/65536
// - rw …", where the place of the hyphen has the snapshot's block. Source:
// Documentation/admin-guide/device-mapper/thin-provisioning.rst of Linux.
func (h heldMetadata) isHeld(ctx context.Context) (bool, error) {
	output, err := h.provider.run(ctx, h.provider.limits.observe, "dmsetup", "status", h.pool)
	if err != nil {
		return false, err
	}
	fields := strings.Fields(string(output.Stdout))
	if len(fields) < 8 || fields[2] != "thin-pool" {
		return false, fmt.Errorf("read the status of the pool: %s", excerpt(output.Stdout))
	}
	return fields[6] != "-", nil
}

func (h heldMetadata) message(ctx context.Context, message string) error {
	_, err := h.provider.run(ctx, h.provider.limits.observe, "dmsetup", "message", h.pool, "0", message)
	return err
}

// writeMark makes an empty file that outlives a power cut.
func writeMark(path string) error {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		return err
	}
	opened, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer opened.Close()
	return opened.Sync()
}
