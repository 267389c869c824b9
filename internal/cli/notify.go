package cli

import (
	"context"
	"errors"
	"time"

	"github.com/bkplan/bkplan/internal/notify"
	"github.com/bkplan/bkplan/internal/run"
)

// toldWhenStopped is how long telling may take in a run that was asked to stop: systemd
// soon kills what does not end.
const toldWhenStopped = 10 * time.Second

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
	told, giveUp := context.WithCancelCause(context.WithoutCancel(ctx))
	defer giveUp(nil)
	defer context.AfterFunc(ctx, func() {
		time.AfterFunc(toldWhenStopped, func() { giveUp(errors.New("the run was asked to stop")) })
	})()
	n := notify.New(s.policy.Notifications, s.Runner)
	return n.Tell(told, record, s.now(), s.policy.Timezone.Location())
}
