package kube

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/bkplan/bkplan/internal/providers/kube"
)

func TestObserveAsksForPages(t *testing.T) {
	createVolumes(t, "pages", 1200)
	var mu sync.Mutex
	var limits []string
	server := proxy(t, func(r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if agent := r.Header.Get("User-Agent"); agent != "bkplan/1.2.3" {
			t.Errorf("user agent %q, want bkplan/1.2.3", agent)
		}
		if strings.HasSuffix(r.URL.Path, "/persistentvolumes") {
			limits = append(limits, r.URL.Query().Get("limit"))
		}
	})
	got, err := kube.New(kubeconfig(t, bearer(adminToken), server), "1.2.3").Observe(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if pages := (len(got.Volumes) + 499) / 500; len(limits) != pages || strings.Trim(strings.Join(limits, ""), "50") != "" {
		t.Errorf("%d volumes were asked for in pages of %q, want %d pages of 500", len(got.Volumes), limits, pages)
	}
}

// The store forgets old revisions; a list that spans such a moment gets 410.
func TestObserveRestartsListWhoseTokenExpired(t *testing.T) {
	createVolumes(t, "expired", 1200)
	var mu sync.Mutex
	first, restarts := true, -1
	server := proxy(t, func(r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if !strings.HasSuffix(r.URL.Path, "/persistentvolumes") {
			return
		}
		if r.URL.Query().Get("continue") == "" {
			restarts++
		} else if first {
			first = false
			forget(t)
		}
	})
	got, err := kube.New(kubeconfig(t, bearer(adminToken), server), "test").Observe(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if volumes := only(got, "expired-").Volumes; len(volumes) != 1200 {
		t.Errorf("observed %d volumes, want each of 1200 once", len(volumes))
	}
	if restarts != 1 {
		t.Errorf("the list was restarted %d times, want once", restarts)
	}
}

// forget makes the store drop all revisions but the present one.
func forget(t *testing.T) {
	createNamespace(t, fmt.Sprintf("forget-%d", time.Now().UnixNano()))
	list, err := cluster.Admin.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Error(err)
		return
	}
	body := fmt.Sprintf(`{"revision": %s, "physical": true}`, list.ResourceVersion)
	answer, err := http.Post(cluster.etcdURL+"/v3/kv/compaction", "application/json", bytes.NewReader([]byte(body)))
	if err != nil {
		t.Error(err)
		return
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("compact store: %s", answer.Status)
	}
}

// proxy passes requests on to the API server, showing each to seen first. It
// returns what leads a kubeconfig to it.
func proxy(t *testing.T, seen func(*http.Request)) func(*api.Cluster) {
	t.Helper()
	target, err := url.Parse(cluster.Server)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cluster.Authority.certificate)
	forward := httputil.NewSingleHostReverseProxy(target)
	forward.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen(r)
		forward.ServeHTTP(w, r)
	}))
	certificate, key, err := cluster.Authority.issue("proxy", time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.StartTLS()
	t.Cleanup(server.Close)
	return func(c *api.Cluster) { c.Server = server.URL }
}
