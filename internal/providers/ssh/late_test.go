package ssh

import (
	"os"
	"testing"
)

// TestALateWeekSharesItsFiles: after days without a NAS the week that was over there has
// changed, and the next one has begun. Both went there with files of their own, and four
// weeks took as much as five. What is there of the old week misleads nobody.
func TestALateWeekSharesItsFiles(t *testing.T) {
	b := newKeptBench(t)
	b.put(week46, "always", "in both")
	b.put(week46, "trap", "one")
	b.put(week46, "ends", "in the first alone")
	b.prove(week46)
	b.do(b.copy(week46, ""))
	ends := inode(t, b.remote(week46, "ends"))
	b.put(week46, "late", "since the NAS went away")
	b.put(week46, "trap", "two") // of the same size and time
	b.prove(week46)
	b.link(week46, week47, "always")
	b.link(week46, week47, "late")
	b.put(week47, "trap", "three")
	b.prove(week47)
	b.do(b.copy(week47, week46))
	b.do(b.refresh(week46, week47))
	b.holds(week46)
	b.holds(week47)
	for _, name := range []string{"always", "late"} {
		if inode(t, b.remote(week46, name)) != inode(t, b.remote(week47, name)) {
			t.Errorf("%s is there twice", name)
		}
	}
	if inode(t, b.remote(week46, "ends")) != ends {
		t.Error("what did not change was sent again")
	}
	if content, err := os.ReadFile(b.remote(week46, "trap")); string(content) != "two" {
		t.Errorf("%q, %v", content, err)
	}
}
