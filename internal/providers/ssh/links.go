package ssh

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/rsync"
)

var _ providers.Linker = (*Provider)(nil)

// linkFormat is how rsync tells which files have one inode: what it would do, the
// size, the time, the name, and the name of the file that it is linked to.
const linkFormat = "%i %l %M %n%L"

// linkForm takes such a line of a regular file apart. A link's begins with "hf".
var linkForm = regexp.MustCompile(`(?m)^([h>.])f\S* ([0-9]+) (\S+) (.*)$`)

// linkWord is what rsync writes between a name and the one that it is linked to.
const linkWord = " => "

// file is a regular file as far as it can be told without its content.
type file struct {
	size  int64
	time  string // to the second
	inode string // a name that stands for it
}

// looksLike says that two files may be one.
func (f file) looksLike(other file) bool { return f.size == other.size && f.time == other.time }

// trees are the regular files of some folders, by the folder and the name in it.
type trees []map[string]file

// Shares lists the versions of a volume in one go: hard links among all of them are
// told by that.
func (p *Provider) Shares(ctx context.Context, relinks []plan.Action) ([]plan.Estimate, error) {
	var folders []string
	var at job
	for i, a := range relinks {
		if a.Copy == nil || a.Copy.Remote == nil || a.Kind != plan.Relink {
			return nil, unsupported(a)
		}
		place, err := newPlace(a)
		if err != nil {
			return nil, err
		}
		m, err := p.connect(*a.Copy.Remote)
		if err != nil {
			return nil, err
		}
		at = job{Action: a, place: place, machine: m, started: p.Now()}
		if i == 0 {
			folders = append(folders, place.previous)
		}
		folders = append(folders, place.path)
	}
	found, err := p.list(ctx, at, folders)
	if err != nil {
		return nil, err
	}
	return found.shares(), nil
}

// list asks for the regular files of folders over there, by their paths below the
// root. Nothing is transferred.
func (p *Provider) list(ctx context.Context, j job, folders []string) (trees, error) {
	argv, err := j.pull("-nrltH", linkFormat, folders, "--relative", "--no-implied-dirs")
	if err != nil {
		return nil, err
	}
	var output execx.Output
	err = j.retry(ctx, func() error {
		output, err = j.runner.Run(ctx, execx.Command{Argv: append(argv, p.folder+"/")})
		return j.explainRsync(err)
	})
	if err != nil {
		return nil, fmt.Errorf("list versions: %w", err)
	}
	return sortFiles(output.Stdout, folders), nil
}

// sortFiles gives each folder its files.
func sortFiles(list []byte, folders []string) trees {
	found := make(trees, len(folders))
	for i := range found {
		found[i] = map[string]file{}
	}
	for _, line := range linkForm.FindAllSubmatch(bytes.TrimSuffix(list, []byte("\n")), -1) {
		name, inode := string(line[4]), string(line[4])
		if string(line[1]) == "h" {
			if cut := strings.LastIndex(name, linkWord); cut > 0 {
				name, inode = name[:cut], name[cut+len(linkWord):]
			}
		}
		size, _ := strconv.ParseInt(string(line[2]), 10, 64) // the form has been checked
		path := rsync.Unescape(name)
		for i, folder := range folders {
			if below, ok := strings.CutPrefix(path, folder+"/"); ok {
				found[i][below] = file{size, string(line[3]), inode}
			}
		}
	}
	return found
}

// shares reckons what becomes of the files when each folder after the first takes
// those of the one before it that look the same. What an inode frees is counted for
// the last folder that had it.
func (t trees) shares() []plan.Estimate {
	estimates := make([]plan.Estimate, len(t)-1)
	last, stays := map[string]int{}, map[string]bool{}
	sizes := map[string]int64{}
	for i, folder := range t {
		for name, f := range folder {
			last[f.inode], sizes[f.inode] = i, f.size
			if i > 0 {
				if newer, found := t[i-1][name]; found && newer.inode != f.inode && newer.looksLike(f) {
					estimates[i-1].Files++
					f.inode = newer.inode
					folder[name] = f
				}
			}
			stays[f.inode] = true
		}
	}
	for inode, i := range last {
		if !stays[inode] && i > 0 {
			estimates[i-1].Bytes += sizes[inode]
		}
	}
	return estimates
}

// foreign is how many regular files of a folder are those of no other.
func (t trees) foreign(of int) (files int64) {
	others := slices.Delete(slices.Clone(t), of, of+1)
	for name, f := range t[of] {
		if !slices.ContainsFunc(others, func(other map[string]file) bool { return other[name].inode == f.inode }) {
			files++
		}
	}
	return files
}

// shared is how many regular files of two folders are one, and their bytes.
func (t trees) shared(a, b int) (files, size int64) {
	for name, f := range t[b] {
		if other, found := t[a][name]; found && other.inode == f.inode {
			files, size = files+1, size+f.size
		}
	}
	return files, size
}
