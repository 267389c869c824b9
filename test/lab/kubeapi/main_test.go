package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// names is the part of every list that the tests look at.
type names struct {
	Metadata metav1.ListMeta `json:"metadata"`
	Items    []struct {
		Metadata metav1.ObjectMeta `json:"metadata"`
	} `json:"items"`
}

// serve starts the API over volumes pv-0, pv-1 and so on. The first is released.
func serve(t *testing.T, count int) *httptest.Server {
	t.Helper()
	world := cluster{Namespaces: []string{"default"}}
	for i := range count {
		v := volume{Name: fmt.Sprint("pv-", i), Phase: "Bound", Namespace: "default", Claim: fmt.Sprint("claim-", i)}
		if i == 0 {
			v.Phase = "Released"
		}
		world.Volumes = append(world.Volumes, v)
	}
	data, err := json.Marshal(world)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "cluster.json")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(newHandler(file))
	t.Cleanup(server.Close)
	return server
}

func get(t *testing.T, address string, into any) int {
	t.Helper()
	response, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode
}

// all follows the pages of a list to the end.
func all(t *testing.T, address string, limit int) (found []string, pages int) {
	t.Helper()
	token := ""
	for {
		var list names
		query := url.Values{"limit": {fmt.Sprint(limit)}, "continue": {token}}
		if code := get(t, address+"?"+query.Encode(), &list); code != http.StatusOK {
			t.Fatalf("status %d", code)
		}
		pages++
		for _, item := range list.Items {
			found = append(found, item.Metadata.Name)
		}
		if token = list.Metadata.Continue; token == "" {
			return found, pages
		}
	}
}

func TestPagesHoldEveryVolumeOnce(t *testing.T) {
	server := serve(t, 7)
	want := []string{"pv-0", "pv-1", "pv-2", "pv-3", "pv-4", "pv-5", "pv-6"}
	for limit, pages := range map[int]int{0: 1, 1: 7, 3: 3, 6: 2, 7: 1, 500: 1} {
		found, count := all(t, server.URL+"/api/v1/persistentvolumes", limit)
		if diff := cmp.Diff(want, found); diff != "" || count != pages {
			t.Errorf("limit %d: %d pages, want %d; volumes (-want +got):\n%s", limit, count, pages, diff)
		}
	}
}

func TestReleasedVolumeHasNoClaim(t *testing.T) {
	found, _ := all(t, serve(t, 3).URL+"/api/v1/persistentvolumeclaims", 0)
	if want := []string{"claim-1", "claim-2"}; !slices.Equal(found, want) {
		t.Errorf("claims %q, want %q", found, want)
	}
}

func TestRefusals(t *testing.T) {
	server := serve(t, 1)
	for path, want := range map[string]int{
		"/api/v1/persistentvolumes?limit=many":  http.StatusBadRequest,
		"/api/v1/persistentvolumes?limit=-1":    http.StatusBadRequest,
		"/api/v1/persistentvolumes?continue=-1": http.StatusBadRequest,
		"/api/v1/persistentvolumes?continue=x":  http.StatusBadRequest,
		"/api/v1/secrets":                       http.StatusNotFound,
	} {
		var status metav1.Status
		if code := get(t, server.URL+path, &status); code != want || int(status.Code) != want || status.Message == "" {
			t.Errorf("%s: status %d, %+v; want %d", path, code, status, want)
		}
	}
}
