package schedule

import (
	"testing"
	"time"
)

func TestZoned(t *testing.T) {
	sofia, err := time.LoadLocation("Europe/Sofia")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		expr string
		loc  *time.Location
		want string
	}{
		{"*-*-* 03:00", sofia, "*-*-* 03:00:00 Europe/Sofia"},
		{"*-*-* 03:00", nil, "*-*-* 03:00:00 UTC"},
		{"*-*-* 03:00 Asia/Tokyo", sofia, "*-*-* 03:00:00 Asia/Tokyo"},
		{"Sun *-*-1..7 06:00", sofia, "Sun *-*-01..07 06:00:00 Europe/Sofia"},
	} {
		c, err := Parse(test.expr)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Zoned(test.loc); got != test.want {
			t.Errorf("%s in %s is %q, want %q", test.expr, test.loc, got, test.want)
		}
	}
	if got := (Calendar{}).Zoned(sofia); got != "" {
		t.Errorf("no calendar is %q", got)
	}
}
