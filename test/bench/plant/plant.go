// Package plant lays out the trees of small files that benchmarks are run on.
package plant

import (
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// perFolder is how many files a folder of the tree has.
const perFolder = 100

// Sizes are how many files trees are to have, by BKPLAN_BENCH_FILES; the standard
// where it is not set. It ends the program where that is no list of numbers.
func Sizes(standard ...int) []int {
	texts := strings.Fields(os.Getenv("BKPLAN_BENCH_FILES"))
	if len(texts) == 0 {
		return standard
	}
	sizes := make([]int, len(texts))
	for i, text := range texts {
		n, err := strconv.Atoi(text)
		if err != nil {
			log.Fatalf("BKPLAN_BENCH_FILES: %v", err)
		}
		sizes[i] = n
	}
	return sizes
}

// Write writes the nth file of a tree, and makes the folder of the first in it.
func Write(root string, n int, content string) error {
	path := filepath.Join(root, strconv.Itoa(n/perFolder/100), strconv.Itoa(n/perFolder%100), strconv.Itoa(n)+".txt")
	if n%perFolder == 0 {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
	}
	return os.WriteFile(path, []byte(content), 0o644)
}

// Check ends the program at an error.
func Check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
