package plan

import (
	"slices"
	"time"

	"pgregory.net/rapid"
)

// drawVersions gives a volume snapshots of this policy's layers, of older
// scripts and copies from before a restore, at times that meet and collide.
func (w *world) drawVersions(t *rapid.T, v *trueVolume) {
	renamed := w.drawRestore(t, v)
	ages := []time.Duration{
		0, time.Second, time.Minute, time.Hour, time.Hour, 24 * time.Hour, 25 * time.Hour, 49 * time.Hour,
		8 * 24 * time.Hour, 40 * 24 * time.Hour, 400 * 24 * time.Hour,
	}
	if rapid.IntRange(0, 7).Draw(t, "clock is wrong") == 0 {
		ages = append(ages, -2*time.Minute, -10*time.Minute, -20*365*24*time.Hour)
	}
	for range rapid.IntRange(0, 7).Draw(t, "versions") {
		at := w.now.Add(-rapid.SampledFrom(ages).Draw(t, "age"))
		origin := w.originOf(v)
		if renamed.name != "" && at.Before(renamed.time) {
			origin = renamed.name
		}
		w.drawVersion(t, v, at, origin)
	}
}

// restored is the copy that a volume was renamed to when it was restored.
type restored struct {
	name string
	time time.Time
}

// drawRestore restores a volume as people do: the volume is renamed, and
// snapshots made before go on naming it as their origin.
func (w *world) drawRestore(t *rapid.T, v *trueVolume) restored {
	if rapid.IntRange(0, 3).Draw(t, "restored") > 0 {
		return restored{}
	}
	at := w.now.Add(-rapid.SampledFrom([]time.Duration{time.Hour, 26 * time.Hour, 10 * 24 * time.Hour}).Draw(t, "restored ago"))
	name := v.lvName + preRestoreInfix + at.In(w.zone()).Format(stampLayout)
	if !nameFits(testGroup, name) || !w.add(LogicalVolume{Name: name}) {
		return restored{}
	}
	read := w.readBack(at)
	w.versions[name] = trueVersion{layer: w.policy.Layers[0].Name, origin: v.lvName, time: read, preRestore: true, healthy: true}
	return restored{name, at}
}

func (w *world) drawVersion(t *rapid.T, v *trueVolume, at time.Time, origin string) {
	lv := LogicalVolume{Origin: origin}
	truth := trueVersion{layer: w.policy.Layers[0].Name, origin: v.lvName, healthy: true}
	infix := ""
	switch kind := rapid.SampledFrom([]string{"own", "own", "script", "script", "pre_restore", "forgotten"}).Draw(t, "kind"); kind {
	case "script":
		infix = snapInfix
	case "pre_restore":
		infix, truth.preRestore = preRestoreInfix, true
	default:
		truth.layer = rapid.SampledFrom(w.policy.Layers).Draw(t, "layer").Name
		if kind == "forgotten" {
			truth.layer = "forgotten"
		}
	}
	if infix != "" {
		lv.Name, truth.time = v.lvName+infix+at.In(w.zone()).Format(stampLayout), w.readBack(at)
		if !nameFits(testGroup, lv.Name) {
			return
		}
	} else {
		lv.Name, _ = snapshotName(testGroup, v.lvName, at.In(w.zone()), w.taken)
		lv.Tags = snapshotTags(truth.layer, w.taggedVolume(v), at, at)
		truth.time = at.Truncate(time.Second)
	}
	if rapid.IntRange(0, 9).Draw(t, "unhealthy") == 0 {
		lv.Health, truth.healthy = "failed", false
	}
	if w.add(lv) {
		w.versions[lv.Name] = truth
	}
}

func (w *world) taggedVolume(v *trueVolume) volume {
	if v.pv == "" || w.policy.Sources[0].LVMThin.Kubernetes == nil {
		return volume{name: v.lvName, lvName: v.lvName}
	}
	return volume{name: v.claimName(), lvName: v.lvName}
}

func (w *world) zone() *time.Location { return w.policy.Timezone.Location() }

// readBack is the time that a name tells: to the minute, and in an hour that
// the clock shows twice the first of both.
func (w *world) readBack(at time.Time) time.Time {
	at = at.Truncate(time.Minute)
	for _, back := range []time.Duration{time.Hour, 30 * time.Minute} {
		if first := at.Add(-back); first.In(w.zone()).Format(stampLayout) == at.In(w.zone()).Format(stampLayout) {
			return first
		}
	}
	return at
}

