package pfsense

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/google/go-cmp/cmp"
)

// secret is a key that JSON may write in another way.
const secret = "k3y/S3cr+et"

func encoded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// trusting is a Producer that takes a server's certificate for a valid one.
func trusting(server *httptest.Server) *Producer {
	p := New(nil)
	p.transport = server.Client().Transport
	return p
}

// ask lets a Producer ask a server with a certificate that it trusts.
func ask(t *testing.T, key string, handler http.HandlerFunc) ([]byte, map[string]string, error) {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	source := plan.PFSenseSource{APIURL: server.URL + "/api/v2/config?a=b", APIKeyFile: fakeKey(t, key, 0o600)}
	j := job(t, source, plan.ArtifactConfig)
	produced, err := trusting(server).Produce(t.Context(), j)
	if err != nil {
		if entries, _ := os.ReadDir(j.Into); len(entries) != 0 {
			t.Errorf("left behind: %v", entries)
		}
		return nil, nil, err
	}
	return only(t, j, ConfigName), produced.Tools, nil
}

func answer(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }
}

func TestConfigByAPI(t *testing.T) {
	lines := strings.ReplaceAll(encoded(goodConfig), "A", "A\\r\\n")
	for name, data := range map[string]string{
		"data itself": `"` + encoded(goodConfig) + `"`,
		"in lines":    `"` + lines + `\n"`,
		"one member":  `{"time": 1, "xmldata": "` + encoded(goodConfig) + `", "note": "aGVsbG8=", "more": {"a": []}, "nothing": null}`,
	} {
		t.Run(name, func(t *testing.T) {
			file, tools, err := ask(t, secret+"\n", answer(`{"code": 200, "data": `+data+`}`))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(goodConfig, string(file)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(map[string]string{"pfSense REST API": "v2"}, tools); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestKeyIsSentAsEachVersionWantsIt(t *testing.T) {
	for content, want := range map[string]http.Header{
		" one-word \n":      {"X-Api-Key": {"one-word"}},
		"client\ntoken\n":   {"Authorization": {"client token"}},
		"Bearer abc.def-gh": {"Authorization": {"Bearer abc.def-gh"}},
	} {
		var got *http.Request
		_, _, err := ask(t, content, func(w http.ResponseWriter, r *http.Request) {
			got = r
			answer(`{"data":"`+encoded(goodConfig)+`"}`)(w, r)
		})
		if err != nil {
			t.Fatal(err)
		}
		seen := http.Header{}
		for _, name := range []string{"X-Api-Key", "Authorization"} {
			if values := got.Header.Values(name); values != nil {
				seen[name] = values
			}
		}
		if diff := cmp.Diff(want, seen); diff != "" || got.Method != http.MethodGet || got.RequestURI != "/api/v2/config?a=b" {
			t.Errorf("%s %s %s", got.Method, got.RequestURI, diff)
		}
	}
}

func TestWrongKeyFiles(t *testing.T) {
	for content, want := range map[string]string{
		" \n ":                        "is empty",
		"one two s3cret":              "has more than two words",
		"s3cret\x00":                  "holds characters that no API key has",
		"s3cret\xff":                  "holds characters that no API key has",
		strings.Repeat("s3cret", 2e4): "is too long for one",
	} {
		_, _, err := ask(t, content, func(http.ResponseWriter, *http.Request) { t.Error("asked") })
		wantError(t, err, want, "s3cret")
	}
}

func TestBadAnswers(t *testing.T) {
	long := strings.Repeat(" ", maxHeard-8) + secret
	for name, test := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"garbage in base64":  {200, `{"data":"<<<` + secret + `>>>"}`, "data in the answer is not base64"},
		"base64 of text":     {200, `{"data":"` + encoded("hello "+secret) + `"}`, "is base64, but not of XML"},
		"no data":            {200, `{"code":200,"message":"` + secret + `"}`, "the answer has no data"},
		"null":               {200, `{"data":null}`, "the answer has no data"},
		"version 1 as JSON":  {200, `{"data":{"system":{"hostname":"x"},"version":"22.2"}}`, "has no base64 of XML, only: system, version; give the URL"},
		"version 2 revision": {200, `{"data":{"time":1,"description":"(system)","version":"23.3","filesize":9}}`, "only: description, filesize, time, version"},
		"a list":             {200, `{"data":[{"time":1}]}`, "data in the answer is neither a text nor an object"},
		"empty text":         {200, `{"data":""}`, "not of XML"},
		"two files":          {200, `{"data":{"a":"` + encoded(goodConfig) + `","b":"` + encoded(goodConfig) + `"}}`, "more than one file: a, b"},
		"truncated XML":      {200, `{"data":"` + encoded(goodConfig[:100]) + `"}`, "it ends in the middle"},
		"wrong root":         {200, `{"data":"` + encoded("<opnsense><a/></opnsense>") + `"}`, `its root element is "opnsense" and not pfsense`},
		"truncated JSON":     {200, `{"data":"` + encoded(goodConfig), "the answer is no JSON object"},
		"JSON with a tail":   {200, `{"data":"` + encoded(goodConfig) + `"}{}`, "the answer is no JSON object"},
		"nothing":            {200, ``, "the answer is no JSON object"},
		"login page":         {200, "\n<!DOCTYPE html><title>Login \x1b[31m" + secret + "</title>", `the answer is a web page and no JSON, perhaps to log in: <!DOCTYPE html><title>Login \x1b[31m***`},
		"401":                {401, `{"message":"bad key k3y\/S3cr+et"}`, `HTTP status 401 Unauthorized: it does not accept the key: {"message":"bad key ***"}`},
		"403":                {403, ``, "HTTP status 403 Forbidden: the key may not read this"},
		"500":                {500, secret + strings.Repeat(" oh", 100), "HTTP status 500 Internal Server Error: *** oh oh"},
		"half a key":         {500, "no" + long, "HTTP status 500 Internal Server Error: no"},
		"204":                {204, ``, "the answer is no JSON object"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := ask(t, secret, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(test.status)
				fmt.Fprint(w, test.body)
			})
			wantError(t, err, test.want, secret, "S3cr", "k3y")
			if len(err.Error()) > 600 {
				t.Errorf("%d bytes: %v", len(err.Error()), err)
			}
		})
	}
}

func TestKeyDoesNotFollowARedirect(t *testing.T) {
	other := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("asked") }))
	defer other.Close()
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("asked") }))
	defer plain.Close()
	for _, to := range []string{other.URL, plain.URL, "https://" + secret + ".invalid/"} {
		_, _, err := ask(t, secret, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, to+"/?key="+secret, http.StatusFound)
		})
		wantError(t, err, "where the key must not go", secret)
	}
	_, _, err := ask(t, secret, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) })
	wantError(t, err, "it redirects again and again", secret)
}

