package ssh

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
)

// network is two network namespaces with a cable between them: ssh is in one, the
// NAS in the other.
type network struct {
	t          *testing.T
	here, away string // namespaces
}

// networks counts them: namespaces need names of their own.
var networks atomic.Int32

const awayAddress = "10.213.77.2"

// atFullLength is with ssh as patient as it is: a minute until it notices that nobody
// answers. The short form has an ssh that notices after seconds.
var atFullLength = os.Getenv("BKPLAN_NET") != ""

// newNetwork lays the cable, with delay and loss where the kernel has them.
func newNetwork(t *testing.T) *network {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, for network namespaces")
	}
	id := fmt.Sprintf("%d-%d", os.Getpid(), networks.Add(1))
	w := &network{t: t, here: "bkplan-here-" + id, away: "bkplan-away-" + id}
	t.Cleanup(func() {
		_ = exec.Command("ip", "netns", "del", w.here).Run()
		_ = exec.Command("ip", "netns", "del", w.away).Run()
	})
	for _, words := range [][]string{{"add", w.here}, {"add", w.away}, {"exec", w.here, "true"}} {
		if out, err := exec.Command("ip", append([]string{"netns"}, words...)...).CombinedOutput(); err != nil && !atFullLength {
			t.Skipf("needs network namespaces: ip netns %q: %v: %s", words, err, out)
		} else if err != nil {
			t.Fatalf("ip netns %q: %v: %s", words, err, out)
		}
	}
	w.ip("-n", w.here, "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", w.away)
	for namespace, address := range map[string]string{w.here: "10.213.77.1/24", w.away: awayAddress + "/24"} {
		w.ip("-n", namespace, "address", "add", address, "dev", "cable")
		w.ip("-n", namespace, "link", "set", "cable", "up")
		w.ip("-n", namespace, "link", "set", "lo", "up")
		out, err := exec.Command("tc", "-n", namespace, "qdisc", "add", "dev", "cable", "root", "netem", "delay", "20ms", "5ms", "loss", "1%").CombinedOutput()
		if err != nil {
			t.Logf("without delay and loss, which this kernel does not have: %s", strings.TrimSpace(string(out)))
		}
	}
	return w
}

func (w *network) ip(words ...string) {
	w.t.Helper()
	if out, err := exec.Command("ip", words...).CombinedOutput(); err != nil {
		w.t.Fatalf("ip %q: %v: %s", words, err, out)
	}
}

func (w *network) cut()  { w.ip("-n", w.away, "link", "set", "cable", "down") }
func (w *network) mend() { w.ip("-n", w.away, "link", "set", "cable", "up") }

// bench puts the NAS at the other end.
func (w *network) bench() *bench {
	w.t.Helper()
	b := newBench(w.t)
	b.inside = "ip netns exec " + w.here
	if !atFullLength {
		b.Options = "-o ConnectTimeout=2 -o ServerAliveInterval=1 -o ServerAliveCountMax=2"
	}
	b.address = b.user + "@" + awayAddress + ":2222"
	b.knowHost("host.pub")
	ctx, cancel := context.WithCancel(context.Background())
	sshd := exec.CommandContext(ctx, "ip", "netns", "exec", w.away, "/usr/sbin/sshd", "-D", "-e", "-f", b.at("sshd_config"), "-p", "2222")
	err := sshd.Start()
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		cancel()
		_ = sshd.Wait()
	})
	b.answers()
	return b
}

// answers waits until the NAS does.
func (b *bench) answers() {
	b.t.Helper()
	var said []byte
	for range 100 {
		var err error
		if said, err = exec.Command(b.at("bin/ssh"), "-p", "2222", "-i", b.identity, b.user+"@"+awayAddress, "true").CombinedOutput(); err == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.t.Fatalf("the NAS does not answer: %s", said)
}

// A cut in mid-transfer: ssh notices after a while; when the cable is mended, the
// same run continues with what it has.
func TestNetACutInMidTransfer(t *testing.T) {
	w := newNetwork(t)
	b := w.bench()
	b.put(week46, "large", string(incompressible(8<<20)))
	b.prove(week46)
	a := b.copy(week46, "")
	a.Copy.Remote.BandwidthLimit = 1 << 20
	work := filepath.Join(b.root(), plan.WorkFolder, plan.WorkName(plan.Create, "offsite", volume, week46))
	b.provider.Sleep = func(context.Context, time.Duration) error {
		b.waits = append(b.waits, 0)
		w.mend()
		b.whole()
		return nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go b.whenGrown(ctx, work+"/tree/.large.*", w.cut)
	b.do(a)
	b.holds(week46)
	if len(b.waits) == 0 {
		t.Error("it was not cut")
	}
	if left := b.unfinished(); left != nil {
		t.Errorf("left behind: %q", left)
	}
}

// The NAS is away for days, and then gets all that it missed.
func TestNetAWeekOfAbsence(t *testing.T) {
	w := newNetwork(t)
	b := w.bench()
	b.plain(week46)
	b.do(b.copy(week46, ""))
	b.provider.Close()
	w.cut()
	tired := errors.New("not again")
	b.provider.Sleep = func(context.Context, time.Duration) error { return tired }
	b.link(week46, week47, "f")
	b.put(week47, "g", "g")
	b.prove(week47)
	b.link(week46, week48, "f")
	b.put(week48, "g", "longer")
	b.prove(week48)
	for range 2 {
		_, err := b.provider.Do(t.Context(), b.copy(week47, week46))
		if b.wantError(err); !strings.Contains(err.Error(), "it cannot be reached") && !strings.Contains(err.Error(), "it does not answer") {
			t.Error(err)
		}
	}
	if _, err := b.provider.Observe(t.Context(), b.target()); err == nil {
		t.Error("what is away was observed")
	}
	w.mend()
	b.answers() // the kernel believes for a moment that there is no way
	b.do(b.copy(week47, week46))
	b.do(b.copy(week48, week47))
	for _, week := range []string{week46, week47, week48} {
		b.holds(week)
	}
	if inode(t, b.remote(week46, "f")) != inode(t, b.remote(week48, "f")) {
		t.Error("what did not change is a copy")
	}
	if disk := b.observe(); len(disk.Receipts) != 3 {
		t.Errorf("%+v", disk)
	}
}

// whenGrown does something once a file over there has more than a MiB.
func (b *bench) whenGrown(ctx context.Context, pattern string, do func()) {
	for ctx.Err() == nil {
		if grown, _ := filepath.Glob(pattern); len(grown) > 0 {
			if info, err := os.Stat(grown[0]); err == nil && info.Size() > 1<<20 {
				do()
				return
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// incompressible is content that no compression makes smaller.
func incompressible(size int) []byte {
	content := make([]byte, size)
	state := uint32(1)
	for i := range content {
		state = state*1664525 + 1013904223
		content[i] = byte(state >> 24)
	}
	return content
}
