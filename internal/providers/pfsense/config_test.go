package pfsense

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestGoodConfigs(t *testing.T) {
	for text, version := range map[string]string{
		goodConfig: "23.3",
		"<pfsense><version>19</version></pfsense>":                                                 "19",
		"<!-- c --><pfsense>\n<a x=\"1\">ü</a><version><b/>22</version></pfsense>\n<!-- end -->\n": "",
		"<pfsense><pkg><version>1.2</version></pkg></pfsense>":                                     "",
		"<pfsense><version>$(id) \x7f</version></pfsense>":                                         "",
		`<?xml version="1.0" encoding="UTF-8"?><pfsense><a/></pfsense>`:                            "",
		"<pfsense><!-- no --><version> 21.7 </version></pfsense>":                                  "21.7",
	} {
		got, err := checkConfig([]byte(text))
		if err != nil || got != version {
			t.Errorf("%q: version %q, %v", text, got, err)
		}
	}
}

func TestBadConfigs(t *testing.T) {
	const password = "hunter2"
	for text, want := range map[string]string{
		"":                                    "there is no XML in it",
		"<!-- x -->":                          "there is no XML in it",
		"<pfsense/>":                          "its root element is empty",
		"<pfsense>" + password + "</pfsense>": "its root element is empty",
		"<pfsense><password>" + password:      "it ends in the middle",
		"<pfsense><password>" + password + "</passwort></pfsense>":                     "not well-formed XML at line 1",
		"<pfsense><a>\n\n&" + password + ";</a></pfsense>":                             "not well-formed XML at line 3",
		`<!DOCTYPE p [<!ENTITY x SYSTEM "file:///etc/passwd">]><pfsense>&x;</pfsense>`: "not well-formed XML",
		"<pfsense><a b=" + password + "/></pfsense>":                                   "not well-formed XML",
		"<pfsense><a>\xff" + password + "</a></pfsense>":                               "not well-formed XML",
		"<pfsense><a>\x00</a></pfsense>":                                               "not well-formed XML",
		`<?xml version="1.0" encoding="UTF-7"?><pfsense><a/></pfsense>`:                "not well-formed XML",
		"<pfsense><a/></pfsense><pfsense><a/></pfsense>":                               "more than one root element",
		"<pfsense><a/></pfsense>" + password:                                           "text outside of its root element",
		password + "<pfsense><a/></pfsense>":                                           "text outside of its root element",
		"<opnsense><a/></opnsense>":                                                    `its root element is "opnsense" and not pfsense`,
		`<x:pfsense xmlns:x="y"><a/></x:pfsense>`:                                      "and not pfsense",
		"<PFSENSE><a/></PFSENSE>":                                                      "and not pfsense",
		"<pfsense>" + strings.Repeat("<a>", 1e6):                                       "more than 200 deep",
	} {
		_, err := checkConfig([]byte(text))
		wantError(t, err, want, password)
	}
}

func TestPartsOfAConfigAreNone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cut := rapid.IntRange(0, len(goodConfig)-2).Draw(t, "cut")
		if _, err := checkConfig([]byte(goodConfig[:cut])); err == nil {
			t.Errorf("%q passes", goodConfig[:cut])
		}
	})
}

// next makes a version after one that holds a config.xml.
func next(t *testing.T, text string, mode os.FileMode) (providers.Job, string) {
	t.Helper()
	j := job(t, plan.PFSenseSource{Address: "gate"}, plan.ArtifactConfig)
	j.Previous = filepath.Join(filepath.Dir(j.Into), "previous")
	old := filepath.Join(j.Previous, ConfigName)
	if err := os.Mkdir(j.Previous, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(old, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(old, mode); err != nil {
		t.Fatal(err)
	}
	return j, old
}

func same(t *testing.T, a, b string) bool {
	t.Helper()
	first, err := os.Lstat(a)
	if err != nil {
		t.Fatal(err)
	}
	second, err := os.Lstat(b)
	if err != nil {
		t.Fatal(err)
	}
	return os.SameFile(first, second)
}

func TestUnchangedConfigIsLinked(t *testing.T) {
	other := strings.Replace(goodConfig, "gate", "gata", 1)
	for name, test := range map[string]struct {
		old    string
		mode   os.FileMode
		linked bool
	}{
		"the same":       {goodConfig, 0o600, true},
		"other bytes":    {other, 0o600, false},
		"other length":   {goodConfig + "\n", 0o600, false},
		"open to others": {goodConfig, 0o644, false},
	} {
		t.Run(name, func(t *testing.T) {
			j, old := next(t, test.old, test.mode)
			if _, err := New(printer(goodConfig)).Produce(t.Context(), j); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(goodConfig, string(only(t, j, ConfigName))); diff != "" {
				t.Error(diff)
			}
			if got := same(t, old, filepath.Join(j.Into, ConfigName)); got != test.linked {
				t.Errorf("linked: %v", got)
			}
			if content, _ := os.ReadFile(old); string(content) != test.old {
				t.Errorf("the old version has changed: %q", content)
			}
		})
	}
}

func TestPreviousIsNotFollowedOut(t *testing.T) {
	outside := fakeKey(t, goodConfig, 0o600)
	j, old := next(t, "", 0o600)
	if err := os.Remove(old); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, old); err != nil {
		t.Fatal(err)
	}
	if _, err := New(printer(goodConfig)).Produce(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	only(t, j, ConfigName)
	if same(t, outside, filepath.Join(j.Into, ConfigName)) {
		t.Error("linked to a file outside of the version")
	}
}

func TestModeIsOursWhateverTheUmask(t *testing.T) {
	j := job(t, plan.PFSenseSource{Address: "gate"}, plan.ArtifactConfig)
	j.Previous = filepath.Join(t.TempDir(), "gone")
	if _, err := New(printer(goodConfig)).Produce(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	only(t, j, ConfigName)
}
