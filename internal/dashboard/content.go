package dashboard

import (
	"github.com/bkplan/bkplan/internal/alert"
	"github.com/bkplan/bkplan/internal/plan"
)

const (
	ofHost  = `{instance=~"$instance"}`
	ofLayer = `{instance=~"$instance",layer=~"$layer"}`
)

// state is how all layers are: what a person looks at first.
func (b *builder) state(p plan.Policy) {
	b.row("Layers")
	b.place(stat("Last run of each layer", one("{{layer}}", alert.LayerLastRunSuccess+ofLayer), okOrNot), 12, 7)
	ages := query{"bargauge", "Age of the last success", "The oldest of its volumes' newest copies.",
		[]asked{{"{{layer}}", "time() - " + alert.LayerLastSuccess + ofLayer}}}.panel(field{Unit: "s", Thresholds: colours(0, 0)})
	ages.Options = map[string]any{"orientation": "horizontal", "displayMode": "lcd", "reduceOptions": lastValue}
	for _, l := range p.Layers {
		if late, known := alert.StaleAfter(p, l); known {
			ages.FieldConfig.Overrides = append(ages.FieldConfig.Overrides, override{
				matcher{"byName", l.Name}, []property{{"thresholds", colours(late.Seconds()*0.85, late.Seconds())}},
			})
		}
	}
	b.place(ages, 12, 14)
	b.place(stat("Suspect versions", one("{{layer}}", alert.LayerSuspect+ofLayer), noneOrSome), 6, 7)
	b.place(stat("Blocked actions", one("{{layer}}", alert.LayerBlocked+ofLayer), noneOrSome), 6, 7)
}

// volumes are one line for each volume of a layer.
func (b *builder) volumes() {
	b.row("Volumes and drift")
	newest := func(expr string) string { return "max by (layer, volume) (" + expr + ofLayer + ")" }
	table := query{"table", "Volumes", "", []asked{
		{"Age", "time() - " + newest(alert.VolumeLastSuccess)}, {"Versions", newest(alert.VolumeVersions)},
		{"Files", newest(alert.VolumeFiles)}, {"Size", newest(alert.VolumeBytes)},
	}}.panel(field{})
	names := map[string]any{}
	for i := range table.Targets {
		t := &table.Targets[i]
		t.Format, t.Instant = "table", true
		names["Value #"+t.RefID], t.LegendFormat = t.LegendFormat, ""
	}
	table.Transformations = []transformation{
		{"merge", map[string]any{}},
		{"organize", map[string]any{"excludeByName": map[string]bool{"Time": true}, "renameByName": names}},
	}
	table.FieldConfig.Overrides = []override{
		{matcher{"byName", "Age"}, []property{{"unit", "s"}}}, {matcher{"byName", "Size"}, []property{{"unit", "bytes"}}},
	}
	b.place(table, 16, 12)
	b.place(stat("Drift", one("{{kind}}", "max by (kind) ("+alert.Drift+ofHost+")"), noneOrSome), 8, 12)
}

func (b *builder) capacity() {
	b.row("Capacity")
	nothing, whole := 0.0, 1.0
	used := field{Unit: "percentunit", Min: &nothing, Max: &whole, Thresholds: colours(0.75, 0.85)}
	share := func(free, size string) string { return "1 - " + free + ofHost + " / " + size + ofHost }
	b.place(query{"timeseries", "Used", "Of thin pools and destinations.", []asked{
		{"{{destination}}", share(alert.DestinationFree, alert.DestinationSize)},
		{"{{destination}} inodes", share(alert.DestinationFreeInodes, alert.DestinationInodes)},
		{"{{pool}}", alert.PoolDataUsed + ofHost}, {"{{pool}} metadata", alert.PoolMetadataUsed + ofHost},
	}}.panel(used), 12, 8)
	b.place(stat("Full in", one("{{destination}}", alert.DestinationFull+ofHost+" - time()"),
		field{Unit: "s", Thresholds: rising(14*24*3600, 60*24*3600)}), 6, 8)
	b.place(stat("Could be looked at", []asked{
		{"{{destination}}", alert.DestinationObserved + ofHost}, {"{{pool}}", alert.PoolObserved + ofHost},
	}, okOrNot), 6, 8)
}

func (b *builder) runs() {
	b.row("Runs")
	b.place(stat("Since the last run", one("{{instance}}", "time() - "+alert.LastRun+ofHost), field{Unit: "s"}), 6, 4)
	b.place(stat("The last run", one("{{instance}}", alert.RunSuccess+ofHost), okOrNot), 6, 4)
	b.place(stat("Version", one("{{version}}", alert.BuildInfo+ofHost), field{}), 6, 4)
	b.place(stat("Versions held", one("", "sum("+alert.LayerVersions+ofLayer+")"), field{}), 6, 4)
	b.place(query{"timeseries", "How long the last run of each layer took", "", one("{{layer}}", alert.LayerLastRunDuration+ofLayer)}.
		panel(field{Unit: "s"}), 12, 8)
	b.place(query{"timeseries", "When each layer ran last", "", one("{{layer}}", alert.LayerLastRun+ofLayer+" * 1000")}.
		panel(field{Unit: "dateTimeAsIso"}), 12, 8)
}

// asked is an expression, and what its series are called.
type asked struct{ legend, expr string }

func one(legend, expr string) []asked { return []asked{{legend, expr}} }

// query is a panel that shows what Prometheus answers.
type query struct {
	typ, title, description string
	asked                   []asked
}

func (q query) panel(f field) panel {
	p := panel{Type: q.typ, Title: q.title, Description: q.description, Datasource: prometheus,
		FieldConfig: &fieldConfig{Defaults: f, Overrides: []override{}}}
	for i, a := range q.asked {
		p.Targets = append(p.Targets, target{
			RefID: string(rune('A' + i)), Expr: a.expr, LegendFormat: a.legend, Instant: q.typ != "timeseries", Datasource: prometheus,
		})
	}
	return p
}

// lastValue is how a panel makes one number of a series.
var lastValue = map[string]any{"calcs": []string{"lastNotNull"}, "values": false}

func stat(title string, list []asked, f field) panel {
	p := query{"stat", title, "", list}.panel(f)
	p.Options = map[string]any{"colorMode": "background", "textMode": "value_and_name", "reduceOptions": lastValue}
	return p
}

var (
	okOrNot = field{
		Mappings:   []any{map[string]any{"type": "value", "options": map[string]any{"0": word("no"), "1": word("yes")}}},
		Thresholds: &thresholds{"absolute", []step{{"red", nil}, from(1, "green")}},
	}
	noneOrSome = field{Thresholds: &thresholds{"absolute", []step{{"green", nil}, from(1, "red")}}}
)

func word(text string) map[string]string { return map[string]string{"text": text} }

func from(value float64, color string) step { return step{color, &value} }

// colours are green, orange from one value and red from another.
func colours(orange, red float64) *thresholds {
	if red == 0 {
		return &thresholds{"absolute", []step{{"green", nil}}}
	}
	return &thresholds{"absolute", []step{{"green", nil}, from(orange, "orange"), from(red, "red")}}
}

// rising are red, orange from one value and green from another.
func rising(orange, green float64) *thresholds {
	return &thresholds{"absolute", []step{{"red", nil}, from(orange, "orange"), from(green, "green")}}
}
