package dashboard

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/bkplan/bkplan/internal/alert"
	"github.com/bkplan/bkplan/internal/plan"
)

// Dashboard is what Grafana imports.
type Dashboard struct {
	UID           string              `json:"uid"`
	Title         string              `json:"title"`
	Description   string              `json:"description"`
	Tags          []string            `json:"tags"`
	SchemaVersion int                 `json:"schemaVersion"`
	Editable      bool                `json:"editable"`
	Refresh       string              `json:"refresh"`
	Time          map[string]string   `json:"time"`
	Timezone      string              `json:"timezone"`
	Templating    map[string]any      `json:"templating"`
	Panels        []panel             `json:"panels"`
	Annotations   map[string][]string `json:"annotations"`
}

// schemaVersion is that of Grafana 11 and later.
const schemaVersion = 39

var prometheus = &datasource{Type: "prometheus", UID: "${datasource}"}

// Build makes the dashboard of a policy.
func Build(p plan.Policy) Dashboard {
	b := &builder{}
	b.state(p)
	b.volumes()
	b.capacity()
	b.runs()
	return Dashboard{
		UID: "bkplan", Title: "Backups (bkplan)", Tags: []string{"backup", "bkplan"},
		Description:   "What is protected, how old the copies are, and what is in the way. Made by bkplan dashboard.",
		SchemaVersion: schemaVersion, Editable: true, Refresh: "5m", Timezone: p.Timezone.String(),
		Time:        map[string]string{"from": "now-30d", "to": "now"},
		Templating:  map[string]any{"list": variables()},
		Panels:      b.panels,
		Annotations: map[string][]string{"list": {}},
	}
}

// Encode writes the dashboard as JSON.
func (d Dashboard) Encode(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(d); err != nil {
		return fmt.Errorf("encode dashboard: %w", err)
	}
	return nil
}

// Expressions are all that the dashboard asks Prometheus, in order.
func (d Dashboard) Expressions() []string {
	var list []string
	for _, p := range d.Panels {
		for _, t := range p.Targets {
			list = append(list, t.Expr)
		}
	}
	return list
}

func variables() []variable {
	values := func(metric, label string) map[string]string {
		return map[string]string{"query": fmt.Sprintf("label_values(%s, %s)", metric, label), "refId": label}
	}
	return []variable{
		{Name: "datasource", Label: "Prometheus", Type: "datasource", Query: "prometheus", Refresh: 1},
		{
			Name: "instance", Label: "Host", Type: "query", Query: values(alert.BuildInfo, "instance"), Datasource: prometheus,
			Refresh: 2, IncludeAll: true, AllValue: ".*", Multi: true, Sort: 1,
		},
		{
			Name: "layer", Label: "Layer", Type: "query", Query: values(alert.LayerVolumes, "layer"), Datasource: prometheus,
			Refresh: 2, IncludeAll: true, AllValue: ".*", Multi: true, Sort: 1,
		},
	}
}

// The grid of Grafana has so many columns.
const columns = 24

// builder lays panels out, from left to right and downwards.
type builder struct {
	panels      []panel
	x, y, lower int // where the next panel goes; where the row of the last one ends
}

// row begins a part of the dashboard.
func (b *builder) row(title string) {
	open := false
	b.place(panel{Type: "row", Title: title, Collapsed: &open}, columns, 1)
}

func (b *builder) place(p panel, width, height int) {
	if b.x+width > columns {
		b.x, b.y = 0, b.lower
	}
	p.ID = len(b.panels) + 1
	p.GridPos = position{H: height, W: width, X: b.x, Y: b.y}
	b.x += width
	b.lower = max(b.lower, b.y+height)
	b.panels = append(b.panels, p)
}
