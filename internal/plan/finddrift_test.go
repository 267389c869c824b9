package plan

import (
	"strings"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/quantity"
)

func TestDriftOfNothing(t *testing.T) {
	s := newScene()
	s.claim("apps/web", "vm-9999-pvc-1")
	s.scripted("vm-9999-pvc-1", time.Minute)
	wantDrift(t, s.build())
}

func TestDriftOfVolumes(t *testing.T) {
	const lv = "vm-9999-pvc-1"
	for _, test := range []struct {
		name   string
		set    func(s *scene)
		want   string // kind and name, or nothing
		detail string
	}{
		{"no layer takes from the source", func(s *scene) {
			s.claim("apps/web", lv)
			s.policy.Layers = nil
		}, "unprotected apps/web", "no layer protects"},
		{"its volume is matched by no source", func(s *scene) {
			s.claim("apps/web", "disk-7")
		}, "unprotected apps/web", "pve/disk-7 matches no source"},
		{"its volume is outside of the pool", func(s *scene) {
			s.pool().Others = []string{lv}
			s.pv(lv, "apps/web", "Bound")
		}, "unprotected apps/web", "no pool that a source looks at"},
		{"excluded, and that is all right", func(s *scene) {
			s.claim("monitoring/prometheus", lv)
			s.policy.Excludes = []Exclude{{Name: "m", Namespaces: []string{"monitoring"}, Reason: "regenerable", Accept: true}}
		}, "accepted monitoring/prometheus", "regenerable"},
		{"excluded with a reason", func(s *scene) {
			s.claim("dbaas/mysql", lv)
			s.policy.Excludes = []Exclude{{Name: "d", Namespaces: []string{"dbaas"}, Reason: "dumps"}}
		}, "", ""},
		{"older than max_age, and an apply mends it", func(s *scene) {
			s.claim("apps/web", lv)
			s.scripted(lv, 27*time.Hour)
		}, "stale apps/web", "27h old; policy.three-two-one allows 26h"},
		{"not older than max_age", func(s *scene) {
			s.claim("apps/web", lv)
			s.scripted(lv, 25*time.Hour)
		}, "", ""},
		{"new, and has no version yet", func(s *scene) {
			s.claim("apps/web", lv)
			s.pool().Volumes[0].Created = s.now.Add(-time.Hour)
		}, "", ""},
		{"never had a version", func(s *scene) {
			s.claim("apps/web", lv)
			s.pool().Volumes[0].Created = s.now.Add(-days(5))
		}, "stale apps/web", "it has no version and is 5d old"},
		{"the narrowest policy counts", func(s *scene) {
			s.claim("apps/web", lv)
			s.scripted(lv, 27*time.Hour)
			s.policy.Protections = append(s.policy.Protections,
				Protection{Name: "slow", Volumes: []string{"apps/*"}, MaxAge: quantity.Duration{Days: 9}},
				Protection{Name: "ns", Namespaces: []string{"apps"}, MaxAge: quantity.Duration{Hours: 1}})
		}, "", ""},
		{"the cluster does not know it", func(s *scene) {
			s.claim("apps/other", lv+"-other")
			s.scripted(lv+"-other", time.Minute)
			s.lv(lv, "")
			s.scripted(lv, time.Minute)
		}, "orphaned " + lv, "no claim of the cluster uses it"},
		{"released", func(s *scene) {
			s.lv(lv, "")
			s.pv(lv, "apps/web", "Released")
		}, "orphaned " + lv, "it was the claim apps/web"},
		{"missing", func(s *scene) {
			s.pv(lv, "apps/web", "Bound")
		}, "missing apps/web", lv + " is not there"},
		{"of another node", func(s *scene) {
			s.pv(lv, "apps/web", "Bound").Handle = "cluster/pve2/local-lvm/" + lv
		}, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newScene()
			test.set(s)
			p := s.build()
			if test.want == "" {
				wantDrift(t, p)
				return
			}
			wantDrift(t, p, test.want)
			if len(p.Drift) > 0 && !strings.Contains(p.Drift[0].Detail, test.detail) {
				t.Errorf("detail %q does not say %q", p.Drift[0].Detail, test.detail)
			}
		})
	}
}

