package notify

import (
	"context"
	"encoding/json"
	"errors"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/run"
)

// script is a hook whose one argument is a folder of the test.
func script(t *testing.T, text string) (plan.Notification, string) {
	t.Helper()
	dir := t.TempDir()
	return plan.Notification{Kind: plan.NotifyCommand, Command: []string{"/bin/sh", "-c", text, dir}}, dir
}

func TestCommandReadsTheNotice(t *testing.T) {
	n, dir := script(t, `cat > "$0/in"; echo "$BKPLAN_EVENT $BKPLAN_RUN $BKPLAN_OUTCOME" > "$0/env"`)
	if failures := tell(t, n, failed()); failures != nil {
		t.Fatal(failures)
	}
	text, _ := os.ReadFile(filepath.Join(dir, "in"))
	var got Notice
	if err := json.Unmarshal(text, &got); err != nil || got.Event != plan.OnFailure || len(got.Run.Actions) != 2 || got.Run.Actions[1].Error == "" {
		t.Errorf("%v: %s", err, text)
	}
	if env, _ := os.ReadFile(filepath.Join(dir, "env")); string(env) != "failure 20261125T010000Z failed\n" {
		t.Errorf("%s", env)
	}
}

// Whatever a hook does, it ends in good time and is told of in one line.
func TestHookThatBehavesBadly(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"fails":                    {"echo 'no\033[2J disk' >&2; exit 7", "exit 7: no"},
		"hangs":                    {"exec tail -f /dev/null", "no end within 100ms"},
		"hangs and does not obey":  {"trap '' TERM; while :; do tail -f /dev/null; done", "no end within 100ms"},
		"prints without an end":    {"exec cat /dev/zero", "no end within 100ms"},
		"complains without an end": {"exec cat /dev/zero >&2", "no end within 100ms"},
		"reads nothing":            {"exec <&-; exit 0", ""},
		"forks and goes":           {"tail -f /dev/null & exit 0", ""},
		"is not there":             {"", "not installed"},
	} {
		t.Run(name, func(t *testing.T) {
			n, _ := script(t, c.text)
			if strings.Contains(c.want, "100ms") {
				n.Timeout = 100 * time.Millisecond
			}
			if c.text == "" {
				n.Command = []string{"/nonexistent/hook"}
			}
			r := failed()
			r.Error = strings.Repeat("long", 1<<20)
			failures := tell(t, n, r)
			if c.want == "" {
				if failures != nil {
					t.Error(failures)
				}
				return
			}
			if len(failures) != 1 || !strings.Contains(failures[0].Error(), c.want) || strings.ContainsAny(failures[0].Error(), "\x1b\n\x00") || len(failures[0].Error()) > 2000 {
				t.Errorf("%.500v", failures)
			}
		})
	}
}

// deaf does not hear that it is late, as a read from a server that is gone.
type deaf struct{ end chan struct{} }

func (d deaf) tell(context.Context, Notice) error { <-d.end; return nil }

func TestWhatHangsInTheKernelIsLeftBehind(t *testing.T) {
	d := deaf{make(chan struct{})}
	defer close(d.end)
	if err := <-start(t.Context(), d, 10*time.Millisecond, Notice{}); !errors.Is(err, errTooLate) {
		t.Error(err)
	}
}

// Each of the hooks waits for the other, so one after the other they would hang; and the
// failure of one is no business of another.
func TestAllAreToldSideBySide(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	hook := func(name, text string) plan.Notification {
		return plan.Notification{Kind: plan.NotifyCommand, Name: name, On: every, Timeout: 20 * time.Second, Command: []string{"/bin/sh", "-c", text, dir}}
	}
	list := []plan.Notification{hook("a", `echo > "$0/fifo"`), hook("b", "exit 1"), hook("c", `read -r _ < "$0/fifo"`)}
	failures := New(list, execx.New()).Tell(t.Context(), succeeded(), night, time.UTC)
	if len(failures) != 1 || failures[0].Address != "notify.b" {
		t.Error(failures)
	}
}

// A run that is asked to stop has less time for it.
func TestEndOfTheContextIsALimitToo(t *testing.T) {
	n, _ := script(t, "exec tail -f /dev/null")
	n.On, n.Timeout = every, time.Hour
	ctx, stop := context.WithCancelCause(t.Context())
	time.AfterFunc(50*time.Millisecond, func() { stop(errors.New("asked to stop")) })
	failures := New([]plan.Notification{n}, execx.New()).Tell(ctx, succeeded(), night, time.UTC)
	if len(failures) != 1 || !strings.Contains(failures[0].Error(), "asked to stop") {
		t.Error(failures)
	}
}

