package ssh

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
)

// What no second try mends is told at once, in plain words.
func TestProblemsOfSSH(t *testing.T) {
	b := newBench(t)
	b.plain(week46)
	b.newKey("other")
	refused, nobody, unknown := b.copy(week46, ""), b.copy(week46, ""), b.copy(week46, "")
	refused.Copy.Remote.IdentityFile = b.at("other")
	unknown.Copy.Remote.Address = "no-such-host.invalid"
	nobody.Copy.Remote.Address = "root@127.0.0.1:1"
	for _, c := range []struct {
		name, known, words string
		action             plan.Action
		waits              bool
	}{
		{"changed", "other.pub", "its host key is not the one that this machine knows", b.copy(week46, ""), false},
		{"unknown", "", "this machine does not know its host key", b.copy(week46, ""), false},
		{"refused", "host.pub", "it does not accept the key", refused, false},
		{"name", "host.pub", "its name cannot be resolved", unknown, false},
		{"nobody", "host.pub", "nothing listens there", nobody, true},
	} {
		if c.known == "" {
			b.write("known_hosts", "", 0o600)
		} else {
			b.knowHost(c.known)
		}
		b.waits = nil
		p := New(b.provider.Config)
		_, err := p.Do(t.Context(), c.action)
		b.wantError(err, c.action.Copy.Remote.Address+": "+c.words)
		if strings.Contains(err.Error(), "printf") {
			t.Errorf("the script is in: %v", err)
		}
		if waited := len(b.waits) > 0; waited != c.waits && c.name != "name" {
			t.Errorf("%s: %v", c.name, b.waits)
		}
		p.Close()
		target := b.target()
		target.Destination.Address, target.Destination.IdentityFile = c.action.Copy.Remote.Address, c.action.Copy.Remote.IdentityFile
		_, err = b.provider.Observe(t.Context(), target)
		b.wantError(err, c.words)
	}
}

