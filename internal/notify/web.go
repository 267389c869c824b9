package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/bkplan/bkplan/internal/keyfile"
	"github.com/bkplan/bkplan/internal/plan"
)

// web sends to a URL that is a secret.
type web struct {
	client *http.Client
	plan.Notification
}

var errNoURL = errors.New("there is no http or https URL in it")

// target is the URL that the policy or its file has.
func (w web) target() (*url.URL, error) {
	text := w.URL
	if w.URLFile != "" {
		line, err := keyfile.ReadLine(w.URLFile)
		if err != nil {
			return nil, err
		}
		text = line
	}
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("read URL from %s: %w", w.URLFile, errNoURL)
	}
	return u, nil
}

// post sends a text. No answer but one of 200 to 299 is taken for a success, and no
// redirect is followed: it would hand secrets on.
func (w web) post(ctx context.Context, u *url.URL, header http.Header, body string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), strings.NewReader(body))
	if err != nil {
		return fmt.Errorf("send notice: %w", withoutURL(err))
	}
	request.Header = header
	request.Header.Set("User-Agent", "bkplan")
	answer, err := w.client.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return fmt.Errorf("send notice: %w", withoutURL(err))
	}
	defer func() { _ = answer.Body.Close() }()                    // it was read, or is not wanted
	words, _ := io.ReadAll(io.LimitReader(answer.Body, maxHeard)) // they only explain
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return fmt.Errorf("send notice: it answered %d%s", answer.StatusCode, w.explain(string(words), u, header))
	}
	return nil
}

// maxHeard is how much of an answer is looked at, in bytes: a secret that is cut in half
// could not be recognised in what is shown.
const maxHeard = 64 << 10

// explain adds the words of an answer, unless they repeat a secret.
func (w web) explain(words string, u *url.URL, header http.Header) string {
	hidden := append(strings.Split(u.Path, "/"), u.RawQuery, strings.TrimPrefix(header.Get("Authorization"), "Bearer "))
	for _, values := range u.Query() {
		hidden = append(hidden, values...)
	}
	if u.User != nil {
		password, _ := u.User.Password()
		hidden = append(hidden, u.User.Username(), password)
	}
	for _, hidden := range hidden {
		if len(hidden) > 3 && strings.Contains(words, hidden) {
			return ""
		}
	}
	if words = safe(words); words == "" {
		return ""
	}
	return ": " + words
}

// withoutURL leaves the URL out of an error of net/http.
func withoutURL(err error) error {
	if with := (*url.Error)(nil); errors.As(err, &with) {
		return with.Err
	}
	return err
}

// ping is a healthchecks-style check: its URL is success, /start and /fail below it are
// the others.
type ping struct{ web }

func (p ping) tell(ctx context.Context, n Notice) error {
	u, err := p.target()
	if err != nil {
		return err
	}
	if suffix := map[string]string{plan.OnStart: "start", plan.OnFailure: "fail"}[n.Event]; suffix != "" {
		u = u.JoinPath(suffix)
	}
	return p.post(ctx, u, http.Header{"Content-Type": {"text/plain; charset=utf-8"}}, n.Text)
}

// ntfy publishes to a topic.
type ntfy struct{ web }

func (p ntfy) tell(ctx context.Context, n Notice) error {
	u, err := p.target()
	if err != nil {
		return err
	}
	header := http.Header{
		"Title":    {mime.QEncoding.Encode("utf-8", n.Title)},
		"Priority": {"default"}, "Tags": {"white_check_mark"},
	}
	if n.Event == plan.OnFailure {
		header["Priority"], header["Tags"] = []string{"high"}, []string{"warning"}
	}
	if p.TokenFile != "" {
		token, err := keyfile.ReadLine(p.TokenFile)
		if err != nil {
			return err
		}
		header["Authorization"] = []string{"Bearer " + strings.TrimSpace(token)}
	}
	return p.post(ctx, u, header, n.Text)
}

// slack posts to an incoming webhook.
type slack struct{ web }

var slackEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func (p slack) tell(ctx context.Context, n Notice) error {
	u, err := p.target()
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]string{"text": slackEscapes.Replace(n.Text)})
	if err != nil {
		return fmt.Errorf("encode notice: %w", err)
	}
	return p.post(ctx, u, http.Header{"Content-Type": {"application/json"}}, string(body))
}
