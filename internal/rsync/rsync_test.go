package rsync

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReleases(t *testing.T) {
	for text, want := range map[string]Release{
		"rsync  version 3.2.7  protocol version 31\n":         {3, 2, 7},
		"rsync  version v3.1.2  protocol version 31\n":        {3, 1, 2},
		"Welcome!\nrsync  version 3.5  protocol version 32\n": {3, 5, 0},
	} {
		if got, ok := ParseRelease(text); !ok || got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	if _, ok := ParseRelease("openrsync: protocol version 29"); ok {
		t.Error("that is another program")
	}
	if !(Release{3, 1, 2}).Before(3, 1, 3) || (Release{3, 1, 3}).Before(3, 1, 3) || (Release{4, 0, 0}).Before(3, 9, 9) {
		t.Error("order")
	}
}

func TestNamesOfDeletes(t *testing.T) {
	got := Deleted([]byte("deleting d/\nnothing\ndeleting a\\#012b\n"))
	if diff := cmp.Diff([]string{"d/", `a\#012b`}, got); diff != "" {
		t.Error(diff)
	}
	if got := Unescape(`a\#012b\#377\x\#9`); got != "a\nb\xff\\x\\#9" {
		t.Errorf("%q", got)
	}
}
