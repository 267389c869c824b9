package ssh

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bkplan/bkplan/internal/openssh"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/receipt"
)

// observeLimit is how long the one command of an observation may take.
const observeLimit = 10 * time.Minute

// Observe asks a destination on another machine once: for receipts, the layers'
// directories to their depth, and what is free.
func (p *Provider) Observe(ctx context.Context, target providers.Target) (providers.Part, error) {
	d := target.Destination
	if d.Kind != plan.DestinationSSH {
		return providers.Part{}, fmt.Errorf("observe this source or destination: %w", providers.ErrUnsupported)
	}
	roots := append([]providers.Copy{{Directory: ".", Folders: target.Folders}}, target.Copies...)
	arguments, err := ask(d, roots)
	if err != nil {
		return providers.Part{}, err
	}
	command := openssh.Command{Address: d.Address, IdentityFile: d.IdentityFile}
	if !p.OneLook {
		if shared, err := p.share(command); err == nil { // else a look does without
			command = shared
		}
	}
	a, err := p.machine(command, lookPatience).ask(ctx, observeLimit, observeScript, d.Path, arguments, nil)
	if err != nil {
		return providers.Part{}, err
	}
	disks, err := read(d, roots, a)
	if err != nil {
		return providers.Part{}, fmt.Errorf("%s: %w", d.Address, err)
	}
	return providers.Part{Disks: disks}, nil
}

// ask gives the arguments of observeScript.
func ask(d plan.Destination, roots []providers.Copy) ([]string, error) {
	if !filepath.IsAbs(d.Path) || strings.ContainsRune(d.Path, 0) {
		return nil, fmt.Errorf("destination %q is not an absolute path", d.Path)
	}
	arguments := []string{d.SynologyShare, strconv.Itoa(len(roots))}
	for i, r := range roots {
		if i > 0 && !safe(r.Directory) {
			return nil, fmt.Errorf("the directory %q is no place below the destination", r.Directory)
		}
		arguments = append(arguments, r.Directory, strconv.Itoa(len(r.Folders)))
		for _, f := range r.Folders {
			if !safe(f.Directory) {
				return nil, fmt.Errorf("the layer's directory %q is no place below the destination", f.Directory)
			}
			arguments = append(arguments, f.Directory, strconv.Itoa(f.Depth))
		}
	}
	return arguments, nil
}

// reader goes through the facts of an observation.
type reader struct {
	disks []plan.Disk
	roots []providers.Copy
	// prefix is what the paths of entries begin with; take gets them.
	prefix string
	take   func(kind, path string)
	system facts // of the root at hand
	mounts fact
	// snapshots are those of the share; nil where nobody asked.
	snapshots *plan.ShareSnapshots
}

func read(d plan.Destination, roots []providers.Copy, a answer) ([]plan.Disk, error) {
	r := reader{roots: roots, mounts: fact{"mounts", a.get("mounts")}}
	now := clock(a.facts)
	for _, f := range a.facts {
		if err := r.fact(d, now, f); err != nil {
			return nil, err
		}
	}
	if len(r.disks) != len(roots) {
		return nil, errors.New("the answer from over there has gaps")
	}
	if err := r.endRoot(); err != nil {
		return nil, err
	}
	for i := 1; i < len(r.disks); i++ {
		if r.disks[i].FileSystem.MountPoint == "" { // it will be made there
			r.disks[i].FileSystem = r.disks[0].FileSystem
		}
	}
	return r.disks, r.readArchive(a.archive)
}

func (r *reader) fact(d plan.Destination, now time.Time, f fact) error {
	last := len(r.disks) - 1
	switch f.name {
	case "root":
		if err := r.endRoot(); err != nil {
			return err
		}
		return r.beginRoot(d, now, f.value)
	case "snapshots":
		r.snapshots = readSnapshots(d.SynologyShare, f.value)
	case "path", "blocks", "inodes", "writable":
		r.system = append(r.system, f)
	case "receipts":
		if f.value != isFolder && f.value != isMissing {
			return fmt.Errorf("%q in %q is not a folder, or a link is on the way to it: none is followed there", plan.ReceiptFolder, r.disks[last].Path)
		}
	case "work":
		r.prefix = f.value + "/"
		r.take = func(_, path string) { r.disks[last].Unfinished = append(r.disks[last].Unfinished, path) }
	case "folder":
		return r.beginFolder(f.value)
	case "entry":
		path, ok := strings.CutPrefix(f.value[1:], r.prefix)
		if !ok || r.take == nil {
			return fmt.Errorf("the answer from over there makes no sense: %q", shorten([]byte(f.value)))
		}
		r.take(f.value[:1], path)
	case "denied":
		return fmt.Errorf("the user there may not read %q", f.value)
	}
	return nil
}

func (r *reader) beginRoot(d plan.Destination, now time.Time, kind string) error {
	i := len(r.disks)
	path := d.Path
	if i >= len(r.roots) {
		return errors.New("the answer from over there has too much in it")
	}
	if i > 0 {
		path = filepath.Join(d.Path, r.roots[i].Directory)
	}
	if kind != isFolder && kind != isMissing {
		return fmt.Errorf("%q is not a directory there, or a link is on the way to it: none is followed there", path)
	}
	r.disks = append(r.disks, plan.Disk{Address: d.Address, Path: path, Clock: now})
	if i == 0 {
		r.disks[0].ShareSnapshots = r.snapshots
	}
	return nil
}

