package watch

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bkplan/bkplan/internal/journal"
)

// benchFolders makes 100,000 folders on a tmpfs.
func benchFolders(b *testing.B) string {
	b.Helper()
	root := b.TempDir()
	if os.Geteuid() != 0 {
		b.Skip("mounting needs root")
	}
	if err := unix.Mount("tmpfs", root, "tmpfs", 0, ""); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = unix.Unmount(root, unix.MNT_DETACH) })
	for i := range 1000 {
		for j := range 99 {
			if err := os.MkdirAll(filepath.Join(root, fmt.Sprint(i), fmt.Sprint(j)), 0o700); err != nil {
				b.Fatal(err)
			}
		}
	}
	return root
}

var benchMethods = map[string]Method{"fanotify": Fanotify, "inotify": Inotify}

// BenchmarkStart begins to follow 100,000 folders, and says how much memory that
// takes.
func BenchmarkStart(b *testing.B) {
	root := benchFolders(b)
	for name, method := range benchMethods {
		b.Run(name, func(b *testing.B) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			for b.Loop() {
				s, err := openSource(method, Tree{Path: root})
				if err != nil {
					b.Fatal(err)
				}
				runtime.GC()
				runtime.ReadMemStats(&after)
				s.close()
			}
			b.ReportMetric(float64(after.HeapAlloc)-float64(before.HeapAlloc), "heap-B")
		})
	}
}

// BenchmarkEvents works on events that are queued: each file is made, written and
// closed, in one of 1,000 folders.
func BenchmarkEvents(b *testing.B) {
	for name, method := range benchMethods {
		b.Run(name, func(b *testing.B) {
			root := benchFolders(b)
			s, err := openSource(method, Tree{Path: root})
			if err != nil {
				b.Fatal(err)
			}
			defer s.close()
			writer, err := journal.Open(b.TempDir(), root, testHost)
			if err == nil {
				err = writer.Begin(s.identity(), nil, time.Now())
			}
			if err != nil {
				b.Fatal(err)
			}
			defer writer.Close()
			r := &recorder{writer: writer, tree: Tree{Path: root}, inodes: map[uint64]struct{}{}}
			const files = 4000
			for b.Loop() {
				b.StopTimer()
				for i := range files {
					path := filepath.Join(root, fmt.Sprint(i%1000), fmt.Sprint("f", i))
					if err := os.WriteFile(path, []byte("text"), 0o600); err != nil {
						b.Fatal(err)
					}
				}
				b.StartTimer()
				if err := s.drain(r); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(files)*float64(b.N)/b.Elapsed().Seconds(), "files/s")
		})
	}
}
