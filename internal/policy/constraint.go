package policy

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// release is a version of bkplan: major, minor, patch.
type release [3]int

var constraintForm = regexp.MustCompile(`^\s*(=|!=|>=|<=|>|<|~>)?\s*v?([0-9]{1,6})(?:\.([0-9]{1,6}))?(?:\.([0-9]{1,6}))?\s*$`)

var releaseForm = regexp.MustCompile(`^v?([0-9]{1,6})\.([0-9]{1,6})\.([0-9]{1,6})`)

// parseRelease reads bkplan's own version; false for a development build.
func parseRelease(text string) (release, bool) {
	found := releaseForm.FindStringSubmatch(text)
	if found == nil {
		return release{}, false
	}
	return releaseOf(found[1:]), true
}

func releaseOf(numbers []string) release {
	var r release
	for i, n := range numbers {
		r[i], _ = strconv.Atoi(n) // digits only; "" is 0
	}
	return r
}

func (r release) compare(other release) int {
	for i := range r {
		if r[i] != other[i] {
			return r[i] - other[i]
		}
	}
	return 0
}

// constraint is one term of required_version.
type constraint struct {
	operator string
	release  release
	parts    int // how many numbers were written
}

// requiredVersion checks the constraint of the bkplan block. A version that
// parseRelease does not know is a development build, and fits.
func (b *body) requiredVersion(version string) {
	constraints := parsed(b, "required_version", "version constraint", parseConstraints)
	own, ok := parseRelease(version)
	if !ok {
		return
	}
	for _, c := range constraints {
		if !c.accepts(own) {
			b.errorAt(b.rangeOf("required_version"), problem{
				code:    "unsupported_version",
				summary: "this version of bkplan is not the one that the policy wants",
				detail:  fmt.Sprintf("This is bkplan %s.", version),
				hint:    "install a version that fits, or change required_version after reading the CHANGELOG",
			})
			return
		}
	}
}

// parseConstraints reads ">= 0.1, < 2": all of the terms must hold.
func parseConstraints(text string) ([]constraint, *flaw) {
	var list []constraint
	offset := 0
	for term := range strings.SplitSeq(text, ",") {
		found := constraintForm.FindStringSubmatch(term)
		if found == nil {
			return nil, &flaw{
				detail: `A constraint is an operator and a version, such as ">= 0.1" or "~> 0.2", several with commas between them.`,
				offset: offset, length: max(len(term), 1),
			}
		}
		parts := 1
		for _, n := range found[3:] {
			if n != "" {
				parts++
			}
		}
		list = append(list, constraint{found[1], releaseOf(found[2:]), parts})
		offset += len(term) + 1
	}
	return list, nil
}

func (c constraint) accepts(own release) bool {
	order := own.compare(c.release)
	switch c.operator {
	case "!=":
		return order != 0
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case "~>":
		return order >= 0 && own.compare(c.ceiling()) < 0
	}
	return order == 0
}

// ceiling is the first release that ~> leaves out: ~> 0.2 means below 1, and
// ~> 0.2.3 below 0.3.
func (c constraint) ceiling() release {
	var r release
	last := max(c.parts-2, 0)
	copy(r[:last+1], c.release[:last+1])
	r[last]++
	return r
}