func TestPatienceEnds(t *testing.T) {
	b := newBench(t)
	b.plain(week46)
	a := b.copy(week46, "")
	a.Copy.Remote.Address = "root@127.0.0.1:1"
	b.fails(a, "nothing listens there")
	var sum time.Duration
	for _, w := range b.waits {
		sum += w
	}
	if sum > actionPatience || len(b.waits) < 4 || b.waits[0] != firstWait || b.waits[1] != 2*firstWait || slices.Max(b.waits) > longWait {
		t.Errorf("%v", b.waits)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(context.Canceled)
	if _, err := b.provider.Do(ctx, a); err == nil {
		t.Error("it went on")
	}
}

// onceBroken makes rsync over there end in the middle of the first transfer.
func (b *bench) onceBroken() {
	b.t.Helper()
	rsync, _ := exec.LookPath("rsync")
	b.replace("rsync", `case $1 in --version) exec `+rsync+` "$@";; esac
if [ -e `+b.at("broken")+` ]; then exec `+rsync+` "$@"; fi
/bin/touch `+b.at("broken")+`; exit 1
`)
}

func TestAFaultOfTheNetworkIsTriedAgain(t *testing.T) {
	b := newBench(t)
	b.plain(week46)
	b.onceBroken()
	b.do(b.copy(week46, ""))
	b.holds(week46)
	if diff := cmp.Diff([]time.Duration{firstWait}, b.waits); diff != "" {
		t.Error(diff)
	}
}

func TestNoiseOfALoginScript(t *testing.T) {
	b := newBench(t)
	b.plain(week46)
	b.do(b.copy(week46, ""))
	b.write("noise", "Welcome to the NAS!\nbkplan- begin\n", 0o644)
	if disk := b.observe(); len(disk.Receipts) != 1 {
		t.Errorf("%+v", disk)
	}
	b.plain(week47)
	b.fails(b.copy(week47, week46), "something there writes to stdout when the user logs in")
	if b.waits != nil {
		t.Errorf("%v", b.waits)
	}
}

func TestRsyncOverThere(t *testing.T) {
	b := newBench(t)
	b.plain(week46)
	rsync, _ := exec.LookPath("rsync")
	old := func(release string) {
		b.replace("rsync", `case $1 in --version) echo "rsync  version `+release+`  protocol version 31"; echo "    64-bit files, hardlinks, no ACLs, xattrs";; *) exec `+rsync+` "$@";; esac`)
	}
	old("3.0.9")
	b.fails(b.copy(week46, ""), "rsync 3.0.9 there is too old: 3.1 or newer is needed")
	old("3.1.2")
	if r := b.do(b.copy(week46, "")); !strings.Contains(r.Detail, "compares times by the second") || !strings.Contains(r.Detail, "ACLs are not kept") {
		t.Errorf("%+v", r)
	}
	b.holds(week46)
	b.link(week46, week47, "f")
	b.put(week47, "x", "x")
	b.prove(week47)
	if r := b.do(b.copy(week47, week46)); strings.Contains(r.Detail, "compared") {
		t.Errorf("%+v", r)
	}
	if err := os.Remove(b.at("path/rsync")); err != nil {
		t.Fatal(err)
	}
	b.fails(b.refresh(week46, ""), "there is no rsync in the PATH of the user there")
}

func TestAFullDiskThere(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to mount a small disk")
	}
	n := newNAS(t)
	image := n.at("image")
	n.write("image", "", 0o600)
	if err := os.Truncate(image, 8<<20); err != nil {
		t.Fatal(err)
	}
	for _, argv := range [][]string{{"mkfs.ext4", "-q", "-m", "0", image}, {"mount", "-o", "loop", image, n.share}} {
		if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
			t.Skipf("needs a loop device with ext4: %q: %v: %s", argv, err, out)
		}
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", n.share).Run() })
	b := benchFor(t, n)
	b.plain(week46)
	b.do(b.copy(week46, ""))
	if s := b.observe().FileSystem; s.MountPoint != n.share || s.Type != "ext4" || s.Size == 0 || s.Size > 8<<20 || s.Free >= s.Size || s.Inodes == 0 || s.InodesFree >= s.Inodes {
		t.Errorf("%+v", s)
	}
	b.put(week47, "large", strings.Repeat("large", 2<<20))
	b.prove(week47)
	b.fails(b.copy(week47, week46), "the disk over there is full")
	if b.waits != nil {
		t.Errorf("%v", b.waits)
	}
	b.whole()
}

func TestObserveIsPlainAboutTheWorld(t *testing.T) {
	b := newKeptBench(t)
	target := b.target()
	target.Destination.Path = b.at("none")
	_, err := b.provider.Observe(t.Context(), target)
	b.wantError(err, "does not exist there")
	target.Destination.Path = b.at("host")
	_, err = b.provider.Observe(t.Context(), target)
	b.wantError(err, "is not a directory there")
	if err := os.Chown(b.share, 0, 0); err != nil {
		t.Fatal(err)
	}
	_, err = b.provider.Observe(t.Context(), b.target())
	b.wantError(err, "may not write")
	if err := os.Chown(b.share, keeperID, keeperID); err != nil {
		t.Fatal(err)
	}
	disk := b.observe() // of a copy that is not there yet
	if disk.Path != b.root() || disk.Address != b.address || len(disk.Folders) != 2 || disk.FileSystem.Size == 0 || disk.Clock.IsZero() {
		t.Errorf("%+v", disk)
	}
	if d := time.Since(disk.Clock); d > time.Hour || d < -time.Hour {
		t.Errorf("%v", disk.Clock)
	}
	b.replace("date", "echo 1000000000")
	if disk := b.observe(); disk.Clock.Unix() != 1000000000 {
		t.Errorf("%v", disk.Clock)
	}
}

