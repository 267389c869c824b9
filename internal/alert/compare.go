package alert

import (
	"fmt"
	"reflect"
	"slices"

	"go.yaml.in/yaml/v3"
)

// Difference is how a file of rules differs from what the policy says: names of
// alerts, sorted, each once.
type Difference struct {
	Missing, Changed, Foreign []string
}

// Compare reads a file of rules. It is an error when the file is no such thing.
func (r Rules) Compare(file []byte) (Difference, error) {
	var found rulesFile
	if err := yaml.Unmarshal(file, &found); err != nil {
		return Difference{}, fmt.Errorf("read rules: %w", err)
	}
	want, have := map[string][]ruleNode{}, map[string][]ruleNode{}
	for _, rule := range r.All() {
		want[rule.Name] = append(want[rule.Name], rule.node())
	}
	for _, g := range found.Groups {
		for _, rule := range g.Rules {
			if len(g.Added) > 0 {
				rule.Added = added{"group": g.Added} // it is another rule by that
			}
			have[rule.Alert] = append(have[rule.Alert], rule)
		}
	}
	var d Difference
	for name, rules := range want {
		switch there, found := have[name]; {
		case !found:
			d.Missing = append(d.Missing, name)
		case !reflect.DeepEqual(rules, there):
			d.Changed = append(d.Changed, name)
		}
	}
	for name := range have {
		if _, known := want[name]; !known {
			d.Foreign = append(d.Foreign, name)
		}
	}
	slices.Sort(d.Missing)
	slices.Sort(d.Changed)
	slices.Sort(d.Foreign)
	return d, nil
}
