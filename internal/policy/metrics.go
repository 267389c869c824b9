package policy

import (
	"fmt"
	"net"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
)

// pushTimeout is how long a push may take where the policy does not say.
const pushTimeout = 10 * time.Second

// maxPushTimeout keeps a gateway from holding up a run.
const maxPushTimeout = 5 * time.Minute

// metrics decodes the metrics block.
func (e *evaluator) metrics(d declaration) plan.Metrics {
	var m plan.Metrics
	b := e.body("metrics block", d.block)
	nowhere := true
	b.within("pushgateway", "pushgateway block", func(g *body) {
		nowhere = false
		m.Pushgateway = g.pushgateway()
	})
	b.within("textfile", "textfile block", func(t *body) {
		nowhere = false
		t.require("path")
		m.Textfile = parsed(t, "path", "path", textfilePath)
	})
	m.OlderNames = b.flag("older_names")
	b.done()
	if nowhere && !b.failed() {
		b.errorAt(b.header, problem{
			code: "missing_block", summary: "metrics go nowhere",
			detail: "A metrics block has a pushgateway block, a textfile block, or both.", hint: "leave the block out if no metrics are wanted",
		})
	}
	return m
}

func (b *body) pushgateway() plan.Pushgateway {
	b.require("url")
	g := plan.Pushgateway{Timeout: pushTimeout}
	g.URL = b.gatewayURL("url")
	g.Username = b.text("username")
	g.PasswordFile = b.absolute("password_file")
	g.CAFile = b.absolute("ca_file")
	b.refusePassword()
	override(&g.Timeout, parsed(b, "timeout", "time limit", timeLimit))
	if b.has("username") != b.has("password_file") {
		b.errorAt(b.header, problem{
			code: "missing_attribute", summary: "username and password_file belong together",
			detail: "The gateway is given both, by basic authentication, or neither.",
		})
	}
	if strings.Contains(g.Username, ":") {
		b.errorAt(b.rangeOf("username"), problem{
			code: "invalid_username", summary: fmt.Sprintf("invalid username %q", shorten(g.Username)), detail: "Basic authentication has no : in a username.",
		})
	}
	if g.CAFile != "" && strings.HasPrefix(g.URL, "http:") {
		b.errorAt(b.rangeOf("ca_file"), problem{
			code: "unused_attribute", summary: "ca_file is for a URL that starts with https://",
			detail: "Over http nothing is encrypted, and nobody proves who they are.",
		})
	}
	if g.PasswordFile != "" && strings.HasPrefix(g.URL, "http:") && !onThisMachine(g.URL) {
		b.warnAt(b.rangeOf("url"), problem{
			code: "password_in_clear", summary: "the password goes over the network in clear",
			detail: "Basic authentication over http is read by whoever sees the packets.", hint: "let the gateway answer at https://, with ca_file if its CA is a private one",
		})
	}
	return g
}

// onThisMachine says that what goes to a URL reaches no network.
func onThisMachine(text string) bool {
	u, err := url.Parse(text)
	if err != nil {
		return false
	}
	address := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || address != nil && address.IsLoopback()
}

// refusePassword reports a password that is written into the policy, without quoting it.
func (b *body) refusePassword() {
	const name = "password"
	written := b.syntax.Attributes[name]
	if written == nil {
		return
	}
	b.attributes = append(b.attributes, name)
	b.errorAt(written.NameRange, problem{
		code: "secret_in_policy", summary: "a password is not written into a policy", secret: true,
		detail: "A policy is read by many, and kept in repositories.", hint: "write it to a file of mode 0600, and name that as password_file",
	})
}

// gatewayURL reads a URL that holds nothing secret. One that may is not quoted.
func (b *body) gatewayURL(name string) string {
	if text := b.text(name); strings.ContainsAny(text, "@?#") {
		b.errorAt(b.rangeOf(name), problem{
			code: "secret_in_url", summary: name + " has more in it than a host and a path", secret: true,
			detail: "A username, a password or a token in a URL would be shown wherever the URL is.",
			hint:   "write username = … and password_file = … beside it",
		})
		return ""
	}
	return parsed(b, name, "URL", func(text string) (string, *flaw) {
		if u, err := url.Parse(text); !httpURL.MatchString(text) || err != nil || u.Hostname() == "" {
			return "", &flaw{detail: urlDetail}
		}
		if at := strings.Index(text, "/metrics/job"); at >= 0 {
			return "", &flaw{detail: "The path of the group is added to it.", hint: fmt.Sprintf("write %q", text[:at]), offset: at, length: len(text) - at}
		}
		return text, nil
	})
}

// textfilePath is one that node_exporter takes.
func textfilePath(text string) (string, *flaw) {
	clean, wrong := absolutePath(text)
	if wrong == nil && path.Ext(clean) != ".prom" {
		return "", &flaw{
			detail: "node_exporter reads the files of its folder whose names end in .prom, and no others.",
			hint:   fmt.Sprintf("did you mean %q?", clean+".prom"),
		}
	}
	return clean, wrong
}

// timeLimit reads what a network is given: seconds or minutes.
func timeLimit(text string) (time.Duration, *flaw) {
	limit, err := time.ParseDuration(text)
	if err != nil || limit < time.Second || limit > maxPushTimeout || limit%time.Second != 0 {
		return 0, &flaw{detail: fmt.Sprintf(`A time limit is a number of seconds or minutes, such as "10s", and at most %d minutes.`, int(maxPushTimeout.Minutes()))}
	}
	return limit, nil
}
