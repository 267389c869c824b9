package timer

import (
	"embed"
	"fmt"
	"path"
	"strings"
	"text/template"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
)

//go:embed text/*.tmpl
var texts embed.FS

var templates = template.Must(template.ParseFS(texts, "text/*.tmpl"))

// text fills in a template. What goes in has been escaped.
func text(name string, values any) string {
	var b strings.Builder
	if err := templates.ExecuteTemplate(&b, name+".tmpl", values); err != nil {
		panic(err) // a template that the tests have not seen
	}
	return b.String()
}

// How long runs may take. One waits for the others; what ends it after that is for
// a bkplan that hangs itself, for each action has a limit of its own.
const (
	lockWait = 24 * time.Hour
	// longestAction is the most that a provider allows an action of a layer that
	// says nothing about it.
	longestAction = 24 * time.Hour
	actionsInARow = 4
)

func runLimit(action time.Duration) time.Duration { return lockWait + actionsInARow*action }

func serviceUnit(p plan.Policy, c Config) Unit {
	return Unit{Name: "bkplan@.service", Text: text("service", map[string]any{
		"State": quote(p.StateDir), "Mounts": mountsOf(p), "Apply": c.apply(), "Limit": seconds(runLimit(longestAction)),
	})}
}

// failedUnit puts the story of a run that failed into the journal.
func failedUnit(p plan.Policy, c Config) Unit {
	return Unit{Name: "bkplan-failed@.service", Text: text("failed", map[string]any{
		"State": quote(p.StateDir), "Show": c.command("runs", "show"),
	})}
}

func watchUnit(p plan.Policy, c Config) Unit {
	below, found := strings.CutPrefix(path.Clean(p.StateDir), "/var/lib/")
	if !found || quote(below) != below {
		below = ""
	}
	return Unit{Name: "bkplan-watch.service", Enable: true, Text: text("watch", map[string]any{
		"State": quote(p.StateDir), "StateDirectory": below, "Watch": c.command("watch"),
	})}
}

func timerUnit(p plan.Policy, l plan.Layer, f feeders) Unit {
	loc := p.Timezone.Location()
	calendars := calendarsOf(l)
	var slots []string
	for _, c := range calendars {
		slots = append(slots, c.Zoned(loc))
	}
	gap := shortestGap(calendars, loc)
	delay := time.Duration(0)
	if !f.feedsAny(l.Name) {
		delay = lateness(gap, maxDelay)
	}
	return Unit{Name: instance(l.Name, "timer"), Enable: true, Text: text("timer", map[string]any{
		"After": instances(f[l.Name], "timer"), "Slots": slots,
		"Accuracy": seconds(lateness(gap, maxAccuracy)), "Delay": seconds(delay),
	})}
}

// dropInOf is what sets a layer's service apart from the template, if anything.
func dropInOf(l plan.Layer, c Config, f feeders) (Unit, bool) {
	values := map[string]string{"After": instances(f[l.Name], "service"), "Apply": "", "Limit": ""}
	if pattern := exactly(l.Name); pattern != l.Name {
		values["Apply"] = c.apply() + " " + quote("--layer="+pattern)
	}
	if own := l.Timeout.Approx(); own > longestAction {
		values["Limit"] = seconds(runLimit(own))
	}
	needed := values["After"]+values["Apply"]+values["Limit"] != ""
	return Unit{Name: instance(l.Name, "service") + ".d/50-bkplan.conf", Text: text("dropin", values)}, needed
}

func instance(layer, suffix string) string { return "bkplan@" + Escape(layer) + "." + suffix }

func instances(layers []string, suffix string) string {
	var names []string
	for _, l := range layers {
		names = append(names, instance(l, suffix))
	}
	return strings.Join(names, " ")
}

// apply is the command line of a run, but for its layer.
func (c Config) apply() string {
	return c.command("apply", "--auto-approve", "--lock-timeout="+seconds(lockWait))
}

// command is a command line of bkplan. The colon keeps systemd from looking for
// variables in it.
func (c Config) command(words ...string) string {
	words = append(words, "--file="+c.Policy)
	for _, file := range c.VarFiles {
		words = append(words, "--var-file="+file)
	}
	line := ":" + quote(c.Program)
	for _, w := range words {
		line += " " + quote(w)
	}
	return line
}

// mountsOf are the places of this machine that layers read or write, as the units
// that may mount them.
func mountsOf(p plan.Policy) []string {
	var units []string
	seen := map[string]bool{}
	add := func(file string) {
		for _, unit := range mountUnits(file) {
			if !seen[unit] {
				seen[unit] = true
				units = append(units, unit)
			}
		}
	}
	for _, l := range carriedOut(p) {
		for _, tree := range treesOf(p, l) {
			add(tree)
		}
		if d, found := p.Destination(l.To); found && d.Address == "" {
			add(d.Path)
		}
	}
	return units
}

// seconds writes a time as systemd does: 24h, 5min, 30s.
func seconds(d time.Duration) string {
	switch {
	case d > 0 && d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d > 0 && d%time.Minute == 0:
		return fmt.Sprintf("%dmin", d/time.Minute)
	}
	return fmt.Sprintf("%ds", d/time.Second)
}
