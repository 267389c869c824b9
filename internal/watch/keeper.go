package watch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bkplan/bkplan/internal/journal"
)

// lookAfter is after how many batches of events a tree is looked after that is
// never quiet.
const lookAfter = 1000

// How often a quiet tree is looked after, and one that cannot be followed is tried
// again.
const (
	tick  = 5 * time.Second
	retry = 10 * time.Second
)

// keeper follows one tree, span after span. All but the server is one goroutine.
type keeper struct {
	config Config
	tree   Tree
	writer *journal.Writer
	server *server
	bell   *bell // rung when there is a request or an end
	open   func() (source, error)
	// trouble is why there is no span.
	trouble error
}

func newKeeper(c Config, tree Tree) (*keeper, error) {
	writer, err := journal.Open(c.StateDir, tree.Path, c.Host)
	if err != nil {
		return nil, err
	}
	k := &keeper{config: c, tree: tree, writer: writer, open: func() (source, error) { return openSource(c.Method, tree) }}
	if k.bell, err = newBell(); err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	if k.server, err = serve(writer.Folder(), k.bell.ring); err != nil {
		k.bell.close()
		return nil, errors.Join(err, writer.Close())
	}
	return k, nil
}

func (k *keeper) close() {
	k.server.close()
	k.bell.close()
	_ = k.writer.Close()
}

func (k *keeper) log(format string, args ...any) {
	k.config.Log(fmt.Sprintf("%q: ", k.tree.Path) + fmt.Sprintf(format, args...))
}

// run follows the tree until the context ends. Begun is called when the first
// attempt to begin a span has ended, however it did.
func (k *keeper) run(ctx context.Context, begun func()) {
	stop := context.AfterFunc(ctx, k.bell.ring)
	defer stop()
	for ctx.Err() == nil {
		err := k.span(ctx, &begun)
		if err != nil {
			k.log("not followed any more: %v", err)
		}
		if ctx.Err() != nil {
			break
		}
		k.told(&begun)
		k.trouble = err
		if !errors.Is(err, errOverflow) && !errors.Is(err, journal.ErrTooLong) {
			k.idle(ctx)
		}
	}
}

func (k *keeper) told(begun *func()) {
	if *begun != nil {
		(*begun)()
		*begun = nil
	}
}

// span follows the tree for as long as nothing is missed, and returns why it is
// over; nil is that the context ended.
func (k *keeper) span(ctx context.Context, begun *func()) error {
	s, err := k.open()
	if err != nil {
		return err
	}
	defer s.close()
	if err := k.writer.Begin(s.identity(), k.tree.Exclude, k.config.Now()); err != nil {
		return err
	}
	k.log("followed by %s", s.name())
	k.told(begun)
	f := following{keeper: k, source: s, recorder: &recorder{writer: k.writer, tree: k.tree, inodes: map[uint64]struct{}{}}}
	why := f.run(ctx)
	err = k.writer.End(k.config.Now(), why.Error())
	if errors.Is(why, errStopped) {
		return err
	}
	return errors.Join(why, err)
}

// idle waits before the tree is tried again.
func (k *keeper) idle(ctx context.Context) {
	k.alive()
	for ctx.Err() == nil {
		rung, err := k.bell.wait(-1, retry)
		k.server.answerAll(func() (journal.Point, error) {
			return journal.Point{}, fmt.Errorf("it is not followed: %w", k.trouble)
		})
		if !rung || err != nil {
			return
		}
	}
}

func (k *keeper) alive() {
	if k.config.Alive != nil {
		k.config.Alive(k.tree.Path)
	}
}

// following is a span that goes on.
type following struct {
	*keeper
	source   source
	recorder *recorder
}

// run returns why the span is over.
func (f *following) run(ctx context.Context) error {
	for batch := 1; ; batch++ {
		busy, err := f.bell.wait(f.source.fd(), tick)
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return errStopped
		}
		now := f.config.Now()
		if err := f.source.drain(f.recorder); err != nil {
			return err
		}
		if !busy || batch%lookAfter == 0 {
			if err := f.cover(now); err != nil {
				return err
			}
		}
		if err := f.answer(); err != nil {
			return err
		}
		f.alive()
	}
}

// cover makes sure that nothing is missed, and writes down what was told.
func (f *following) cover(now time.Time) error {
	if err := f.source.check(); err != nil {
		return err
	}
	if !f.recorder.dirty {
		return nil
	}
	f.recorder.dirty = false
	return f.writer.Covered(now)
}

// answer answers who asks to have all written down. After an error the span is
// over, and they are told that too.
func (f *following) answer() (err error) {
	f.server.answerAll(func() (journal.Point, error) {
		if err != nil {
			return journal.Point{}, err
		}
		var point journal.Point
		point, err = f.seal()
		return point, err
	})
	return err
}

// rounds is how often seal looks for events that came while it worked on others.
const rounds = 3

// seal makes a point: all that happened before it was called is before the point.
func (f *following) seal() (journal.Point, error) {
	now := f.config.Now()
	for range rounds {
		if err := f.source.drain(f.recorder); err != nil {
			return journal.Point{}, err
		}
	}
	if err := f.source.settle(f.recorder); err != nil {
		return journal.Point{}, err
	}
	if err := f.source.check(); err != nil {
		return journal.Point{}, err
	}
	f.recorder.dirty = false
	return f.writer.Seal(now)
}
