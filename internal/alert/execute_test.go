package alert_test

import (
	"strings"
	"text/template"

	"pgregory.net/rapid"
)

// execute is what Prometheus does with labels and annotations.
func execute(t *rapid.T, text string) string {
	identity := func(v float64) float64 { return v }
	parsed, err := template.New("").Funcs(template.FuncMap{
		"humanizeDuration": identity, "humanizePercentage": identity, "humanizeTimestamp": identity,
	}).Parse("{{$labels := .Labels}}{{$value := .Value}}" + text)
	if err != nil {
		t.Fatalf("%q is no template: %v", text, err)
	}
	var out strings.Builder
	if err := parsed.Execute(&out, map[string]any{"Labels": map[string]string{}, "Value": 1.0}); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return out.String()
}
