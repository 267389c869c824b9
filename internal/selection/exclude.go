package selection

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/rsync"
)

// Without leaves out what patterns exclude, and what lies below that: rsync does not
// ask its patterns of names that it is given. It is asked itself, on a model of empty
// files and folders of those names in a temporary folder.
func (s Selection) Without(ctx context.Context, runner execx.Runner, patterns []string) (_ Selection, err error) {
	if len(patterns) == 0 || s.IsEmpty() {
		return s, nil
	}
	at, err := os.MkdirTemp("", "bkplan-names-")
	if err != nil {
		return Selection{}, fmt.Errorf("make a folder for names: %w", err)
	}
	defer func() { _ = os.RemoveAll(at) }() // what is left of it is empty, and in the way of nobody
	model, nowhere := filepath.Join(at, "model"), filepath.Join(at, "nowhere")
	for _, dir := range []string{model, nowhere} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return Selection{}, fmt.Errorf("make a folder for names: %w", err)
		}
	}
	if err := s.model(ctx, model); err != nil {
		return Selection{}, fmt.Errorf("make a model of the names that have changed: %w", err)
	}
	argv := append([]string{"rsync", "--dry-run", "--recursive", "--out-format=%n"}, rsync.Excludes(patterns)...)
	output, err := runner.Run(ctx, execx.Command{Argv: append(argv, "--", model+"/", nowhere+"/")})
	if err != nil {
		return Selection{}, fmt.Errorf("ask rsync what is excluded: %w", err)
	}
	kept := Selection{map[string]kind{}}
	if k, known := s.entries[top]; known { // the tree cannot be excluded, and rsync need not name it
		kept.entries[top] = k
	}
	for line := range strings.Lines(string(output.Stdout)) {
		name := path.Clean(rsync.Unescape(strings.TrimSuffix(line, "\n")))
		if k, known := s.entries[name]; known {
			kept.entries[name] = k
		}
	}
	return kept, nil
}

// model makes an empty file or folder of each name.
func (s Selection) model(ctx context.Context, root string) error {
	made := map[string]bool{top: true}
	for name, k := range s.entries {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		dir := name
		if k == file {
			dir = path.Dir(name)
		}
		if err := makeFolder(root, dir, made); err != nil {
			return err
		}
		if k != file {
			continue
		}
		f, err := os.OpenFile(filepath.Join(root, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}

func makeFolder(root, dir string, made map[string]bool) error {
	if made[dir] {
		return nil
	}
	if err := os.MkdirAll(filepath.Join(root, dir), 0o700); err != nil {
		return err
	}
	made[dir] = true
	return nil
}
