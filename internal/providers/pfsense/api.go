package pfsense

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
)

const (
	// maxConfig bounds, in bytes, a config.xml and the answer that holds one; they
	// are kept in memory. The largest in use have a few million.
	maxConfig = 32 << 20
	// maxExcerpt bounds what is repeated of somebody else's words.
	maxExcerpt = 200
	// maxHeard is how much of them is looked at for that.
	maxHeard = 64 << 10
	// maxRedirects are followed on the host itself.
	maxRedirects = 3
)

// askAPI gets config.xml from the REST API, not checked yet.
func (p *Producer) askAPI(ctx context.Context, source plan.PFSenseSource, timeout time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	target, err := apiURL(source.APIURL)
	if err != nil {
		return nil, err
	}
	key, err := readAPIKey(source.APIKeyFile)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("make a request for %s", shown(target))
	}
	request.Header.Set(key.header())
	request.Header.Set("Accept", "application/json")
	transport := p.transport
	if transport == nil {
		own := ownTransport()
		defer own.CloseIdleConnections()
		transport = own
	}
	client := http.Client{Transport: transport, CheckRedirect: stayThere(target)}
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", shown(target), unreachable(ctx, err, key))
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	body, err := readAnswer(ctx, response, key)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", shown(target), err)
	}
	return body, nil
}

func ownTransport() *http.Transport {
	own := http.DefaultTransport.(*http.Transport).Clone()
	own.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	own.ResponseHeaderTimeout = 2 * time.Minute // a small firewall takes its time
	return own
}

// apiURL refuses whatever would give the key away.
func apiURL(text string) (*url.URL, error) {
	target, err := url.Parse(text)
	switch {
	case err != nil || target.Host == "":
		return nil, errors.New("the URL of the API is not valid")
	case target.Scheme != "https":
		return nil, fmt.Errorf("URL of the API %q is not https: the key would travel for all to read", shown(target))
	case target.User != nil:
		return nil, fmt.Errorf("URL of the API %q holds a user or a password: put them into the key file", shown(target))
	}
	return target, nil
}

// shown is a URL without what may be secret in it.
func shown(u *url.URL) string {
	return execx.Escape((&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String())
}

// redirectError is a redirect that is not followed.
type redirectError struct{ to string }

func (e *redirectError) Error() string { return e.to }

// stayThere keeps the key at the host it is for: the client would take it along.
func stayThere(target *url.URL) func(*http.Request, []*http.Request) error {
	return func(next *http.Request, via []*http.Request) error {
		switch {
		case next.URL.Scheme != target.Scheme || next.URL.Host != target.Host:
			where := (&url.URL{Scheme: next.URL.Scheme, Host: next.URL.Host}).String()
			return &redirectError{fmt.Sprintf("it redirects to %q, where the key must not go", where)}
		case len(via) > maxRedirects:
			return &redirectError{"it redirects again and again"}
		}
		return nil
	}
}

// unreachable says in plain words why there was no answer.
func unreachable(ctx context.Context, err error, key apiKey) error {
	if ended := context.Cause(ctx); ended != nil {
		return stopped(ended)
	}
	var (
		redirect *redirectError
		invalid  *tls.CertificateVerificationError
		outer    *url.Error
	)
	switch {
	case errors.As(err, &redirect):
		return errors.New(key.excerpt(redirect.to))
	case errors.As(err, &invalid):
		return fmt.Errorf("its certificate is not valid here: %s; add its authority to this machine's, or name the file in SSL_CERT_FILE", key.excerpt(invalid.Err.Error()))
	case errors.As(err, &outer):
		err = outer.Err
	}
	return errors.New("no answer: " + key.excerpt(err.Error()))
}

func stopped(cause error) error {
	if errors.Is(cause, context.DeadlineExceeded) {
		return fmt.Errorf("not done within the time limit: %w", cause)
	}
	return fmt.Errorf("stopped: %w", cause)
}

// readAnswer takes config.xml out of an answer. One that comes just as the
// question is given up on is no answer: a server may send less then.
func readAnswer(ctx context.Context, response *http.Response, key apiKey) ([]byte, error) {
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return nil, refusal(response, key)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxConfig+1))
	switch {
	case ctx.Err() != nil:
		return nil, stopped(context.Cause(ctx))
	case err != nil:
		return nil, errors.New("the answer broke off: " + key.excerpt(err.Error()))
	case len(body) > maxConfig:
		return nil, fmt.Errorf("the answer has more than %d MiB", maxConfig>>20)
	}
	return decodeAnswer(body, key)
}

// refusal is an answer whose status is no success. The server's own words for
// the status are not repeated.
func refusal(response *http.Response, key apiKey) error {
	text := fmt.Sprintf("HTTP status %d %s", response.StatusCode, http.StatusText(response.StatusCode))
	switch response.StatusCode {
	case http.StatusUnauthorized:
		text += ": it does not accept the key"
	case http.StatusForbidden:
		text += ": the key may not read this"
	}
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxHeard)) // what there is
	if said := key.excerpt(string(body)); said != "" {
		text += ": " + said
	}
	return errors.New(text)
}

// excerpt is the beginning of somebody else's words, on one line, without the
// key.
func (k apiKey) excerpt(text string) string {
	whole := len(text) < maxHeard
	text = strings.Join(strings.Fields(k.removeFrom(text[:min(len(text), maxHeard)])), " ")
	if !whole { // the last word may be half a key
		text = text[:max(0, strings.LastIndexByte(text, ' '))]
	}
	cut := len(text) > maxExcerpt
	if cut {
		text = text[:maxExcerpt]
	}
	if text = execx.Escape(text); cut {
		text += "…"
	}
	return text
}

var apiVersion = regexp.MustCompile(`/api/(v[0-9]{1,3})/`)

// apiTool names the API for a receipt.
func apiTool(text string) map[string]string {
	version := "unknown"
	if found := apiVersion.FindStringSubmatch(text); found != nil {
		version = found[1]
	}
	return map[string]string{"pfSense REST API": version}
}
