package notify

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/run"
)

var night = time.Date(2026, 11, 25, 1, 0, 0, 0, time.UTC)

// failed is a run of which a name and a tool's words are hostile.
func failed() run.Record {
	return run.Record{
		Format: "bkplan.run", Version: 1, ID: "20261125T010000Z", Started: night, Ended: night.Add(time.Minute), Seconds: 60,
		Host: "pve", Command: []string{"bkplan", "apply"}, Layers: []string{"weekly", "offsite"}, Outcome: run.Failed, Error: "not everything was done: 1 failed",
		Actions: []run.Action{
			{ID: `layer.weekly["a"]`, Kind: "create", Address: `layer.weekly["a"]`, Outcome: run.Done},
			{ID: `layer.weekly["<b>` + "\r\nBcc: x@y" + `"]`, Kind: "create", Address: `layer.weekly["b"]`, Outcome: run.Failed, Error: "rsync: exit 23\n\x1b[2Jsome & files"},
		},
		Warnings: []run.Warning{{Code: "clock", Detail: "it is late"}},
	}
}

func begun() run.Record {
	r := failed()
	r.Ended, r.Seconds, r.Outcome, r.Error, r.Actions, r.Warnings = time.Time{}, 0, run.Running, "", nil, nil
	return r
}

func succeeded() run.Record {
	r := failed()
	r.Outcome, r.Error, r.Actions = run.Succeeded, "", r.Actions[:1]
	return r
}

var every = []string{plan.OnStart, plan.OnSuccess, plan.OnFailure}

// tell is Tell, with a real Runner.
func tell(t *testing.T, n plan.Notification, r run.Record) []Failure {
	t.Helper()
	if n.Timeout == 0 {
		n.Timeout = 20 * time.Second
	}
	if n.On == nil {
		n.On = every
	}
	n.Name = "mine"
	return New([]plan.Notification{n}, execx.New()).Tell(t.Context(), r, night, time.UTC)
}

// file writes a secret.
func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

type asked struct {
	path   string
	header http.Header
	body   string
}

// serve notes what it is asked, and answers.
func serve(t *testing.T, status int, answer string) (*[]asked, string) {
	t.Helper()
	var list []asked
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		list = append(list, asked{r.Method + " " + r.URL.RequestURI(), r.Header, string(body)})
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
		io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	return &list, server.URL
}

func TestPing(t *testing.T) {
	list, url := serve(t, 200, "OK")
	n := plan.Notification{Kind: plan.NotifyPing, URLFile: file(t, url+"/uuid-1234/?create=1\n")}
	for _, r := range []run.Record{begun(), succeeded(), failed()} {
		if failures := tell(t, n, r); failures != nil {
			t.Error(failures)
		}
	}
	var paths []string
	for _, a := range *list {
		paths = append(paths, a.path)
	}
	if got := strings.Join(paths, ", "); got != "POST /uuid-1234/start?create=1, POST /uuid-1234/?create=1, POST /uuid-1234/fail?create=1" {
		t.Error(got)
	}
	if body := (*list)[2].body; !strings.Contains(body, `failed: create layer.weekly["<b> Bcc: x@y"]: rsync: exit 23 \x1b[2Jsome & files`) || strings.Contains(body, "\x1b") {
		t.Error(body)
	}
}

func TestNtfy(t *testing.T) {
	list, url := serve(t, 200, "{}")
	n := plan.Notification{Kind: plan.NotifyNtfy, URL: url + "/topic", TokenFile: file(t, "tk_1234567\n")}
	r := failed()
	r.Host = "pvé\r\nX: y"
	if failures := tell(t, n, r); failures != nil {
		t.Fatal(failures)
	}
	a := (*list)[0]
	if a.header.Get("Authorization") != "Bearer tk_1234567" || a.header.Get("Priority") != "high" || a.header.Get("X") != "" {
		t.Error(a.header)
	}
	if title := a.header.Get("Title"); !strings.HasPrefix(title, "=?utf-8?q?bkplan_on_pv=C3=A9") {
		t.Error(title)
	}
	if failures := tell(t, n, succeeded()); failures != nil || (*list)[1].header.Get("Priority") != "default" {
		t.Error(failures)
	}
}

