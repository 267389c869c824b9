package planfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// cursor reads JSON front to back, for the long lists of an observation:
// encoding/json takes four times as long for them and allocates every string,
// where the cursor hands out parts of its text. After the first error it is at
// the end of its text, and every further read gives a zero value.
type cursor struct {
	text string
	at   int
	err  error
}

var errUnexpected = errors.New("not the JSON that bkplan writes")

func (c *cursor) fail(err error) {
	if c.err == nil {
		c.err = fmt.Errorf("byte %d: %w", c.at, err)
	}
	c.at = len(c.text)
}

// peek skips white space and gives the next byte, or 0 at the end.
func (c *cursor) peek() byte {
	for ; c.at < len(c.text); c.at++ {
		switch b := c.text[c.at]; b {
		case ' ', '\t', '\n', '\r':
		default:
			return b
		}
	}
	return 0
}

// take steps over b if it is next.
func (c *cursor) take(b byte) bool {
	if c.peek() != b {
		return false
	}
	c.at++
	return true
}

func (c *cursor) expect(b byte) {
	if !c.take(b) {
		c.fail(errUnexpected)
	}
}

// object calls member for each member of an object, with the cursor before its
// value, which member must read.
func (c *cursor) object(member func(name string)) {
	c.expect('{')
	if c.take('}') {
		return
	}
	for c.err == nil {
		name := c.string()
		c.expect(':')
		member(name)
		if !c.take(',') {
			c.expect('}')
			return
		}
	}
}

// list reads a list whose elements read reads; null is no list.
func list[T any](c *cursor, read func() T) []T {
	c.peek()
	if strings.HasPrefix(c.text[c.at:], "null") {
		c.at += len("null")
		return nil
	}
	c.expect('[')
	elements := []T{}
	if c.take(']') {
		return elements
	}
	for c.err == nil {
		elements = append(elements, read())
		if !c.take(',') {
			c.expect(']')
			break
		}
	}
	return elements
}

// string reads a string. Only one with an escape, or that is not plain ASCII,
// takes more than a look at each byte.
func (c *cursor) string() string {
	c.expect('"')
	start := c.at
	for ; c.at < len(c.text); c.at++ {
		switch b := c.text[c.at]; {
		case b == '"':
			c.at++
			return c.text[start : c.at-1]
		case b == '\\' || b < ' ' || b > '~':
			c.at = start - 1
			return c.anyString()
		}
	}
	c.fail(errUnexpected)
	return ""
}

// anyString reads a string of whatever content.
func (c *cursor) anyString() string {
	start := c.at
	c.skipString()
	var value string
	if c.err == nil {
		if err := json.Unmarshal([]byte(c.text[start:c.at]), &value); err != nil {
			c.fail(err)
		}
	}
	return value
}

func (c *cursor) skipString() {
	for c.at++; c.at < len(c.text); c.at++ {
		switch c.text[c.at] {
		case '\\':
			c.at++
		case '"':
			c.at++
			return
		}
	}
	c.fail(errUnexpected)
}

// integer reads a whole number without fraction and exponent.
func (c *cursor) integer() int64 {
	c.peek()
	start := c.at
	for c.at < len(c.text) && strings.IndexByte("-0123456789", c.text[c.at]) >= 0 {
		c.at++
	}
	digits := c.text[start:c.at]
	value, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || digits != "0" && strings.HasPrefix(strings.TrimPrefix(digits, "-"), "0") {
		c.fail(errUnexpected)
		return 0
	}
	return value
}

func (c *cursor) boolean() bool {
	c.peek()
	for _, word := range []string{"true", "false"} {
		if strings.HasPrefix(c.text[c.at:], word) {
			c.at += len(word)
			return word == "true"
		}
	}
	c.fail(errUnexpected)
	return false
}

// raw steps over a value and gives its text, for encoding/json to read: only
// strings and brackets are looked at.
func (c *cursor) raw() string {
	c.peek()
	start, depth := c.at, 0
	for c.at < len(c.text) {
		switch c.text[c.at] {
		case '"':
			c.skipString()
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case ',':
			if depth == 0 {
				return c.text[start:c.at]
			}
		}
		if depth < 0 {
			return c.text[start:c.at]
		}
		c.at++
	}
	c.fail(errUnexpected)
	return ""
}