func (w *world) originOf(v *trueVolume) string {
	if v.noLV {
		return "" // LVM forgets an origin that was removed
	}
	return v.lvName
}

// drawForeign adds what nobody's layer made, as near to a version as it gets.
func (w *world) drawForeign(t *rapid.T) {
	first := w.volumes[0]
	day := w.now.Add(-300 * time.Hour)
	stamp := day.In(w.zone()).Format(stampLayout)
	tags := func(origin string) []string {
		return snapshotTags(w.policy.Layers[0].Name, volume{name: origin, lvName: origin}, day, day)
	}
	candidates := []LogicalVolume{
		{Name: first.lvName + "-before-upgrade", Origin: first.lvName},
		{Name: first.lvName + "_snap_manual", Origin: first.lvName},
		{Name: first.lvName + snapInfix + stamp, Origin: "vm-100-disk-0"},
		{Name: first.lvName + preRestoreInfix + stamp, Origin: "vm-100-disk-0"},
		{Name: "vm-100-disk-0" + snapInfix + stamp, Origin: "vm-100-disk-0"},
		{Name: first.lvName + snapInfix + stamp, Origin: first.lvName, Tags: tags("vm-9999-pvc-other")},
		{Name: first.lvName + snapInfix + stamp, Origin: first.lvName, Tags: tags(first.lvName)[:2]},
		{Name: first.lvName + snapInfix + stamp, Origin: first.lvName, Tags: append(tags(first.lvName)[:2], tagLayer+"x")},
		{Name: first.lvName + snapInfix + stamp, Origin: first.lvName, Tags: append(tags(first.lvName), tagLayer+"x")},
		{Name: first.lvName + snapInfix + stamp, Origin: first.lvName, Tags: []string{tagLayer + "#", tagOrigin + "$(reboot)\n"}},
	}
	if !first.noLV {
		candidates = append(candidates, LogicalVolume{Name: first.lvName + snapInfix + stamp})
	}
	for _, lv := range candidates {
		if first.noLV && lv.Origin == first.lvName {
			continue
		}
		if rapid.IntRange(0, 3).Draw(t, "foreign") == 0 && nameFits(testGroup, lv.Name) {
			w.add(lv)
		}
	}
	if len(w.observation.Clusters) > 0 && rapid.IntRange(0, 3).Draw(t, "claimed snapshot") == 0 {
		w.drawClaimedSnapshot(day)
	}
}

// drawClaimedSnapshot makes a snapshot that somebody has bound a claim to: it
// is live now, whatever it is called.
func (w *world) drawClaimedSnapshot(at time.Time) {
	v := &trueVolume{lvName: "vm-9999-pvc-10" + snapInfix + at.In(w.zone()).Format(stampLayout), namespace: "apps", claim: "rescued", pv: "Bound"}
	if !w.add(LogicalVolume{Name: v.lvName}) {
		return
	}
	w.volumes = append(w.volumes, v)
	c := &w.observation.Clusters[0]
	c.Volumes = append(c.Volumes, PersistentVolume{
		Name: "pv-rescued", Driver: testDriver, Handle: "local-lvm:" + v.lvName, Phase: "Bound", Namespace: v.namespace, Claim: v.claim,
	})
}

// layerVersions are the true versions of a volume in a layer, newest first.
func (w *world) layerVersions(layer, origin string) []trueVersion {
	var list []trueVersion
	for _, v := range w.versions {
		if v.layer == layer && v.origin == origin {
			list = append(list, v)
		}
	}
	slices.SortFunc(list, func(a, b trueVersion) int { return b.time.Compare(a.time) })
	return list
}

// trueNewest is the time of the newest complete version; zero when there is
// none.
func (w *world) trueNewest(layer, origin string) time.Time {
	for _, v := range w.layerVersions(layer, origin) {
		if v.healthy && !v.preRestore && !v.time.After(w.now.Add(clockTolerance)) {
			return v.time
		}
	}
	return time.Time{}
}

func (w *world) volumeOf(origin string) *trueVolume {
	for _, v := range w.volumes {
		if v.lvName == origin {
			return v
		}
	}
	return nil
}
