package monitoring

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long something may take that is on its way.
const patience = 45 * time.Second

// freePort is a port of loopback that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// start runs a server until the test ends, and waits until it answers at a path.
func start(t *testing.T, address, ready, program string, args ...string) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), program+".log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if text, err := os.ReadFile(log.Name()); t.Failed() && err == nil {
			t.Logf("%s said:\n%s", program, text)
		}
		log.Close()
	})
	eventually(t, program+" is ready", func() (string, bool) {
		answer, err := get("http://" + address + ready)
		return fmt.Sprint(answer, err), err == nil
	})
}

// eventually waits for something, and says what it last saw when it does not come.
func eventually(t *testing.T, what string, look func() (saw string, ok bool)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		saw, ok := look()
		if ok {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("waited %s for: %s; last seen: %s", patience, what, saw)
		case <-tick.C:
		}
	}
}

func get(url string) (string, error) { return call(http.MethodGet, url, "") }

// call is one request; an answer that is not 2xx is an error.
func call(method, url, body string) (string, error) {
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	client := http.Client{Timeout: 5 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode/100 != 2 {
		err = fmt.Errorf("%s %s: %s: %s", method, url, response.Status, text)
	}
	return string(text), err
}

// prometheus is one that scrapes a gateway and evaluates rules.
type prometheus struct{ address string }

func startPrometheus(t *testing.T, gateway string, rules []byte) prometheus {
	t.Helper()
	dir, address := t.TempDir(), freePort(t)
	config := fmt.Sprintf(`global: {scrape_interval: 250ms, scrape_timeout: 250ms, evaluation_interval: 250ms}
rule_files: [rules.yml]
scrape_configs:
  - job_name: pushgateway
    honor_labels: true
    static_configs: [{targets: [%q]}]
`, strings.TrimPrefix(gateway, "http://"))
	for name, text := range map[string]string{"prometheus.yml": config, "rules.yml": string(rules)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	start(t, address, "/-/ready", "prometheus", "--config.file="+filepath.Join(dir, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address, "--log.level=warn")
	return prometheus{address}
}

// alertLine is what is known of one alert.
type alertLine struct {
	State       string
	Labels      map[string]string
	Annotations map[string]string
}

// firing are the alerts that fire, by name and, where they have one, layer.
func (p prometheus) firing() (map[string]alertLine, error) {
	text, err := get("http://" + p.address + "/api/v1/alerts")
	if err != nil {
		return nil, err
	}
	var answer struct {
		Data struct{ Alerts []alertLine }
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		return nil, err
	}
	firing := map[string]alertLine{}
	for _, a := range answer.Data.Alerts {
		if a.State == "firing" {
			firing[strings.TrimSuffix(a.Labels["alertname"]+" "+a.Labels["layer"], " ")] = a
		}
	}
	return firing, nil
}

// pushURL is where the metrics of a host are in a gateway.
func pushURL(gateway, host string) string {
	return gateway + "/metrics/job/bkplan/instance/" + url.PathEscape(host)
}
