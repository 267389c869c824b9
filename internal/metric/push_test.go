package metric

import (
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/test/monitoring"
)

func oneSample(value float64, labels ...string) []*dto.MetricFamily {
	f := families{}
	f.one("bkplan_layer_versions", "Versions.", value, append([]string{"layer", "weekly"}, labels...)...)
	return f.list()
}

// scrape reads what a gateway would show Prometheus of one metric: values by instance.
func scrape(t *testing.T, url, name string) map[string]float64 {
	t.Helper()
	response, err := http.Get(url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	list, err := parser.TextToMetricFamilies(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, m := range list[name].GetMetric() {
		key := ""
		for _, l := range m.GetLabel() {
			if l.GetName() == "instance" || l.GetName() == "volume" {
				key += l.GetValue()
			}
		}
		values[key] = m.GetGauge().GetValue()
	}
	return values
}

// Two hosts push at once, again and again: neither erases the other, and what a host does
// not have any more goes with its next push.
func TestRealGatewayKeepsHostsApart(t *testing.T) {
	gateway := plan.Pushgateway{URL: monitoring.Gateway(t) + "/", Timeout: time.Minute}
	var group sync.WaitGroup
	for _, host := range []string{"pve", "a host/with odd: \"name\""} {
		group.Go(func() {
			for i := range 20 {
				if err := Push(t.Context(), gateway, host, oneSample(float64(i), "volume", "old")); err != nil {
					t.Error(err)
				}
			}
			if err := Push(t.Context(), gateway, host, oneSample(7)); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	got := scrape(t, strings.TrimSuffix(gateway.URL, "/"), "bkplan_layer_versions")
	if len(got) != 2 || got["pve"] != 7 || got["a host/with odd: \"name\""] != 7 {
		t.Errorf("%v", got)
	}
}

// A gateway that was started again has forgotten everything: one push fills it.
func TestRealGatewayTakesHostileNames(t *testing.T) {
	gateway := plan.Pushgateway{URL: monitoring.Gateway(t), Timeout: time.Minute}
	f := families{}
	names := []string{"a b", "line\nend", `"quoted"`, `back\slash`, "caf\xe9", "$(id)", "--x", "ünïcode", ""}
	for i, name := range names {
		f.one("bkplan_volume_versions", "Versions.", float64(i), "layer", "weekly", "volume", label(name))
	}
	if err := Push(t.Context(), gateway, "", f.list()); err != nil {
		t.Fatal(err)
	}
	got := scrape(t, gateway.URL, "bkplan_volume_versions")
	for i, name := range names {
		if value, found := got[label(name)]; !found || value != float64(i) {
			t.Errorf("%q: %v, %v", name, value, found)
		}
	}
}

// The gateway's own words say what is wrong with a push.
func TestRealGatewayRefuses(t *testing.T) {
	list, at := oneSample(1), int64(1)
	list[0].Metric[0].TimestampMs = &at
	gateway := plan.Pushgateway{URL: monitoring.Gateway(t), Timeout: time.Minute}
	err := Push(t.Context(), gateway, "pve", list)
	if err == nil || !strings.Contains(err.Error(), "it answered 400 Bad Request: pushed metrics are invalid or inconsistent with existing metrics: pushed metrics must not have timestamps") {
		t.Error(err)
	}
	if got := scrape(t, gateway.URL, "bkplan_layer_versions"); len(got) > 0 {
		t.Errorf("%v", got)
	}
}

// badGateway answers as it is told.
func badGateway(t *testing.T, answer http.HandlerFunc) plan.Pushgateway {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return plan.Pushgateway{URL: server.URL, Timeout: time.Minute}
}

func TestPushIsOneRequestOfPUT(t *testing.T) {
	var requests []string
	gateway := badGateway(t, func(w http.ResponseWriter, r *http.Request) {
		requests = append(requests, r.Method+" "+r.URL.Path)
		w.WriteHeader(http.StatusNoContent) // of 2xx, and not what a Pushgateway says
	})
	if err := Push(t.Context(), gateway, "pve", oneSample(1)); err != nil {
		t.Fatal(err)
	}
	if len(requests) != 1 || requests[0] != "PUT /metrics/job/bkplan/instance/pve" {
		t.Errorf("%q", requests)
	}
}

// Nine nights of 400 once went by unseen: whatever is not 2xx is an error, with the
// gateway's own words, few of them and without control characters.
func TestPushThatIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   []string
		not    string
	}{
		"400 with a reason": {
			func(w http.ResponseWriter, _ *http.Request) {
				http.Error(w, "text format parsing error in line 3:\x1b[31m expected float", http.StatusBadRequest)
			},
			[]string{"it answered 400 Bad Request: text format parsing error in line 3:", "expected float"}, "\x1b",
		},
		"500 without end": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusInternalServerError)
				for range 1000 {
					if _, err := io.WriteString(w, strings.Repeat("x", 1<<10)); err != nil {
						return
					}
				}
			},
			[]string{"it answered 500 Internal Server Error: xxx", "…"}, strings.Repeat("x", maxExcerpt+1),
		},
		"404 in silence": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }, []string{"it answered 404 Not Found"}, "Found:"},
		"redirect": {
			func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/metrics/job/bkplan/instance/pve" {
					t.Errorf("it was followed to %s", r.URL.Path)
				}
				w.Header().Set("Location", "https://user:hunter2@other.lan/metrics?token=hunter3")
				w.WriteHeader(http.StatusTemporaryRedirect)
			},
			[]string{"it redirects to https://other.lan/metrics, which is not followed"}, "hunter",
		},
		"an odd status": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(799) }, []string{"it answered 799"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := Push(t.Context(), badGateway(t, c.answer), "pve", oneSample(1))
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range append(c.want, "push metrics to http://127.0.0.1:") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in %q", want, err)
				}
			}
			if c.not != "" && strings.Contains(err.Error(), c.not) {
				t.Errorf("%q is in %q", c.not, err)
			}
		})
	}
}

