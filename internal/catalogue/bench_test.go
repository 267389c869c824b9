package catalogue

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkCompare compares 100,000 files, a hundred to a folder, of which none has
// changed. What it allocates is given back as it goes.
func BenchmarkCompare(b *testing.B) {
	tree := b.TempDir()
	for i := range 1000 {
		folder := filepath.Join(tree, fmt.Sprint(i/100), fmt.Sprint(i%100))
		if err := os.MkdirAll(folder, 0o755); err != nil {
			b.Fatal(err)
		}
		for j := range 100 {
			if err := os.WriteFile(filepath.Join(folder, fmt.Sprint(j, ".txt")), nil, 0o600); err != nil {
				b.Fatal(err)
			}
		}
	}
	store := Store{b.TempDir(), "bench"}
	first := Sync{Layer: "nfs", Tree: tree, Mount: "/", Started: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}
	_, c, err := store.Compare(context.Background(), Sync{}, first)
	if err == nil {
		err = c.Keep(nil, nil, false)
	}
	if err != nil {
		b.Fatal(err)
	}
	next := first
	next.Started = next.Started.Add(time.Hour)
	for b.Loop() {
		found, _, err := store.Compare(context.Background(), first, next)
		if err != nil || found.Why != "" || found.count() > 0 {
			b.Fatalf("%v, %+v", err, found)
		}
	}
}
