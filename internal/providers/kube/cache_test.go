package kube

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/bkplan/bkplan/internal/plan"
)

const homeServer = "https://192.0.2.7:6443"

// home is a source that names homeServer.
func home(t *testing.T) plan.KubernetesSource {
	t.Helper()
	return kubeconfig(t, &api.Cluster{Server: homeServer}, &api.AuthInfo{Token: token})
}

// saved keeps the recorded cluster as an answer and returns where it lies.
func saved(t *testing.T, stateDir string, source plan.KubernetesSource) string {
	t.Helper()
	if err := Save(stateDir, homeCluster(source, homeServer)); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(stateDir, "kube", "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("state directory has %q, want one file (%v)", files, err)
	}
	return files[0]
}

func TestCacheGivesBackWhatWasSaved(t *testing.T) {
	source, stateDir := home(t), filepath.Join(t.TempDir(), "state")
	if _, found, err := Load(stateDir, source); found || err != nil {
		t.Fatalf("before the first answer: found %t, error %v", found, err)
	}
	path := saved(t, stateDir, source)
	got, found, err := Load(stateDir, source)
	if err != nil || !found {
		t.Fatalf("found %t, error %v", found, err)
	}
	if diff := cmp.Diff(homeCluster(source, homeServer), got); diff != "" {
		t.Error("loaded (-want +got):\n", diff)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 || len(filepath.Base(path)) != len("0123456789abcdef.json") {
		t.Errorf("%s has mode %s", path, info.Mode())
	}
	if text, _ := os.ReadFile(path); bytes.Contains(text, []byte(token)) {
		t.Error("the token is in the file")
	}
	other := plan.KubernetesSource{Kubeconfig: source.Kubeconfig, Context: "other"}
	if _, found, err := Load(stateDir, other); found || err != nil {
		t.Errorf("another context: found %t, error %v", found, err)
	}
}

func TestCacheOfAnotherCluster(t *testing.T) {
	source, stateDir := home(t), t.TempDir()
	path := saved(t, stateDir, source)
	rewrite(t, source, func(c *api.Cluster, _ *api.AuthInfo) { c.Server = "https://192.0.2.8:6443" })
	_, found, err := Load(stateDir, source)
	checkError(t, err, ErrOtherCluster, path, homeServer, "https://192.0.2.8:6443")
	if found {
		t.Error("an answer of another cluster was found")
	}
}

func TestCacheWithoutKubeconfig(t *testing.T) {
	source, stateDir := home(t), t.TempDir()
	saved(t, stateDir, source)
	if err := os.Remove(source.Kubeconfig); err != nil {
		t.Fatal(err)
	}
	_, found, err := Load(stateDir, source)
	checkError(t, err, ErrCache, "without the kubeconfig")
	if found {
		t.Error("an answer was found, and nobody knows whether it is of this cluster")
	}
}

// A damaged cache is never "none": then nobody would be excluded.
func TestCacheDamaged(t *testing.T) {
	replace := func(old, by string) func([]byte) []byte {
		return func(text []byte) []byte { return bytes.Replace(text, []byte(old), []byte(by), 1) }
	}
	for _, tt := range []struct {
		name   string
		damage func([]byte) []byte
		word   string
	}{
		{"empty", func([]byte) []byte { return nil }, "damaged"},
		{"zeros", func(text []byte) []byte { return make([]byte, len(text)) }, "damaged"},
		{"truncated", func(text []byte) []byte { return text[:len(text)/2] }, "damaged"},
		{"two answers", func(text []byte) []byte { return append(text, text...) }, "damaged"},
		{"null", func([]byte) []byte { return []byte("null") }, "format 0"},
		{"newer", replace(`"format": 1`, `"format": 2`), "format 2, this version reads 1"},
		{"unknown field", replace(`"format": 1`, `"format": 1, "more": 1`), "damaged"},
		{"without cluster", func([]byte) []byte { return []byte(`{"format": 1}`) }, "damaged"},
		{"without time", replace(`"seen": "2026-11-24T12:00:00Z",`, ""), "damaged"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			source, stateDir := home(t), t.TempDir()
			path := saved(t, stateDir, source)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, tt.damage(text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, found, err := Load(stateDir, source)
			checkError(t, err, ErrCache, path, tt.word, "run observe")
			if found {
				t.Error("a damaged answer was found")
			}
		})
	}
}

func TestCacheCannotBeReadOrWritten(t *testing.T) {
	source, stateDir := home(t), t.TempDir()
	path := saved(t, stateDir, source)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, found, err := Load(stateDir, source); found || !errors.Is(err, ErrCache) {
		t.Errorf("found %t, error %v; want %v", found, err, ErrCache)
	}
	if err := Save(stateDir, homeCluster(source, homeServer)); err == nil {
		t.Error("saved over a directory")
	}
	file := filepath.Join(stateDir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var where *fs.PathError
	if err := Save(file, homeCluster(source, homeServer)); !errors.As(err, &where) || !strings.HasPrefix(err.Error(), "keep last good answer: ") {
		t.Errorf("got %v, want an error that names the file in the way", err)
	}
}

// A full disk leaves the answer before it whole.
func TestCacheSurvivesFailedSave(t *testing.T) {
	source, stateDir := home(t), t.TempDir()
	saved(t, stateDir, source)
	dir := filepath.Join(stateDir, "kube")
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(dir, 0o700) })
	next := homeCluster(source, homeServer)
	next.Volumes = nil
	if err := Save(stateDir, next); err == nil && os.Getuid() != 0 {
		t.Fatal("saved into a directory without the right to write")
	} else if err == nil {
		t.Skip("root may write anywhere")
	}
	got, found, err := Load(stateDir, source)
	if err != nil || !found || len(got.Volumes) != 5 {
		t.Errorf("found %t with %d volumes, error %v", found, len(got.Volumes), err)
	}
}

func TestCacheIsJSONForPeople(t *testing.T) {
	text, err := os.ReadFile(saved(t, t.TempDir(), home(t)))
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(text) || bytes.Count(text, []byte("\n")) < 10 {
		t.Errorf("not lines of JSON:\n%s", text)
	}
}
