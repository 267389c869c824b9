package execx

import (
	"bytes"
	"errors"
	"io"
	"sync"
)

var errTooMuch = errors.New("wrote more than could be taken in")

// taker takes what a program writes to stdout.
type taker interface {
	io.Writer
	bytes() []byte // what is kept in memory
	failure() error
	// failed is closed at the first failure that must end the program now, even
	// if it writes no more and so does not notice.
	failed() <-chan struct{}
	// end refuses whatever is still written by a program that was left behind.
	end()
}

// prefix keeps what is written up to a limit, and then refuses. It may be read
// while a program that was given up on still holds it.
type prefix struct {
	mu    sync.Mutex
	limit int // bytes
	kept  bytes.Buffer
	over  bool
}

func (p *prefix) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kept.Len()+len(b) > p.limit {
		p.over = true
		return 0, errTooMuch
	}
	return p.kept.Write(b)
}

func (p *prefix) bytes() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.kept.Bytes()[:p.kept.Len():p.kept.Len()]
}

func (p *prefix) failure() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return errTooMuch
	}
	return nil
}

func (p *prefix) failed() <-chan struct{} { return nil }

func (p *prefix) end() {}

var errEnded = errors.New("its output is not taken any more")

// stream hands what is written on, until that fails once or it is ended.
type stream struct {
	to     io.Writer
	broken chan struct{}
	mu     sync.Mutex
	err    error // the first failure of to
	over   bool
}

func newStream(to io.Writer) *stream { return &stream{to: to, broken: make(chan struct{})} }

// Write holds no lock while it hands on: to may be stuck, and Run must return.
func (s *stream) Write(b []byte) (int, error) {
	if err := s.state(); err != nil {
		return 0, err
	}
	n, err := s.to.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	if err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.err = err
		close(s.broken) // once: after a failure nothing is handed on
	}
	return n, err
}

func (s *stream) failed() <-chan struct{} { return s.broken }

func (s *stream) state() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return errEnded
	}
	return s.err
}

func (s *stream) bytes() []byte { return nil }

func (s *stream) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
}

// tail keeps the end of what is written, in whole lines where there are any.
type tail struct {
	mu    sync.Mutex
	limit int // bytes
	kept  []byte
	cut   bool
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, b...)
	if excess := len(t.kept) - t.limit; excess > 0 {
		t.kept = append(t.kept[:0], t.kept[excess:]...)
		t.cut = true
	}
	return len(b), nil
}

// text drops a first line whose beginning is lost: a secret cut in half could
// not be recognised.
func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.cut {
		return string(t.kept)
	}
	if end := bytes.IndexByte(t.kept, '\n'); end >= 0 {
		return string(t.kept[end+1:])
	}
	return ""
}
