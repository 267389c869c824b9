package plan

import (
	"testing"
	"time"
)

func TestInventoryHasVersionsWithAndWithoutReceipt(t *testing.T) {
	s := newScene().withCopies()
	s.claim("apps/web", "vm-9999-pvc-1")
	s.copied("2026-47", "apps/web", time.Hour)
	s.week("2026-46", "apps/web")
	s.week("2026-45", "gone/gone")
	held, blocked := Inventory(s.policy, s.observation, s.now, Filter{})
	if len(blocked) != 0 || len(held) != 3 {
		t.Fatalf("%+v %+v", held, blocked)
	}
	for i, want := range []string{`layer.weekly["apps/web"]@2026-47`, `layer.weekly["apps/web"]@2026-46`, `layer.weekly["gone/gone"]@2026-45`} {
		if held[i].Address() != want || (held[i].Receipt != nil) != (i == 0) {
			t.Errorf("%s, want %s", held[i].Address(), want)
		}
	}
	if held, _ := Inventory(s.policy, s.observation, s.now, Filter{Volumes: []string{"gone/*"}}); len(held) != 1 || held[0].Path != "pvc-data/2026-45/gone/gone" {
		t.Errorf("%+v", held)
	}
	s.disk().FileSystem.MountPoint = "/"
	if held, blocked := Inventory(s.policy, s.observation, s.now, Filter{}); len(held) != 0 || len(blocked) != 1 || blocked[0].Blocked.Code != BlockMount {
		t.Errorf("%+v %+v", held, blocked)
	}
}
