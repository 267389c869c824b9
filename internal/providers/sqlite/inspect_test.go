package sqlite

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func inspect(t *testing.T, folder string) []string {
	t.Helper()
	before := tree(t, folder)
	findings, err := Producer{}.Inspect(t.Context(), folder)
	must(t, err)
	if after := tree(t, folder); !slices.Equal(before, after) {
		t.Errorf("it left something behind: %q", after)
	}
	return findings
}

func TestInspectFindsDamagedDatabases(t *testing.T) {
	source := t.TempDir()
	execute(t, source+"/good.db", fill(10)...)
	execute(t, source+"/wal.db", append([]string{"PRAGMA journal_mode=WAL"}, fill(10)...)...)
	into, _ := version(t, source)
	write(t, into+"/readme", strings.Repeat("no database", 100))
	if findings := inspect(t, readOnly(t, into)); len(findings) > 0 {
		t.Errorf("%q", findings)
	}
	damaged(t, into+"/a/bad\n.db")
	execute(t, into+"/cut.db", fill(300)...)
	must(t, os.Truncate(into+"/cut.db", 10*4096))
	write(t, into+"/noise.db", magic+strings.Repeat("\x91\x07noise\xee", 1000))
	findings := inspect(t, readOnly(t, into))
	if len(findings) != 3 {
		t.Fatalf("%q", findings)
	}
	for i, words := range [][]string{{`"a/bad\n.db": `, "page 21"}, {"cut.db: ", "malformed"}, {"noise.db: ", "not a database"}} {
		if !strings.HasPrefix(findings[i], words[0]) || !strings.Contains(findings[i], words[1]) {
			t.Errorf("%q", findings[i])
		}
	}
}

func TestInspectThatIsStopped(t *testing.T) {
	into := t.TempDir()
	execute(t, into+"/x.db", fill(10)...)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if findings, err := (Producer{}).Inspect(ctx, into); !errors.Is(err, context.Canceled) || len(findings) > 0 {
		t.Errorf("%q, %v", findings, err)
	}
	if _, err := (Producer{}).Inspect(t.Context(), filepath.Join(into, "absent")); err == nil {
		t.Error("a version that is not there is sound")
	}
}
