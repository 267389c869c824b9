package nas

import (
	"errors"
	"os"
	"os/exec"
)

// applets are what the NAS has of BusyBox.
var applets = []string{"cat", "date", "df", "id", "ls", "mkdir", "mv", "printf", "rm", "rmdir", "sync", "tar", "test", "[", "wc", "xargs"}

// makePath makes the folder of programs that the NAS has.
func (n *NAS) makePath() error {
	if err := os.Mkdir(n.At("path"), 0o755); err != nil {
		return err
	}
	errs := []error{n.program("rsync", "rsync"), n.program("/bin/sh", "sh")}
	for _, name := range applets {
		errs = append(errs, n.program("busybox", name))
	}
	// The shell of BusyBox runs its own sync, and all that the machine has to write
	// would be waited for.
	return errors.Join(append(errs, n.Replace("sync", "exit 0"))...)
}

// program gives the NAS a program of this machine, under another name.
func (n *NAS) program(program, name string) error {
	found, err := exec.LookPath(program)
	if err != nil {
		return err
	}
	return os.Symlink(found, n.At("path/"+name))
}

// BusyBox gives the NAS the shell of BusyBox, which has applets of its own.
func (n *NAS) BusyBox() error {
	return errors.Join(n.Remove("sh"), n.program("busybox", "sh"))
}

// Replace puts a shell script in the place of a program over there.
func (n *NAS) Replace(name, script string) error {
	if err := n.Remove(name); err != nil {
		return err
	}
	return n.write("path/"+name, "#!/bin/sh\n"+script, 0o755)
}

// Restore puts a program back that was replaced or removed.
func (n *NAS) Restore(name string) error {
	if err := n.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return n.program(name, name)
}

// Remove takes a program away over there.
func (n *NAS) Remove(name string) error { return os.Remove(n.At("path/" + name)) }
