package metric

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
)

const (
	// maxExcerpt bounds what is repeated of somebody else's words, in bytes.
	maxExcerpt = 300
	// maxHeard is how much of them is looked at for that.
	maxHeard = 64 << 10
)

// transportFor trusts the policy's authority, if it names one, and no other.
func transportFor(gateway plan.Pushgateway) (*http.Transport, error) {
	own := http.DefaultTransport.(*http.Transport).Clone()
	own.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if gateway.CAFile == "" {
		return own, nil
	}
	text, err := os.ReadFile(gateway.CAFile)
	if err != nil {
		return nil, fmt.Errorf("read ca_file: %w", err)
	}
	own.TLSClientConfig.RootCAs = x509.NewCertPool()
	if !own.TLSClientConfig.RootCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("ca_file %q holds no certificate", gateway.CAFile)
	}
	return own, nil
}

// words are the beginning of an answer.
func (c *client) words(body io.Reader) string {
	text, err := io.ReadAll(io.LimitReader(body, maxHeard))
	if err != nil && len(text) == 0 {
		return ""
	}
	return c.excerpt(string(text))
}

// excerpt is a short piece of somebody else's words on one line, without the password.
func (c *client) excerpt(text string) string {
	if c.password != "" {
		text = strings.ReplaceAll(text, c.password, "***")
	}
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "?")), " ")
	if len(text) > maxExcerpt {
		text = strings.ToValidUTF8(text[:maxExcerpt], "") + "…"
	}
	return execx.Escape(text)
}

// shownURL is a URL without what may be secret in it.
func (c *client) shownURL(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "something that is no URL"
	}
	return c.excerpt((&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String())
}

// withoutURL leaves out the request's line, which repeats the URL.
func withoutURL(err error) error {
	if outer, ok := errors.AsType[*url.Error](err); ok {
		return outer.Err
	}
	return err
}
