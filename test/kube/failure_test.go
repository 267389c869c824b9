package kube

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers/kube"
)

// refuse observes with the source, expects the error and that it says what
// to do, and makes sure that no credential is in it.
func refuse(t *testing.T, source plan.KubernetesSource, kind error, words ...string) {
	t.Helper()
	_, err := kube.New(source, "test").Observe(t.Context(), time.Now())
	if !errors.Is(err, kind) {
		t.Fatalf("got %v, want %v", err, kind)
	}
	t.Log(err)
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not say %q", err, word)
		}
	}
	for _, secret := range []string{adminToken, strangerToken, readerToken, "wrong-token", "PRIVATE KEY", "\n"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%q contains %q", err, secret)
		}
	}
}

func TestWrongToken(t *testing.T) {
	refuse(t, kubeconfig(t, bearer("wrong-token")), kube.ErrUnauthorized, "token", "put a valid one")
}

func TestNoCredentials(t *testing.T) {
	refuse(t, kubeconfig(t, &api.AuthInfo{}), kube.ErrForbidden, "system:anonymous")
}

func TestUserWithoutRights(t *testing.T) {
	refuse(t, kubeconfig(t, bearer(strangerToken)), kube.ErrForbidden,
		`"stranger"`, "verb list on namespaces, persistentvolumes, persistentvolumeclaims")
}

func TestUserWithSomeRights(t *testing.T) {
	source := kubeconfig(t, bearer(readerToken))
	grant(t, "namespaces", "persistentvolumeclaims")
	eventually(t, source, func(err error) bool {
		return errors.Is(err, kube.ErrForbidden) && strings.Contains(err.Error(), "verb list on persistentvolumes with")
	})
	grant(t, "persistentvolumes")
	eventually(t, source, func(err error) bool { return err == nil })
}

// eventually observes until done: the API server's authorizer learns of a new
// role a moment after it was created.
func eventually(t *testing.T, source plan.KubernetesSource, done func(error) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		_, err := kube.New(source, "test").Observe(ctx, time.Now())
		if done(err) {
			return
		}
		if ctx.Err() != nil {
			t.Fatal("last answer:", err)
		}
	}
}

// grant lets the user reader list the resources.
func grant(t *testing.T, resources ...string) {
	t.Helper()
	name := "reader-" + strings.Join(resources, "-")
	role := &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: resources, Verbs: []string{"list"}}},
	}
	if _, err := cluster.Admin.RbacV1().ClusterRoles().Create(t.Context(), role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "reader"}},
	}
	if _, err := cluster.Admin.RbacV1().ClusterRoleBindings().Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func TestClientCertificate(t *testing.T) {
	valid := clientCertificate(t, cluster.Authority, time.Now().Add(time.Hour))
	if _, err := kube.New(kubeconfig(t, valid), "test").Observe(t.Context(), time.Now()); err != nil {
		t.Error("valid certificate:", err)
	}
	expired := clientCertificate(t, cluster.Authority, time.Now().Add(-time.Hour))
	refuse(t, kubeconfig(t, expired), kube.ErrCertificate, `"operator" expired at 20`, "renew")
	stranger := clientCertificate(t, otherAuthority(t), time.Now().Add(time.Hour))
	refuse(t, kubeconfig(t, stranger), kube.ErrUnauthorized, `"operator"`, "another cluster")
}

func clientCertificate(t *testing.T, by *authority, until time.Time) *api.AuthInfo {
	t.Helper()
	certificate, key, err := by.issue("operator", until)
	if err != nil {
		t.Fatal(err)
	}
	return &api.AuthInfo{ClientCertificateData: certificate, ClientKeyData: key}
}

func otherAuthority(t *testing.T) *authority {
	t.Helper()
	a, err := newAuthority("other cluster")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestWrongAuthority(t *testing.T) {
	other := otherAuthority(t)
	source := kubeconfig(t, bearer(adminToken), func(c *api.Cluster) { c.CertificateAuthorityData = other.pem() })
	refuse(t, source, kube.ErrCertificate, "not signed by the authority", source.Kubeconfig)
}

func TestCertificateForAnotherName(t *testing.T) {
	source := kubeconfig(t, bearer(adminToken), func(c *api.Cluster) {
		c.Server = strings.Replace(c.Server, "127.0.0.1", "localhost", 1)
	})
	refuse(t, source, kube.ErrCertificate, "localhost", "correct the server URL")
}

func TestUnreachable(t *testing.T) {
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	url := (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}).String()
	source := kubeconfig(t, bearer(adminToken), func(c *api.Cluster) { c.Server = "https://" + url })
	refuse(t, source, kube.ErrUnreachable, "connection refused", url)
}

func TestServerThatIsNoKubernetesAPI(t *testing.T) {
	source := kubeconfig(t, bearer(adminToken), func(c *api.Cluster) { c.Server = cluster.etcdURL })
	refuse(t, source, kube.ErrAnswer, "check the server URL")
}

func TestKubeconfigMissing(t *testing.T) {
	source := plan.KubernetesSource{Kubeconfig: filepath.Join(t.TempDir(), "config")}
	refuse(t, source, kube.ErrKubeconfig, "does not exist")
}

// A hung server still takes connections: only the time limit ends the wait.
func TestSilentAPI(t *testing.T) {
	pause(t, cluster.apiserver)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := kube.New(kubeconfig(t, bearer(adminToken)), "test").Observe(ctx, time.Now())
	if !errors.Is(err, kube.ErrUnreachable) || !strings.Contains(err.Error(), "time limit") {
		t.Errorf("got %v, want %v", err, kube.ErrUnreachable)
	}
}
