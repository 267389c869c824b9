package cli

import (
	"context"
	"time"

	"github.com/bkplan/bkplan/internal/notify"
	"github.com/bkplan/bkplan/internal/run"
)

// How long all that are told of one moment may take: one that is asked to stop is soon
// killed.
const (
	toldInAll     = time.Hour // the policy's timeouts are shorter
	toldWhenEnded = 10 * time.Second
)

// tell tells of a run what the policy says. What goes wrong is a warning.
func (s session) tell(ctx context.Context, writer *run.Writer, record run.Record) {
	for _, f := range s.tellOf(ctx, record) {
		s.warn(writer, run.Warning{Code: run.WarnNotify, Detail: f.Error()})
	}
}

// tellOfNone tells that there was to be a run that nobody watches, and none could begin.
func (s session) tellOfNone(ctx context.Context, failure error) {
	if s.attended() || *s.recorded {
		return
	}
	host, _ := s.host()
	record := run.Unbegun(run.Record{
		Started: s.now(), Host: host, PID: s.pid(), User: s.user(), Command: s.command(), PolicyDigest: s.policy.Digest,
	}, failure)
	for _, f := range s.tellOf(ctx, record) {
		s.showWarning(run.Warning{Detail: f.Error()})
	}
}

func (s session) tellOf(ctx context.Context, record run.Record) []notify.Failure {
	most := toldInAll
	if ctx.Err() != nil {
		most = toldWhenEnded
	}
	n := notify.New(s.policy.Notifications, s.Runner)
	return n.Tell(context.WithoutCancel(ctx), record, s.now(), s.policy.Timezone.Location(), most)
}
