package kube

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// The tokens of the users that the API server knows.
const (
	adminToken    = "admin-3f9c1f0e2b"  // may do everything
	strangerToken = "stranger-77aa0d19" // may do nothing
	readerToken   = "reader-51c0de88"   // may do what a test grants
)

// Cluster is a Kubernetes API over its own etcd.
type Cluster struct {
	Server    string // URL of the API
	Authority *authority
	Admin     *kubernetes.Clientset
	etcdURL   string
	etcd      *process
	apiserver *process
}

// StartCluster starts etcd and the API server on free loopback ports, with
// all their files below dir, and returns when the API is ready.
func StartCluster(binary, dir string) (*Cluster, error) {
	c := &Cluster{}
	if err := c.startEtcd(dir); err != nil {
		return nil, err
	}
	if err := c.startAPIServer(binary, dir); err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

// Stop ends the API server first, so that it does not miss its etcd.
func (c *Cluster) Stop() {
	if c.apiserver != nil {
		c.apiserver.stop()
	}
	c.etcd.stop()
}

func (c *Cluster) startEtcd(dir string) error {
	clients, err := freePort()
	if err != nil {
		return err
	}
	peers, err := freePort()
	if err != nil {
		return err
	}
	c.etcdURL = fmt.Sprintf("http://127.0.0.1:%d", clients)
	peerURL := fmt.Sprintf("http://127.0.0.1:%d", peers)
	c.etcd, err = start(dir, "etcd", "etcd",
		"--data-dir="+filepath.Join(dir, "etcd"),
		"--listen-client-urls="+c.etcdURL, "--advertise-client-urls="+c.etcdURL,
		"--listen-peer-urls="+peerURL, "--initial-advertise-peer-urls="+peerURL,
		"--initial-cluster=default="+peerURL)
	if err != nil {
		return fmt.Errorf("%w (./setup installs it)", err)
	}
	if err := c.etcd.await(30*time.Second, func() error { return get(c.etcdURL + "/health") }); err != nil {
		c.etcd.stop()
		return err
	}
	return nil
}

func (c *Cluster) startAPIServer(binary, dir string) error {
	var err error
	if c.Authority, err = newAuthority("test cluster"); err != nil {
		return err
	}
	if err := c.Authority.writeServerFiles(dir); err != nil {
		return err
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	c.Server = fmt.Sprintf("https://127.0.0.1:%d", port)
	c.apiserver, err = start(dir, "apiserver", binary,
		"--etcd-servers="+c.etcdURL,
		"--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", port),
		"--advertise-address=192.0.2.1", "--endpoint-reconciler-type=none",
		"--cert-dir="+filepath.Join(dir, "certificates"),
		"--tls-cert-file="+filepath.Join(dir, "server.crt"),
		"--tls-private-key-file="+filepath.Join(dir, "server.key"),
		"--client-ca-file="+filepath.Join(dir, "ca.crt"),
		"--token-auth-file="+filepath.Join(dir, "tokens.csv"),
		"--authorization-mode=RBAC",
		// Pages straight from etcd, whose past a test can make it forget.
		"--feature-gates=ListFromCacheSnapshot=false",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file="+filepath.Join(dir, "sa.key"),
		"--service-account-signing-key-file="+filepath.Join(dir, "sa.key"),
		"--service-cluster-ip-range=10.96.0.0/24")
	if err != nil {
		return err
	}
	return c.connect()
}

// connect makes the admin's client and waits until the API is ready.
func (c *Cluster) connect() error {
	var err error
	c.Admin, err = kubernetes.NewForConfig(&rest.Config{
		Host:            c.Server,
		BearerToken:     adminToken,
		TLSClientConfig: rest.TLSClientConfig{CAData: c.Authority.pem()},
		QPS:             -1,
	})
	if err != nil {
		return err
	}
	ctx := context.Background()
	return c.apiserver.await(90*time.Second, func() error {
		if err := c.Admin.RESTClient().Get().AbsPath("/readyz").Do(ctx).Error(); err != nil {
			return err
		}
		_, err := c.Admin.CoreV1().Namespaces().Get(ctx, "kube-system", metav1.GetOptions{})
		return err
	})
}

func get(url string) error {
	client := http.Client{Timeout: time.Second}
	answer, err := client.Get(url)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", url, answer.Status)
	}
	return nil
}
