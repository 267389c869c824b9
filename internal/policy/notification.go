package policy

import (
	"fmt"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"

	"github.com/bkplan/bkplan/internal/plan"
)

// notificationKind is what sets a kind of notification apart.
type notificationKind struct {
	decode func(*body, *plan.Notification)
	on     []string // unless the block says something else
}

var (
	allEvents   = []string{plan.OnStart, plan.OnSuccess, plan.OnFailure}
	justFailure = []string{plan.OnFailure}
)

var notificationKinds = map[string]notificationKind{
	plan.NotifyCommand: {(*body).notifyCommand, allEvents},
	plan.NotifyPing:    {(*body).notifyURL, allEvents},
	plan.NotifyNtfy:    {(*body).notifyNtfy, justFailure},
	plan.NotifySlack:   {(*body).notifySlack, justFailure},
	plan.NotifyEmail:   {(*body).notifyEmail, justFailure},
}

// Limits of one notification.
const (
	defaultNotifyTimeout = 30 * time.Second
	minNotifyTimeout     = 10 * time.Millisecond
	maxNotifyTimeout     = 10 * time.Minute
)

// notification decodes a notify block.
func (e *evaluator) notification(d declaration) plan.Notification {
	n := plan.Notification{Kind: d.kind, Name: d.name, Timeout: defaultNotifyTimeout}
	kind, known := notificationKinds[d.kind]
	if !known {
		e.unknownKind(d, sortedKeys(notificationKinds))
		return n
	}
	b := e.body(d.kind+" notification", d.block)
	n.On = parsedList(b, "on", "event", event)
	b.refuseEmpty("on", "leave the block out if nobody is to be told")
	if !b.has("on") {
		n.On = kind.on
	}
	for _, layer := range b.references("layers", accepted{"layer"}) {
		n.Layers = append(n.Layers, layer.Name)
	}
	b.refuseEmpty("layers", "leave it out to be told of all runs")
	if b.has("timeout") {
		n.Timeout = parsed(b, "timeout", "timeout", notifyTimeout)
	}
	kind.decode(b, &n)
	b.done()
	return n
}

func event(text string) (string, *flaw) {
	if !slices.Contains(allEvents, text) {
		return "", &flaw{detail: fmt.Sprintf("The events of a run are %s.", andAll(allEvents)), hint: didYouMean(text, allEvents)}
	}
	return text, nil
}

func notifyTimeout(text string) (time.Duration, *flaw) {
	limit, err := time.ParseDuration(text)
	if err != nil || limit < minNotifyTimeout || limit > maxNotifyTimeout {
		return 0, &flaw{detail: fmt.Sprintf("A timeout is written as 30s or 2m, and is from %s to %s: a run waits no longer for anybody.", minNotifyTimeout, maxNotifyTimeout)}
	}
	return limit, nil
}

func (b *body) notifyCommand(n *plan.Notification) {
	b.require("command")
	n.Command = b.texts("command")
	b.refuseEmpty("command", `write ["/usr/local/bin/hook"]`)
	if len(n.Command) > 0 && !strings.HasPrefix(n.Command[0], "/") {
		b.flawed("command", "path", n.Command[0], b.element("command", n.Command[0]), flaw{
			detail: "A command is a list: the path of a program, which starts with /, and its arguments. No shell reads it.",
			hint:   `write ["/bin/sh", "-c", "…"] if a shell is meant`,
		})
	}
}

// notifyURL reads where a URL is: in the policy, or in a file if it is a secret.
func (b *body) notifyURL(n *plan.Notification) {
	if maySayPassword(b.text("url")) {
		b.errorAt(b.rangeOf("url"), problem{
			code: "secret_in_policy", summary: "url is no URL, or has a password in it", secret: true,
			detail: "A policy holds no secrets.", hint: "write url_file, and the URL into that file",
		})
	} else {
		n.URL = b.form("url", "URL", httpURL, urlDetail)
	}
	n.URLFile = b.absolute("url_file")
	if b.has("url") == b.has("url_file") {
		b.errorAt(b.header, problem{
			code: "missing_attribute", summary: "either url or url_file must be written", secret: true,
			detail: "A URL that only few may know stands in a file of its own, url_file.",
		})
	}
}

// maySayPassword says that a text could be a URL with a password in it, and is not to be
// quoted.
func maySayPassword(text string) bool {
	u, err := url.Parse(text)
	return err != nil || u.User != nil || u.Host == "" && strings.Contains(text, "@")
}

func (b *body) notifyNtfy(n *plan.Notification) {
	b.notifyURL(n)
	n.TokenFile = b.absolute("token_file")
	b.refuseSecret("token")
}

func (b *body) notifySlack(n *plan.Notification) {
	n.URLFile = b.absolute("url_file")
	if !b.refuseSecret("url") {
		b.require("url_file")
	}
}

// refuseSecret reports an attribute that is a secret, without showing it.
func (b *body) refuseSecret(name string) bool {
	_, written := b.get(name, cty.String)
	if written {
		b.errorAt(b.header, problem{
			code: "secret_in_policy", summary: fmt.Sprintf("the %s of %s is a secret", name, aOrAn(b.what)), secret: true,
			detail: "Whoever knows it can write there too, and a policy holds no secrets.",
			hint:   fmt.Sprintf("write %s_file, and the %s into that file", name, name),
		})
	}
	return written
}

func (b *body) notifyEmail(n *plan.Notification) {
	b.require("to")
	n.To = parsed(b, "to", "address", mailAddress)
	n.From = parsed(b, "from", "address", mailAddress)
	n.Sendmail = b.absolute("sendmail")
	if !b.has("sendmail") {
		n.Sendmail = "/usr/sbin/sendmail"
	}
}

// mailAddress reads a bare address: it ends up in a command line and in a header.
func mailAddress(text string) (string, *flaw) {
	parsed, err := mail.ParseAddress(text)
	odd := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"<>`, r) }
	if err != nil || parsed.Address != text || text[0] == '-' || strings.ContainsFunc(text, odd) {
		return "", &flaw{detail: "An address is written as me@example.org, without a name."}
	}
	return text, nil
}
