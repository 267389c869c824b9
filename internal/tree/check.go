package tree

import (
	"context"
	"fmt"
	"io"
)

// MaxFindings is how many findings a Report keeps.
const MaxFindings = 1000

// FindingKind is what is wrong with an entry.
type FindingKind string

// The kinds of findings.
const (
	Missing    FindingKind = "missing"
	Extra      FindingKind = "extra"
	Changed    FindingKind = "changed"
	Unreadable FindingKind = "unreadable"
)

// Finding is one entry that is not as its manifest says.
type Finding struct {
	Path string // as in Entry
	Kind FindingKind
	// Changed are the attributes that differ: type, mode, owner, size, time,
	// target, device, content.
	Changed []string
	Err     error // why it is unreadable
}

// Report is what Check found.
type Report struct {
	Findings []Finding // the first MaxFindings, in the order of Compare
	Total    int64     // all of them
	Entries  int64     // of the tree that were looked at
}

// Truncated says that there are more findings than are kept.
func (r *Report) Truncated() bool { return r.Total > int64(len(r.Findings)) }

// CheckOptions say how close to look.
type CheckOptions struct {
	// Data has the contents of files read and hashed.
	Data bool
	// Hashes is shared by calls for versions that have files in common; nil is
	// one of its own.
	Hashes *HashCache
}

// Check compares a tree with its manifest. An entry that cannot be read is a
// finding; a manifest that is none is an ErrManifest, a root that cannot be
// opened is an error as well.
func Check(ctx context.Context, root string, manifest io.Reader, o CheckOptions) (Report, error) {
	m, err := NewReader(manifest)
	if err != nil {
		return Report{}, pathError("read the manifest of", root, err)
	}
	top, err := openRoot(root)
	if err != nil {
		return Report{}, err
	}
	cache := o.Hashes
	if cache == nil {
		cache = &HashCache{}
	}
	c := &checker{manifest: m, data: o.Data}
	s := newScan(ctx, o.Data, cache)
	err = s.run(top, -1, c.entry)
	if err == nil {
		err = c.finish()
	}
	if err != nil {
		return Report{}, fmt.Errorf("check %q: %w", root, err)
	}
	return c.report, nil
}

// checker merges a walk with a manifest; both are in the same order.
type checker struct {
	manifest *Reader
	ahead    *Entry // read, and not met by the walk yet
	ended    bool
	data     bool
	closed   string // a folder that could not be listed
	report   Report
}

// entry holds the next entry of the walk against the manifest.
func (c *checker) entry(i *item) error {
	if isGone(i.err) {
		return nil
	}
	if err := c.forward(i.Path); err != nil {
		return err
	}
	want := c.ahead
	if want != nil && want.Path != i.Path {
		want = nil
	}
	if want != nil {
		c.ahead = nil
	}
	switch {
	case i.err != nil:
		c.closed = i.Path
		c.found(Finding{Path: i.Path, Kind: Unreadable, Err: i.err})
		return nil
	case want == nil:
		c.found(Finding{Path: i.Path, Kind: Extra})
	default:
		if changed := c.compare(want, &i.Entry); len(changed) > 0 {
			c.found(Finding{Path: i.Path, Kind: Changed, Changed: changed})
		}
	}
	c.report.Entries++
	return nil
}

// forward reads the manifest up to a path, or to where it would be; what it
// passes is missing.
func (c *checker) forward(path string) error {
	for !c.ended {
		if c.ahead == nil {
			next, err := c.manifest.Next()
			if isEnd(err) {
				c.ended = true
				return nil
			}
			if err != nil {
				return err
			}
			c.ahead = &next
		}
		if path != "" && Compare(c.ahead.Path, path) >= 0 {
			return nil
		}
		if c.closed == "" || !below(c.ahead.Path, c.closed) {
			c.found(Finding{Path: c.ahead.Path, Kind: Missing})
		}
		c.ahead = nil
	}
	return nil
}

// finish reads the rest of the manifest.
func (c *checker) finish() error { return c.forward("") }

func (c *checker) found(f Finding) {
	c.report.Total++
	if len(c.report.Findings) < MaxFindings {
		c.report.Findings = append(c.report.Findings, f)
	}
}

func (c *checker) compare(want, have *Entry) []string {
	if want.Type != have.Type {
		return []string{"type"}
	}
	var changed []string
	for _, attribute := range []struct {
		name    string
		differs bool
	}{
		{"mode", want.Mode != have.Mode},
		{"owner", want.UID != have.UID || want.GID != have.GID},
		{"size", want.Size != have.Size},
		{"time", !want.ModTime.Equal(have.ModTime)},
		{"target", want.Target != have.Target},
		{"device", want.Major != have.Major || want.Minor != have.Minor},
		{"content", c.data && want.Hash != have.Hash},
	} {
		if attribute.differs {
			changed = append(changed, attribute.name)
		}
	}
	return changed
}
