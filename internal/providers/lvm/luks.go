package lvm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/bkplan/bkplan/internal/execx"
)

// checkKeyFile refuses a key that others can read. It does not read it.
func checkKeyFile(file string) error {
	if file == "" {
		return errors.New("it is encrypted with LUKS, and the policy names no key file for it (luks block of the source)")
	}
	if !filepath.IsAbs(file) {
		return fmt.Errorf("the LUKS key file %q is no absolute path", file)
	}
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return fmt.Errorf("look at the LUKS key file: %w", err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("the LUKS key file %s is no regular file", file)
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("the LUKS key file %s can be used by others (mode %04o): chmod 600 it", file, info.Mode().Perm())
	}
	return nil
}

// unlock opens LUKS on the clone, writable. The key stays in its file.
func (s *opening) unlock(ctx context.Context, d device) (device, error) {
	s.unlocked = true
	_, err := s.run(ctx, s.limits.unlock, "cryptsetup", "open", "--type", "luks", "--batch-mode", "--tries", "1",
		"--key-file", s.access.KeyFile, d.path, s.access.OpenName)
	if failure := (*execx.Error)(nil); errors.As(err, &failure) && failure.Exit == 2 {
		return device{}, fmt.Errorf("the key file %s does not open it (all of the file is the key, a newline at its end as well): %w", s.access.KeyFile, err)
	}
	if err != nil {
		return device{}, err
	}
	return s.await(ctx, "the mapping "+s.access.OpenName, func(m mapping) bool { return m.isLUKS() && m.name == s.access.OpenName })
}

// closeMapping closes a mapping of cryptsetup; gone already is fine.
func (o *Opener) closeMapping(ctx context.Context, name string) error {
	all, err := o.host.mappings()
	if err != nil {
		return fmt.Errorf("look for the mapping %s: %w", name, err)
	}
	for _, m := range all {
		if m.name == name && m.isLUKS() {
			_, err = o.run(ctx, o.limits.unlock, "cryptsetup", "close", name)
			return err
		}
	}
	return nil
}
