package planfile

import (
	"errors"
	"fmt"
)

// Code tells what is wrong with a file. Codes are stable.
type Code string

// The codes, in the order in which they are looked for.
const (
	TooLarge      Code = "file_too_large"
	NotBkplanFile Code = "not_bkplan_file"
	OtherKind     Code = "other_kind_of_file"
	NewerVersion  Code = "newer_version"
	Truncated     Code = "file_truncated"
	Changed       Code = "file_changed"
	Invalid       Code = "invalid_content"
)

// Error says what is wrong with a file and how to mend it. Detail and Hint are
// for people and quote what they take from the file.
type Error struct {
	Code   Code
	Detail string
	Hint   string
}

func (e *Error) Error() string { return e.Detail }

// Is makes errors.Is compare by code.
func (e *Error) Is(target error) bool {
	var other *Error
	return errors.As(target, &other) && other.Code == e.Code
}

// kind is what a file may hold.
type kind struct {
	format  string
	version int
	member  string // the member that holds the content
	noun    string
	makes   string // the command that writes such a file
}

var (
	observationKind = kind{"bkplan.observation", 1, "observation", "an observation", "bkplan observe -o FILE"}
	planKind        = kind{"bkplan.plan", 1, "plan", "a saved plan", "bkplan plan -o FILE"}
)

func (k kind) again() string { return "make it again with `" + k.makes + "`" }

func (k kind) notOurs(why string) *Error {
	return &Error{NotBkplanFile, fmt.Sprintf("this is not %s: %s", k.noun, why), k.noun + " comes from `" + k.makes + "`"}
}

func (k kind) otherKind(format string) *Error {
	for _, other := range []kind{observationKind, planKind} {
		if other.format == format {
			return &Error{OtherKind, fmt.Sprintf("this is %s, not %s", other.noun, k.noun), k.noun + " comes from `" + k.makes + "`"}
		}
	}
	return &Error{OtherKind, fmt.Sprintf("this is a file of format %q, not %s", format, k.noun), k.noun + " comes from `" + k.makes + "`"}
}

func (k kind) newer(version int) *Error {
	return &Error{
		NewerVersion,
		fmt.Sprintf("made by a newer bkplan: format %d, this one reads %d", version, k.version),
		"upgrade this bkplan, or " + k.again() + " of this version",
	}
}

func (k kind) truncated() *Error {
	return &Error{Truncated, "the file is cut short", "copy it again in full, or " + k.again()}
}

func (k kind) changed(why string) *Error {
	return &Error{Changed, "the file was changed after it was written: " + why, "such files are not edited or reformatted; " + k.again()}
}

func (k kind) invalid(why string) *Error {
	return &Error{Invalid, "the content is not valid: " + why, k.again() + "; if it happens again, it is a bug in bkplan"}
}