func TestEmail(t *testing.T) {
	dir := t.TempDir()
	sendmail := filepath.Join(dir, "sendmail")
	text := "#!/bin/sh\ncat > \"$(dirname \"$0\")/mail\"\necho \"$@\" > \"$(dirname \"$0\")/args\"\n"
	if err := os.WriteFile(sendmail, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	r := failed()
	r.Host = "pvé\r\nBcc: x@y.z"
	if failures := tell(t, plan.Notification{Kind: plan.NotifyEmail, Sendmail: sendmail, To: "a@b.c", From: "pve@b.c"}, r); failures != nil {
		t.Fatal(failures)
	}
	if args, _ := os.ReadFile(filepath.Join(dir, "args")); string(args) != "-i -f pve@b.c a@b.c\n" {
		t.Errorf("%s", args)
	}
	sent, err := os.Open(filepath.Join(dir, "mail"))
	if err != nil {
		t.Fatal(err)
	}
	defer sent.Close()
	m, err := mail.ReadMessage(sent)
	if err != nil {
		t.Fatal(err)
	}
	if m.Header.Get("Bcc") != "" || m.Header.Get("To") != "a@b.c" || m.Header.Get("From") != "pve@b.c" || m.Header.Get("Date") != "Wed, 25 Nov 2026 01:00:00 +0000" {
		t.Error(m.Header)
	}
	if subject := m.Header.Get("Subject"); !strings.HasPrefix(subject, "=?utf-8?q?bkplan_on_pv=C3=A9_Bcc:_x@y.z:_run") {
		t.Error(subject)
	}
}

func TestEvents(t *testing.T) {
	weekly, gone, other := failed(), failed(), failed()
	weekly.Actions = weekly.Actions[:1]
	gone.Outcome = run.Interrupted
	other.Layers = []string{"snapshots"}
	few, fewFailed := succeeded(), failed()
	few.Layers, fewFailed.Layers = nil, nil
	fewBegun := begun()
	fewBegun.Layers = nil
	none := run.Unbegun(run.Record{Host: "pve", Started: night}, os.ErrPermission)
	for i, c := range []struct {
		layers []string
		r      run.Record
		want   string
	}{
		{nil, begun(), plan.OnStart},
		{nil, succeeded(), plan.OnSuccess},
		{nil, failed(), plan.OnFailure},
		{nil, gone, plan.OnFailure},
		{nil, none, plan.OnFailure},
		{nil, few, ""}, // of some volumes: no ping shall say that the backup was made
		{nil, fewBegun, ""},
		{nil, fewFailed, plan.OnFailure},
		{[]string{"weekly"}, few, ""},
		{[]string{"weekly"}, fewFailed, ""},
		{[]string{"weekly"}, begun(), plan.OnStart},
		{[]string{"weekly"}, failed(), plan.OnFailure},
		{[]string{"weekly"}, weekly, plan.OnSuccess}, // another layer failed
		{[]string{"offsite"}, succeeded(), plan.OnSuccess},
		{[]string{"offsite", "snapshots"}, succeeded(), plan.OnSuccess},
		{[]string{"weekly"}, other, ""},
		{[]string{"weekly"}, none, plan.OnFailure},
	} {
		if got := eventOf(plan.Notification{Layers: c.layers}, c.r); got != c.want {
			t.Errorf("%d: %q, want %q", i, got, c.want)
		}
	}
}

func TestOnlyTheEventsThatAreAskedFor(t *testing.T) {
	n, dir := script(t, `echo "$BKPLAN_EVENT" >> "$0/told"`)
	n.On = []string{plan.OnFailure}
	for _, r := range []run.Record{begun(), succeeded(), failed(), run.Unbegun(run.Record{Started: night}, os.ErrPermission)} {
		if failures := tell(t, n, r); failures != nil {
			t.Error(failures)
		}
	}
	if told, _ := os.ReadFile(filepath.Join(dir, "told")); string(told) != "failure\nfailure\n" {
		t.Errorf("%s", told)
	}
}

// Names and tools' words never make a line, a control character or a flood of their own.
func TestTextIsSafeAndShort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.StringOfN(rapid.SampledFrom([]rune("ab\n\r\x1b\x00é\u202e ")), 0, 1000, -1)
		r := failed()
		r.Host, r.Error = words.Draw(t, "host"), words.Draw(t, "error")
		for range rapid.IntRange(0, 30).Draw(t, "actions") {
			r.Actions = append(r.Actions, run.Action{ID: words.Draw(t, "id"), Kind: "create", Outcome: run.Failed, Error: words.Draw(t, "words")})
		}
		n := notice(plan.OnFailure, r, night, time.UTC)
		if strings.ContainsAny(n.Text, "\r\x1b\x00\u202e") || len(n.Text) > 4000 || strings.ContainsAny(n.Title, "\n") {
			t.Fatalf("%q", n.Text)
		}
		if !strings.HasSuffix(n.Text, "\nmore: bkplan runs show 20261125T010000Z\n") {
			t.Fatalf("%q", n.Text)
		}
	})
}
