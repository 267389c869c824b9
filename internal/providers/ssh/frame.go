package ssh

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/bkplan/bkplan/internal/execx"
)

// fact is one thing that a script tells.
type fact struct{ name, value string }

// facts are what a script tells, in order.
type facts []fact

// get gives the last fact of a name; empty where there is none.
func (f facts) get(name string) string {
	for i := len(f) - 1; i >= 0; i-- {
		if f[i].name == name {
			return f[i].value
		}
	}
	return ""
}

// all gives every fact of a name.
func (f facts) all(name string) []string {
	var values []string
	for _, one := range f {
		if one.name == name {
			values = append(values, one.value)
		}
	}
	return values
}

// newFrame is the name of a frame that nothing else contains.
func newFrame() string { return "bkplan-" + rand.Text() }

// answer is what a script wrote in its frame.
type answer struct {
	facts
	archive []byte // what follows the fact "archive"
	noise   string // what others wrote before the frame
}

const archiveFact = "archive"

// unframe finds a script's answer between whatever login scripts write.
func unframe(frame string, stdout []byte) (answer, error) {
	begin, end := []byte("\n"+frame+" begin\n"), []byte("\n"+frame+" end\n")
	from, to := bytes.Index(stdout, begin), bytes.LastIndex(stdout, end)
	if from < 0 {
		return answer{}, fmt.Errorf("the shell over there did not run what it was given, and wrote: %q", shorten(stdout))
	}
	a := answer{noise: string(bytes.TrimSpace(stdout[:from]))}
	from += len(begin)
	if to < from {
		return a, errors.New("the answer from over there is cut short")
	}
	inside := stdout[from:to]
	for len(inside) > 0 {
		record, rest, whole := bytes.Cut(inside, []byte{0})
		name, value, ok := strings.Cut(string(record), "=")
		if !whole || !ok {
			return a, fmt.Errorf("the answer from over there makes no sense: %q", shorten(record))
		}
		inside = rest
		a.facts = append(a.facts, fact{name, value})
		if name == archiveFact {
			a.archive = rest
			break
		}
	}
	return a, nil
}

const maxExcerpt = 200

func shorten(text []byte) string {
	return execx.Escape(string(text[:min(len(text), maxExcerpt)]))
}
