package view

import (
	"fmt"
	"slices"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
)

var sofia = func() plan.Zone {
	zone, err := plan.ParseZone("Europe/Sofia")
	if err != nil {
		panic(err)
	}
	return zone
}()

// at is a time of the homelab.
func at(month, day, hour, minute int) time.Time {
	return time.Date(2026, time.Month(month), day, hour, minute, 0, 0, sofia.Location())
}

// apps have 62 volumes together.
var apps = []string{
	"actualbudget/data", "affine/data", "affine/postgres", "audiobookshelf/config", "authentik/media",
	"authentik/redis", "calibre-web/books", "calibre-web/config", "changedetection/data", "cyberchef/data",
	"dawarich/public", "dawarich/storage", "diun/data", "ebook2audiobook/models", "excalidraw/data",
	"f1-stream/cache", "forgejo/data", "forgejo/runner", "freshrss/data", "freshrss/extensions",
	"frigate/config", "grampsweb/data", "hackmd/uploads", "headscale/data", "home-assistant/config",
	"immich/postgresql", "isponsorblock/data", "jellyfin/config", "jsoncrack/data", "linkwarden/data",
	"mailserver/data", "matrix/media", "matrix/synapse", "meshcentral/data", "n8n/data",
	"navidrome/data", "nextcloud/config", "nextcloud/html", "novelapp/data", "ntfy/cache",
	"onlyoffice/data", "owntracks/store", "paperless/consume", "paperless/data", "paperless/media",
	"privatebin/data", "redis/data-redis-0", "resume/data", "roundcube/config", "sabnzbd/config",
	"searxng/data", "shlink/data", "speedtest/config", "stirling/configs", "tandoor/media",
	"tandoor/static", "technitium/config", "uptime-kuma/data", "vault/data-vault-0", "vaultwarden/data",
	"wallabag/images", "wealthfolio/data",
}

func homelab() plan.Plan {
	p := plan.Plan{
		Time: at(11, 24, 3, 10), Observed: at(11, 24, 3, 8), Host: "pve", HostID: "5f0c2d",
		PolicyDigest: "sha256:4c1f7a0be0d9", Timezone: sofia,
		Layers: []plan.LayerStatus{{
			Name: "snapshots", Kind: plan.LayerSnapshot, Schedule: "*-*-* 03:00:00", CarriedOut: true,
			Slot: at(11, 24, 3, 0), NextSlot: at(11, 25, 3, 0), Volumes: 62, Versions: 492,
		}},
		Actions: []plan.Action{}, Excluded: excludedVolumes("snapshots"),
	}
	for _, l := range [][2]string{
		{"weekly", "files"}, {"sqlite", "sqlite"}, {"pfsense", "fetch"}, {"pve_config", "sync"},
		{"postgresql", "dump"}, {"offsite", "sync"}, {"nfs", "sync"},
	} {
		p.Layers = append(p.Layers, plan.LayerStatus{Name: l[0], Kind: l[1], Schedule: "*-*-* 05:00:00", Slot: at(11, 23, 5, 0), NextSlot: at(11, 24, 5, 0)})
	}
	return p
}

func excludedVolumes(layer string) []plan.Skipped {
	return []plan.Skipped{
		{Layer: layer, Volume: "dbaas/data-mysql-0", Exclude: "dbaas", Reason: "high churn: copy-on-write amplification; covered by dumps"},
		{Layer: layer, Volume: "dbaas/data-postgresql-0", Exclude: "dbaas", Reason: "high churn: copy-on-write amplification; covered by dumps"},
		{Layer: layer, Volume: "monitoring/prometheus-data", Exclude: "monitoring", Reason: "regenerable metrics", Accept: true},
	}
}

// nightly is the homelab on an ordinary night: every volume is due, and 58 of
// them have a snapshot too old.
func nightly() plan.Plan {
	p := homelab()
	for i, app := range apps {
		if i < 58 {
			p.Actions = append(p.Actions, prune(app, i, at(11, 16, 3, 0)))
		}
	}
	for i, app := range apps {
		p.Actions = append(p.Actions, create(app, i))
	}
	p.Drift = []plan.Drift{
		{Kind: plan.Unprotected, Name: "photos/library", Detail: "its logical volume pve/vm-9999-photos matches no source", Hint: "widen the source's match, or add a source"},
		{Kind: plan.Accepted, Name: "monitoring/prometheus-data", Detail: "excluded and accepted: regenerable metrics"},
	}
	for _, n := range []int{101, 102, 103, 110} {
		p.Drift = append(p.Drift, plan.Drift{Kind: plan.Unmatched, Name: fmt.Sprintf("pve/vm-%d-disk-0", n), Detail: "logical volume of pool pve/data"})
	}
	return p
}

func volumeName(n int) string { return fmt.Sprintf("vm-9999-pvc-%08x-5d0f-4c58-a3ce-0f7f6d1c2b3a", n) }

func create(app string, n int) plan.Action {
	slot := at(11, 24, 3, 0)
	name := volumeName(n) + "_snap_20261124_0310"
	return plan.Action{
		ID: plan.Address("snapshots", app) + "@" + name, Kind: plan.Create, Layer: "snapshots", Volume: app, Version: name, VersionTime: at(11, 24, 3, 10),
		Reason: plan.Reason{Code: plan.ReasonDue, Detail: "the newest, 2026-11-23 03:00, is older than the slot " + clock(slot, sofia.Location())},
		Preconditions: []plan.Precondition{
			{Kind: plan.NameFree, VolumeGroup: "pve", Name: name},
			{Kind: plan.PoolBelow, VolumeGroup: "pve", Name: "data", MaxData: 90, MaxMetadata: 90},
		},
		Snapshot: &plan.SnapshotAction{VolumeGroup: "pve", Pool: "data", Origin: volumeName(n), Name: name, Tags: []string{"bkplan.layer=snapshots"}},
	}
}

