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
	return errors.Join(errs...)
}

// writeRemote writes what sshd runs, whatever it is told to run. With functions, the
// script that it is told is run by BusyBox after them: no program is started for each
// word in it, which takes most of the time otherwise.
func (n *NAS) writeRemote() error {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return err
	}
	text := "#!" + busybox + " sh\nPATH=" + n.At("path") + "; export PATH\n[ ! -f " + n.At("noise") + " ] || cat " + n.At("noise") + "\n"
	if n.functions != nil {
		before := ""
		for name, body := range n.functions {
			before += name + "() { " + body + "\n}\n"
		}
		if err := n.write("functions", before, 0o644); err != nil {
			return err
		}
		text += "case $SSH_ORIGINAL_COMMAND in \"exec sh -c \"*)\neval \"set -- ${SSH_ORIGINAL_COMMAND#exec sh -c }\"\n" +
			"exec " + busybox + " sh -c \"$(cat " + n.At("functions") + ")\n$1\"\nesac\n"
	}
	return n.write("remote", text+"exec "+n.At("path/sh")+" -c \"$SSH_ORIGINAL_COMMAND\"\n", 0o755)
}

// program gives the NAS a program of this machine, under another name.
func (n *NAS) program(program, name string) error {
	found, err := exec.LookPath(program)
	if err != nil {
		return err
	}
	return os.Symlink(found, n.At("path/"+name))
}

// Dash gives the NAS the shell of this machine, which runs what is in its PATH. It
// comes before any Replace.
func (n *NAS) Dash() error {
	n.functions = nil
	return errors.Join(n.Replace("sync", "exit 0"), n.writeRemote()) // as in Start
}

// Replace puts a shell script in the place of a program over there.
func (n *NAS) Replace(name, script string) error {
	if n.functions != nil && name != "rsync" {
		n.functions[name] = script
		return n.writeRemote()
	}
	if err := n.Remove(name); err != nil {
		return err
	}
	return n.write("path/"+name, "#!/bin/sh\n"+script, 0o755)
}

// Restore puts a program back that was replaced or removed.
func (n *NAS) Restore(name string) error {
	if _, replaced := n.functions[name]; replaced {
		delete(n.functions, name)
		return n.writeRemote()
	}
	if err := n.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return n.program(name, name)
}

// Remove takes a program away over there.
func (n *NAS) Remove(name string) error { return os.Remove(n.At("path/" + name)) }
