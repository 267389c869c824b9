package pfsense

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/google/go-cmp/cmp"
)

// catScript answers the one question that config.xml is fetched by.
const catScript = `
if [ "$SSH_ORIGINAL_COMMAND" != "cat /cf/conf/config.xml" ]; then
	echo "asked for: $SSH_ORIGINAL_COMMAND" >&2
	exit 42
fi
exec cat "${0%/*}/config"
`

func TestConfigBySSH(t *testing.T) {
	f := newFirewall(t, catScript)
	f.write(t, "config", goodConfig, 0o600)
	j := job(t, f.source(), plan.ArtifactConfig)
	produced, err := New(f).Produce(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(goodConfig, string(only(t, j, ConfigName))); diff != "" {
		t.Error(diff)
	}
	if !strings.HasPrefix(produced.Tools["ssh"], "OpenSSH_") || len(produced.Tools) != 1 {
		t.Errorf("tools %v", produced.Tools)
	}
	if diff := cmp.Diff([]string{"configuration of version 23.3"}, produced.Limits); diff != "" {
		t.Error(diff)
	}
}

func TestBadConfigBySSH(t *testing.T) {
	f := newFirewall(t, catScript)
	for name, test := range map[string]struct{ config, want string }{
		"nothing":   {"", "use root"},
		"truncated": {goodConfig[:90], "check config.xml as it was fetched: not well-formed XML at line 4 of 90 bytes: it ends in the middle"},
		"a menu":    {"0) Logout (SSH only)\n", "there is text outside of its root element"},
	} {
		t.Run(name, func(t *testing.T) {
			f.write(t, "config", test.config, 0o600)
			j := job(t, f.source(), plan.ArtifactConfig)
			_, err := New(f).Produce(t.Context(), j)
			wantError(t, err, test.want)
			if entries, _ := os.ReadDir(j.Into); len(entries) != 0 {
				t.Errorf("left behind: %v", entries)
			}
		})
	}
}

func TestEndlessConfigBySSH(t *testing.T) {
	f := newFirewall(t, "exec yes '<pfsense>'")
	_, err := New(f).Produce(t.Context(), job(t, f.source(), plan.ArtifactConfig))
	wantError(t, err, "it has more than 32 MiB")
}

func TestRemoteCommandFails(t *testing.T) {
	f := newFirewall(t, "echo 'cat: /cf/conf/config.xml: No such file or directory' >&2; exit 1")
	_, err := New(f).Produce(t.Context(), job(t, f.source(), plan.ArtifactConfig))
	wantError(t, err, "exit 1: cat: /cf/conf/config.xml: No such file or directory")
	wantError(t, err, "fetch config.xml: "+f.address+": ssh")
}

func TestSSHProblemsInPlainWords(t *testing.T) {
	f := newFirewall(t, catScript)
	f.write(t, "config", goodConfig, 0o600)
	f.newKey(t, "other")
	private := strings.Split(string(f.read(t, "other")), "\n")[1]
	host, stranger, refused, nobody := f.source(), f.source(), f.source(), f.source()
	refused.IdentityFile = filepath.Join(f.folder, "other")
	nobody.Address = "nobody@127.0.0.1:1"
	for _, test := range []struct {
		name   string
		source plan.PFSenseSource
		known  string
		want   string
	}{
		{"host key changed", host, "other.pub", "its host key is not the one that this machine knows"},
		{"host key unknown", stranger, "", "this machine does not know its host key"},
		{"key refused", refused, "host.pub", "it does not accept the key"},
		{"nobody listens", nobody, "host.pub", "nothing listens there"},
		{"no such name", plan.PFSenseSource{Address: "no-such-host.invalid"}, "host.pub", "its name cannot be resolved"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.known == "" {
				f.write(t, "known_hosts", "", 0o600)
			} else {
				f.knowHost(t, test.known)
			}
			_, err := New(f).Produce(t.Context(), job(t, test.source, plan.ArtifactConfig))
			wantError(t, err, test.source.Address+": "+test.want, private)
		})
	}
}

func TestSSHIsLimited(t *testing.T) {
	f := newFirewall(t, "exec sleep 20")
	p := New(f)
	p.limits = limits{config: 500 * time.Millisecond, archive: 500 * time.Millisecond}
	for _, artifact := range []string{plan.ArtifactConfig, plan.ArtifactFiles} {
		_, err := p.Produce(t.Context(), job(t, f.source(), artifact))
		wantError(t, err, f.address+": not done within the time limit")
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	}
}

func TestLimitOfTheActionCounts(t *testing.T) {
	for artifact, usual := range map[string]time.Duration{plan.ArtifactConfig: 5 * time.Minute, plan.ArtifactFiles: 4 * time.Hour} {
		r := &recorder{}
		j := job(t, plan.PFSenseSource{Address: "gate"}, artifact)
		_, _ = New(r).Produce(t.Context(), j)
		if err := j.Action.Copy.Timeout.UnmarshalText([]byte("7m")); err != nil {
			t.Fatal(err)
		}
		j.Into = t.TempDir()
		_, _ = New(r).Produce(t.Context(), j)
		if len(r.commands) != 2 || r.commands[0].Timeout != usual || r.commands[1].Timeout != 7*time.Minute {
			t.Errorf("%s: %v", artifact, r.commands)
		}
	}
}

// The connection is there when the run is told to stop.
func TestSSHIsCanceled(t *testing.T) {
	f := newFirewall(t, "echo '<pfsense>'; exec sleep 20")
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("terminated")
	_, err := New(stopper{f, func() { cancel(reason) }}).Produce(ctx, job(t, f.source(), plan.ArtifactFiles))
	if !errors.Is(err, reason) && !strings.Contains(err.Error(), "gzip") {
		t.Error(err)
	}
	ctx, cancel = context.WithCancelCause(t.Context())
	_, err = New(stopper{f, func() { cancel(reason) }}).Produce(ctx, job(t, f.source(), plan.ArtifactConfig))
	if !errors.Is(err, reason) {
		t.Error(err)
	}
}

