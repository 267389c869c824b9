package plan

import "time"

// Notification is a `notify` block: who is told how runs go, and of what. It holds the
// names of files with secrets, never secrets.
type Notification struct {
	Kind   string   `json:"kind"`
	Name   string   `json:"name"`
	On     []string `json:"on"`               // events
	Layers []string `json:"layers,omitempty"` // names of layers; none means all
	// Timeout bounds one telling, in all that it takes; never zero.
	Timeout time.Duration `json:"timeout_ns"`

	Command   []string `json:"command,omitempty"` // argv of a NotifyCommand
	URL       string   `json:"url,omitempty"`
	URLFile   string   `json:"url_file,omitempty"` // in place of URL
	TokenFile string   `json:"token_file,omitempty"`
	To        string   `json:"to,omitempty"`
	From      string   `json:"from,omitempty"`
	Sendmail  string   `json:"sendmail,omitempty"` // path of the program
}

// Address is how output names it: `notify.phone`.
func (n Notification) Address() string { return "notify." + n.Name }

// Kinds of notifications.
const (
	NotifyCommand = "command"
	NotifyPing    = "ping"
	NotifyNtfy    = "ntfy"
	NotifySlack   = "slack"
	NotifyEmail   = "email"
)

// Events of a run.
const (
	OnStart   = "start"
	OnSuccess = "success"
	OnFailure = "failure"
)
