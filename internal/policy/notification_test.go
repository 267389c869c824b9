package policy

import (
	"strings"
	"testing"
)

// Nothing of a URL that could have a password in it is in a diagnostic, be the URL wrong
// in any other way.
func TestSecretsOfANotificationAreNotQuoted(t *testing.T) {
	for _, url := range []string{
		"https://me:hunter2@hc.lan/x", "https://me:hunter2@hc.lan/a b", "ftp://me:hunter2@hc.lan/x", "me:hunter2@hc.lan", "https://me:hunter2%zz@hc.lan/x",
	} {
		_, found := loadText("notify \"ping\" \"x\" {\n  url = \""+url+"\"\n}\n", Options{})
		text := found.Text(80)
		for _, d := range found {
			text += d.Snippet + d.Detail + d.Summary
		}
		if !found.HasErrors() || strings.Contains(text, "hunter2") {
			t.Errorf("%s:\n%s", url, text)
		}
	}
	for _, block := range []string{
		`notify "slack" "x" { url = "https://hooks.lan/hunter2" }`, `notify "ntfy" "x" { token = "hunter2" }`,
	} {
		_, found := loadText(block+"\n", Options{})
		text := found.Text(80)
		for _, d := range found {
			text += d.Snippet + d.Detail + d.Summary
		}
		if !found.HasErrors() || strings.Contains(text, "hunter2") {
			t.Errorf("%s", text)
		}
	}
	for _, url := range []string{"https://hc.lan/@x", "ftp://hc.lan/x"} {
		if _, found := loadText("notify \"ping\" \"x\" {\n  url = \""+url+"\"\n}\n", Options{}); strings.Contains(found.Text(80), "password") {
			t.Errorf("%s: %s", url, found.Text(80))
		}
	}
}
