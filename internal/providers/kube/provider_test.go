package kube

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bkplan/bkplan/internal/plan"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// homeCluster is the recorded cluster as the provider must see it.
func homeCluster(source plan.KubernetesSource, server string) plan.Cluster {
	const csi, class, size = "csi.proxmox.sinextra.dev", "proxmox-lvm", 10 << 30
	lv := func(n string) string { return "vm-9999-pvc-" + n + "-0c5e-4d5b-9a77-0d6f3a0f8a11" }
	return plan.Cluster{
		Kubeconfig: source.Kubeconfig,
		Server:     server,
		Seen:       now,
		Namespaces: []string{"dbaas", "default", "kube-node-lease", "kube-public", "kube-system", "vaultwarden"},
		Volumes: []plan.PersistentVolume{
			{Name: "media", Driver: "nfs", Phase: "Failed", StorageClass: class, Bytes: size},
			{Name: "pvc-1a000000", Driver: csi, Handle: "homelab/pve/local-lvm/" + lv("1a000000"), Phase: "Bound",
				Namespace: "vaultwarden", Claim: "vaultwarden-data", StorageClass: class, Bytes: size},
			{Name: "pvc-2b000000", Driver: csi, Handle: "local-lvm:" + lv("2b000000"), Phase: "Bound",
				Namespace: "dbaas", Claim: "data-postgresql-0", StorageClass: class, Bytes: size},
			{Name: "pvc-3c000000", Driver: csi, Handle: "homelab/pve/local-lvm/" + lv("3c000000"), Phase: "Released",
				Namespace: "dbaas", Claim: "retired", StorageClass: class, Bytes: size},
			{Name: "pvc-4d000000", Driver: csi, Handle: "homelab/pve/local-lvm/" + lv("4d000000"), Phase: "Available",
				StorageClass: class, Bytes: size},
		},
		Claims: []plan.Claim{
			{Namespace: "dbaas", Name: "data-postgresql-0", Volume: "pvc-2b000000", Phase: "Bound"},
			{Namespace: "dbaas", Name: "waiting", Phase: "Pending"},
			{Namespace: "vaultwarden", Name: "vaultwarden-data", Volume: "pvc-1a000000", Phase: "Bound"},
		},
	}
}

func TestObserveRecordedCluster(t *testing.T) {
	answers := recorded(t, nil)
	source := apiServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Query().Get("limit") != "500" {
			t.Errorf("%s %s, want a GET with limit 500", r.Method, r.URL)
		}
		if agent := r.Header.Get("User-Agent"); agent != "bkplan/1.2.3" {
			t.Errorf("user agent %q", agent)
		}
		if r.Header.Get("Authorization") != "Bearer "+token {
			t.Error("the token was not presented")
		}
		answers.ServeHTTP(w, r)
	}))
	got, err := New(source, "1.2.3").Observe(t.Context(), now)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(homeCluster(source, got.Server), got); diff != "" {
		t.Error("observed (-want +got):\n", diff)
	}
	if !strings.HasPrefix(got.Server, "https://127.0.0.1:") {
		t.Errorf("server %q", got.Server)
	}
}

func TestObserveRestartsExpiredListOnce(t *testing.T) {
	for _, tt := range []struct {
		name    string
		expires int // how many times
		works   bool
	}{
		{"expired once", 1, true},
		{"expired again", 2, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			answers, left := recorded(t, nil), tt.expires
			source := apiServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Get("continue") != "" && left > 0 {
					left--
					serve(t, w, "expired.json", http.StatusGone)
					return
				}
				answers.ServeHTTP(w, r)
			}))
			got, err := New(source, "test").Observe(t.Context(), now)
			switch {
			case tt.works && err != nil:
				t.Error(err)
			case tt.works && len(got.Volumes) != 5:
				t.Errorf("observed %d volumes, want each of 5 once", len(got.Volumes))
			case !tt.works && !errors.Is(err, ErrUnreachable):
				t.Errorf("got %v, want %v", err, ErrUnreachable)
			}
		})
	}
}

func TestObserveBoundedByContext(t *testing.T) {
	release := make(chan struct{})
	source := apiServer(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-release:
		}
	}))
	t.Cleanup(func() { close(release) })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := New(source, "test").Observe(ctx, now); !errors.Is(err, ErrUnreachable) {
		t.Errorf("time limit: got %v, want %v", err, ErrUnreachable)
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if _, err := New(source, "test").Observe(ctx, now); !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnreachable) {
		t.Errorf("shutdown: got %v, want %v alone", err, context.Canceled)
	}
}
