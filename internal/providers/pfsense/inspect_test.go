package pfsense

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestInspectReadsToTheEnd(t *testing.T) {
	archive := string(zipped(plainTar(2000, 1024, 3)))
	for name, c := range map[string]struct {
		files map[string]string
		want  string // empty where all is well
	}{
		"a config":          {map[string]string{ConfigName: goodConfig}, ""},
		"an archive":        {map[string]string{ArchiveName: archive}, ""},
		"both":              {map[string]string{ConfigName: goodConfig, ArchiveName: archive}, ""},
		"a config's half":   {map[string]string{ConfigName: goodConfig[:len(goodConfig)/2]}, ConfigName + ": "},
		"no config":         {map[string]string{ConfigName: ""}, ConfigName + ": there is no XML in it"},
		"an archive's half": {map[string]string{ArchiveName: archive[:len(archive)/2]}, ArchiveName + ": "},
		"its last byte":     {map[string]string{ArchiveName: archive[:len(archive)-1]}, "it breaks off"},
		"the other is fine": {map[string]string{ConfigName: goodConfig, ArchiveName: "garbage"}, ArchiveName + ": "},
		"neither":           {map[string]string{"other": "x"}, "neither " + ConfigName + " nor " + ArchiveName + " is there"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			for file, text := range c.files {
				if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			findings, err := (&Producer{}).Inspect(t.Context(), folder)
			if err != nil {
				t.Fatal(err)
			}
			if c.want == "" && len(findings) > 0 || c.want != "" && (len(findings) != 1 || !strings.Contains(findings[0], c.want)) {
				t.Errorf("%q", findings)
			}
		})
	}
}

// A version may come from a disk that anybody has written to.
func TestInspectDoesNotLeaveTheVersion(t *testing.T) {
	outside, folder := filepath.Join(t.TempDir(), "config"), t.TempDir()
	if err := errors.Join(os.WriteFile(outside, []byte(goodConfig), 0o600), os.Symlink(outside, filepath.Join(folder, ConfigName))); err != nil {
		t.Fatal(err)
	}
	findings, err := (&Producer{}).Inspect(t.Context(), folder)
	if err != nil || len(findings) != 1 || !strings.HasPrefix(findings[0], ConfigName+": ") {
		t.Errorf("%q, %v", findings, err)
	}
}

func TestInspectThatIsStopped(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, ConfigName), []byte(goodConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if findings, err := (&Producer{}).Inspect(ctx, folder); !errors.Is(err, context.Canceled) || len(findings) > 0 {
		t.Errorf("%q, %v", findings, err)
	}
}
