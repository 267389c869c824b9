// Package timer makes the systemd units by which a policy's layers run at their
// slots. Start at Units. It is pure: what it makes depends on its arguments
// alone, so that the units of one policy are the same on every day, and what is
// installed can be compared with what should be.
//
// There is one service, a template, and a timer for each layer; where the service
// of a layer must differ, a drop-in says how. docs/timers.md gives the reasons for
// every setting. Unit text holds names of layers and paths as data only: escaped
// as systemd-escape does, or quoted.
package timer

import (
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bkplan/bkplan/internal/plan"
)

// Config is what units need to know beside the policy. All paths are absolute.
type Config struct {
	Program  string   // bkplan itself
	Policy   string   // a file or a folder
	VarFiles []string // set variables of the policy
}

// Unit is a file of systemd's.
type Unit struct {
	// Name is its path below a folder of units: a name, or "NAME.d/NAME.conf".
	Name string
	Text string
	// Enable says that it is to be enabled and started; others are used by these.
	Enable bool
}

// maxUnitName is how long a name may be, in bytes, for systemd and for most file
// systems.
const maxUnitName = 255

// Units are the units of all layers that this version carries out, in a fixed
// order: those that all layers share, then each layer's. Layers that it only
// checks have none. It fails where systemd could not take a path or a name.
func Units(p plan.Policy, c Config) ([]Unit, error) {
	if err := c.check(p); err != nil {
		return nil, err
	}
	layers := carriedOut(p)
	if len(layers) == 0 {
		return nil, nil
	}
	units := []Unit{serviceUnit(p, c), failedUnit(p, c)}
	if watches(p) {
		units = append(units, watchUnit(p, c))
	}
	feeders := feedersOf(p, layers)
	for _, l := range layers {
		timer := timerUnit(p, l, feeders)
		if len(timer.Name) > maxUnitName {
			return nil, fmt.Errorf("layer.%s: its name is too long for a unit of systemd", l.Name)
		}
		units = append(units, timer)
		if dropIn, needed := dropInOf(l, c, feeders); needed {
			units = append(units, dropIn)
		}
	}
	for i := range units {
		units[i].Text = Seal(units[i].Text)
	}
	return units, nil
}

// NotCarriedOut are the layers that get no timer: this version only checks them.
func NotCarriedOut(p plan.Policy) []plan.Layer {
	var list []plan.Layer
	for _, l := range p.Layers {
		if !p.CarriesOut(l) {
			list = append(list, l)
		}
	}
	return list
}

func carriedOut(p plan.Policy) []plan.Layer {
	var list []plan.Layer
	for _, l := range p.Layers {
		if p.CarriesOut(l) {
			list = append(list, l)
		}
	}
	return list
}

// watches says whether a layer needs `bkplan watch`.
func watches(p plan.Policy) bool {
	for _, l := range carriedOut(p) {
		source, _ := p.Source(l.From)
		to, _ := p.Destination(l.To)
		if l.TrackChanges && source.Directory != nil && to.Kind == plan.DestinationSSH {
			return true
		}
	}
	return false
}

// check refuses what not every setting of a unit can say: lines that are not UTF-8
// are ignored by systemd, and each setting has its own mind about backslashes.
func (c Config) check(p plan.Policy) error {
	for _, file := range append([]string{c.Program, c.Policy, p.StateDir}, c.VarFiles...) {
		if !utf8.ValidString(file) || strings.ContainsFunc(file, unicode.IsControl) || strings.ContainsAny(file, `\"'`) {
			return fmt.Errorf("%q: a path in a unit of systemd is UTF-8, without control characters, quotes and backslashes", file)
		}
		if !path.IsAbs(file) {
			return fmt.Errorf("%q is not absolute: a unit has no folder that it starts from", file)
		}
	}
	for _, l := range p.Layers {
		if l.Name == "" || !utf8.ValidString(l.Name) || strings.ContainsRune(l.Name, 0) {
			return fmt.Errorf("%q is no name of a layer", l.Name)
		}
	}
	return nil
}
