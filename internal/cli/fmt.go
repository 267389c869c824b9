package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/bkplan/bkplan/internal/policy"
)

func newFmt(app *App) *cobra.Command {
	var check bool
	var options policyOptions
	cmd := &cobra.Command{
		Use:   "fmt [FILE|FOLDER|-]...",
		Short: "Lay out policy files in the one way",
		Long: `Lay out policy files in the one way, and print the names of those that changed.
Without a name it is the policy's own files; - reads standard input and writes
standard output.`,
		RunE: func(_ *cobra.Command, args []string) error { return app.format(options, args, check) },
	}
	cmd.Flags().StringVarP(&options.path, "file", "f", "", "policy: a file, or a folder of *.hcl")
	cmd.Flags().BoolVar(&check, "check", false, "change nothing; list the files that would change, and exit with 2")
	return exitCodes(cmd, "laid out, or nothing to do", "--check found files to lay out")
}

func (a *App) format(options policyOptions, args []string, check bool) error {
	if len(args) == 0 {
		path, err := a.policyPath(options)
		if err != nil {
			return err
		}
		args = []string{path}
	}
	changed, failed := 0, false
	for _, arg := range args {
		n, errs := a.formatArg(arg, check)
		changed += n
		for _, err := range errs {
			a.show(err)
			failed = true
		}
	}
	switch {
	case failed:
		return errShown
	case check && changed > 0:
		return errChanges
	}
	return nil
}

func (a *App) formatArg(arg string, check bool) (changed int, errs []error) {
	format := a.formatFile
	files, err := []string{arg}, error(nil)
	if arg == "-" {
		format = a.formatStream
	} else if files, err = policyFiles(arg); err != nil {
		return 0, []error{err}
	}
	for _, file := range files {
		did, err := format(file, check)
		if err != nil {
			errs = append(errs, err)
		}
		if did {
			changed++
		}
	}
	return changed, errs
}

// policyFiles are the files of a folder, or the one file.
func policyFiles(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read policy: %w", err)
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	files, err := filepath.Glob(filepath.Join(path, "*.hcl"))
	slices.Sort(files)
	return files, err
}

func (a *App) formatFile(path string, check bool) (changed bool, err error) {
	before, err := os.ReadFile(path)
	if err != nil {
		return false, fmt.Errorf("read policy: %w", err)
	}
	after, err := a.formatted(before, path)
	if err != nil || bytes.Equal(before, after) {
		return false, err
	}
	fmt.Fprintln(a.Stdout, path)
	if check {
		return true, nil
	}
	if err := replacePolicy(path, after); err != nil {
		return false, fmt.Errorf("write policy: %w", err)
	}
	return true, nil
}

// replacePolicy replaces the file that path leads to: a link stays a link.
func replacePolicy(path string, text []byte) error {
	file, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	return renameio.WriteFile(file, text, info.Mode().Perm())
}

func (a *App) formatStream(_ string, check bool) (changed bool, err error) {
	before, err := io.ReadAll(a.Stdin)
	if err != nil {
		return false, fmt.Errorf("read standard input: %w", err)
	}
	after, err := a.formatted(before, "<stdin>")
	if err != nil {
		return false, err
	}
	changed = !bytes.Equal(before, after)
	if check {
		return changed, nil
	}
	_, err = a.Stdout.Write(after)
	return changed, err
}

func (a *App) formatted(source []byte, name string) ([]byte, error) {
	after, diagnostics := policy.Format(source, name)
	if diagnostics.HasErrors() {
		fmt.Fprint(a.Stderr, diagnostics.Text(width(a.Stderr)))
		return nil, errShown
	}
	return after, nil
}
