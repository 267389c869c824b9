package tree

import (
	"context"
	"runtime"
	"sync"
)

// pool runs tasks on a bounded number of goroutines. The first failure ends
// its context.
type pool struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	slots  chan struct{}
	tasks  sync.WaitGroup
}

// newPool makes a pool whose user must call wait.
func newPool(ctx context.Context) *pool {
	inner, cancel := context.WithCancelCause(ctx)
	workers := min(max(2*runtime.GOMAXPROCS(0), 4), 16)
	return &pool{ctx: inner, cancel: cancel, slots: make(chan struct{}, workers-1)}
}

// try runs a task on a goroutine of its own if there is a free one, else right
// here.
func (p *pool) try(task func()) {
	select {
	case p.slots <- struct{}{}:
		p.run(task)
	default:
		task()
	}
}

// start runs a task on a goroutine of its own as soon as one is free. Tasks
// must not start others, only try.
func (p *pool) start(task func()) {
	p.slots <- struct{}{}
	p.run(task)
}

func (p *pool) run(task func()) {
	p.tasks.Go(func() {
		defer func() { <-p.slots }()
		task()
	})
}

func (p *pool) ended() bool { return p.ctx.Err() != nil }

// wait ends the pool when all tasks are done, and tells what went wrong first.
func (p *pool) wait() error {
	p.tasks.Wait()
	err := context.Cause(p.ctx)
	p.cancel(nil)
	return err
}
