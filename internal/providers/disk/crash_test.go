package disk

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/receipt"
	"github.com/bkplan/bkplan/test/pmxcfs"
)

// crashVariable makes the test binary carry out an action and kill itself at a
// step.
const crashVariable = "BKPLAN_TEST_CRASH"

type crash struct {
	Step   string
	Action plan.Action
}

func TestMain(m *testing.M) {
	pmxcfs.Main()
	text, child := os.LookupEnv(crashVariable)
	if !child {
		os.Exit(m.Run())
	}
	var c crash
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		panic(err)
	}
	p := New(Config{Runner: execx.New(), Producer: NewRsync(execx.New()), Now: time.Now})
	p.reached = func(step string) {
		if step == c.Step {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
	}
	_, err := p.Do(context.Background(), c.Action)
	fmt.Fprintln(os.Stderr, "the step was not reached:", err)
	os.Exit(3)
}

// crash carries out an action in a process that is killed at a step.
func (b *bench) crash(step string, a plan.Action) {
	b.t.Helper()
	text, err := json.Marshal(crash{step, a})
	if err != nil {
		b.t.Fatal(err)
	}
	cmd := exec.CommandContext(b.t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), crashVariable+"="+string(text))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	_ = cmd.Run()
	if status := cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGKILL {
		b.t.Fatalf("not killed at %q: %v %s", step, cmd.ProcessState, stderr.String())
	}
}

// A crash in mid-copy left a half week that looked whole.
func TestCrashLeavesAWholeVersion(t *testing.T) {
	one, two := map[string]string{"f": "one", "same": "same"}, map[string]string{"f": "two", "same": "same"}
	for _, c := range []struct {
		kind   plan.ActionKind
		step   string
		is     map[string]string // what week 46 holds
		proven bool
	}{
		{plan.Create, "filled", map[string]string{}, false},
		{plan.Create, "synced", map[string]string{}, false},
		{plan.Create, "named", two, false},
		{plan.Create, "proven", two, true},
		{plan.Refresh, "filled", one, true},
		{plan.Refresh, "synced", one, true},
		{plan.Refresh, "unproven", one, false},
		{plan.Refresh, "exchanged", two, false},
		{plan.Refresh, "named", two, false},
		{plan.Refresh, "proven", two, true},
	} {
		t.Run(string(c.kind)+" "+c.step, func(t *testing.T) {
			b := newBench(t)
			b.write("same", "same")
			a := b.action(week46, "")
			if c.kind == plan.Refresh {
				b.write("f", "one")
				b.do(a)
				a = refresh(b.action(week46, week46))
			}
			b.write("f", "two")
			b.crash(c.step, a)
			b.holds(week46, c.is)
			r, err := receipt.Read(b.dest, "weekly", week46, volume)
			if proven := err == nil; proven != c.proven {
				t.Errorf("receipt: %v", err)
			}
			if new := len(c.is) > 0 && c.is["f"] == "two"; c.proven && r.Slot.Equal(start) == (new && c.kind == plan.Refresh) {
				t.Errorf("the receipt is another version's: %+v", r)
			}
			b.converge(a)
			b.holds(week46, two)
		})
	}
}

// converge does what the next runs do: clean up, and make the version again.
func (b *bench) converge(a plan.Action) {
	b.t.Helper()
	for _, name := range b.unfinished() {
		b.do(plan.Action{Kind: plan.Clean, Copy: &plan.CopyAction{Destination: b.dest, Unfinished: name}})
	}
	b.nothingLeft()
	if there, err := (place{root: b.dest}).isFolder("pvc-data/" + week46 + "/" + volume); err != nil {
		b.t.Fatal(err)
	} else if there {
		a.Kind = plan.Refresh
	}
	b.do(a)
	if r := b.receipt(week46); !r.Slot.Equal(a.Copy.Slot) {
		b.t.Errorf("%+v", r)
	}
	b.nothingLeft()
}

func TestCrashInPruningIsCleanedUp(t *testing.T) {
	for _, step := range []string{"moved", "forgotten"} { // after "unproven" it is a version without a receipt
		t.Run(step, func(t *testing.T) {
			b := newBench(t)
			b.write("f", "one")
			b.do(b.action(week46, ""))
			b.do(b.action(week47, week46))
			b.crash(step, b.prune(week46, week47))
			b.holds(week46, map[string]string{})
			b.holds(week47, map[string]string{"f": "one"})
			if left := b.unfinished(); len(left) != 1 {
				t.Errorf("left: %q", left)
			}
			b.do(b.prune(week46, week47))
			b.nothingLeft()
			if all, bad, err := receipt.ReadAll(b.dest); err != nil || len(all) != 1 || len(bad) > 0 {
				t.Errorf("%v, %v, %v", all, bad, err)
			}
		})
	}
}

// An earlier run's half of the same version does not get into this one.
func TestLeftoversAreNotBuiltOn(t *testing.T) {
	b := newBench(t)
	b.write("f", "one")
	a := b.action(week46, "")
	write(t, b.dest+"/.bkplan/work/"+plan.WorkName(plan.Create, "weekly", volume, week46)+"/tree/half", "half")
	b.do(a)
	b.holds(week46, map[string]string{"f": "one"})
	if diff := cmp.Diff([]string(nil), b.unfinished()); diff != "" {
		t.Error(diff)
	}
}
