package policy

import (
	"fmt"

	"github.com/bkplan/bkplan/internal/plan"
)

const defaultStateDir = "/var/lib/bkplan"

// settings decodes the bkplan block.
func (e *evaluator) settings(d declaration, version string, p *plan.Policy) {
	b := e.body("bkplan block", d.block)
	b.requiredVersion(version)
	p.Timezone = parsed(b, "timezone", "time zone", timeZone)
	if stateDir := b.absolute("state_dir"); stateDir != "" {
		p.StateDir = stateDir
	}
	b.done()
}

func timeZone(text string) (plan.Zone, *flaw) {
	zone, err := plan.ParseZone(text)
	if err != nil {
		wrong := &flaw{detail: "A time zone is a name of the IANA database, such as Europe/Sofia or UTC."}
		if meant := nearestZone(text); meant != "" {
			wrong.hint = fmt.Sprintf("did you mean %q?", meant)
		}
		return zone, wrong
	}
	return zone, nil
}
