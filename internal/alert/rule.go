package alert

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"go.yaml.in/yaml/v3"
)

// Rules are what one policy alerts about, in a stable order.
type Rules struct {
	Groups []Group
}

// Group is a number of rules that Prometheus evaluates together.
type Group struct {
	Name  string
	Rules []Rule
}

// Rule is an alert. Several rules may share a name: then their labels differ.
type Rule struct {
	Name string
	Expr string
	For  time.Duration
	// Labels are what they say, and no templates.
	Labels map[string]string
	// Summary and Description are templates of Prometheus.
	Summary, Description string

	proof proof
}

// All are the rules of all groups.
func (r Rules) All() []Rule {
	var all []Rule
	for _, g := range r.Groups {
		all = append(all, g.Rules...)
	}
	return all
}

const rulesHeader = `# Prometheus alerting rules, written by "bkplan alerts" from the policy. Change the
# policy, not this file; "bkplan alerts --check FILE" says whether it is up to date.
`

type rulesFile struct {
	Groups []groupNode `yaml:"groups"`
}

type groupNode struct {
	Name  string     `yaml:"name"`
	Rules []ruleNode `yaml:"rules"`
	Added added      `yaml:",inline"`
}

type ruleNode struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for,omitempty"`
	Labels      map[string]string `yaml:"labels,omitempty"`
	Annotations annotations       `yaml:"annotations"`
	Added       added             `yaml:",inline"`
}

type annotations struct {
	Summary     string `yaml:"summary"`
	Description string `yaml:"description"`
	Added       added  `yaml:",inline"`
}

// added is what somebody else wrote into a file of rules.
type added map[string]any

// Encode writes the rules as Prometheus loads them.
func (r Rules) Encode(w io.Writer) error {
	file := rulesFile{Groups: []groupNode{}}
	for _, g := range r.Groups {
		node := groupNode{Name: g.Name}
		for _, rule := range g.Rules {
			node.Rules = append(node.Rules, rule.node())
		}
		file.Groups = append(file.Groups, node)
	}
	return encode(w, rulesHeader, file)
}

func (r Rule) node() ruleNode {
	node := ruleNode{
		Alert: r.Name, Expr: r.Expr, Labels: map[string]string{},
		Annotations: annotations{Summary: r.Summary, Description: r.Description},
	}
	if r.For > 0 {
		node.For = length(r.For)
	}
	for name, value := range r.Labels {
		node.Labels[name] = plain(value)
	}
	return node
}

// encode writes a document of YAML below a comment.
func encode(w io.Writer, header string, document any) error {
	var out bytes.Buffer
	out.WriteString(header)
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(document); err != nil {
		return fmt.Errorf("encode YAML: %w", err)
	}
	if err := encoder.Close(); err != nil {
		return fmt.Errorf("encode YAML: %w", err)
	}
	_, err := w.Write(out.Bytes())
	return err
}
