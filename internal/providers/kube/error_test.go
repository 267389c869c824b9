package kube

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/bkplan/bkplan/internal/plan"
)

// checkError expects an error of a kind that says the words, in one line,
// without a credential.
func checkError(t *testing.T, err, kind error, words ...string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("got %v, want %v", err, kind)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not say %q", err, word)
		}
	}
	for _, secret := range []string{token, "PRIVATE KEY", "\n", "\x1b"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%q contains %q", err, secret)
		}
	}
	if len(err.Error()) > 700 {
		t.Errorf("%d bytes are more than a person reads: %q", len(err.Error()), err)
	}
}

func TestAnswersThatAreErrors(t *testing.T) {
	all := map[string]string{
		"/api/v1/namespaces":             "forbidden-namespaces.json",
		"/api/v1/persistentvolumes":      "forbidden-volumes.json",
		"/api/v1/persistentvolumeclaims": "forbidden-claims.json",
	}
	say := func(status int, kind, body string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		})
	}
	only := func(path string, one, others http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == path {
				one.ServeHTTP(w, r)
				return
			}
			others.ServeHTTP(w, r)
		})
	}
	const json, html = "application/json", "text/html"
	tests := []struct {
		name    string
		handler http.Handler
		kind    error
		words   []string
	}{
		{"unauthorized", recorded(t, map[string]string{"/api/v1/namespaces": "unauthorized.json"}),
			ErrUnauthorized, []string{"rejects the token", "put a valid one into /"}},
		{"all forbidden", recorded(t, all),
			ErrForbidden, []string{`"stranger"`, "verb list on namespaces, persistentvolumes, persistentvolumeclaims"}},
		{"one forbidden", recorded(t, map[string]string{"/api/v1/persistentvolumes": "forbidden-volumes.json"}),
			ErrForbidden, []string{"verb list on persistentvolumes with"}},
		{"login page", say(200, html, "<html>please log in</html>"), ErrAnswer, []string{"check the server URL"}},
		{"empty object", say(200, json, "{}"), ErrAnswer, []string{"check the server URL"}},
		{"empty body", say(200, json, ""), ErrAnswer, nil},
		{"garbage", say(200, json, "\x00\x01garbage"), ErrAnswer, nil},
		{"truncated", say(200, json, `{"kind":"NamespaceList","apiVersion":"v1","items":[{"meta`), ErrAnswer, nil},
		{"other kind", say(200, json, `{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"7"},"items":[]}`), ErrAnswer, nil},
		{"no namespaces", say(200, json, `{"kind":"NamespaceList","apiVersion":"v1","metadata":{"resourceVersion":"7"},"items":[]}`),
			ErrAnswer, []string{"kube-system"}},
		{"one list is an empty object", only("/api/v1/persistentvolumes", say(200, json, "{}"), recorded(t, nil)),
			ErrAnswer, []string{"persistentvolumes", "no resource version"}},
		{"not found", say(404, "text/plain", "404 page not found"), ErrAnswer, []string{"check the server URL"}},
		{"bad gateway", say(502, html, "<html>bad gateway</html>"), ErrUnreachable, nil},
		{"not ready", say(503, json, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"ServiceUnavailable","code":503}`), ErrUnreachable, nil},
		{"store is slow", say(500, json, `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"etcdserver: request timed out","code":500}`),
			ErrUnreachable, []string{"etcdserver: request timed out"}},
		{"echo of the token", say(500, "text/plain", "no \x1b[31msuch\n token: "+token), ErrUnreachable, []string{"<removed>"}},
		{"long answer", say(500, json, `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"`+strings.Repeat("ä", 5000)+`","code":500}`),
			ErrUnreachable, []string{"…"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := New(apiServer(t, tt.handler), "test").Observe(t.Context(), now)
			checkError(t, err, tt.kind, tt.words...)
		})
	}
}

func TestServerCertificate(t *testing.T) {
	with := func(c tls.Certificate) func(*httptest.Server) {
		return func(s *httptest.Server) { s.TLS = &tls.Config{Certificates: []tls.Certificate{c}} }
	}
	clock := time.Now()
	valid := selfSigned(t, clock.Add(-time.Hour), clock.Add(time.Hour))
	expired := selfSigned(t, clock.Add(-2*time.Hour), clock.Add(-time.Hour))
	tests := []struct {
		name   string
		source plan.KubernetesSource
		words  []string
	}{
		{"expired", apiServer(t, recorded(t, nil), with(expired)), []string{"has expired", "clock of this host"}},
		{"of another authority", apiServer(t, recorded(t, nil), with(valid)), []string{"not signed by the authority in /", "another cluster"}},
		{"for another name", apiServer(t, recorded(t, nil), with(valid)), []string{"another name", "localhost"}},
	}
	other := user(t, selfSigned(t, clock.Add(-time.Hour), clock.Add(time.Hour)))
	rewrite(t, tests[1].source, func(c *api.Cluster, _ *api.AuthInfo) {
		c.CertificateAuthorityData = other.ClientCertificateData
	})
	rewrite(t, tests[2].source, func(c *api.Cluster, _ *api.AuthInfo) {
		c.Server = strings.Replace(c.Server, "127.0.0.1", "localhost", 1)
	})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := New(tt.source, "test").Observe(t.Context(), clock)
			checkError(t, err, ErrCertificate, tt.words...)
		})
	}
}

func TestRejectedClientCertificate(t *testing.T) {
	unauthorized := recorded(t, map[string]string{"/api/v1/namespaces": "unauthorized.json"})
	insists := func(s *httptest.Server) { s.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert} }
	for _, tt := range []struct {
		name        string
		source      plan.KubernetesSource
		from, until time.Duration // of the certificate, from now
		kind        error
		words       []string
	}{
		{"expired", apiServer(t, unauthorized), -2 * time.Hour, -time.Hour, ErrCertificate,
			[]string{`"operator" expired at 2026-11-24T11:00:00Z`, "renew it"}},
		{"not valid yet", apiServer(t, unauthorized), time.Hour, 2 * time.Hour, ErrCertificate,
			[]string{"valid only from 2026-11-24T13:00:00Z", "clock"}},
		{"of another cluster", apiServer(t, unauthorized), -time.Hour, time.Hour, ErrUnauthorized,
			[]string{`"operator"`, "another cluster"}},
		{"refused in the handshake", apiServer(t, unauthorized, insists), -time.Hour, time.Hour, ErrUnauthorized,
			[]string{`"operator"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			certificate := user(t, selfSigned(t, now.Add(tt.from), now.Add(tt.until)))
			rewrite(t, tt.source, func(_ *api.Cluster, u *api.AuthInfo) { *u = certificate })
			_, err := New(tt.source, "test").Observe(t.Context(), now)
			checkError(t, err, tt.kind, tt.words...)
		})
	}
}

