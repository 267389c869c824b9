package cli_test

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/cli"
	"github.com/bkplan/bkplan/internal/policy"
)

var (
	hclBlock     = regexp.MustCompile("(?s)```hcl\n(.*?)```")
	consoleBlock = regexp.MustCompile("(?s)```console\n(.*?)```")
	inlineCall   = regexp.MustCompile("`(bkplan [^`]+)`")
)

func documents(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, pattern := range []string{"../../*.md", "../../docs/*.md", "../../docs/adr/*.md", "../../test/lab/*.md"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			texts[path] = string(text)
		}
	}
	return texts
}

// TestDocumentedPoliciesAreValid loads every policy that the documentation
// shows.
func TestDocumentedPoliciesAreValid(t *testing.T) {
	found := 0
	for path, text := range documents(t) {
		for _, block := range hclBlock.FindAllStringSubmatch(text, -1) {
			found++
			file := filepath.Join(t.TempDir(), "bkplan.hcl")
			if err := os.WriteFile(file, []byte(block[1]), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, diagnostics := policy.Load(file, policy.Options{}); len(diagnostics) > 0 {
				t.Errorf("%s shows a policy that is not valid:\n%s", path, diagnostics.Text(80))
			}
		}
	}
	if found == 0 {
		t.Fatal("no document shows a policy")
	}
}

// TestDocumentedCommandsExist parses every command line that the documentation
// shows, as the command itself would, and asks for its help instead of running
// it.
func TestDocumentedCommandsExist(t *testing.T) {
	found := 0
	for path, text := range documents(t) {
		for _, line := range commandLines(text) {
			found++
			var stderr strings.Builder
			app := &cli.App{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: &stderr, Now: time.Now}
			if code := cli.Main(append(line, "--help"), app); code != 0 {
				t.Errorf("%s shows `bkplan %s`: %s", path, strings.Join(line, " "), stderr.String())
			}
		}
	}
	if found < 10 {
		t.Fatalf("found only %d command lines", found)
	}
}

// commandLines are the arguments of each call of bkplan that a document shows.
func commandLines(text string) [][]string {
	var lines []string
	for _, block := range consoleBlock.FindAllStringSubmatch(text, -1) {
		for _, line := range strings.Split(block[1], "\n") {
			if line, ok := strings.CutPrefix(line, "$ "); ok {
				lines = append(lines, line)
			}
		}
	}
	for _, call := range inlineCall.FindAllStringSubmatch(text, -1) {
		lines = append(lines, call[1])
	}
	var calls [][]string
	for _, line := range lines {
		_, call, found := strings.Cut("\x00"+line, "bkplan ")
		if found && !strings.Contains(line, "install ") {
			calls = append(calls, words(call))
		}
	}
	return calls
}

// words splits a command line at spaces outside single quotes, up to a pipe.
func words(line string) []string {
	var split []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			split = append(split, part)
			continue
		}
		before, _, piped := strings.Cut(part, "|")
		split = append(split, strings.Fields(before)...)
		if piped {
			break
		}
	}
	return split
}
