package rsync

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bkplan/bkplan/internal/execx"
)

// TestRunGetsOverALinkInThePlaceOfAFolder: a mirror failed for a whole night when a folder
// had become a second name of a file.
func TestRunGetsOverALinkInThePlaceOfAFolder(t *testing.T) {
	dir := t.TempDir()
	from, into := filepath.Join(dir, "from"), filepath.Join(dir, "into")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(filepath.Join(into, "b"), 0o755))
	must(os.Mkdir(from, 0o755))
	must(os.WriteFile(filepath.Join(from, "a"), []byte("content"), 0o644))
	must(exec.Command("cp", "-a", filepath.Join(from, "a"), into).Run())
	must(os.Link(filepath.Join(from, "a"), filepath.Join(from, "b")))
	runs := 0
	var said bytes.Buffer
	argv := append(append([]string{"rsync", "-ii"}, Archive(nil)...), "--", from+"/", into+"/")
	_, err := Run(t.Context(), execx.New(), func() execx.Command {
		runs++
		said.Reset()
		return execx.Command{Argv: argv, Stdout: &said}
	})
	if err != nil || runs > 2 {
		t.Errorf("%d runs, %v", runs, err)
	}
	one, _ := os.Stat(filepath.Join(into, "a"))
	two, _ := os.Stat(filepath.Join(into, "b"))
	if !os.SameFile(one, two) || !strings.Contains(said.String(), "b") {
		t.Errorf("%v, %v: %s", one, two, said.String())
	}
}

// TestOtherFailuresAreTriedOnce: what rsync could not copy is told at once.
func TestOtherFailuresAreTriedOnce(t *testing.T) {
	const stumble = "rsync: [generator] get_acl: sys_acl_get_file(b, ACL_TYPE_DEFAULT): Permission denied (13)\n"
	for text, want := range map[string]bool{
		stumble + "rsync error: some files/attrs were not transferred (see previous errors) (code 23) at main.c(1394) [sender=3.5.0]\n": true,
		stumble + "rsync: [sender] send_files failed to open \"/x\": Permission denied (13)\n":                                          false,
		"rsync: [generator] get_acl: sys_acl_get_file(b, ACL_TYPE_ACCESS): Permission denied (13)\n":                                    false,
		"rsync error: some files/attrs were not transferred\n":                                                                          false,
		"": false,
	} {
		err := &execx.Error{Argv: []string{"rsync"}, Reason: execx.ReasonExit, Exit: ExitPartial, Stderr: text}
		if stumbled(err) != want {
			t.Errorf("%q: %v", text, !want)
		}
		if err.Exit = ExitVanished; stumbled(err) {
			t.Errorf("exit %d: %q", err.Exit, text)
		}
	}
	if stumbled(nil) {
		t.Error("a success")
	}
}
