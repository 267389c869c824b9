package policy

import (
	"fmt"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/quantity"
	"github.com/bkplan/bkplan/internal/retention"
)

// layerKind is what sets a kind of layer apart.
type layerKind struct {
	from   accepted
	to     accepted                 // none: versions stay where the source is
	decode func(*body, *plan.Layer) // what only some kinds have
}

var dumped = accepted{"source.postgresql", "source.mysql", "source.etcd", "source.vault", "source.redis"}

// onDisk is where versions are kept: what is far away only takes a mirror.
var onDisk = accepted{"destination.disk"}

var layerKinds = map[string]layerKind{
	plan.LayerSnapshot: {accepted{"source.lvm_thin"}, nil, (*body).snapshotLayer},
	plan.LayerFiles:    {accepted{"layer.snapshot", "source.directory", "source.paths"}, onDisk, (*body).filesLayer},
	plan.LayerSQLite:   {accepted{"layer.snapshot", "source.directory", "source.vaultwarden"}, onDisk, (*body).sqliteLayer},
	plan.LayerFetch:    {accepted{"source.pfsense"}, onDisk, (*body).fetchLayer},
	plan.LayerDump:     {dumped, onDisk, (*body).dumpLayer},
	plan.LayerSync:     {accepted{"source.directory", "source.paths", "destination"}, accepted{"destination"}, (*body).syncLayer},
}

// layer decodes a layer block.
func (e *evaluator) layer(d declaration) plan.Layer {
	l := plan.Layer{Kind: d.kind, Name: d.name}
	kind, known := layerKinds[d.kind]
	if !known {
		e.unknownKind(d, sortedKeys(layerKinds))
		return l
	}
	b := e.body(d.kind+" layer", d.block)
	b.require("from", "schedule")
	l.From, _ = b.reference("from", kind.from)
	l.Schedule = b.schedule("schedule")
	if kind.to != nil {
		l.Timeout = b.duration("timeout")
		b.require("to", "directory")
		l.To, _ = b.reference("to", kind.to)
		l.Directory = b.relative("directory")
	}
	kind.decode(b, &l)
	b.layerAlert(&l)
	b.done()
	return l
}

func (b *body) snapshotLayer(l *plan.Layer) {
	l.Retention = b.retention("retention", "retention block")
	l.PreRestore = b.retention("pre_restore", "pre_restore block")
	l.Guard = plan.Guard{MinFreeData: tenth, MinFreeMetadata: tenth}
	b.within("guard", "guard of a snapshot layer", func(g *body) {
		override(&l.Guard.MinFreeData, g.threshold("min_free_data"))
		override(&l.Guard.MinFreeMetadata, g.threshold("min_free_metadata"))
		override(&l.Guard.MaxPrune, g.share("max_prune"))
	})
}

func (b *body) filesLayer(l *plan.Layer) {
	b.versionedLayer(l)
	l.Exclude = b.texts("exclude")
}

func (b *body) sqliteLayer(l *plan.Layer) {
	b.versionedLayer(l)
	b.within("integrity", "integrity block", func(i *body) {
		i.require("schedule")
		l.IntegritySchedule = i.schedule("schedule")
		i.alert("alert", &l.IntegrityAlert, func(*body) {})
		if l.From.Kind != "" && l.From.Kind != plan.SourceVaultwarden {
			b.errorAt(i.header, problem{
				code: "unused_block", summary: "integrity is checked between copies of a Vaultwarden only",
				detail: "The databases of this layer are checked whenever they are copied.", hint: "leave the block out",
			})
		}
	})
}

func (b *body) fetchLayer(l *plan.Layer) {
	b.versionedLayer(l)
	l.Artifact = b.choice("artifact", "artifact", plan.ArtifactConfig, plan.ArtifactFiles)
	if !b.has("artifact") {
		l.Artifact = plan.ArtifactConfig
	}
}

// versionedLayer reads what layers have that make versions under names of
// their own.
func (b *body) versionedLayer(l *plan.Layer) {
	l.Version = parsed(b, "version", "version format", versionFormat)
	if !b.has("version") {
		l.Version = defaultVersion
	}
	b.keptLayer(l)
}

func (b *body) dumpLayer(l *plan.Layer) {
	l.Files = parsed(b, "files", "pattern", dumpPattern)
	b.keptLayer(l)
}

// dumpPattern is a glob of a path below the layer's directory.
func dumpPattern(text string) (string, *flaw) {
	if _, wrong := relativePath(text); wrong != nil {
		return "", wrong
	}
	return globPattern(text)
}

func (b *body) keptLayer(l *plan.Layer) {
	l.Retention = b.retention("retention", "retention block")
	b.within("guard", "guard of "+aOrAn(b.what), func(g *body) {
		override(&l.Guard.MaxPrune, g.share("max_prune"))
	})
}

func (b *body) syncLayer(l *plan.Layer) {
	l.TrackChanges = b.flag("track_changes")
	l.Exclude = b.texts("exclude")
	b.within("full", "full block", func(f *body) {
		f.require("schedule")
		l.FullSchedule = f.schedule("schedule")
	})
	l.Guard = plan.Guard{MaxDelete: tenth}
	ofDisk := l.From.Type == "destination"
	b.within("guard", "guard of a sync layer", func(g *body) {
		override(&l.Guard.MaxDelete, g.threshold("max_delete"))
		if ofDisk {
			override(&l.Guard.MaxPrune, g.share("max_prune"))
		}
	})
	if ofDisk {
		l.Retention = b.retention("retention", "retention block")
	}
}

// tenth is the limit of a guard that a policy does not mention.
var tenth = quantity.Threshold{Share: mustShare("10%")}

func mustShare(text string) quantity.Share {
	share, err := quantity.ParseShare(text)
	if err != nil {
		panic(err)
	}
	return share
}

// override sets a default aside for what is written.
func override[T comparable](value *T, written T) {
	var unset T
	if written != unset {
		*value = written
	}
}

// retention reads a block of keep_* rules.
func (b *body) retention(name, what string) retention.Rules {
	var rules retention.Rules
	b.within(name, what, func(r *body) {
		rules = retention.Rules{
			Last:          r.count("keep_last"),
			Hourly:        r.count("keep_hourly"),
			Daily:         r.count("keep_daily"),
			Weekly:        r.count("keep_weekly"),
			Monthly:       r.count("keep_monthly"),
			Yearly:        r.count("keep_yearly"),
			Within:        r.duration("keep_within"),
			WithinHourly:  r.duration("keep_within_hourly"),
			WithinDaily:   r.duration("keep_within_daily"),
			WithinWeekly:  r.duration("keep_within_weekly"),
			WithinMonthly: r.duration("keep_within_monthly"),
			WithinYearly:  r.duration("keep_within_yearly"),
		}
		if rules.IsZero() && !r.failed() {
			r.warnAt(r.header, problem{
				code: "empty_retention", summary: fmt.Sprintf("%s has no rule and keeps everything", name),
				detail: "Without a rule nothing is ever pruned.",
				hint:   `write a rule such as keep_last = 4 or keep_within = "7d", or leave the block out`,
			})
		}
	})
	return rules
}