// How long a Synology keeps its own snapshots is told in its own words; that they cannot
// be had is no reason to know nothing else.
func TestObserveAsksASynologyForItsSnapshots(t *testing.T) {
	b := newBench(t)
	target := b.target()
	ask := func() *plan.ShareSnapshots {
		t.Helper()
		part, err := b.provider.Observe(t.Context(), target)
		if err != nil {
			t.Fatal(err)
		}
		return part.Disks[0].ShareSnapshots
	}
	if got := ask(); got != nil {
		t.Errorf("nobody asked: %+v", got)
	}
	target.Destination.SynologyShare = "Back up; $(reboot)"
	if got := ask(); got == nil || got.Retention != "" || !strings.Contains(got.Detail, "ended with 127: ") || !strings.Contains(got.Detail, "not found") {
		t.Errorf("%+v", got)
	}
	for script, want := range map[string]plan.ShareSnapshots{
		`printf "policy of %s\n\t[%s]: 7 days\033[2J\n" "$2" "$3"`: {Retention: `policy of Share# [Back up; $(reboot)]: 7 days\x1b[2J`},
		`echo "Permission denied" >&2; return 2`:                   {Detail: "synoretentionconf ended with 2: Permission denied"},
		`return 0`:                                                 {Detail: "synoretentionconf ended with 0: no words"},
	} {
		b.replace("synoretentionconf", script)
		want.Share = target.Destination.SynologyShare
		if diff := cmp.Diff(&want, ask()); diff != "" {
			t.Errorf("%s: %s", script, diff)
		}
	}
}

// A look at a destination is one command over there, whatever is to be told of it.
func TestObserveIsOneCommand(t *testing.T) {
	b := newBench(t)
	b.plain(week46)
	b.do(b.copy(week46, ""))
	target := b.target()
	target.Destination.SynologyShare = "backup"
	target.Folders = []plan.Folder{{Directory: "nfs", Depth: 1}, {Directory: "other", Depth: 3}}
	target.Copies = append(target.Copies, providers.Copy{Directory: "another", Folders: target.Folders})
	var commands [][]string
	b.provider.Runner = spy{b.nas, func(argv []string) { commands = append(commands, argv) }}
	part, err := b.provider.Observe(t.Context(), target)
	if err != nil || len(part.Disks) != 3 || len(part.Disks[1].Receipts) != 1 {
		t.Errorf("%+v, %v", part, err)
	}
	if len(commands) != 1 || commands[0][0] != "ssh" {
		t.Errorf("%d commands: %.200q", len(commands), commands)
	}
}

// Observing makes nothing, here or there.
func TestObserveChangesNothing(t *testing.T) {
	b := newBench(t)
	b.dash()
	b.plain(week46)
	b.do(b.copy(week46, ""))
	put(t, b.root()+"/pvc-data/file", "x")
	put(t, b.root()+"/pvc-data/2026-47/not\xffutf8/x/y", "x")
	put(t, b.root()+"/pvc-data/2026-47/ns/new\nline/y", "x")
	put(t, b.root()+"/pvc-data/@eaDir/x/y/z", "x")
	put(t, b.root()+"/.bkplan/receipts/weekly/2026-46/bad.json", "{}")
	before := contents(t, b.share)
	disk := b.observe()
	want := []plan.Entry{
		{Path: "2026-46/vaultwarden/data", Type: plan.EntryFolder}, {Path: "2026-47/not\uFFFDutf8", Type: plan.EntryFolder, Odd: true},
		{Path: "2026-47/ns/new\nline", Type: plan.EntryFolder}, {Path: "file", Type: plan.EntryFile},
	}
	slices.SortFunc(want, func(a, b plan.Entry) int { return strings.Compare(a.Path, b.Path) })
	if diff := cmp.Diff(want, disk.Folders[0].Entries); diff != "" {
		t.Error(diff)
	}
	if len(disk.Bad) != 1 || disk.Bad[0].File != "weekly/2026-46/bad.json" {
		t.Errorf("%+v", disk.Bad)
	}
	if diff := cmp.Diff(before, contents(t, b.share)); diff != "" {
		t.Error(diff)
	}
	config := b.provider.Config
	config.OneLook = true
	fresh := New(config)
	if _, err := fresh.Observe(t.Context(), b.target()); err != nil || fresh.folder != "" {
		t.Errorf("a folder was made: %q, %v", fresh.folder, err)
	}
}
