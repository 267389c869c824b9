package schema_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/bkplan/bkplan/internal/notify"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/planfile"
	"github.com/bkplan/bkplan/internal/policy"
	"github.com/bkplan/bkplan/internal/receipt"
	"github.com/bkplan/bkplan/internal/run"
	"github.com/bkplan/bkplan/internal/view"
	"github.com/bkplan/bkplan/schema"
)

func compiler(t *testing.T) *jsonschema.Compiler {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	for _, name := range schema.Names() {
		text, _ := schema.Get(name)
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := c.AddResource(schema.ID(name), document); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return c
}

func compile(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	compiled, err := compiler(t).Compile(schema.ID(name))
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

func validate(t *testing.T, name string, text []byte) error {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return compile(t, name).Validate(value)
}

func TestSchemasCompile(t *testing.T) {
	if len(schema.Names()) < 10 {
		t.Errorf("only %v", schema.Names())
	}
	for _, name := range schema.Names() {
		compile(t, name)
	}
}

func TestGoldenFilesAreValid(t *testing.T) {
	found, err := filepath.Glob(filepath.Join("..", "testdata", "view", "*.json"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, path := range found {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(path), ".json"), "-")
		if err := validate(t, name, text); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

var now = time.Date(2026, 11, 24, 3, 10, 0, 0, time.UTC)

func TestFilesAreValid(t *testing.T) {
	percent := 12.5
	observation := plan.Observation{
		Time: now, Host: "pve", LastRun: now,
		Pools:    []plan.Pool{{VolumeGroup: "pve", Name: "data", DataPercent: &percent}},
		Clusters: []plan.Cluster{{Server: "https://10.0.20.100:6443", Seen: now}},
		Unknown:  []plan.Unknown{{Address: "pool pve/fast", Detail: "not there"}},
	}
	var text bytes.Buffer
	if err := planfile.EncodeObservation(&text, observation); err != nil {
		t.Fatal(err)
	}
	if err := validate(t, "observation", text.Bytes()); err != nil {
		t.Error(err)
	}
	text.Reset()
	if _, err := planfile.Encode(&text, planfile.File{Plan: plan.Plan{Time: now, Observed: now, Host: "pve"}, Expires: now, MadeBy: "0.1.0"}); err != nil {
		t.Fatal(err)
	}
	if err := validate(t, "plan-file", text.Bytes()); err != nil {
		t.Error(err)
	}
	file, err := receipt.Encode(plan.Receipt{
		Layer: "weekly", Volume: "vaultwarden/data", Version: "2026-47", Path: "pvc-data/2026-47/vaultwarden/data", Slot: now, Started: now, Ended: now,
		Source: plan.ReceiptSource{Taken: now, Snapshot: &plan.SnapshotRef{VolumeGroup: "pve", Name: "x", UUID: "y"}},
		Tools:  map[string]string{"rsync": "3.5.0"}, Notes: []string{"one"}, Exclude: []string{"*.tmp"}, Adopted: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := validate(t, "receipt", file); err != nil {
		t.Error(err)
	}
}

// The examples show each shape that no other test of this package has.
func TestExamples(t *testing.T) {
	for _, c := range []struct {
		name, text string
		valid      bool
	}{
		{"schedule", `{"slots":["2026-11-25T03:00:00+02:00"]}`, true},
		{"schedule", `{"slots":["tomorrow"]}`, false},
		{"schedule", `{"slots":[],"more":1}`, false},
		{"retention", `{"versions":[{"time":"2026-11-25T03:00:00Z","keep":true,"reasons":["daily 1 of 7"]}]}`, true},
		{"retention", `{"versions":[{"time":"2026-11-25T03:00:00Z","keep":true}]}`, false},
		{"version", `{"version":"0.1.0","go":"go1.26.0","revision":"","platform":"linux/amd64"}`, true},
		{"validate", `{"valid":true,"diagnostics":[]}`, true},
		{"validate", `{"valid":false,"diagnostics":[{"severity":"fatal","code":"x","summary":"y"}]}`, false},
		{"runs", `{"runs":[{"format":"bkplan.run","version":1,"id":"a","started":"2026-11-25T03:00:00Z","host":"pve","pid":1,"command":["apply"],
			"policy_digest":"x","planned":1,"outcome":"running","actions":[{"id":"x","kind":"create","address":"y","outcome":"done"}]}]}`, true},
		{"run", `{"format":"bkplan.run","version":1,"id":"a","started":"2026-11-25T03:00:00Z","host":"pve","pid":1,"command":["apply"],"policy_digest":"x","planned":1,
			"outcome":"succeeded","actions":[{"id":"x","kind":"create","address":"y","outcome":"running"}]}`, false},
	} {
		if err := validate(t, c.name, []byte(c.text)); (err == nil) != c.valid {
			t.Errorf("%s: %s: %v", c.name, c.text, err)
		}
	}
}

// definition is the part of a schema that this test looks at.
type definition struct {
	Properties map[string]any        `json:"properties"`
	Required   []string              `json:"required"`
	Defs       map[string]definition `json:"$defs"`
}

func load(t *testing.T, path string) definition {
	t.Helper()
	name, def, _ := strings.Cut(path, "#")
	text, _ := schema.Get(name)
	var d definition
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if def != "" {
		return d.Defs[def]
	}
	return d
}

func TestStructsAndSchemasAgree(t *testing.T) {
	for path, of := range map[string]reflect.Type{
		"observation#observation":       reflect.TypeFor[plan.Observation](),
		"observation#unknown":           reflect.TypeFor[plan.Unknown](),
		"observation#pool":              reflect.TypeFor[plan.Pool](),
		"observation#logical_volume":    reflect.TypeFor[plan.LogicalVolume](),
		"observation#cluster":           reflect.TypeFor[plan.Cluster](),
		"observation#persistent_volume": reflect.TypeFor[plan.PersistentVolume](),
		"observation#claim":             reflect.TypeFor[plan.Claim](),
		"observation#file_system":       reflect.TypeFor[plan.FileSystem](),
		"observation#child":             reflect.TypeFor[plan.Child](),
		"observation#tree":              reflect.TypeFor[plan.Tree](),
		"observation#entry":             reflect.TypeFor[plan.Entry](),
		"observation#folder":            reflect.TypeFor[plan.Folder](),
		"observation#snapshot_ref":      reflect.TypeFor[plan.SnapshotRef](),
		"observation#receipt_source":    reflect.TypeFor[plan.ReceiptSource](),
		"observation#receipt":           reflect.TypeFor[plan.Receipt](),
		"observation#bad_receipt":       reflect.TypeFor[plan.BadReceipt](),
		"observation#disk":              reflect.TypeFor[plan.Disk](),
		"observation#leftover":          reflect.TypeFor[plan.Leftover](),
		"plan#copy":                     reflect.TypeFor[plan.CopyAction](),
		"plan#access":                   reflect.TypeFor[plan.Access](),
		"plan#snapshot_access":          reflect.TypeFor[plan.SnapshotAccess](),
		"plan#pfsense":                  reflect.TypeFor[plan.PFSenseSource](),
		"plan#estimate":                 reflect.TypeFor[plan.Estimate](),
		"plan#capacity":                 reflect.TypeFor[plan.Capacity](),
		"plan":                          reflect.TypeFor[view.PlanDocument](),
		"plan#plan":                     reflect.TypeFor[plan.Plan](),
		"plan#filter":                   reflect.TypeFor[plan.Filter](),
		"plan#layer":                    reflect.TypeFor[plan.LayerStatus](),
		"plan#action":                   reflect.TypeFor[plan.Action](),
		"plan#reason":                   reflect.TypeFor[plan.Reason](),
		"plan#block":                    reflect.TypeFor[plan.Block](),
		"plan#snapshot":                 reflect.TypeFor[plan.SnapshotAction](),
		"plan#precondition":             reflect.TypeFor[plan.Precondition](),
		"plan#skipped":                  reflect.TypeFor[plan.Skipped](),
		"plan#drift":                    reflect.TypeFor[plan.Drift](),
		"plan#warning":                  reflect.TypeFor[plan.Warning](),
		"plan#summary":                  reflect.TypeFor[plan.Summary](),
		"drift":                         reflect.TypeFor[view.DriftDocument](),
		"verify":                        reflect.TypeFor[view.VerifyDocument](),
		"verify#verified":               reflect.TypeFor[view.Verified](),
		"validate#diagnostic":           reflect.TypeFor[policy.Diagnostic](),
		"receipt#receipt":               reflect.TypeFor[plan.Receipt](),
		"receipt#source":                reflect.TypeFor[plan.ReceiptSource](),
		"receipt#snapshot":              reflect.TypeFor[plan.SnapshotRef](),
		"notice":                        reflect.TypeFor[notify.Notice](),
		"run":                           reflect.TypeFor[run.Record](),
		"run#action":                    reflect.TypeFor[run.Action](),
		"run#step":                      reflect.TypeFor[run.Step](),
		"run#reason":                    reflect.TypeFor[run.Reason](),
		"run#estimate":                  reflect.TypeFor[run.Estimate](),
		"run#block":                     reflect.TypeFor[run.Block](),
		"run#blocked_layer":             reflect.TypeFor[run.BlockedLayer](),
		"run#warning":                   reflect.TypeFor[run.Warning](),
		"run#under_way":                 reflect.TypeFor[run.UnderWay](),
	} {
		d := load(t, path)
		all, required := members(of)
		if diff := cmp.Diff(all, slices.Sorted(maps.Keys(d.Properties))); diff != "" {
			t.Errorf("properties of %s: -struct +schema:\n%s", path, diff)
		}
		if diff := cmp.Diff(required, slices.Sorted(slices.Values(d.Required))); diff != "" {
			t.Errorf("required of %s: -struct +schema:\n%s", path, diff)
		}
	}
}

// members are the names that encoding/json gives to the fields of a struct,
// and those of them that it always writes.
func members(of reflect.Type) (all, required []string) {
	for i := range of.NumField() {
		name, options, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
		if name == "-" {
			continue // never written
		}
		all = append(all, name)
		if options == "" {
			required = append(required, name)
		}
	}
	slices.Sort(all)
	slices.Sort(required)
	return all, required
}

func TestEveryObjectIsStrict(t *testing.T) {
	var look func(path string, node any)
	look = func(path string, node any) {
		switch node := node.(type) {
		case map[string]any:
			if node["type"] == "object" && node["additionalProperties"] != false {
				t.Errorf("%s takes any member", path)
			}
			for key, child := range node {
				look(path+"/"+key, child)
			}
		case []any:
			for _, child := range node {
				look(path, child)
			}
		}
	}
	for _, name := range schema.Names() {
		text, _ := schema.Get(name)
		var document any
		if err := json.Unmarshal(text, &document); err != nil {
			t.Fatal(err)
		}
		look(name, document)
	}
}
