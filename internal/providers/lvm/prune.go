package lvm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bkplan/bkplan/internal/execx"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
)

var errInUse = errors.New("it is in use: mounted, opened, or the origin of a snapshot outside the pool")

// prune removes snapshots: one lvs, one lvremove for all that may go, and one
// lvs to see what went. Snapshots of several groups are pruned group by group.
func (p *Provider) prune(ctx context.Context, actions []plan.Action) []providers.Outcome {
	outcomes := make([]providers.Outcome, len(actions))
	var groups []string
	batches := map[string]*pruneBatch{}
	for i, a := range actions {
		if err := checkAction(a); err != nil {
			outcomes[i].Err = fmt.Errorf("remove a snapshot: %w", err)
			continue
		}
		group := a.Snapshot.VolumeGroup
		if batches[group] == nil {
			groups = append(groups, group)
			batches[group] = &pruneBatch{provider: p, name: group}
		}
		batches[group].add(a, &outcomes[i])
	}
	for _, group := range groups {
		batches[group].do(ctx)
	}
	return outcomes
}

// pruneBatch is the prunes of one volume group.
type pruneBatch struct {
	provider *Provider
	name     string
	actions  []plan.Action
	outcomes []*providers.Outcome
	due      []int  // places of the actions whose volumes are to be removed
	stderr   string // of all lvremoves
}

func (b *pruneBatch) add(a plan.Action, outcome *providers.Outcome) {
	b.actions = append(b.actions, a)
	b.outcomes = append(b.outcomes, outcome)
}

func (b *pruneBatch) do(ctx context.Context) {
	if err := b.provider.begin(ctx); err != nil {
		b.fail(err)
		return
	}
	defer b.provider.end()
	group, err := b.provider.look(ctx, b.name)
	if err != nil {
		b.fail(err)
		return
	}
	b.decide(group)
	if len(b.due) == 0 {
		return
	}
	failure := b.remove(ctx)
	b.settle(context.WithoutCancel(ctx), failure)
}

func (b *pruneBatch) fail(err error) {
	for _, outcome := range b.outcomes {
		outcome.Err = err
	}
}

// decide sorts out, in the order of the actions, what is gone already, what
// must stay and what is to be removed. What is to be removed counts as gone for
// those that come after: nobody's keeper goes in the batch that relies on it.
func (b *pruneBatch) decide(group volumeGroup) {
	doomed := map[string]bool{}
	pools := map[string]plan.PoolFacts{}
	for i, a := range b.actions {
		s := a.Snapshot
		if group.byUUID[s.UUID] == nil && group.byName[s.Name] == nil {
			b.outcomes[i].Result.Already = true
			continue
		}
		facts, known := pools[s.Pool]
		if !known {
			pool, err := group.pool(s.Pool)
			if err != nil {
				b.outcomes[i].Err = err
				continue
			}
			facts = plan.Facts(pool)
			pools[s.Pool] = facts
		}
		if err := b.refusal(group, facts, a, doomed); err != nil {
			b.outcomes[i].Err = err
			continue
		}
		doomed[s.Name] = true
		b.due = append(b.due, i)
	}
}

// refusal says why a volume that is there must not be removed.
func (b *pruneBatch) refusal(group volumeGroup, facts plan.PoolFacts, a plan.Action, doomed map[string]bool) error {
	s := a.Snapshot
	itself := plan.Precondition{Kind: plan.VolumeIs, VolumeGroup: s.VolumeGroup, Name: s.Name, UUID: s.UUID}
	stale := func(p plan.Precondition, format string, args ...any) error {
		return &providers.StaleError{Violation: plan.Violation{Precondition: p, Detail: fmt.Sprintf(format, args...)}}
	}
	if row := group.byUUID[s.UUID]; row != nil && row.Name != s.Name {
		return stale(itself, "%s/%s is called %s now", b.name, s.Name, row.Name)
	}
	if violation := firstViolation(facts, a); violation != nil {
		return &providers.StaleError{Violation: *violation}
	}
	for _, p := range a.Preconditions {
		if p.Kind == plan.VolumeIs && p.Name != s.Name && doomed[p.Name] {
			return stale(p, "%s/%s is being removed as well", b.name, p.Name)
		}
	}
	volume, _ := facts.Volume(s.Name)
	switch {
	case doomed[s.Name]:
		return fmt.Errorf("%s/%s is in the batch twice", b.name, s.Name)
	case !sameTags(volume.Tags, s.Tags):
		return stale(itself, "the tags of %s/%s have changed", b.name, s.Name)
	case volume.Open:
		return fmt.Errorf("remove %s/%s: %w", b.name, s.Name, errInUse)
	}
	return nil
}

// remove runs lvremove for all that is due, and returns the error of the last
// one that failed. Once ctx has ended it begins no further one; what runs is
// let run to its end.
func (b *pruneBatch) remove(ctx context.Context) error {
	var failure error
	for chunk := range slices.Chunk(b.due, maxRemove) {
		if ctx.Err() != nil {
			return fmt.Errorf("not begun: %w", context.Cause(ctx))
		}
		limit := b.provider.limits.prune + time.Duration(len(chunk))*b.provider.limits.pruneEach
		output, err := b.provider.run(context.WithoutCancel(ctx), limit, b.command(chunk)...)
		if err != nil {
			failure = err
		}
		b.stderr += output.Stderr
	}
	return failure
}

// command is the lvremove of some actions. It names the volumes and selects
// them by UUID, and LVM removes what is both: a name that meanwhile belongs to
// another volume does not bring that one down.
func (b *pruneBatch) command(due []int) []string {
	uuids := make([]string, len(due))
	names := make([]string, len(due))
	for i, place := range due {
		s := b.actions[place].Snapshot
		uuids[i], names[i] = s.UUID, b.name+"/"+s.Name
	}
	return append([]string{"lvremove", "--yes", "-S", selection("lv_uuid", uuids)}, names...)
}

// settle looks what is still there and finds the words that say why.
func (b *pruneBatch) settle(ctx context.Context, failure error) {
	group, err := b.provider.look(ctx, b.name)
	for _, i := range b.due {
		s := b.actions[i].Snapshot
		switch {
		case err != nil:
			b.outcomes[i].Err = errors.Join(failure, fmt.Errorf("look whether %s/%s is gone: %w", b.name, s.Name, err))
		case group.byUUID[s.UUID] != nil:
			b.outcomes[i].Err = fmt.Errorf("remove %s/%s: %w", b.name, s.Name, b.why(s.Name, failure))
		}
	}
}

// why is what lvremove said of one volume, else how it failed as a whole.
func (b *pruneBatch) why(name string, failure error) error {
	var lines []string
	for line := range strings.Lines(b.stderr) {
		if mentions(line, name) {
			lines = append(lines, execx.Escape(strings.TrimSpace(line)))
		}
	}
	switch {
	case len(lines) > 0:
		return errors.New(strings.Join(lines, "; "))
	case failure != nil:
		return failure
	}
	return errors.New("lvremove reported success and left it")
}

// mentions says whether a line names the volume, and not just one whose name
// begins or ends alike.
func mentions(line, name string) bool {
	words := strings.FieldsFunc(line, func(r rune) bool {
		return !strings.ContainsRune("+_.-", r) && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
	return slices.ContainsFunc(words, func(word string) bool {
		return word == name || strings.TrimRight(word, ".") == name
	})
}
