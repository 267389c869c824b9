package policy

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/quantity"
	"github.com/bkplan/bkplan/internal/retention"
	"github.com/bkplan/bkplan/internal/schedule"
)

// loadText loads a policy of one file that is not on disk.
func loadText(text string, opts Options) (plan.Policy, Diagnostics) {
	return newReport().load("p.hcl", []file{{"p.hcl", []byte(text)}}, nil, opts)
}

// mustLoad is loadText for a policy that is in order.
func mustLoad(t *testing.T, text string) plan.Policy {
	t.Helper()
	p, found := loadText(text, Options{})
	if len(found) > 0 {
		t.Fatalf("unexpected diagnostics:\n%s", found.Text(80))
	}
	return p
}

// codes are the codes of diagnostics, in order.
func codes(found Diagnostics) []string {
	var list []string
	for _, d := range found {
		list = append(list, d.Code)
	}
	return list
}

const small = `
source "lvm_thin" "pvcs" {
  volume_group = "pve"
  thin_pool    = "data"
  match        = "vm-*-pvc-*"
  kubernetes {}
}

destination "disk" "sda" {
  path          = "/mnt/backup/"
  require_mount = true
  guard { min_free = "15%" }
}

exclude "dbaas" {
  namespaces = ["dbaas"]
  layers     = [layer.snapshots]
  reason     = "covered by dumps"
}

layer "snapshot" "snapshots" {
  from     = source.pvcs
  schedule = "*-*-* 03:00"
  retention { keep_within = "7d" }
  guard { min_free_data = "50GiB" }
}

layer "files" "weekly" {
  from      = layer.snapshots
  to        = destination.sda
  directory = "pvc-data"
  schedule  = "daily"
  retention { keep_last = 4 }
}
`

