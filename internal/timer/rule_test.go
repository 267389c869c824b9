package timer_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/quantity"
	"github.com/bkplan/bkplan/internal/schedule"
	"github.com/bkplan/bkplan/internal/timer"
)

// setting is the value of a setting of a unit, as often as it is there.
func setting(u timer.Unit, name string) string {
	var values []string
	for line := range strings.Lines(u.Text) {
		if value, found := strings.CutPrefix(strings.TrimSuffix(line, "\n"), name+"="); found {
			values = append(values, value)
		}
	}
	return strings.Join(values, "|")
}

func calendar(t testing.TB, expr string) schedule.Calendar {
	t.Helper()
	c, err := schedule.Parse(expr)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func duration(t testing.TB, text string) quantity.Duration {
	t.Helper()
	d, err := quantity.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestWhatFeedsComesFirst: after a sleep all timers elapse at once, and a copy of
// yesterday's snapshot would count for today.
func TestWhatFeedsComesFirst(t *testing.T) {
	units := unitsOf(t, homelab(t), packaged)
	for layer, want := range map[string]string{
		"snapshots": "", "pfsense": "", "nfs_ssd": "",
		"weekly": "snapshots", "sqlite": "snapshots",
		"offsite": "weekly sqlite pfsense pfsense_files pve_config",
	} {
		for suffix, unit := range map[string]timer.Unit{
			"timer": units["bkplan@"+layer+".timer"], "service": units["bkplan@"+layer+".service.d/50-bkplan.conf"],
		} {
			var after []string
			for _, name := range strings.Fields(want) {
				after = append(after, "bkplan@"+name+"."+suffix)
			}
			if got := setting(unit, "After"); got != strings.Join(after, " ") {
				t.Errorf("%s of %s comes after %q", suffix, layer, got)
			}
		}
		// By chance it would come before what feeds it.
		delay := setting(units["bkplan@"+layer+".timer"], "RandomizedDelaySec")
		if feeds := layer != "offsite" && layer != "nfs_ssd"; feeds != (delay == "0s") {
			t.Errorf("the delay of %s is %s", layer, delay)
		}
	}
}

// TestDumpsFeedTheTreeThatTheyLieIn: what a layer writes below a directory that
// another one mirrors.
func TestDumpsFeedTheTreeThatTheyLieIn(t *testing.T) {
	p := homelab(t)
	for i, l := range p.Layers {
		if l.Name == "pve_config" {
			p.Layers[i].To = plan.Ref{Type: "destination", Kind: "disk", Name: "dumps"}
		}
	}
	units := unitsOf(t, p, packaged)
	if got := setting(units["bkplan@nfs.timer"], "After"); got != "bkplan@pve_config.timer" {
		t.Errorf("nfs comes after %q", got)
	}
}

// TestOrderHasNoCircle: systemd would leave out a job to break one.
func TestOrderHasNoCircle(t *testing.T) {
	p := plan.Policy{StateDir: "/var/lib/bkplan"}
	for _, name := range []string{"a", "b"} {
		p.Sources = append(p.Sources, plan.Source{Kind: plan.SourceDirectory, Name: name, Directory: &plan.DirectorySource{Path: "/" + name}})
		p.Destinations = append(p.Destinations, plan.Destination{Kind: plan.DestinationDisk, Name: name, Path: "/" + name + "/copies"})
	}
	for from, to := range map[string]string{"a": "b", "b": "a"} {
		p.Layers = append(p.Layers, plan.Layer{
			Kind: plan.LayerSync, Name: from + to, From: plan.Ref{Type: "source", Kind: plan.SourceDirectory, Name: from},
			To: p.Destinations[to[0]-'a'].Ref(), Directory: "d", Schedule: calendar(t, "daily"),
		})
	}
	units := unitsOf(t, p, packaged)
	one, other := setting(units["bkplan@ab.timer"], "After"), setting(units["bkplan@ba.timer"], "After")
	if (one == "") == (other == "") {
		t.Errorf("after %q and %q", one, other)
	}
}

// TestADelayPassesNoSlot: a run that is late by the most that its timer allows is
// still one of its own slot.
func TestADelayPassesNoSlot(t *testing.T) {
	p := homelab(t)
	p.Layers = p.Layers[:1]
	zone := p.Timezone.Location()
	for _, expr := range []string{"minutely", "hourly", "daily", "weekly", "*:0/7", "*:*:00/10", "*-*-* 03:00,04", "*-02-29", "Sun *-*-1..7 06:00"} {
		c := calendar(t, expr)
		p.Layers[0].Schedule = c
		unit := unitsOf(t, p, packaged)["bkplan@"+p.Layers[0].Name+".timer"]
		late := systemdTime(t, setting(unit, "AccuracySec")) + systemdTime(t, setting(unit, "RandomizedDelaySec"))
		rapid.Check(t, func(r *rapid.T) {
			slot, _ := c.Next(time.Unix(rapid.Int64Range(1.7e9, 2.2e9).Draw(r, "from"), 0), zone)
			if next, ok := c.Next(slot, zone); ok && !slot.Add(late).Before(next) {
				r.Errorf("%s: %s late at %s reaches %s", expr, late, slot, next)
			}
		})
	}
}

func systemdTime(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(strings.ReplaceAll(text, "min", "m"))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestFullComparisonOfADiskHasASlot(t *testing.T) {
	p := homelab(t)
	for i, l := range p.Layers {
		if !l.FullSchedule.IsZero() {
			p.Layers[i].FullSchedule = calendar(t, "Sun *-*-1..7 09:30")
		}
	}
	units := unitsOf(t, p, packaged)
	if got := setting(units["bkplan@offsite.timer"], "OnCalendar"); got != "*-*-* 06:00:00 Europe/Sofia|Sun *-*-01..07 09:30:00 Europe/Sofia" {
		t.Errorf("offsite: %s", got)
	}
	if got := setting(units["bkplan@nfs.timer"], "OnCalendar"); got != "*-*-* 06:00:00 Europe/Sofia" {
		t.Errorf("nfs, which compares all at its next sync: %s", got)
	}
}

// TestLimitIsLongerThanTheLayersOwn, and than the wait for another run.
func TestLimitIsLongerThanTheLayersOwn(t *testing.T) {
	for own, want := range map[string]string{"12h": "", "24h": "", "36h": "168h"} {
		p := homelab(t)
		for i, l := range p.Layers {
			if l.Name == "nfs" {
				p.Layers[i].Timeout = duration(t, own)
			}
		}
		units := unitsOf(t, p, packaged)
		if got := setting(units["bkplan@nfs.service.d/50-bkplan.conf"], "TimeoutStartSec"); got != want {
			t.Errorf("%s: %q", own, got)
		}
		if got := setting(units["bkplan@.service"], "TimeoutStartSec"); got != "120h" {
			t.Errorf("all others: %q", got)
		}
	}
}

// TestALayerSelectsItself: --layer is a glob.
func TestALayerSelectsItself(t *testing.T) {
	p := homelab(t)
	for i, name := range []string{"*", "week*", "w[e]*", `w\`, "weekly2", "wee?ly"} {
		p.Layers[i].Name = name
	}
	units := unitsOf(t, p, packaged)
	for name, quoted := range map[string]string{"*": `"--layer=\\*"`, "week*": `"--layer=week\\*"`, "w[e]*": `"--layer=w\\[e]\\*"`, `w\`: `"--layer=w\\\\"`, "wee?ly": `"--layer=wee\\?ly"`} {
		got := setting(units["bkplan@"+timer.Escape(name)+".service.d/50-bkplan.conf"], "ExecStart")
		if !strings.HasPrefix(got, "|:/usr/bin/bkplan apply ") || !strings.HasSuffix(got, " "+quoted) {
			t.Errorf("%s is run by %q", name, got)
		}
		pattern := strings.NewReplacer(`\\`, `\`, `"--layer=`, "", `"`, "").Replace(quoted)
		for _, l := range p.Layers {
			if plan.Match(pattern, l.Name) != (l.Name == name) {
				t.Errorf("%s of %s: %s", pattern, name, l.Name)
			}
		}
	}
	if _, found := units["bkplan@weekly2.service.d/50-bkplan.conf"]; found {
		t.Error("weekly2 needs nothing of its own")
	}
}

// TestApplyHasNoMountNamespace holds the service against all settings of systemd
// 252 that give it one; the next test says why.
func TestApplyHasNoMountNamespace(t *testing.T) {
	service := unitsOf(t, homelab(t), packaged)["bkplan@.service"]
	for _, name := range strings.Fields(`RootDirectory RootImage ReadWritePaths ReadOnlyPaths InaccessiblePaths ExecPaths NoExecPaths
		BindPaths BindReadOnlyPaths TemporaryFileSystem MountImages ExtensionImages ExtensionDirectories MountFlags MountAPIVFS PrivateTmp
		PrivateDevices PrivateMounts PrivateIPC PrivateUsers ProtectSystem ProtectHome ProtectKernelTunables ProtectKernelModules
		ProtectKernelLogs ProtectControlGroups ProtectProc ProcSubset DynamicUser LoadCredential SetCredential LogNamespace`) {
		if got := setting(service, name); got != "" {
			t.Errorf("%s=%s", name, got)
		}
	}
	// These would keep LVM from its devices, and rsync from copying set-user-ID files.
	for _, name := range []string{"ProtectClock", "DeviceAllow", "DevicePolicy", "RestrictSUIDSGID"} {
		if got := setting(service, name); got != "" {
			t.Errorf("%s=%s", name, got)
		}
	}
}

// TestUnmountInANamespaceIsNotTheHosts is why: systemd gives a sandbox with a
// mount namespace what the host has mounted, and takes nothing back. A snapshot
// that a killed run left mounted on the host would be unmounted in the sandbox,
// and stay in use.
func TestUnmountInANamespaceIsNotTheHosts(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	place := filepath.Join(t.TempDir(), "left")
	script := fmt.Sprintf(`set -e
mount --make-rshared /
mkdir %[1]q && mount -t tmpfs left %[1]q
unshare --mount --propagation slave sh -c 'umount "$1" && ! mountpoint -q "$1"' sh %[1]q
mountpoint -q %[1]q`, place)
	out, err := exec.Command("unshare", "--mount", "--propagation", "private", "sh", "-c", script).CombinedOutput()
	if err != nil && strings.Contains(string(out), "unshare failed") {
		t.Skipf("no mount namespaces here: %s", out)
	}
	if err != nil {
		t.Errorf("the host lost its mount, or the sandbox kept it: %v\n%s", err, out)
	}
}

func TestSealTellsWhoWrote(t *testing.T) {
	sealed := timer.Seal("[Unit]\nDescription=x\n")
	for text, want := range map[string]timer.Authorship{
		sealed:                                   timer.Own,
		sealed + "\n":                            timer.Edited,
		strings.Replace(sealed, "=x", "=y", 1):   timer.Edited,
		sealed[:len(sealed)-1]:                   timer.Edited,
		strings.SplitAfter(sealed, "\n")[0]:      timer.Edited,
		"\n" + sealed:                            timer.Foreign,
		"[Unit]\nDescription=bkplan\n":           timer.Foreign,
		"":                                       timer.Foreign,
		strings.ReplaceAll(sealed, "\n", "\r\n"): timer.Foreign,
	} {
		if got := timer.Judge(text); got != want {
			t.Errorf("%q is of %d, want %d", text, got, want)
		}
	}
}
