package tree

import (
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"
)

var errLine = errors.New("no entry")

// parseEntry reads a line of a manifest. A line that appendEntry would not have
// written just so is none.
func parseEntry(line string) (Entry, error) {
	var e Entry
	p := parser{rest: line}
	kind := p.word()
	e.Mode = uint32(p.number(8, 12))
	e.UID, e.GID = uint32(p.number(10, 32)), uint32(p.number(10, 32))
	e.Size = int64(p.number(10, 63))
	e.ModTime = p.time()
	if len(kind) != 1 || !strings.Contains("dflbcps", kind) {
		return Entry{}, errLine
	}
	e.Type = Type(kind[0])
	p.detail(&e)
	e.Path = p.quoted()
	if p.bad || p.rest != "" || e.Type != File && e.Size != 0 || !canonical(&e, line) {
		return Entry{}, errLine
	}
	return e, nil
}

// canonical says whether an entry is written in the one way there is.
func canonical(e *Entry, line string) bool {
	written := appendEntry(make([]byte, 0, len(line)+1), e)
	return string(written[:len(written)-1]) == line
}

// parser takes fields off a line.
type parser struct {
	rest string
	bad  bool
}

func (p *parser) word() string {
	word, rest, _ := strings.Cut(p.rest, " ")
	p.rest = rest
	return word
}

func (p *parser) number(base, bits int) uint64 {
	n, err := strconv.ParseUint(p.word(), base, bits)
	p.bad = p.bad || err != nil
	return n
}

func (p *parser) time() time.Time {
	seconds, nanoseconds, _ := strings.Cut(p.word(), ".")
	s, err1 := strconv.ParseInt(seconds, 10, 64)
	ns, err2 := strconv.ParseUint(nanoseconds, 10, 30)
	p.bad = p.bad || err1 != nil || err2 != nil || ns >= 1e9
	return time.Unix(s, int64(ns)).UTC()
}

func (p *parser) quoted() string {
	quoted, err := strconv.QuotedPrefix(p.rest)
	if err != nil {
		p.bad = true
		return ""
	}
	text, err := strconv.Unquote(quoted)
	p.bad = p.bad || err != nil
	p.rest = p.rest[len(quoted):]
	return text
}

// detail takes what the type of an entry has of its own, and the space after
// it.
func (p *parser) detail(e *Entry) {
	switch {
	case e.Type == Symlink:
		e.Target = p.quoted()
		p.rest = strings.TrimPrefix(p.rest, " ")
	case e.Type == File:
		n, err := hex.Decode(e.Hash[:], []byte(p.hash()))
		p.bad = p.bad || err != nil || n != len(e.Hash)
	case e.isDevice():
		major, minor, _ := strings.Cut(p.word(), ":")
		first, err1 := strconv.ParseUint(major, 10, 32)
		second, err2 := strconv.ParseUint(minor, 10, 32)
		p.bad = p.bad || err1 != nil || err2 != nil
		e.Major, e.Minor = uint32(first), uint32(second)
	default:
		p.bad = p.bad || p.word() != "-"
	}
}

// hash takes a word that is no longer than a hash.
func (p *parser) hash() string {
	word := p.word()
	if len(word) > 2*len(Hash{}) {
		p.bad = true
		return ""
	}
	return word
}