func TestDriftOfStaleHasTheRightHint(t *testing.T) {
	s := newScene()
	s.claim("apps/web", "vm-9999-pvc-1")
	if hint := s.build().Drift[0].Hint; !strings.Contains(hint, "bkplan apply") {
		t.Errorf("hint %q", hint)
	}
	s.full(99, 50)
	if hint := s.build().Drift[0].Hint; !strings.Contains(hint, "blocks") {
		t.Errorf("hint %q", hint)
	}
}

func TestDriftOfWhatIsNobodys(t *testing.T) {
	s := newScene()
	s.claim("apps/web", "vm-9999-pvc-1")
	s.scripted("vm-9999-pvc-1", time.Minute)
	s.lv("vm-100-disk-0", "")
	s.lv("vm-9999-pvc-1-before-upgrade", "vm-9999-pvc-1")
	s.lv("vm-100-disk-0_snap_20261101_0300", "vm-100-disk-0")
	s.lv("by-hand", "vm-9999-pvc-1")
	s.lv("vm-9999-pvc-1_pre_restore_20261101_0300", "vm-100-disk-0")
	s.pv("nfs", "apps/media", "Bound").Driver = "nfs.csi.k8s.io"
	s.pv("odd", "apps/odd", "Bound").Handle = "cluster/pve1/dir/9999/vm-9999-odd.raw"
	wantDrift(t, s.build(),
		"foreign pve/by-hand",
		"foreign pve/vm-9999-pvc-1-before-upgrade",
		"foreign pve/vm-9999-pvc-1_pre_restore_20261101_0300",
		"unmatched apps/media",
		"unmatched apps/odd",
		"unmatched pve/vm-100-disk-0",
		"unmatched pve/vm-100-disk-0_snap_20261101_0300",
	)
}

func TestDriftOfVersionsThatALayerLeft(t *testing.T) {
	s := newScene()
	s.claim("dbaas/mysql", "vm-9999-pvc-1")
	s.scripted("vm-9999-pvc-1", time.Minute)
	s.policy.Excludes = []Exclude{{Name: "d", Namespaces: []string{"dbaas"}, Reason: "dumps"}}
	p := s.build()
	wantActions(t, p)
	wantDrift(t, p, "orphaned dbaas/mysql")
	if len(p.Excluded) != 1 || p.Excluded[0].Reason != "dumps" {
		t.Errorf("excluded %v", p.Excluded)
	}
}

func TestDriftKindsThatCount(t *testing.T) {
	for _, k := range []DriftKind{Unprotected, Stale, Orphaned, Suspect, Foreign, Missing, UnknownKind} {
		if !k.Counts() {
			t.Errorf("%s does not count", k)
		}
	}
	if Accepted.Counts() || Unmatched.Counts() {
		t.Error("what is accepted or unmatched counts")
	}
}

func TestUnknownNamespaceIsWarnedOf(t *testing.T) {
	s := newScene()
	s.policy.Excludes = []Exclude{{Name: "d", Namespaces: []string{"dbass"}, Reason: "dumps"}}
	p := s.build()
	if len(p.Warnings) != 1 || p.Warnings[0].Code != WarnUnknownNamespace || p.Warnings[0].Hint != `did you mean "dbaas"?` {
		t.Errorf("warnings %+v", p.Warnings)
	}
}

func TestTwoPersistentVolumesOfOneLogicalVolume(t *testing.T) {
	for _, first := range []string{"apps/a", "apps/b"} {
		s := newScene()
		s.lv("vm-9999-pvc-1", "")
		for _, claim := range []string{first, "apps/a", "apps/b"} {
			s.pv("vm-9999-pvc-1", claim, "Bound").Name = "pv-of-" + claim
		}
		s.pv("vm-9999-pvc-1", "apps/released", "Released").Name = "a"
		wantActions(t, s.build(), "create apps/a")
	}
}

func TestTwoClaimsOfOneNameAreBothExcluded(t *testing.T) {
	s := newScene()
	s.claim("apps/web", "vm-9999-pvc-1")
	s.claim("apps/web", "vm-9999-pvc-2")
	p := s.build()
	wantActions(t, p, "create apps/web", "create vm-9999-pvc-2")
	s.policy.Excludes = []Exclude{{Name: "web", Volumes: []string{"apps/web"}, Reason: "r"}}
	wantActions(t, s.build())
}