// stopper calls stop as soon as something was written.
type stopper struct {
	execx.Runner
	stop func()
}

func (s stopper) Run(ctx context.Context, c execx.Command) (execx.Output, error) {
	if to := c.Stdout; to != nil {
		c.Stdout = writerFunc(func(b []byte) (int, error) {
			defer s.stop()
			return to.Write(b)
		})
	}
	return s.Runner.Run(ctx, c)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// recorder runs nothing and keeps what it should have run.
type recorder struct{ commands []execx.Command }

func (r *recorder) Run(_ context.Context, c execx.Command) (execx.Output, error) {
	r.commands = append(r.commands, c)
	return execx.Output{}, errors.New("nothing is run here")
}

// fakeKey is a file that may hold a key.
func fakeKey(t *testing.T, content string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSSHArguments(t *testing.T) {
	key := fakeKey(t, "k", 0o600)
	for text, want := range map[string][]string{
		"gate":                {"--", "gate"},
		"root@gate.lan":       {"-l", "root", "--", "gate.lan"},
		"root@10.0.0.1:2222":  {"-p", "2222", "-l", "root", "--", "10.0.0.1"},
		"[fe80::1]:22":        {"-p", "22", "--", "fe80::1"},
		"bk-up@[2001:db8::1]": {"-l", "bk-up", "--", "2001:db8::1"},
	} {
		r := &recorder{}
		_, err := New(r).Produce(t.Context(), job(t, plan.PFSenseSource{Address: text, IdentityFile: key}, plan.ArtifactConfig))
		if err == nil || len(r.commands) != 1 {
			t.Fatalf("%q: %v", text, err)
		}
		argv := slices.Concat([]string{"-o", "IdentitiesOnly=yes", "-i", key}, want, []string{"cat", "/cf/conf/config.xml"})
		got := r.commands[0].Argv
		if diff := cmp.Diff(argv, got[max(0, len(got)-len(argv)):]); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
		for _, option := range []string{"BatchMode=yes", "StrictHostKeyChecking=yes", "ControlPath=none"} {
			if !slices.Contains(got, option) {
				t.Errorf("%q: no %s in %q", text, option, got)
			}
		}
	}
}

func TestNothingIsSentToAWrongAddress(t *testing.T) {
	for _, text := range []string{
		"", "-oProxyCommand=id", "-l@gate", "a@-gate", "gate:0", "gate:65536", "gate:22x", "gate gate", "gate\n", "$(id)", "[gate]", "fe80::1", "a@b@c", "gate;id", "\xff",
	} {
		for _, artifact := range []string{plan.ArtifactConfig, plan.ArtifactFiles} {
			r := &recorder{}
			_, err := New(r).Produce(t.Context(), job(t, plan.PFSenseSource{Address: text}, artifact))
			wantError(t, err, "address")
			if len(r.commands) != 0 {
				t.Errorf("%q: %v", text, r.commands)
			}
		}
	}
}

// What is run on the pfSense means the same to every shell.
func TestRemoteCommandsHoldNothingSpecial(t *testing.T) {
	for _, word := range append(append([]string{}, remoteConfig...), remoteArchive...) {
		if strings.ContainsAny(word, " \t\n'\"\\$`&|;<>()*?[]{}~#!%") {
			t.Errorf("%q", word)
		}
	}
}

func TestNothingIsSentWithAnOpenKey(t *testing.T) {
	folder := t.TempDir()
	fifo := filepath.Join(folder, "fifo")
	if out, err := exec.Command("mkfifo", "-m", "600", fifo).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	odd := filepath.Join(folder, "%d")
	if err := os.WriteFile(odd, []byte("k"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ path, want string }{
		"group":    {fakeKey(t, "s3cret", 0o640), "is open to others than its owner (mode 0640): chmod 600 it"},
		"others":   {fakeKey(t, "s3cret", 0o604), "chmod 600 it"},
		"missing":  {filepath.Join(folder, "missing"), "no such file"},
		"folder":   {folder, "is not a regular file"},
		"fifo":     {fifo, "is not a regular file"},
		"empty":    {fakeKey(t, "", 0o600), "is empty"},
		"expanded": {odd, "rename it"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, artifact := range []string{plan.ArtifactConfig, plan.ArtifactFiles} {
				r := &recorder{}
				_, err := New(r).Produce(t.Context(), job(t, plan.PFSenseSource{Address: "gate", IdentityFile: test.path}, artifact))
				wantError(t, err, test.want, "s3cret")
				if len(r.commands) != 0 {
					t.Errorf("%v", r.commands)
				}
			}
			if name == "expanded" {
				return
			}
			_, err := New(nil).Produce(t.Context(), job(t, plan.PFSenseSource{APIURL: "https://127.0.0.1:1/", APIKeyFile: test.path}, plan.ArtifactConfig))
			wantError(t, err, test.want, "s3cret")
		})
	}
}

func TestUnknownArtefactsAreUnsupported(t *testing.T) {
	jobs := []providers.Job{{}, {Action: plan.Action{Copy: &plan.CopyAction{}}}, job(t, plan.PFSenseSource{Address: "gate"}, "logs")}
	for _, j := range jobs {
		if _, err := New(nil).Produce(t.Context(), j); !errors.Is(err, providers.ErrUnsupported) {
			t.Error(err)
		}
	}
}
