package lvm

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// tune gives the btrfs on a clone an id of its own. The kernel knows a btrfs by
// its id, not by its device: as long as one is mounted it refuses another device
// with the same id, and older kernels gave the mounted one in its place.
//
// btrfstune passes over a log that is to be replayed, so the kernel does that
// before, under the old id: refused while that is mounted on this machine.
func (s *opening) tune(ctx context.Context, d device, found content) error {
	if found.dirty {
		if err := s.replay(ctx, d, found); err != nil {
			return err
		}
	}
	_, err := s.run(ctx, s.limits.mount, "btrfstune", "-m", d.path)
	return err
}

// replay mounts a btrfs for as long as it takes to replay its log.
func (s *opening) replay(ctx context.Context, d device, found content) error {
	s.btrfs.Lock()
	defer s.btrfs.Unlock()
	if _, err := os.Stat(filepath.Join(s.host.sys, "fs", "btrfs", found.uuid)); found.uuid == "" || !os.IsNotExist(err) {
		return fmt.Errorf("its btrfs has a log to be replayed, which cannot be done while one with the same id (%s) is mounted on this machine: take the snapshot through LVM, of the mounted volume itself", found.uuid)
	}
	if err := s.mountAs(ctx, d, found.kind, "ro,nodev,nosuid,noexec"); err != nil {
		return err
	}
	return s.unmount(ctx, s.point)
}
