package kube

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/bkplan/bkplan/internal/plan"
)

const token = "s3cr3t-t0k3n"

// apiServer serves handler with TLS and returns the source that leads to it.
func apiServer(t *testing.T, handler http.Handler, change ...func(*httptest.Server)) plan.KubernetesSource {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	for _, c := range change {
		c(server)
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.TLS.Certificates[0].Certificate[0]})
	return kubeconfig(t, &api.Cluster{Server: server.URL, CertificateAuthorityData: authority}, &api.AuthInfo{Token: token})
}

func kubeconfig(t *testing.T, cluster *api.Cluster, user *api.AuthInfo) plan.KubernetesSource {
	t.Helper()
	config := api.NewConfig()
	config.Clusters["home"], config.AuthInfos["someone"] = cluster, user
	config.Contexts["home"] = &api.Context{Cluster: "home", AuthInfo: "someone"}
	config.CurrentContext = "home"
	path := filepath.Join(t.TempDir(), "config")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		t.Fatal(err)
	}
	return plan.KubernetesSource{Kubeconfig: path}
}

// rewrite changes the only cluster and user of a kubeconfig.
func rewrite(t *testing.T, source plan.KubernetesSource, change func(*api.Cluster, *api.AuthInfo)) {
	t.Helper()
	config, err := clientcmd.LoadFromFile(source.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	change(config.Clusters["home"], config.AuthInfos["someone"])
	if err := clientcmd.WriteToFile(*config, source.Kubeconfig); err != nil {
		t.Fatal(err)
	}
}

// recorded answers as the real API server did whose words are in testdata.
// answers replaces the file served for a path.
func recorded(t *testing.T, answers map[string]string) http.Handler {
	t.Helper()
	files := map[string]string{
		"/api/v1/namespaces":             "namespaces.json",
		"/api/v1/persistentvolumes":      "volumes-1.json",
		"/api/v1/persistentvolumeclaims": "claims.json",
	}
	for path, file := range answers {
		files[path] = file
	}
	status := map[string]int{
		"unauthorized.json":         http.StatusUnauthorized,
		"expired.json":              http.StatusGone,
		"forbidden-namespaces.json": http.StatusForbidden,
		"forbidden-volumes.json":    http.StatusForbidden,
		"forbidden-claims.json":     http.StatusForbidden,
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		file := files[r.URL.Path]
		if r.URL.Query().Get("continue") != "" {
			file = "volumes-2.json"
		}
		serve(t, w, file, status[file])
	})
}

// serve sends a recorded answer.
func serve(t *testing.T, w http.ResponseWriter, file string, status int) {
	body, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Error(err)
	}
	w.Header().Set("Content-Type", "application/json")
	if status != 0 {
		w.WriteHeader(status)
	}
	w.Write(body)
}

// selfSigned is a certificate for loopback, and its key, valid in the given
// span.
func selfSigned(t *testing.T, from, until time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "operator"},
		NotBefore:             from,
		NotAfter:              until,
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// user presents the certificate as a client's.
func user(t *testing.T, certificate tls.Certificate) api.AuthInfo {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return api.AuthInfo{
		ClientCertificateData: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]}),
		ClientKeyData:         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
	}
}
