package kube

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/bkplan/bkplan/internal/providers/kube"
)

// The API goes silent after a good night: the names are still known. Then the
// kubeconfig leads elsewhere: they are not used for the wrong cluster.
func TestLastGoodAnswer(t *testing.T) {
	createNamespace(t, "cache-vault")
	createClaim(t, "cache-vault", "data", "cache-volume", "Bound")
	source, stateDir := kubeconfig(t, bearer(adminToken)), t.TempDir()
	seen := time.Date(2026, 5, 4, 3, 0, 0, 0, time.UTC)
	live, err := kube.New(source, "test").Observe(t.Context(), seen)
	if err != nil {
		t.Fatal(err)
	}
	if err := kube.Save(stateDir, live); err != nil {
		t.Fatal(err)
	}

	kept, found, err := kube.Load(stateDir, source)
	if err != nil || !found {
		t.Fatalf("found %t, error %v", found, err)
	}
	if diff := cmp.Diff(live, kept); diff != "" {
		t.Error("kept (-live +kept):\n", diff)
	}

	config, err := clientcmd.LoadFromFile(source.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.Clusters["home"].Server = "https://192.0.2.7:6443"
	if err := clientcmd.WriteToFile(*config, source.Kubeconfig); err != nil {
		t.Fatal(err)
	}
	_, found, err = kube.Load(stateDir, source)
	if found || !errors.Is(err, kube.ErrOtherCluster) || !strings.Contains(err.Error(), "https://192.0.2.7:6443") {
		t.Errorf("found %t, error %v; want %v", found, err, kube.ErrOtherCluster)
	}
}
