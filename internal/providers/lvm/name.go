package lvm

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/bkplan/bkplan/internal/plan"
)

// maxFullName is the longest "group/volume" that LVM takes, in bytes.
const maxFullName = 127

// maxDevice is the longest name of a device: group and volume joined by a
// hyphen, with each of their own hyphens doubled. LVM makes a snapshot with a
// longer one, and then cannot activate it.
const maxDevice = 127

// maxTag is the longest tag that LVM takes, in bytes.
const maxTag = 1023

var (
	namePattern = regexp.MustCompile(`^[a-zA-Z0-9+_.][a-zA-Z0-9+_.-]*$`)
	uuidPattern = regexp.MustCompile(`^[a-zA-Z0-9]{6}(-[a-zA-Z0-9]{4}){5}-[a-zA-Z0-9]{6}$`)
	tagPattern  = regexp.MustCompile(`^[a-zA-Z0-9_+./=!:&#][a-zA-Z0-9_+./=!:&#-]*$`)
)

// checkGroup looks whether LVM could have a volume group of this name, so that
// the name cannot be anything else in an argv.
func checkGroup(name string) error {
	if !namePattern.MatchString(name) || name == "." || name == ".." || len(name) > maxFullName {
		return fmt.Errorf("%q is no name of a volume group", name)
	}
	return nil
}

func checkName(group, name string) error {
	switch {
	case !namePattern.MatchString(name) || name == "." || name == "..":
		return fmt.Errorf("%q is no name of a logical volume", name)
	case len(group)+1+len(name) > maxFullName:
		return fmt.Errorf("%s/%s is longer than the %d bytes that LVM takes", group, name, maxFullName)
	}
	return nil
}

func checkDevice(group, name string) error {
	length := len(group) + strings.Count(group, "-") + 1 + len(name) + strings.Count(name, "-")
	if length > maxDevice {
		return fmt.Errorf("the device of %s/%s would have a name of %d bytes, %d is the most", group, name, length, maxDevice)
	}
	return nil
}

func checkUUID(uuid string) error {
	if !uuidPattern.MatchString(uuid) {
		return fmt.Errorf("%q is no UUID of LVM", uuid)
	}
	return nil
}

func checkTag(tag string) error {
	if !tagPattern.MatchString(tag) || len(tag) > maxTag {
		return fmt.Errorf("%q is no tag of LVM", tag)
	}
	return nil
}

// checkAction looks at everything of an action that could reach an argv.
func checkAction(a plan.Action) error {
	s := a.Snapshot
	if s == nil {
		return unsupported(a)
	}
	problems := []error{
		checkGroup(s.VolumeGroup), checkName(s.VolumeGroup, s.Pool), checkName(s.VolumeGroup, s.Name),
	}
	switch a.Kind {
	case plan.Create:
		problems = append(problems, checkDevice(s.VolumeGroup, s.Name), checkName(s.VolumeGroup, s.Origin), checkUUID(s.OriginUUID))
		if len(s.Tags) == 0 {
			problems = append(problems, errors.New("a snapshot without a tag could not be recognised"))
		}
		for _, tag := range s.Tags {
			problems = append(problems, checkTag(tag))
		}
	case plan.Prune:
		problems = append(problems, checkUUID(s.UUID))
	}
	for _, p := range a.Preconditions {
		problems = append(problems, checkPrecondition(s.VolumeGroup, p))
	}
	return errors.Join(problems...)
}

// checkPrecondition refuses what cannot be answered from the action's group.
func checkPrecondition(group string, p plan.Precondition) error {
	switch {
	case p.Kind == plan.NewestIs:
		return nil
	case p.VolumeGroup != group:
		return fmt.Errorf("a precondition about volume group %q cannot be answered from %q", p.VolumeGroup, group)
	}
	return checkName(group, p.Name)
}
