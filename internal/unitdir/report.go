package unitdir

import (
	"strings"

	"github.com/rogpeppe/go-internal/diff"
)

// explained says what each status means for a person.
var explained = map[Status]string{
	Missing: "not installed", Outdated: "differs from the policy", Edited: "changed by hand",
	Foreign: "not written by bkplan", Leftover: "of a layer that the policy does not have any more",
}

// Drift says how the folder differs from what it should be: a line for each file,
// and what would change in it. It is empty where nothing differs. Texts of
// others are not shown.
func (s Survey) Drift() string {
	var b strings.Builder
	for _, f := range s.Files {
		if f.Status != Same {
			b.WriteString(f.Name + ": " + explained[f.Status] + "\n")
		} else if f.Disabled {
			b.WriteString(f.Name + ": not enabled\n")
		}
		if f.Status == Outdated || f.Status == Edited && f.Text != "" {
			b.Write(diff.Diff("installed/"+f.Name, []byte(f.Found), "wanted/"+f.Name, []byte(f.Text)))
		}
	}
	return b.String()
}