func prune(app string, n int, made time.Time) plan.Action {
	name := volumeName(n) + "_snap_" + made.Format("20060102_1504")
	return plan.Action{
		ID: plan.Address("snapshots", app) + "@" + name, Kind: plan.Prune, Layer: "snapshots", Volume: app, Version: name, VersionTime: made,
		Reason:   plan.Reason{Code: plan.ReasonRetention, Detail: "outside keep_within 7d"},
		Snapshot: &plan.SnapshotAction{VolumeGroup: "pve", Pool: "data", Origin: volumeName(n), Name: name, UUID: fmt.Sprintf("uuid-%d", n)},
	}
}

// lowSpace is the homelab with a pool that is nearly full: what frees space
// goes on, what takes it does not.
func lowSpace() plan.Plan {
	p := nightly()
	p.Observed = at(11, 24, 1, 0)
	for i := range p.Actions {
		if p.Actions[i].Kind == plan.Create {
			p.Actions[i].Blocked = &plan.Block{
				Code: plan.BlockSpace, Detail: "the pool pve/data is 93.4% full, 90.0% is the limit",
				Unblock: "free or add space in the pool, or lower the guard of layer.snapshots",
			}
		}
	}
	p.Warnings = []plan.Warning{{
		Code: plan.WarnUnknownNamespace, Detail: `exclude.monitoring names the namespace "monitorng", which the cluster does not have`, Hint: `did you mean "monitoring"?`,
	}}
	return p
}

// allBlocked is a plan of which nothing can be carried out.
func allBlocked() plan.Plan {
	p := homelab()
	p.Layers[0].Blocked = &plan.Block{
		Code:   plan.BlockNames,
		Detail: "cluster of /root/.kube/config has never answered, so which volumes are excluded is not known: connection refused", Unblock: "make the cluster answer once",
	}
	p.Excluded = nil
	p.Drift = []plan.Drift{{Kind: plan.UnknownKind, Name: "cluster of /root/.kube/config", Detail: "connection refused"}}
	p.Warnings = []plan.Warning{{Code: plan.WarnUnknown, Detail: "cluster of /root/.kube/config could not be observed: connection refused"}}
	return p
}

// settled is a plan without changes, of layers that are all carried out.
func settled() plan.Plan {
	p := homelab()
	p.Layers, p.Observed = p.Layers[:1], p.Time
	return p
}

// hostileName is a name that attacks terminals, markdown and HTML alike.
const hostileName = "evil|`</details><script>alert(1)</script>`\n@octocat #1 \x1b[31m\u202etxt.exe\u202c\x80\u009b2J[x](http://e.vil) **b** $(rm -rf /)"

func hostile() plan.Plan {
	p := settled()
	p.Host = hostileName
	p.Layers[0].Name = hostileName
	p.Layers = append(p.Layers, plan.LayerStatus{Name: "x" + hostileName, Kind: hostileName})
	first := create(hostileName, 0)
	first.Reason.Detail, first.Layer = hostileName, hostileName
	second := prune(hostileName, 1, at(11, 16, 3, 0))
	second.Layer = hostileName
	second.Blocked = &plan.Block{Code: "x", Detail: hostileName, Unblock: hostileName}
	p.Actions = []plan.Action{first, second}
	p.Excluded = []plan.Skipped{{Layer: hostileName, Volume: hostileName, Exclude: hostileName, Reason: hostileName}}
	p.Warnings = []plan.Warning{{Code: "x", Detail: hostileName, Hint: hostileName}}
	p.Filter = plan.Filter{Volumes: []string{hostileName}}
	for _, k := range []plan.DriftKind{plan.Unprotected, plan.Orphaned, plan.Accepted, plan.Unmatched} {
		p.Drift = append(p.Drift, plan.Drift{Kind: k, Name: hostileName, Layer: hostileName, Detail: hostileName, Hint: hostileName})
	}
	return p
}

// drifted has drift of every kind.
func drifted() plan.Plan {
	p := nightly()
	left := func(n int) string {
		return fmt.Sprintf("%d snapshots left, the newest of 2026-11-20 03:00: its volume is gone", n)
	}
	p.Drift = slices.Concat([]plan.Drift{
		p.Drift[0],
		{Kind: plan.Missing, Name: "wiki/data", Detail: "its logical volume vm-9999-pvc-77 is not there", Hint: "restore it from its newest version"},
		{Kind: plan.Stale, Name: "vaultwarden/data", Detail: "its newest version is 50h old; policy.three-two-one allows 26h", Hint: "`bkplan apply` will make one"},
		{Kind: plan.Stale, Name: "wallabag/images", Detail: "its newest version is 50h old; policy.three-two-one allows 26h", Hint: "`bkplan apply` will make one"},
		{Kind: plan.Suspect, Name: "pve/vm-9999-pvc-1_snap_20261123_0300", Layer: "snapshots", Detail: "LVM says of it: failed"},
		{Kind: plan.Orphaned, Name: "vm-9999-pvc-90", Layer: "snapshots", Detail: left(3), Hint: "lvremove pve/vm-9999-pvc-90_snap_20261120_0300 and 2 more"},
		{Kind: plan.Orphaned, Name: "vm-9999-pvc-91", Layer: "snapshots", Detail: left(2), Hint: "lvremove pve/vm-9999-pvc-91_snap_20261120_0300 and 1 more"},
		{Kind: plan.Foreign, Name: "pve/before-upgrade", Detail: "a snapshot of vm-9999-pvc-1 that no layer made", Hint: "it is never touched; remove it by hand if it is not needed"},
	}, p.Drift[1:])
	return p
}