func TestPushToNobody(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	err = Push(t.Context(), plan.Pushgateway{URL: "http://" + listener.Addr().String(), Timeout: time.Minute}, "pve", oneSample(1))
	if err == nil || !strings.Contains(err.Error(), "no answer: dial tcp") || !strings.Contains(err.Error(), "connection refused") {
		t.Error(err)
	}
}

// A gateway that takes the push and never answers, and one that never ends its answer.
func TestPushToASlowGateway(t *testing.T) {
	for name, begin := range map[string]func(http.ResponseWriter){
		"silent": func(http.ResponseWriter) {},
		"endless": func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusBadGateway)
			fmt.Fprint(w, "wait")
			w.(http.Flusher).Flush()
		},
	} {
		t.Run(name, func(t *testing.T) {
			gateway := badGateway(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				begin(w)
				<-r.Context().Done()
			})
			gateway.Timeout = 100 * time.Millisecond
			err := Push(context.Background(), gateway, "pve", oneSample(1))
			if err == nil || !strings.Contains(err.Error(), "no answer within 100ms") && !strings.Contains(err.Error(), "it answered 502") {
				t.Error(err)
			}
		})
	}
}

func writeFile(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPushWithAPassword(t *testing.T) {
	gateway := badGateway(t, func(w http.ResponseWriter, r *http.Request) {
		if user, password, ok := r.BasicAuth(); !ok || user != "bkplan" || password != "hunter2 " {
			http.Error(w, "not "+user+" "+password, http.StatusUnauthorized)
		}
	})
	gateway.Username, gateway.PasswordFile = "bkplan", writeFile(t, "hunter2 \n", 0o600)
	if err := Push(t.Context(), gateway, "pve", oneSample(1)); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]struct {
		file, want string
	}{
		"wrong":       {writeFile(t, "hunter3\n", 0o600), "it answered 401 Unauthorized: not bkplan ***"},
		"open":        {writeFile(t, "hunter3\n", 0o640), "open to others than its owner (mode 0640)"},
		"empty":       {writeFile(t, "", 0o600), "is empty"},
		"two lines":   {writeFile(t, "hunter3\nhunter4\n", 0o600), "does not hold one line"},
		"not there":   {filepath.Join(t.TempDir(), "none"), "no such file"},
		"a directory": {t.TempDir(), "not a regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			gateway.PasswordFile = c.file
			err := Push(t.Context(), gateway, "pve", oneSample(1))
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter") {
				t.Error(err)
			}
		})
	}
}

// A private authority is trusted where the policy names it, and then no other is.
func TestPushWithAPrivateAuthority(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of who does not trust it
	server.StartTLS()
	t.Cleanup(server.Close)
	authority := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	gateway := plan.Pushgateway{URL: server.URL, Timeout: time.Minute, CAFile: writeFile(t, authority, 0o644)}
	if err := Push(t.Context(), gateway, "pve", oneSample(1)); err != nil {
		t.Error(err)
	}
	for name, c := range map[string][2]string{
		"none":           {"", "certificate"},
		"no certificate": {writeFile(t, "nothing", 0o644), "holds no certificate"},
		"not there":      {filepath.Join(t.TempDir(), "none"), "read ca_file"},
	} {
		gateway.CAFile = c[0]
		if err := Push(t.Context(), gateway, "pve", oneSample(1)); err == nil || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
