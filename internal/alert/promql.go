package alert

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
)

// selector is a metric with the labels that it must have.
func selector(metric string, matchers ...string) string {
	if len(matchers) == 0 {
		return metric
	}
	return metric + "{" + strings.Join(matchers, ",") + "}"
}

// equals matches one value of a label, whatever it holds.
func equals(label, value string) string { return label + "=" + quote(value) }

// noneOf matches all layers but some.
func noneOf(layers []plan.Layer) []string {
	var names []string
	for _, l := range layers {
		names = append(names, regexp.QuoteMeta(l.Name))
	}
	if len(names) == 0 {
		return nil
	}
	return []string{"layer!~" + quote(strings.Join(names, "|"))}
}

// ofHost matches the instance of a host, with and without a port: a Pushgateway has
// the host's name, a node_exporter is scraped at one.
func ofHost(host string) string {
	return "instance=~" + quote(regexp.QuoteMeta(host)+"(:[0-9]+)?")
}

// quote writes a string of PromQL. Prometheus refuses labels that are not UTF-8, and
// takes U+FFFD for such when it is not escaped.
func quote(text string) string {
	return strings.ReplaceAll(strconv.Quote(strings.ToValidUTF8(text, "\uFFFD")), "\uFFFD", `\ufffd`)
}

// length writes a duration as PromQL reads it, in one unit.
func length(d time.Duration) string {
	for _, unit := range []struct {
		name string
		of   time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}} {
		if d >= unit.of && d%unit.of == 0 && (unit.name != "d" || d >= 72*time.Hour) {
			return fmt.Sprintf("%d%s", d/unit.of, unit.name)
		}
	}
	return fmt.Sprintf("%ds", d/time.Second)
}

// seconds writes a duration as a number of PromQL that a person can read.
func seconds(d time.Duration) string {
	switch {
	case d >= time.Hour && d%time.Hour == 0:
		return fmt.Sprintf("%d * 3600", d/time.Hour)
	case d >= time.Minute && d%time.Minute == 0:
		return fmt.Sprintf("%d * 60", d/time.Minute)
	}
	return strconv.Itoa(int(d / time.Second))
}

// plain makes text mean itself in a template of Prometheus, which those of labels
// and annotations are.
func plain(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "{{", "{{`{{`}}")
}
