package ssh

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/quantity"
	"github.com/bkplan/bkplan/internal/rsync"
)

// stumbler lets the first transfer fail in the way that is mended by another pass.
type stumbler struct {
	execx.Runner
	stumbled bool
}

func (s *stumbler) Run(ctx context.Context, c execx.Command) (execx.Output, error) {
	output, err := s.Runner.Run(ctx, c)
	if err == nil && !s.stumbled && slices.Contains(c.Argv, "--stats") {
		s.stumbled = true
		err = &execx.Error{Argv: c.Argv, Reason: execx.ReasonExit, Exit: rsync.ExitPartial, Stderr: "rsync: [generator] get_acl: sys_acl_get_file(f, ACL_TYPE_DEFAULT): Permission denied (13)\n"}
	}
	return output, err
}

// The manifest, the list of files that is compared at the end, and a second pass go over
// the network as well.
func TestAllThatIsSentIsTold(t *testing.T) {
	b := newBench(t)
	for n := range 300 {
		b.put(week46, "d/"+strconv.Itoa(n), "content")
	}
	b.prove(week46)
	s := &stumbler{Runner: b.provider.Runner}
	b.provider.Runner = s
	c := b.counts()
	r := b.do(b.copy(week46, ""))
	if want := ", " + quantity.Size(c.sent).Human() + " sent"; !s.stumbled || c.silent != 0 || !strings.Contains(r.Detail, want) {
		t.Errorf("%q is not in %q; %d transfers say nothing", want, r.Detail, c.silent)
	}
	b.holds(week46)
}

// What is not as it was sent is found in what rsync says beside its statistics.
func TestWhatWasSentIsCompared(t *testing.T) {
	b := newBench(t)
	b.plain(week46)
	a := b.copy(week46, "")
	b.provider.reached = func(step string) {
		if step == "sent" {
			put(t, b.workOf(a)+"/tree/f", "something else")
			put(t, b.workOf(a)+"/tree/more", "more")
		}
	}
	b.fails(a, "what was sent is not what is here, after rsync said that it was done; of 3 differences the first: ")
}
