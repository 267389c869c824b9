package alert

import (
	"fmt"
	"strings"
	"text/template"
	"time"
)

// functions are those of Prometheus that the annotations of rules use, and do what
// they do there.
var functions = template.FuncMap{
	"humanizeDuration":   humanizeDuration,
	"humanizePercentage": func(v float64) string { return fmt.Sprintf("%.4g%%", v*100) },
	"humanizeTimestamp": func(v float64) string {
		return time.Unix(int64(v), 0).UTC().String()
	},
}

// humanizeDuration is for whole seconds, a minute and more.
func humanizeDuration(v float64) string {
	n := int64(v)
	days, hours, minutes, rest := n/86400, n/3600%24, n/60%60, n%60
	switch {
	case days > 0:
		return fmt.Sprintf("%dd %dh %dm %ds", days, hours, minutes, rest)
	case hours > 0:
		return fmt.Sprintf("%dh %dm %ds", hours, minutes, rest)
	}
	return fmt.Sprintf("%dm %ds", minutes, rest)
}

// annotations are what Prometheus shows of an alert with these labels.
func (r Rule) annotations(labels map[string]string, value float64) (annotations, error) {
	summary, err := expand(r.Summary, labels, value)
	if err != nil {
		return annotations{}, err
	}
	description, err := expand(r.Description, labels, value)
	return annotations{Summary: summary, Description: description}, err
}

// expand executes a template as Prometheus does.
func expand(text string, labels map[string]string, value float64) (string, error) {
	parsed, err := template.New("").Funcs(functions).Option("missingkey=zero").Parse("{{$labels := .Labels}}{{$value := .Value}}" + text)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	err = parsed.Execute(&out, map[string]any{"Labels": labels, "Value": value})
	return out.String(), err
}