// readSnapshots reads the exit status and the words of the tool that knows how long a
// Synology keeps snapshots of a share. No form of them is documented.
func readSnapshots(share, text string) *plan.ShareSnapshots {
	status, words, _ := strings.Cut(text, " ")
	words = shorten([]byte(strings.Join(strings.Fields(words), " ")))
	if status != "0" || words == "" {
		return &plan.ShareSnapshots{Share: share, Detail: fmt.Sprintf("synoretentionconf ended with %s: %s", status, cmp.Or(words, "no words"))}
	}
	return &plan.ShareSnapshots{Share: share, Retention: words}
}

// endRoot takes down on what the root at hand lies.
func (r *reader) endRoot() error {
	if len(r.disks) == 0 {
		return nil
	}
	disk := &r.disks[len(r.disks)-1]
	for _, f := range r.roots[len(r.disks)-1].Folders[len(disk.Folders):] { // of a root that is not there
		f.Entries = nil
		disk.Folders = append(disk.Folders, f)
	}
	if r.system == nil {
		return nil
	}
	system, err := fileSystem(append(r.system, r.mounts))
	if err != nil {
		return err
	}
	if r.system.get("writable") == "" && !system.ReadOnly {
		return fmt.Errorf("the user there may not write to %q", disk.Path)
	}
	disk.FileSystem, r.system = system, nil
	return nil
}

// beginFolder takes what follows for the entries of the next folder. A directory
// that is no directory is its only entry, ".".
func (r *reader) beginFolder(text string) error {
	root, disk := r.roots[len(r.disks)-1], &r.disks[len(r.disks)-1]
	if len(disk.Folders) >= len(root.Folders) {
		return errors.New("the answer from over there has too much in it")
	}
	f := root.Folders[len(disk.Folders)]
	f.Entries = nil
	switch kind := text[:1]; kind {
	case isFolder, isMissing:
	case isLink:
		f.Entries = []plan.Entry{{Path: ".", Type: plan.EntryLink}}
	default:
		f.Entries = []plan.Entry{{Path: ".", Type: plan.EntryFile}}
	}
	disk.Folders = append(disk.Folders, f)
	into := &disk.Folders[len(disk.Folders)-1]
	r.prefix = text[1:] + "/"
	r.take = func(kind, path string) { addEntry(into, kind, path) }
	return nil
}

// entryTypes are the kinds that the script tells.
var entryTypes = map[string]plan.EntryType{isFolder: plan.EntryFolder, isFile: plan.EntryFile, isLink: plan.EntryLink}

// addEntry adds what is of full depth, and whatever above that is no folder or has a
// name that is not UTF-8.
func addEntry(f *plan.Folder, kind, path string) {
	depth := strings.Count(path, "/") + 1
	if path == plan.OwnFolder || strings.HasPrefix(path, plan.OwnFolder+"/") || filepath.Base(path) == plan.SynologyFolder {
		return
	}
	if !utf8.ValidString(filepath.Dir(path)) {
		return // in what has been told
	}
	odd := !utf8.ValidString(path)
	if depth < f.Depth && kind == isFolder && !odd {
		return
	}
	f.Entries = append(f.Entries, plan.Entry{
		Path: strings.ToValidUTF8(path, "\uFFFD"), Type: cmp.Or(entryTypes[kind], plan.EntryOther), Odd: odd,
	})
}

// readArchive gives each root its receipts.
func (r *reader) readArchive(archive []byte) error {
	gathered := make([]receipt.Gathering, len(r.disks))
	for content := tar.NewReader(bytes.NewReader(archive)); len(archive) > 0; {
		header, err := content.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read receipts: %w", err)
		}
		i, at := r.place(header.Name)
		if i < 0 {
			continue
		}
		if err := gathered[i].Add(at, header.FileInfo(), content); err != nil {
			return fmt.Errorf("read receipts: %w", err)
		}
	}
	for i := range r.disks {
		r.disks[i].Receipts, r.disks[i].Bad = gathered[i].All()
		slices.Sort(r.disks[i].Unfinished)
		for _, f := range r.disks[i].Folders {
			slices.SortFunc(f.Entries, func(a, b plan.Entry) int { return cmp.Compare(a.Path, b.Path) })
		}
	}
	return nil
}

// place finds the root to which a name in the archive belongs, and the name's place
// in its folder of receipts; -1 where there is none.
func (r *reader) place(name string) (int, string) {
	name = strings.TrimSuffix(strings.TrimPrefix(name, "./"), "/")
	for i, root := range r.roots {
		folder := filepath.Join(root.Directory, plan.ReceiptFolder) + "/"
		if at, ok := strings.CutPrefix(strings.TrimPrefix(name, "./"), folder); ok {
			return i, at
		}
	}
	return -1, ""
}
