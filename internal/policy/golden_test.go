package policy

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

const invalidDir = "../../testdata/policy/invalid"

// TestInvalidPolicies compares what a person sees of every policy in
// testdata/policy/invalid. A first line `# options: …` stands for flags.
func TestInvalidPolicies(t *testing.T) {
	t.Chdir(invalidDir)
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	for _, entry := range entries {
		name := entry.Name()
		if !entry.IsDir() && (!strings.HasSuffix(name, ".hcl") || strings.HasSuffix(name, ".vars.hcl")) {
			continue
		}
		cases++
		t.Run(strings.TrimSuffix(name, ".hcl"), func(t *testing.T) {
			_, found := Load(name, optionsOf(t, name))
			if len(found) == 0 {
				t.Fatal("no diagnostics")
			}
			compareGolden(t, strings.TrimSuffix(name, ".hcl")+".golden", found.Text(80))
		})
	}
	if cases < 60 {
		t.Errorf("%d cases, want 60 and more: is something not found?", cases)
	}
}

// optionsOf reads `# options: -var a=b -var-file f -version v`.
func optionsOf(t *testing.T, name string) Options {
	opts := Options{Version: "0.1.0", Vars: map[string]string{}}
	text, err := os.ReadFile(name)
	if err != nil {
		return opts // a folder
	}
	first, _, _ := strings.Cut(string(text), "\n")
	line, ok := strings.CutPrefix(first, "# options: ")
	if !ok {
		return opts
	}
	words := strings.Fields(line)
	for i := 0; i+1 < len(words); i += 2 {
		switch words[i] {
		case "-var":
			key, value, _ := strings.Cut(words[i+1], "=")
			opts.Vars[key] = value
		case "-var-file":
			opts.VarFiles = append(opts.VarFiles, words[i+1])
		case "-version":
			opts.Version = words[i+1]
		default:
			t.Fatalf("unknown option %q", words[i])
		}
	}
	return opts
}

func compareGolden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; run go test with -update to write it", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", filepath.Base(path), diff)
	}
}

// TestTenMistakes is the promise that all errors come in one go.
func TestTenMistakes(t *testing.T) {
	_, found := Load(filepath.Join(invalidDir, "ten_mistakes.hcl"), Options{})
	if len(found) != 10 {
		t.Errorf("%d diagnostics, want 10:\n%s", len(found), found.Text(80))
	}
}