func parse[T any](t *testing.T, parse func(string) (T, error), text string) T {
	t.Helper()
	value, err := parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestLoadSmallPolicy(t *testing.T) {
	got := mustLoad(t, small)
	ten := quantity.Threshold{Share: parse(t, quantity.ParseShare, "10%")}
	want := plan.Policy{
		Digest:   got.Digest,
		StateDir: "/var/lib/bkplan",
		Sources: []plan.Source{{
			Kind: "lvm_thin", Name: "pvcs",
			LVMThin: &plan.LVMThinSource{
				VolumeGroup: "pve", ThinPool: "data", Match: "vm-*-pvc-*",
				Kubernetes: &plan.KubernetesSource{Driver: "csi.proxmox.sinextra.dev"},
			},
		}},
		Destinations: []plan.Destination{{
			Kind: "disk", Name: "sda", Path: "/mnt/backup", RequireMount: true,
			MinFree: parse(t, quantity.ParseThreshold, "15%"),
		}},
		Excludes: []plan.Exclude{{
			Name: "dbaas", Namespaces: []string{"dbaas"}, Layers: []string{"snapshots"}, Reason: "covered by dumps",
		}},
		Layers: []plan.Layer{
			{
				Kind: "snapshot", Name: "snapshots",
				From:      plan.Ref{Type: "source", Kind: "lvm_thin", Name: "pvcs"},
				Schedule:  parse(t, schedule.Parse, "*-*-* 03:00"),
				Retention: retention.Rules{Within: quantity.Duration{Days: 7}},
				Guard: plan.Guard{
					MinFreeData: parse(t, quantity.ParseThreshold, "50GiB"), MinFreeMetadata: ten,
				},
			},
			{
				Kind: "files", Name: "weekly",
				From:      plan.Ref{Type: "layer", Kind: "snapshot", Name: "snapshots"},
				To:        plan.Ref{Type: "destination", Kind: "disk", Name: "sda"},
				Directory: "pvc-data", Version: "%Y-%m-%d_%H%M",
				Schedule:  parse(t, schedule.Parse, "daily"),
				Retention: retention.Rules{Last: 4},
				Guard:     plan.Guard{},
			},
		},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(plan.Zone{}, quantity.Share{})); diff != "" {
		t.Errorf("policy differs (-want +got):\n%s", diff)
	}
}

func TestDigestIsOfTheMeaning(t *testing.T) {
	digestOf := func(text string) string { return mustLoad(t, text).Digest }
	want := digestOf(small)
	blocks := strings.Split(strings.TrimSpace(small), "\n\n")
	slices.Reverse(blocks)
	formatted, _ := Format([]byte(strings.ReplaceAll(small, "  ", "\t")), "p.hcl")
	same := map[string]string{
		"comments":  "# about it\n" + strings.ReplaceAll(small, "\n}", "\n  // the end\n}"),
		"layout":    string(formatted),
		"order":     strings.Join(blocks, "\n"),
		"a local":   strings.Replace(small, `"pve"`, "local.vg", 1) + "\nlocals { vg = \"pve\" }",
		"a default": strings.Replace(small, "layer.snapshots\n", "layer[\"snapshots\"]\n  version = \"%Y-%m-%d_%H%M\"\n", 1),
	}
	for what, text := range same {
		if got := digestOf(text); got != want {
			t.Errorf("%s changes the digest", what)
		}
	}
	different := map[string]string{
		"a count":    strings.Replace(small, "keep_last = 4", "keep_last = 5", 1),
		"a schedule": strings.Replace(small, "03:00", "03:01", 1),
		"a guard":    strings.Replace(small, "50GiB", "51GiB", 1),
		"a reason":   strings.Replace(small, "covered", "not covered", 1),
	}
	for what, text := range different {
		if got := digestOf(text); got == want {
			t.Errorf("%s does not change the digest", what)
		}
	}
}

func TestVariablePrecedence(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	policy := write("p.hcl", "variable \"vg\" {\n  default = \"default\"\n}\n"+strings.Replace(small, `"pve"`, "var.vg", 1))
	one, two := write("one.vars", `vg = "one"`), write("two.vars", `vg = "two"`)
	environ := []string{"HOME=/root", "BKPLAN_VAR_vg=environ", "BKPLAN_VAR_other=x"}
	for _, c := range []struct {
		want string
		opts Options
	}{
		{"default", Options{}},
		{"environ", Options{Environ: environ}},
		{"one", Options{Environ: environ, VarFiles: []string{one}}},
		{"two", Options{Environ: environ, VarFiles: []string{one, two}}},
		{"flag", Options{Environ: environ, VarFiles: []string{two}, Vars: map[string]string{"vg": "flag"}}},
	} {
		p, found := Load(policy, c.opts)
		if len(found) > 0 {
			t.Fatalf("unexpected diagnostics:\n%s", found.Text(80))
		}
		if got := p.Sources[0].LVMThin.VolumeGroup; got != c.want {
			t.Errorf("vg is %q, want %q", got, c.want)
		}
	}
}

func TestVariableTypes(t *testing.T) {
	text := `
variable "days" { type = number }
variable "mount" { type = bool }
variable "names" { type = list(string) }
` + strings.NewReplacer(`keep_last = 4`, `keep_last = var.days`, `= true`, `= var.mount`, `["dbaas"]`, `var.names`).Replace(small)
	p, found := loadText(text, Options{
		Vars:    map[string]string{"days": "9", "names": `["a", "b"]`},
		Environ: []string{"BKPLAN_VAR_mount=true"},
	})
	if len(found) > 0 {
		t.Fatalf("unexpected diagnostics:\n%s", found.Text(80))
	}
	if p.Layers[1].Retention.Last != 9 || !p.Destinations[0].RequireMount || !slices.Equal(p.Excludes[0].Namespaces, []string{"a", "b"}) {
		t.Errorf("values are not those that were given: %+v", p)
	}
}

func TestLoadFolder(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	source, layers, _ := strings.Cut(small, "destination")
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(dir, "b.hcl"), "\ufeff"+source)
	write(filepath.Join(outside, "layers"), "destination"+layers)
	write(filepath.Join(dir, ".hidden.hcl"), "not hcl")
	write(filepath.Join(dir, "notes.txt"), "not hcl")
	for link, target := range map[string]string{
		"a.hcl": filepath.Join(outside, "layers"),
		"c.hcl": filepath.Join(dir, "b.hcl"), // the same file twice
		"d.hcl": outside,                     // a folder
	} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	p, found := Load(dir, Options{})
	if len(found) > 0 {
		t.Fatalf("unexpected diagnostics:\n%s", found.Text(80))
	}
	if want := mustLoad(t, small).Digest; p.Digest != want {
		t.Error("a policy in several files has another digest than in one")
	}
	if err := os.Symlink("nowhere", filepath.Join(dir, "e.hcl")); err != nil {
		t.Fatal(err)
	}
	if _, found := Load(dir, Options{}); !slices.Equal(codes(found), []string{"unreadable_file"}) {
		t.Errorf("a dangling link gives %q", codes(found))
	}
}