func TestSlack(t *testing.T) {
	list, url := serve(t, 200, "ok")
	if failures := tell(t, plan.Notification{Kind: plan.NotifySlack, URLFile: file(t, url+"/services/T0/B0/x")}, failed()); failures != nil {
		t.Fatal(failures)
	}
	var body struct{ Text string }
	if err := json.Unmarshal([]byte((*list)[0].body), &body); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(body.Text, "&lt;b&gt;") || !strings.Contains(body.Text, "some &amp; files") || !strings.Contains(body.Text, "bkplan runs show 20261125T010000Z") {
		t.Error(body.Text)
	}
}

// An error of net/http has the URL in it, and the URL of a webhook is a secret.
func TestNoErrorTellsASecret(t *testing.T) {
	_, refusing := serve(t, 403, "no_team /services/T0SECRET/B0SECRET")
	_, moved := serve(t, 302, "moved")
	_, dull := serve(t, 500, "tk_SECRET is not known")
	closed := httptest.NewServer(nil)
	closed.Close()
	for name, text := range map[string]string{
		"refused": refusing + "/services/T0SECRET/B0SECRET", "redirect": moved + "/x/SECRET", "echo": dull + "/SECRET?a=SECRET",
		"nobody": closed.URL + "/SECRET", "no scheme": "SECRET", "two lines": "http://a/SECRET\nhttp://b/SECRET",
		"bad escape": "http://a/%zzSECRET", "password": strings.Replace(refusing, "//", "//me:SECRETpassword@", 1) + "/services/T0SECRET/B0SECRET", "port": "http://localhost:SECRET/",
		"nothing": "\n", "control": "http://a/SECRET\x7f", "other scheme": "file:///SECRET",
	} {
		t.Run(name, func(t *testing.T) {
			failures := tell(t, plan.Notification{Kind: plan.NotifyNtfy, URLFile: file(t, text), TokenFile: file(t, "tk_SECRET")}, failed())
			if len(failures) != 1 {
				t.Fatalf("%v", failures)
			}
			if got := failures[0].Error(); strings.Contains(got, "SECRET") || !strings.HasPrefix(got, "notify.mine: ") {
				t.Error(got)
			}
			t.Log(failures[0])
		})
	}
}

func TestAnswersThatAreNoSuccess(t *testing.T) {
	for status, answer := range map[int]string{301: "", 400: "bad\x1b[2J topic\nname", 404: "", 500: strings.Repeat("x", 1<<20)} {
		_, url := serve(t, status, answer)
		failures := tell(t, plan.Notification{Kind: plan.NotifyPing, URL: url + "/uuid"}, failed())
		if len(failures) != 1 || len(failures[0].Error()) > 400 || strings.Contains(failures[0].Error(), "\x1b") {
			t.Errorf("%d: %v", status, failures)
		}
	}
}

// A server that takes a request and never answers.
func TestServerThatHangs(t *testing.T) {
	release := make(chan bool)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	failures := tell(t, plan.Notification{Kind: plan.NotifyPing, URL: server.URL + "/uuid", Timeout: 50 * time.Millisecond}, failed())
	if len(failures) != 1 || failures[0].Error() != "notify.mine: send notice: no end within 50ms" {
		t.Error(failures)
	}
}

func TestSecretThatIsNotThere(t *testing.T) {
	failures := tell(t, plan.Notification{Kind: plan.NotifySlack, URLFile: "/nonexistent/url"}, failed())
	if len(failures) != 1 || !strings.Contains(failures[0].Error(), "/nonexistent/url") {
		t.Error(failures)
	}
}

// Whatever part of the URL an answer repeats, and however long it is, none is shown.
func TestAnAnswerShowsNoPartOfTheURL(t *testing.T) {
	const token = "hunter2hunter2hunter2"
	for at, answer := range map[string]string{
		"/hook?thread=main&key=" + token: "no such key: " + token,
		"/hook/" + token:                 strings.Repeat("x", maxWords-len(token)/2) + token,
	} {
		_, refusing := serve(t, 403, answer)
		file := filepath.Join(t.TempDir(), "url")
		if err := os.WriteFile(file, []byte(refusing+at), 0o600); err != nil {
			t.Fatal(err)
		}
		failures := tell(t, plan.Notification{Kind: plan.NotifySlack, URLFile: file}, failed())
		if len(failures) != 1 || strings.Contains(failures[0].Error(), token[:8]) || !strings.Contains(failures[0].Error(), "403") {
			t.Errorf("%v", failures)
		}
	}
}
