package openssh

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// OpenKeyFile opens a file that holds a key, after proof that nobody else can
// read it. Links are followed: secrets are often mounted that way.
func OpenKeyFile(path string) (*os.File, error) {
	// Without O_NONBLOCK a FIFO would wait for somebody to write.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open key file: %w", err)
	}
	info, err := file.Stat()
	switch {
	case err != nil:
		err = fmt.Errorf("look at key file: %w", err)
	case !info.Mode().IsRegular():
		err = fmt.Errorf("key file %q is not a regular file", path)
	case info.Mode().Perm()&0o077 != 0:
		err = fmt.Errorf("key file %q is open to others than its owner (mode %04o): chmod 600 it", path, info.Mode().Perm())
	case info.Size() == 0:
		err = fmt.Errorf("key file %q is empty", path)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// CheckIdentity looks at a key of ssh before ssh does. Of a path ssh expands %
// and ${}, so that it would look for another file.
func CheckIdentity(path string) error {
	if strings.ContainsAny(path, "%$") {
		return fmt.Errorf("key file %q: ssh takes %% and $ in the name of a key for something else; rename it", path)
	}
	file, err := OpenKeyFile(path)
	if err != nil {
		return err
	}
	return file.Close()
}
