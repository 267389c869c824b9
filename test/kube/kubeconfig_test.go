package kube

import (
	"path/filepath"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/bkplan/bkplan/internal/plan"
)

// kubeconfig writes the configuration of a user of the test cluster, changed
// as the test wants it, and returns the source that names it.
func kubeconfig(t *testing.T, user *api.AuthInfo, change ...func(*api.Cluster)) plan.KubernetesSource {
	t.Helper()
	server := &api.Cluster{Server: cluster.Server, CertificateAuthorityData: cluster.Authority.pem()}
	for _, c := range change {
		c(server)
	}
	config := api.NewConfig()
	config.Clusters["home"] = server
	config.AuthInfos["someone"] = user
	config.Contexts["home"] = &api.Context{Cluster: "home", AuthInfo: "someone"}
	config.CurrentContext = "home"
	path := filepath.Join(t.TempDir(), "config")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		t.Fatal(err)
	}
	return plan.KubernetesSource{Kubeconfig: path}
}

func bearer(token string) *api.AuthInfo { return &api.AuthInfo{Token: token} }
