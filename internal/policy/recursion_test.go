package policy

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bkplan/bkplan/internal/plan"
)

// TestCopiesBesideLiveData are layers from children of /srv to /srv/backup.
func TestCopiesBesideLiveData(t *testing.T) {
	for _, c := range []struct {
		kind, each, exclude, excludedVolumes string
		want                                 []string
	}{
		{kind: "files", want: []string{"copy_into_itself"}},
		{kind: "files", exclude: "/backup/"},
		{kind: "files", exclude: "/backup/copies"},
		{kind: "files", exclude: "/backup/copies/more", want: []string{"copy_into_itself"}},
		{kind: "files", exclude: "backup", want: []string{"copy_into_itself"}},
		{kind: "files", each: "*", want: []string{"copy_into_itself"}},
		{kind: "files", each: "svc-*"},
		{kind: "files", each: "back*", want: []string{"copy_into_itself"}},
		{kind: "files", each: "*", excludedVolumes: "backup"},
		{kind: "files", each: "*", excludedVolumes: "back", want: []string{"copy_into_itself"}},
		{kind: "files", excludedVolumes: "backup", want: []string{"copy_into_itself"}},
		// The volume is /srv/backup, and patterns are anchored there.
		{kind: "files", each: "*", exclude: "/backup/", want: []string{"copy_into_itself"}},
		{kind: "files", each: "*", exclude: "/copies/"},
		{kind: "sqlite", want: []string{"copy_into_itself"}},
		{kind: "sqlite", each: "*", want: []string{"copy_into_itself"}},
		{kind: "sqlite", each: "svc-*"},
		{kind: "sync", want: []string{"copy_into_itself"}},
		// A sync copies the whole directory.
		{kind: "sync", each: "svc-*", want: []string{"copy_into_itself"}},
		{kind: "sync", each: "*", exclude: "/backup/"},
	} {
		text := "destination \"disk\" \"d\" {\n path = \"/srv/backup\"\n}\nsource \"directory\" \"s\" {\n path = \"/srv\"\n"
		if c.each != "" {
			text += fmt.Sprintf(" each = %q\n", c.each)
		}
		text += fmt.Sprintf("}\nlayer %q \"l\" {\n from = source.s\n to = destination.d\n schedule = \"daily\"\n directory = \"copies\"\n", c.kind)
		if c.exclude != "" {
			text += fmt.Sprintf(" exclude = [%q]\n", c.exclude)
		}
		text += "}\n"
		if c.excludedVolumes != "" {
			text += fmt.Sprintf("exclude \"x\" {\n volumes = [%q]\n reason = \"copies\"\n}\n", c.excludedVolumes)
		}
		_, found := loadText(text, Options{})
		if !slices.Equal(codes(found), c.want) {
			t.Errorf("%+v gives %q", c, codes(found))
		}
	}
}

func TestArtifactsAndMounts(t *testing.T) {
	p, found := Load("../../testdata/policy/valid/directories.hcl", Options{})
	if len(found) > 0 {
		t.Fatalf("unexpected diagnostics:\n%s", found.Text(80))
	}
	artifacts := map[string]string{}
	for _, l := range p.Layers {
		artifacts[l.Name] = l.Artifact
	}
	want := map[string]string{
		"home": "", "services": "", "sqlite": "", "host": "", "offsite": "",
		"config": plan.ArtifactConfig, "files": plan.ArtifactFiles,
	}
	if diff := cmp.Diff(want, artifacts); diff != "" {
		t.Errorf("artifacts (-want +got):\n%s", diff)
	}
	for _, s := range p.Sources {
		if got := s.Directory != nil && s.Directory.RequireMount; got != (s.Name == "home") {
			t.Errorf("%s requires a mount: %t", s.Name, got)
		}
	}
}
