package plan

import (
	"fmt"
	"slices"
	"time"
)

// planCopyPrunes makes the prune actions of a volume, for the world as it will
// be with the version that next adds or brings up to date. Those that would not
// be without it, since it takes a rule's place or that of the newest, depend on it.
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
		if next != nil && (!goesAnyway || h.isNewest(version)) {
			needs = next.ID
		}
		if !goes || needs == "" && h.isNewest(version) || next != nil && version.path == next.Copy.Path {
			continue
		}
		l.pruneCopy(v, h, version, Reason{code, reason.Detail}, next, needs)
	}
}

// isNewest says whether a version may be the one with the newest data: it was
// made last, or it is the last by its name. An older script may have filled this
// week's after last week's was made late.
func (h copyHistory) isNewest(v copyVersion) bool {
	return v.path == h.newest.path || v.path == h.latest.path
}

// with is what there will be of a volume once the action is done.
func with(versions []copyVersion, next Action) []copyVersion {
	made := copyVersion{name: next.Version, path: next.Copy.Path, start: next.VersionTime, time: next.VersionTime}
	return append([]copyVersion{made}, keep(versions, func(v copyVersion) bool { return v.path != made.path })...)
}

func (l *copyLayer) pruneCopy(v copyVolume, h copyHistory, version copyVersion, reason Reason, next *Action, needs string) {
	a := Action{
		ID:   Address(l.layer.Name, v.name) + "@" + version.name,
		Kind: Prune, Layer: l.layer.Name, Volume: v.name, Version: version.name, VersionTime: version.time,
		Reason:  reason,
		Blocked: l.clock,
		Copy: &CopyAction{
			Destination: l.destination.Path, RequireMount: l.destination.RequireMount, Directory: l.layer.Directory,
			Path: version.path, Previous: h.newest.path, Estimate: h.frees(version), AcceptLoss: l.acknowledged(),
		},
	}
	if needs != "" {
		a.DependsOn, a.Copy.Previous = []string{needs}, next.Copy.Path
	}
	switch s := l.surveyed(); {
	case s.noNames != nil || v.state == unnamed:
		a.Blocked = &Block{BlockNames, "the cluster did not say which volumes are in use, so this one may be", "let the cluster answer"}
	case h.shrunk != nil && !l.acknowledged():
		a.Blocked = &Block{BlockSuspect, l.shrunkText(h), "look at it; if so much was meant to go, run again with --acknowledge-prunes " + l.layer.Name}
	}
	l.prunes = append(l.prunes, a)
}

// frees is what removing a version is expected to free: what it has and the one
// that was made after it does not share. It is not known where a receipt is
// missing.
func (h copyHistory) frees(v copyVersion) *Estimate {
	i := slices.IndexFunc(h.regular, func(c copyVersion) bool { return c.path == v.path })
	if v.receipt == nil || i > 0 && h.regular[i-1].receipt == nil {
		return nil
	}
	e := Estimate{Bytes: max(0, v.receipt.Bytes), Inodes: max(0, v.receipt.Directories)}
	if i > 0 {
		after := h.regular[i-1].receipt
		e.Bytes = max(0, e.Bytes-max(0, after.Bytes-max(0, after.NewBytes)))
	}
	if i+1 < len(h.regular) {
		e.Bytes = min(e.Bytes, max(0, v.receipt.NewBytes)) // what is older shares the rest
	}
	return &e
}

// namesMissing says that of some volumes of the pool the names are not known.
func (l *copyLayer) namesMissing() bool {
	s := l.surveyed()
	return s.noNames != nil || slices.ContainsFunc(s.volumes, func(v volume) bool { return v.state == unnamed })
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