func TestUnreadablePolicies(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large.hcl")
	if err := os.WriteFile(large, bytes.Repeat([]byte("# filler\n"), 10<<20/9), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		large:                         "file_too_large",
		filepath.Join(dir, "missing"): "unreadable_file",
		os.DevNull:                    "unreadable_file",
	} {
		p, found := Load(path, Options{})
		if !slices.Equal(codes(found), []string{want}) || p.Digest != "" {
			t.Errorf("%s gives %q, want %q", path, codes(found), want)
		}
	}
	missing := filepath.Join(dir, "values")
	if _, found := Load(large, Options{VarFiles: []string{missing}}); !found.HasErrors() {
		t.Error("a missing variables file is no error")
	}
}

// TestHostileNesting: a stack overflow would end the process, recover or not.
func TestHostileNesting(t *testing.T) {
	const n = 1 << 19
	for what, text := range map[string]string{
		"brackets":     "locals {\n a = " + strings.Repeat("(", n),
		"operators":    "locals {\n a = " + strings.Repeat("!", n) + "true\n}\n",
		"lines":        "locals {\n a = (" + strings.Repeat("!\n", n/2) + "true)\n}\n",
		"conditionals": "locals {\n a = " + strings.Repeat("1?", n/2),
		"sums":         "locals {\n a = " + strings.Repeat("1+", n/2) + "1\n}\n",
		"indexes":      "locals {\n a = b" + strings.Repeat("[0]", n/3) + "\n}\n",
		"blocks":       strings.Repeat("a {\n", n/4),
		"templates":    "locals {\n a = " + strings.Repeat(`"${`, n/3),
		"directives":   "locals {\n a = \"" + strings.Repeat(`%{if true}`, n/10) + "\"\n}\n",
	} {
		if _, found := loadText(text, Options{}); !slices.Equal(codes(found), []string{"too_complex"}) {
			t.Errorf("%s give %q", what, codes(found))
		}
	}
}

