package plan

import "testing"

func TestMatch(t *testing.T) {
	for _, test := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "apps/web", true},
		{"*", "", true},
		{"apps/*", "apps/web", true},
		{"apps/web", "apps/web-2", false},
		{"web", "apps/web", false},
		{"vm-*-pvc-*", "vm-9999-pvc-1", true},
		{"vm-*-pvc-1", "vm-9999-pvc-10", false},
		{"vm-?-pvc-[1-3]", "vm-9-pvc-2", true},
		{"[", "[", false},
		{"a.c", "abc", false},
		{"*", "two\nlines", true},
	} {
		if got := Match(test.pattern, test.name); got != test.want {
			t.Errorf("Match(%q, %q) is %t", test.pattern, test.name, got)
		}
	}
	if ValidGlob("[") || !ValidGlob("apps/*") {
		t.Error("ValidGlob")
	}
}

func TestParseHandle(t *testing.T) {
	for text, want := range map[string]Handle{
		"region/pve1/local-lvm/vm-9999-pvc-1": {"region", "pve1", "local-lvm", "vm-9999-pvc-1"},
		"local-lvm:vm-9999-pvc-1":             {"", "", "local-lvm", "vm-9999-pvc-1"},
		"":                                    {},
		"vm-9999-pvc-1":                       {},
		"a/b/c/":                              {},
		"a/b/c/d/e":                           {},
		":vm":                                 {},
		"local-lvm:":                          {},
		"a:b/../c":                            {},
	} {
		got, ok := ParseHandle(text)
		if got != want || ok != (want.Volume != "") {
			t.Errorf("ParseHandle(%q) is %+v, %t", text, got, ok)
		}
	}
}

func TestParseSnapshotName(t *testing.T) {
	for name, want := range map[string]string{ // origin, time, and whether it is from before a restore
		"vm-1-pvc-a_snap_20261124_0300":                           "vm-1-pvc-a 2026-11-24 03:00:00 false",
		"vm-1-pvc-a_snap_20261124_030059":                         "vm-1-pvc-a 2026-11-24 03:00:59 false",
		"vm-1-pvc-a_pre_restore_20261124_0300":                    "vm-1-pvc-a 2026-11-24 03:00:00 true",
		"vm-1-pvc-a_snap_x_snap_20261124_0300":                    "vm-1-pvc-a_snap_x 2026-11-24 03:00:00 false",
		"vm-1-pvc-a_snap_20261124_0300_pre_restore_20261125_0300": "vm-1-pvc-a_snap_20261124_0300 2026-11-25 03:00:00 true",
		"vm-1-pvc-a_snap_20240229_0000":                           "vm-1-pvc-a 2024-02-29 00:00:00 false",
		"vm-1-pvc-a_snap_20230229_0000":                           "",
		"vm-1-pvc-a_snap_20261124_2400":                           "",
		"vm-1-pvc-a_snap_20261324_0000":                           "",
		"vm-1-pvc-a_snap_20261124-0300":                           "",
		"vm-1-pvc-a_snap_20261124_0300_2":                         "",
		"vm-1-pvc-a_snap_20261124_030":                            "",
		"vm-1-pvc-a_snap_+0261124_0300":                           "",
		"_snap_20261124_0300":                                     "",
		"vm-1-pvc-a_snap_":                                        "",
		"vm-1-pvc-a":                                              "",
	} {
		got := ""
		if s, ok := parseSnapshotName(name, newScene().policy.Timezone.Location()); ok {
			got = s.origin + s.time.Format(" 2006-01-02 15:04:05 ") + map[bool]string{true: "true", false: "false"}[s.preRestore]
		}
		if got != want {
			t.Errorf("%s reads as %q, want %q", name, got, want)
		}
	}
}
