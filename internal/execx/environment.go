package execx

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// environment is the inherited one without its language, in the C locale,
// with the additions.
func environment(inherited, additional []string) []string {
	env := make([]string, 0, len(inherited)+len(additional)+1)
	for _, pair := range inherited {
		name, _, _ := strings.Cut(pair, "=")
		if name != "LANG" && name != "LANGUAGE" && !strings.HasPrefix(name, "LC_") {
			env = append(env, pair)
		}
	}
	return append(append(env, "LC_ALL=C"), additional...)
}

// valueOf is the value that a program will see: the last one.
func valueOf(env []string, name string) string {
	for i := len(env) - 1; i >= 0; i-- {
		if value, found := strings.CutPrefix(env[i], name+"="); found {
			return value
		}
	}
	return ""
}

// lookPath finds an executable file. Unlike exec.LookPath it takes the PATH
// that the program will see, and looks into absolute folders only.
func lookPath(program, path string) (string, error) {
	if strings.Contains(program, "/") {
		return program, executable(program)
	}
	var refused error
	for _, folder := range filepath.SplitList(path) {
		if !filepath.IsAbs(folder) {
			continue
		}
		file := filepath.Join(folder, program)
		err := executable(file)
		if err == nil {
			return file, nil
		}
		if !os.IsNotExist(err) && refused == nil {
			refused = err
		}
	}
	if refused != nil {
		return "", refused
	}
	return "", &fs.PathError{Op: "look for", Path: program, Err: fs.ErrNotExist}
}

func executable(file string) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	if info.IsDir() || info.Mode()&0o111 == 0 {
		return &fs.PathError{Op: "execute", Path: file, Err: fs.ErrPermission}
	}
	return nil
}
