package kube

import (
	"os"
	"path/filepath"
	"testing"

	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/bkplan/bkplan/internal/plan"
)

func TestKubeconfigsThatCannotBeUsed(t *testing.T) {
	const good = `{apiVersion: v1, kind: Config, current-context: home,
clusters: [{name: home, cluster: {server: "https://192.0.2.7:6443"}}],
users: [{name: me, user: {token: ` + token + `}}],
contexts: [{name: home, context: {cluster: home, user: me}}, {name: lost, context: {cluster: gone, user: me}}]}`
	tests := []struct {
		name, content, context string
		words                  []string
	}{
		{"empty", "", "", []string{"has no contexts"}},
		{"binary", "\x7fELF\x02\x01\x01\x00\x00", "", []string{"not a valid kubeconfig"}},
		{"torn", "apiVersion: v1\nkind: Config\nusers:\n- name: me\n  user: {token: " + token + "\n- x", "", []string{"not a valid kubeconfig (line "}},
		{"wrong type", "apiVersion: v1\nkind: Config\nusers: " + token, "", []string{"not a valid kubeconfig"}},
		{"other kind", "apiVersion: v1\nkind: Secret\nstringData: {token: " + token + "}", "", []string{"not a valid kubeconfig"}},
		{"no current context", "apiVersion: v1\nkind: Config\ncontexts: [{name: b, context: {}}, {name: a, context: {}}]", "",
			[]string{"no current context", "one of: a, b"}},
		{"unknown context", good, "hom", []string{`no context "hom"`, "it has: home, lost"}},
		{"context without cluster", good, "lost", []string{`context "lost"`, `"gone"`}},
		{"authority file gone", "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{name: a, context: {cluster: a, user: a}}]\n" +
			"clusters: [{name: a, cluster: {server: 'https://192.0.2.7', certificate-authority: ca.crt}}]\nusers: [{name: a, user: {}}]", "",
			[]string{"ca.crt", "no such file"}},
		{"broken authority", "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{name: a, context: {cluster: a, user: a}}]\n" +
			"clusters: [{name: a, cluster: {server: 'https://192.0.2.7', certificate-authority-data: Z2FyYmFnZQ==}}]\nusers: [{name: a, user: {}}]", "",
			nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "config")
			if err := os.WriteFile(path, []byte(tt.content), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := New(plan.KubernetesSource{Kubeconfig: path, Context: tt.context}, "test").Observe(t.Context(), now)
			checkError(t, err, ErrKubeconfig, append(tt.words, path)...)
		})
	}
}

func TestKubeconfigMissingOrNotAFile(t *testing.T) {
	dir := t.TempDir()
	_, err := New(plan.KubernetesSource{Kubeconfig: filepath.Join(dir, "config")}, "test").Observe(t.Context(), now)
	checkError(t, err, ErrKubeconfig, "does not exist")
	_, err = New(plan.KubernetesSource{Kubeconfig: dir}, "test").Observe(t.Context(), now)
	checkError(t, err, ErrKubeconfig, "is a directory")
}

// Nothing but the named file is used, whatever the environment offers.
func TestEnvironmentDoesNotCount(t *testing.T) {
	source := apiServer(t, recorded(t, nil))
	t.Setenv("KUBECONFIG", source.Kubeconfig)
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	_, err := New(plan.KubernetesSource{}, "test").Observe(t.Context(), now)
	checkError(t, err, ErrKubeconfig, "set kubeconfig")
	_, err = New(plan.KubernetesSource{Context: "home"}, "test").Observe(t.Context(), now)
	checkError(t, err, ErrKubeconfig, `context "home"`)
}

func TestServerWithoutCredentials(t *testing.T) {
	source := kubeconfig(t, &api.Cluster{Server: "https://me:" + token + "@192.0.2.7:6443/k8s"}, &api.AuthInfo{})
	config, err := loadConfig(source)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := serverOf(config), "https://192.0.2.7:6443/k8s"; got != want {
		t.Errorf("server %q, want %q", got, want)
	}
}
