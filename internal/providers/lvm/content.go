package lvm

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/bkplan/bkplan/internal/execx"
)

// What blkid calls the contents that an Opener knows beside ext2, ext3 and ext4.
const (
	kindXFS   = "xfs"
	kindBtrfs = "btrfs"
	kindLUKS  = "crypto_LUKS"
)

// content is what lies on a device.
type content struct {
	kind string
	uuid string
	// mustWrite says that it cannot be read before something was written.
	mustWrite bool
	// dirty says that a btrfs has a log to be replayed.
	dirty bool
}

// identify tells what is on a device, without writing to it.
func (o *Opener) identify(ctx context.Context, d device) (content, error) {
	found, err := o.probe(ctx, d)
	if err != nil {
		return content{}, err
	}
	switch found.kind {
	case kindLUKS:
		// Opened read-only it would force a file system in it to pass over its journal.
		found.mustWrite = true
	case kindXFS:
		// The log of a frozen one always has something to be replayed.
		found.mustWrite = true
	case kindBtrfs:
		// Its id has to be changed: see tune.
		found.mustWrite = true
		err = o.readSuperblock(ctx, d, &found, btrfsDirty)
	case "ext2", "ext3", "ext4":
		err = o.readSuperblock(ctx, d, &found, extDirty)
		found.mustWrite = found.dirty
	default:
		err = fmt.Errorf("no file system that bkplan knows: %s", execx.Escape(found.kind))
	}
	return found, err
}

// probe asks blkid, which looks at the device itself and not into its cache.
func (o *Opener) probe(ctx context.Context, d device) (content, error) {
	output, err := o.run(ctx, o.limits.probe, "blkid", "-p", "-o", "export", d.path)
	failure := (*execx.Error)(nil)
	const nothing, several = 2, 8 // exits of blkid
	switch {
	case errors.As(err, &failure) && failure.Exit == several:
		return content{}, errors.New("no file system that bkplan knows: blkid finds several at once")
	case failure != nil && failure.Exit == nothing:
	case err != nil:
		return content{}, err
	}
	values := map[string]string{}
	for line := range strings.Lines(string(output.Stdout)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		values[name] = value
	}
	switch {
	case values["TYPE"] != "":
		return content{kind: values["TYPE"], uuid: values["UUID"]}, nil
	case values["PTTYPE"] != "":
		return content{}, fmt.Errorf("no file system that bkplan knows: it has a partition table (%s)", execx.Escape(values["PTTYPE"]))
	}
	return content{}, errors.New("no file system that bkplan knows: it is empty, or its superblock is damaged")
}

// superblockSpan is how much of a device's beginning holds the superblocks of
// ext and of btrfs, in bytes.
const superblockSpan = 68 << 10

// readSuperblock reads by a program, because a read can hang.
func (o *Opener) readSuperblock(ctx context.Context, d device, found *content, isDirty func([]byte) (bool, error)) error {
	output, err := o.run(ctx, o.limits.probe, "head", "-c", fmt.Sprint(superblockSpan), d.path)
	if err != nil {
		return err
	}
	if len(output.Stdout) != superblockSpan {
		return fmt.Errorf("read the superblock of %s: it ends after %d bytes", found.kind, len(output.Stdout))
	}
	found.dirty, err = isDirty(output.Stdout)
	return err
}

// extDirty says whether an ext file system has a journal to be replayed. Source:
// Documentation/filesystems/ext4/super.rst of Linux.
func extDirty(start []byte) (bool, error) {
	const superblock, magic, incompatible, needsRecovery = 1024, 0x38, 0x60, 0x4
	if binary.LittleEndian.Uint16(start[superblock+magic:]) != 0xEF53 {
		return false, errors.New("read the superblock of ext: it has another magic number")
	}
	return binary.LittleEndian.Uint32(start[superblock+incompatible:])&needsRecovery != 0, nil
}

// btrfsDirty says whether a btrfs has a log tree to be replayed. Source: struct
// btrfs_super_block in include/uapi/linux/btrfs_tree.h.
func btrfsDirty(start []byte) (bool, error) {
	const superblock, magic, logRoot = 64 << 10, 0x40, 0x60
	if string(start[superblock+magic:][:8]) != "_BHRfS_M" {
		return false, errors.New("read the superblock of btrfs: it has another magic number")
	}
	return binary.LittleEndian.Uint64(start[superblock+logRoot:]) != 0, nil
}