func TestHandshakeWithoutCertificate(t *testing.T) {
	source := apiServer(t, recorded(t, nil), func(s *httptest.Server) {
		s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	})
	rewrite(t, source, func(_ *api.Cluster, u *api.AuthInfo) { *u = api.AuthInfo{} })
	_, err := New(source, "test").Observe(t.Context(), now)
	checkError(t, err, ErrUnauthorized, "asks for credentials")
}

func TestCredentialCommandMissing(t *testing.T) {
	source := apiServer(t, recorded(t, nil))
	rewrite(t, source, func(_ *api.Cluster, u *api.AuthInfo) {
		*u = api.AuthInfo{Exec: &api.ExecConfig{
			APIVersion: "client.authentication.k8s.io/v1", Command: "no-such-login", InteractiveMode: api.NeverExecInteractiveMode,
		}}
	})
	_, err := New(source, "test").Observe(t.Context(), now)
	checkError(t, err, ErrUnauthorized, "no-such-login", "credential command in /")
}

func TestAnswerThatBreaksOff(t *testing.T) {
	source := apiServer(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "5000")
		fmt.Fprint(w, `{"kind":"NamespaceList"`)
	}))
	_, err := New(source, "test").Observe(t.Context(), now)
	checkError(t, err, ErrUnreachable)
}

func TestNobodyListens(t *testing.T) {
	source := apiServer(t, recorded(t, nil))
	rewrite(t, source, func(c *api.Cluster, _ *api.AuthInfo) {
		server := httptest.NewServer(nil)
		server.Close()
		c.Server = strings.Replace(server.URL, "http:", "https:", 1)
	})
	_, err := New(source, "test").Observe(t.Context(), now)
	checkError(t, err, ErrUnreachable, "connection refused")
}
