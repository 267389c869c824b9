package plan

import (
	"fmt"
	"time"
)

// planCopyPrunes makes the prune actions of a volume, for the world as it will
// be with the version that next adds or brings up to date. Those that would not
// be without it depend on it.
func (l *copyLayer) planCopyPrunes(v copyVolume, h copyHistory, next *Action) {
	if next != nil && next.Blocked != nil {
		next = nil
	}
	ref := time.Time{}
	if v.state == gone && !v.missing || v.state == released {
		ref = l.now
	}
	now := retainedCopies(h.regular, l.layer.Retention, ref, l.zone())
	later := now
	if next != nil {
		later = retainedCopies(with(h.regular, *next), l.layer.Retention, ref, l.zone())
	}
	code := ReasonRetention
	if !ref.IsZero() {
		code = ReasonOrphan
	}
	for _, version := range h.regular {
		reason, goes := later[version.path]
		_, goesAnyway := now[version.path]
		needs := ""
		if next != nil && !goesAnyway {
			needs = next.ID
		}
		if !goes || needs == "" && version.path == h.newest.path || next != nil && version.path == next.Copy.Path {
			continue
		}
		l.pruneCopy(v, h, version, Reason{code, reason.Detail}, needs)
	}
}

// with is what there will be of a volume once the action is done.
func with(versions []copyVersion, next Action) []copyVersion {
	made := copyVersion{name: next.Version, path: next.Copy.Path, time: next.VersionTime}
	return append([]copyVersion{made}, keep(versions, func(v copyVersion) bool { return v.path != made.path })...)
}

func (l *copyLayer) pruneCopy(v copyVolume, h copyHistory, version copyVersion, reason Reason, needs string) {
	a := Action{
		ID:   Address(l.layer.Name, v.name) + "@" + version.name,
		Kind: Prune, Layer: l.layer.Name, Volume: v.name, Version: version.name, VersionTime: version.time,
		Reason:  reason,
		Blocked: l.clock,
		Copy: &CopyAction{
			Destination: l.destination.Path, RequireMount: l.destination.RequireMount, Directory: l.layer.Directory,
			Path: version.path, Previous: h.newest.path,
		},
	}
	if r := version.receipt; r != nil {
		a.Copy.Estimate = &Estimate{Bytes: r.NewBytes, Inodes: r.Directories}
	}
	if needs != "" {
		a.DependsOn = []string{needs}
	}
	switch s := l.surveyed(); {
	case s.noNames != nil || v.state == unnamed:
		a.Blocked = &Block{BlockNames, "the cluster did not say which volumes are in use, so this one may be", "let the cluster answer"}
	case h.shrunk != nil && !l.acknowledged():
		a.Blocked = &Block{BlockSuspect, l.shrunkText(h), "look at it; if so much was meant to go, run again with --acknowledge-prunes " + l.layer.Name}
	}
	l.prunes = append(l.prunes, a)
}

// surveyed is the pool that the layer's volumes are in; zero when there is none.
func (l *copyLayer) surveyed() survey {
	if l.layer.From.Type != "layer" {
		return survey{}
	}
	from, _ := l.policy.Layer(l.layer.From.Name)
	return l.surveys[from.From.Name]
}

func (l *copyLayer) shrunkText(h copyHistory) string {
	n, b := h.newest.receipt, h.shrunk.receipt
	return fmt.Sprintf("the newest version, %s, has %s of %d bytes, and %s had %d of %d bytes",
		h.newest.name, count(int(n.Files), "file"), n.Bytes, h.shrunk.name, b.Files, b.Bytes)
}
