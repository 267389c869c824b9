package execx

import (
	"bytes"
	"errors"
	"sync"
)

var errTooMuch = errors.New("wrote more than could be taken in")

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

func (p *prefix) overflowed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.over
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