// TestManyMistakes: neither the time nor the output grows beyond reading.
func TestManyMistakes(t *testing.T) {
	start := time.Now()
	_, found := loadText(small+strings.Repeat("layr \"a\" \"b\" {}\n", 20_000), Options{})
	if len(found) != maxReported+1 || found[len(found)-1].Code != "too_many_problems" {
		t.Errorf("%d diagnostics, want %d and one that says so", len(found), maxReported)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestNullIsAbsent(t *testing.T) {
	_, found := loadText(strings.NewReplacer(`"daily"`, "null", `["dbaas"]`, "null").Replace(small), Options{})
	if want := []string{"missing_selector", "missing_attribute"}; !slices.Equal(codes(found), want) {
		t.Errorf("diagnostics %q, want %q", codes(found), want)
	}
}

func TestRequiredVersion(t *testing.T) {
	for _, c := range []struct {
		constraint, version string
		want                bool
	}{
		{">= 0.1", "0.1.0", true},
		{">= 0.1", "0.0.9", false},
		{"> 0.1", "0.1.0", false},
		{"0.2", "0.2.0", true},
		{"= 0.2.1", "v0.2.1", true},
		{"!= 0.2", "0.2.0", false},
		{"< 1, >= 0.3", "0.4.0", true},
		{"<= 0.3", "0.3.1", false},
		{"~> 0.2", "0.9.0", true},
		{"~> 0.2", "1.0.0", false},
		{"~> 0.2.3", "0.2.9", true},
		{"~> 0.2.3", "0.3.0", false},
		{"~> 1", "1.9.0", true},
		{"~> 1", "2.0.0", false},
		{">= 9", "(devel)", true},
	} {
		_, found := loadText("bkplan {\n required_version = \""+c.constraint+"\"\n}\n"+small, Options{Version: c.version})
		if got := len(found) == 0; got != c.want {
			t.Errorf("%q accepts %s: %t, want %t", c.constraint, c.version, got, c.want)
		}
	}
}

// TestOverlaps are pairs of directories on one destination.
func TestOverlaps(t *testing.T) {
	for _, c := range []struct {
		one, two string // directory, or directory:files
		want     bool
	}{
		{"a", "b", false},
		{"a", "a", true},
		{"a", "a/b", true},
		{"a/b", "a", true},
		{"a", "ab", false},
		{"a/./b", "a//b/", true},
		{"a:*.gz", "a:*.sql", false},
		{"a:*.gz", "a:x*", true},
		{"a:x*", "a:y*", false},
		{"a:*", "a:*/*", false},
		{"a:b/*", "a/b:*", true},
		{"a:b/*.gz", "a/b:*.sql", false},
		{"a:*", "a", true},
		{"a:*.gz", "a/b", true},
	} {
		text := "destination \"disk\" \"d\" {\n path = \"/d\"\n}\nsource \"etcd\" \"e\" {\n cronjob = \"a/b\"\n}\n"
		for i, place := range []string{c.one, c.two} {
			directory, files, _ := strings.Cut(place, ":")
			text += fmt.Sprintf("layer \"dump\" \"l%d\" {\n from = source.e\n to = destination.d\n schedule = \"daily\"\n directory = %q\n", i, directory)
			if files != "" {
				text += fmt.Sprintf(" files = %q\n", files)
			}
			text += "}\n"
		}
		_, found := loadText(text, Options{})
		if got := slices.Contains(codes(found), "overlapping_layers"); got != c.want {
			t.Errorf("%s and %s overlap: %t, want %t\n%s", c.one, c.two, got, c.want, found.Text(80))
		}
	}
}

func TestTreeThatLeavesItsCopyOut(t *testing.T) {
	text := `
source "directory" "host" {
  path = "/"
}
destination "disk" "sda" {
  path = "/mnt/backup"
}
layer "sync" "host" {
  from      = source.host
  to        = destination.sda
  directory = "host"
  schedule  = "daily"
  exclude   = ["/proc/", "/mnt/backup/"]
}
`
	mustLoad(t, text)
	_, found := loadText(strings.Replace(text, `, "/mnt/backup/"`, "", 1), Options{})
	if !slices.Equal(codes(found), []string{"copy_into_itself"}) {
		t.Errorf("diagnostics %q", codes(found))
	}
}

func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"../../testdata/policy/valid/*.hcl", invalidDir + "/*.hcl"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, found := loadText(string(text), Options{Version: "0.1.0"})
		if found.HasErrors() == (p.Digest != "") {
			t.Error("a policy comes with errors, or neither does")
		}
		for line := range strings.Lines(found.Text(80)) {
			if strings.IndexFunc(strings.TrimSuffix(line, "\n"), isControl) >= 0 {
				t.Errorf("control characters in %q", line)
			}
		}
		formatted, _ := Format(text, "p.hcl")
		if again, _ := Format(formatted, "p.hcl"); formatted != nil && !bytes.Equal(again, formatted) {
			t.Errorf("formatting twice differs: %q, %q", formatted, again)
		}
	})
}