func TestRedirectOnTheHostIsFollowed(t *testing.T) {
	file, _, err := ask(t, secret, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/there" {
			http.Redirect(w, r, "/there", http.StatusMovedPermanently)
			return
		}
		answer(`{"data":"`+encoded(goodConfig)+`"}`)(w, r)
	})
	if err != nil || string(file) != goodConfig {
		t.Errorf("%q, %v", file, err)
	}
}

func TestEndlessAnswer(t *testing.T) {
	block := []byte(strings.Repeat("A", 1<<20))
	_, _, err := ask(t, secret, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"data":"`)
		for {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	})
	wantError(t, err, "the answer has more than 32 MiB", secret)
}

func TestAnswerBreaksOff(t *testing.T) {
	_, _, err := ask(t, secret, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"data":"`)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	wantError(t, err, "the answer broke off", secret)
}

func TestSlowAPI(t *testing.T) {
	for _, begin := range []string{"", `{"data":"`} {
		ctx, cancel := context.WithCancelCause(t.Context())
		reason := errors.New("terminated")
		server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if begin != "" {
				fmt.Fprint(w, begin)
				w.(http.Flusher).Flush()
			}
			cancel(reason)
			<-r.Context().Done()
		}))
		j := job(t, plan.PFSenseSource{APIURL: server.URL, APIKeyFile: fakeKey(t, secret, 0o600)}, plan.ArtifactConfig)
		p := trusting(server)
		_, err := p.Produce(ctx, j)
		wantError(t, err, "stopped: terminated", secret)
		if !errors.Is(err, reason) {
			t.Error(err)
		}
		p.limits.config = 200 * time.Millisecond
		_, err = p.Produce(t.Context(), j)
		wantError(t, err, "not done within the time limit", secret)
		server.Close()
	}
}

func TestUntrustedCertificate(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("asked") }))
	server.Config.ErrorLog = quiet(t)
	server.StartTLS()
	defer server.Close()
	_, err := New(nil).Produce(t.Context(), job(t, plan.PFSenseSource{APIURL: server.URL, APIKeyFile: fakeKey(t, secret, 0o600)}, plan.ArtifactConfig))
	wantError(t, err, "its certificate is not valid here", secret)
	wantError(t, err, "SSL_CERT_FILE", secret)
}

func TestNobodyAnswers(t *testing.T) {
	server := httptest.NewTLSServer(nil)
	server.Close()
	_, err := New(nil).Produce(t.Context(), job(t, plan.PFSenseSource{APIURL: server.URL + "/x?token=" + secret, APIKeyFile: fakeKey(t, secret, 0o600)}, plan.ArtifactConfig))
	wantError(t, err, "fetch config.xml: ask "+server.URL+"/x: no answer: ", secret)
}

func TestURLsThatGiveTheKeyAway(t *testing.T) {
	for text, want := range map[string]string{
		"http://gate/api":                 "is not https",
		"https://me:" + "pass@gate/":      "holds a user or a password",
		"https:///api":                    "is not valid",
		"ftp://gate/":                     "is not https",
		"https://a:pass@gate:port/" + "x": "is not valid",
	} {
		_, err := New(nil).Produce(t.Context(), job(t, plan.PFSenseSource{APIURL: text, APIKeyFile: fakeKey(t, secret, 0o600)}, plan.ArtifactConfig))
		wantError(t, err, want, secret, "pass@")
	}
}

// quiet keeps what a server says of a refused handshake out of the test's output.
func quiet(t *testing.T) *log.Logger {
	t.Helper()
	return log.New(io.Discard, "", 0)
}
