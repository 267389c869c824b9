package timer_test

import (
	"strings"
	"testing"

	"github.com/bkplan/bkplan/internal/timer"
)

func TestUnitsTellTheirPolicy(t *testing.T) {
	const unit = "[Service]\nExecStart=:/usr/bin/bkplan apply --lock-timeout=24h --file=/etc/a.hcl --layer=%I\n"
	for other, same := range map[string]bool{
		"/etc/a.hcl": true, "/etc/a.hclx": false, "/etc/b": false,
	} {
		if got := timer.SamePolicy(unit, strings.Replace(unit, "/etc/a.hcl", other, 1)); got != same {
			t.Errorf("%s: %v", other, got)
		}
	}
	quoted := strings.Replace(unit, "--file=/etc/a.hcl", `"--file=/etc/my a.hcl"`, 1)
	if timer.SamePolicy(quoted, strings.Replace(quoted, "my a", "my b", 1)) || !timer.SamePolicy(quoted, quoted) {
		t.Error("a path with a space is not read")
	}
	if !timer.SamePolicy("[Timer]\nOnCalendar=daily\n", "[Timer]\n") {
		t.Error("a unit that runs nothing has a policy")
	}
}
