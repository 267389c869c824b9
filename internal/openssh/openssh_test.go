package openssh

import (
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/bkplan/bkplan/internal/execx"
)

// A quoted text is one word, the same, to a shell.
func TestQuoteIsOneWordToAShell(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(rapid.OneOf(
			rapid.StringMatching(`[ -~\n\t]{0,20}`), rapid.StringOfN(rapid.RuneFrom([]rune(`'"\$`+"`\n !*;&|")), 0, 20, -1),
		), 1, 20).Draw(t, "texts")
		command := `printf '%s\0'`
		for _, text := range texts {
			command += " " + Quote(text)
		}
		got, err := exec.Command("sh", "-c", command).Output()
		if err != nil {
			t.Fatal(err)
		}
		if want := strings.Join(texts, "\x00") + "\x00"; string(got) != want {
			t.Fatalf("%q became %q", want, got)
		}
	})
}

func TestAddresses(t *testing.T) {
	for text, want := range map[string]Host{
		"gate":                {nil, "gate"},
		"root@10.0.0.1:2222":  {[]string{"-p", "2222", "-l", "root"}, "10.0.0.1"},
		"bk-up@[2001:db8::1]": {[]string{"-l", "bk-up"}, "2001:db8::1"},
	} {
		got, err := ParseAddress(text)
		if err != nil || got.Name != want.Name || !slices.Equal(got.Options, want.Options) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "-oProxyCommand=id", "-l@gate", "a@-gate", "gate:0", "gate:65536", "gate gate", "gate\n", "$(id)", "[gate]", "a@b@c", "gate;id", "\xff"} {
		if _, err := ParseAddress(text); err == nil {
			t.Errorf("%q", text)
		}
	}
}

func TestASharedConnectionIsForThoseWhoShareIt(t *testing.T) {
	alone, err := Command{Address: "gate"}.Argv("true")
	if err != nil || !slices.Contains(alone, "ControlPath=none") || !slices.Contains(alone, "ControlMaster=no") {
		t.Errorf("%q, %v", alone, err)
	}
	shared, err := Command{Address: "gate", Socket: "/run/x"}.Argv("true")
	if err != nil || !slices.Contains(shared, "ControlPath=/run/x") || !slices.Contains(shared, "ControlMaster=auto") {
		t.Errorf("%q, %v", shared, err)
	}
	for _, argv := range [][]string{alone, shared} {
		for _, option := range []string{"BatchMode=yes", "StrictHostKeyChecking=yes"} {
			if !slices.Contains(argv, option) {
				t.Errorf("no %s in %q", option, argv)
			}
		}
	}
}

func TestWhatIsLasting(t *testing.T) {
	for stderr, lasting := range map[string]bool{
		"Host key verification failed.\n":                                           true,
		"x@y: Permission denied (publickey).\n":                                     true,
		"ssh: connect to host x port 22: Connection refused\n":                      false,
		"ssh: connect to host x port 22: No route to host\n":                        false,
		"client_loop: send disconnect: Broken pipe\n":                               false,
		"ssh: Could not resolve hostname x: Temporary failure in name resolution\n": false,
		"": false,
	} {
		if Lasting(stderr) != lasting {
			t.Errorf("%q", stderr)
		}
		err := Explain("nas", &execx.Error{Argv: []string{"ssh"}, Exit: 255, Reason: execx.ReasonExit, Stderr: stderr})
		if failure := (*execx.Error)(nil); !errors.As(err, &failure) || !strings.HasPrefix(err.Error(), "nas: ") {
			t.Errorf("%v", err)
		}
	}
}
