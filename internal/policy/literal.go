package policy

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/quantity"
	"github.com/bkplan/bkplan/internal/schedule"
)

// flaw is what is wrong with a text, and with which bytes of it; a length of 0
// with an offset of 0 is the whole text.
type flaw struct {
	detail, hint   string
	offset, length int
}

// parsed reads a string attribute that has a form of its own, and reports its
// flaw at the offending words.
func parsed[T any](b *body, name, what string, parse func(string) (T, *flaw)) T {
	var zero T
	text := b.text(name)
	if text == "" {
		return zero
	}
	value, wrong := parse(text)
	if wrong == nil {
		return value
	}
	b.flawed(name, what, text, b.syntax.Attributes[name].Expr, *wrong)
	return zero
}

// flawed reports a flaw of a text that expr evaluated to.
func (b *body) flawed(name, what, text string, expr hcl.Expression, wrong flaw) {
	p := problem{code: "invalid_" + strings.ReplaceAll(what, " ", "_"), detail: wrong.detail, hint: wrong.hint}
	p.summary = fmt.Sprintf("%s: invalid %s %q", name, what, shorten(text))
	if name == what {
		p.summary = fmt.Sprintf("invalid %s %q", what, shorten(text))
	}
	at := expr.Range()
	if inner, exact := literal(expr, text); exact {
		if wrong.length == 0 && wrong.offset == 0 {
			wrong.length = len(text)
		}
		at = within(inner, text, wrong.offset, wrong.length)
	}
	b.errorAt(at, p)
}

// element finds the expression of one element of a list, to point at it.
func (b *body) element(name, text string) hcl.Expression {
	expr := b.syntax.Attributes[name].Expr
	elements, _ := hcl.ExprList(expr)
	for _, e := range elements {
		if value, found := e.Value(b.scope); !found.HasErrors() && value.Type() == cty.String && value.IsKnown() && !value.IsNull() && value.AsString() == text {
			return e
		}
	}
	return expr
}

// parsedList is parsed for every text of a list.
func parsedList[T any](b *body, name, what string, parse func(string) (T, *flaw)) []T {
	var list []T
	for _, text := range b.texts(name) {
		value, wrong := parse(text)
		if wrong != nil {
			b.flawed(name, what, text, b.element(name, text), *wrong)
			continue
		}
		list = append(list, value)
	}
	return list
}

func (b *body) duration(name string) quantity.Duration {
	return parsed(b, name, "duration", fromQuantity(quantity.ParseDuration))
}

func (b *body) share(name string) quantity.Share {
	return parsed(b, name, "share", fromQuantity(quantity.ParseShare))
}

func (b *body) threshold(name string) quantity.Threshold {
	return parsed(b, name, "threshold", fromQuantity(quantity.ParseThreshold))
}

// fromQuantity turns a quantity's error into a flaw of the whole text.
func fromQuantity[T any](parse func(string) (T, error)) func(string) (T, *flaw) {
	return func(text string) (T, *flaw) {
		value, err := parse(text)
		if err == nil {
			return value, nil
		}
		detail, meant, _ := strings.Cut(err.Error(), "; did you mean ")
		if rest, ok := strings.CutPrefix(detail, strconv.Quote(text)+" is "); ok {
			detail = "this is " + rest
		}
		detail = strings.Replace(detail, strconv.Quote(text), strconv.Quote(shorten(text)), 1)
		if meant != "" {
			meant = fmt.Sprintf("did you mean %q?", strings.TrimSuffix(meant, "?"))
		}
		return value, &flaw{detail: sentence(detail), hint: meant}
	}
}

func sentence(s string) string { return upperFirst(strings.TrimSuffix(s, ".")) + "." }

func (b *body) schedule(name string) schedule.Calendar {
	return parsed(b, name, "schedule", func(text string) (schedule.Calendar, *flaw) {
		calendar, err := schedule.Parse(text)
		if err == nil {
			return calendar, nil
		}
		wrong := &flaw{detail: sentence(err.Error())}
		if parseError, ok := errors.AsType[*schedule.ParseError](err); ok {
			wrong.detail, wrong.hint = sentence(parseError.Reason), parseError.Hint
			wrong.offset, wrong.length = parseError.Offset, parseError.Length
		}
		return calendar, wrong
	})
}

// absolute reads the path of a file or folder on a host.
func (b *body) absolute(name string) string { return parsed(b, name, "path", absolutePath) }

func absolutePath(text string) (string, *flaw) {
	if wrong := pathFlaw(text); wrong != nil {
		return "", wrong
	}
	if !path.IsAbs(text) {
		wrong := &flaw{detail: "A path on a host starts with /, so that it means the same wherever bkplan runs."}
		if strings.HasPrefix(text, "~") {
			wrong.hint = `write the home directory in full, such as "/root` + strings.TrimLeft(text, "~") + `"`
		}
		return "", wrong
	}
	return path.Clean(text), nil
}

// relative reads a directory below a destination.
func (b *body) relative(name string) string { return parsed(b, name, "directory", relativePath) }

func relativePath(text string) (string, *flaw) {
	if wrong := pathFlaw(text); wrong != nil {
		return "", wrong
	}
	if path.IsAbs(text) {
		wrong := &flaw{
			detail: "A layer's directory is below the path of its destination, and does not start with /.",
			hint:   "leave the path of the destination out",
		}
		if name := strings.Trim(text, "/"); name != "" && !strings.Contains(name, "/") {
			wrong.hint = fmt.Sprintf("did you mean %q?", name)
		}
		return "", wrong
	}
	if path.Clean(text) == "." {
		return "", &flaw{
			detail: "A layer owns its directory, so it cannot be the destination itself.",
			hint:   "name a directory below the destination's path",
		}
	}
	return path.Clean(text), nil
}

// pathFlaw is what no path of a policy may have.
func pathFlaw(text string) *flaw {
	if i := strings.IndexFunc(text, isControl); i >= 0 {
		return &flaw{detail: "A path has no control characters.", offset: i, length: 1}
	}
	offset := 0
	for segment := range strings.SplitSeq(text, "/") {
		if segment == ".." {
			return &flaw{detail: "A path does not go up with .. .", offset: offset, length: 2}
		}
		offset += len(segment) + 1
	}
	return nil
}

func isControl(c rune) bool { return c < ' ' || c == 0x7f || 0x80 <= c && c < 0xa0 }

// glob reads a pattern that is matched against whole names.
func (b *body) glob(name string) string { return parsed(b, name, "pattern", globPattern) }

func (b *body) globs(name string) []string { return parsedList(b, name, "pattern", globPattern) }

func globPattern(text string) (string, *flaw) {
	if !plan.ValidGlob(text) {
		return "", &flaw{
			detail: "A pattern has *, ? and [a-z] for any text, any character and one of some; a [ is closed by a ].",
			hint:   `write \[ for a [ that is meant literally`,
		}
	}
	return text, nil
}

// form reads a text that a regular expression describes.
func (b *body) form(name, what string, form *regexp.Regexp, detail string) string {
	return parsed(b, name, what, func(text string) (string, *flaw) {
		if !form.MatchString(text) {
			return "", &flaw{detail: detail}
		}
		return text, nil
	})
}

// choice reads one word of several.
func (b *body) choice(name, what string, choices ...string) string {
	return parsed(b, name, what, func(text string) (string, *flaw) {
		if !slices.Contains(choices, text) {
			return "", &flaw{
				detail: fmt.Sprintf("This version of bkplan knows %s.", oneOf(choices)),
				hint:   didYouMean(text, choices),
			}
		}
		return text, nil
	})
}
