package metric

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	dto "github.com/prometheus/client_model/go"
)

// families are metrics by name; all of them are gauges.
type families map[string]*dto.MetricFamily

// maxLabels is how many labels a sample has at most.
const maxLabels = 2

// sample is all that one sample needs, in one piece of memory.
type sample struct {
	metric dto.Metric
	gauge  dto.Gauge
	value  float64
	pairs  [maxLabels]dto.LabelPair
	labels [maxLabels]*dto.LabelPair
}

// one adds a sample; labels are names and values by turns, in order of the names.
func (f families) one(name, help string, value float64, labels ...string) {
	family := f[name]
	if family == nil {
		family = &dto.MetricFamily{Name: &name, Help: &help, Type: dto.MetricType_GAUGE.Enum()}
		f[name] = family
	}
	s := &sample{value: value}
	n := len(labels) / 2
	for i := range n {
		s.pairs[i].Name, s.pairs[i].Value = &labels[2*i], &labels[2*i+1]
		s.labels[i] = &s.pairs[i]
	}
	s.gauge.Value = &s.value
	s.metric.Label, s.metric.Gauge = s.labels[:n:n], &s.gauge
	family.Metric = append(family.Metric, &s.metric)
}

// list is in order of names and labels, so that the same facts give the same text.
func (f families) list() []*dto.MetricFamily {
	var list []*dto.MetricFamily
	for _, name := range slices.Sorted(maps.Keys(f)) {
		if !slices.IsSortedFunc(f[name].Metric, byLabels) {
			slices.SortFunc(f[name].Metric, byLabels)
		}
		list = append(list, f[name])
	}
	return list
}

func byLabels(a, b *dto.Metric) int {
	return slices.CompareFunc(a.Label, b.Label, func(x, y *dto.LabelPair) int {
		return cmp.Or(cmp.Compare(x.GetName(), y.GetName()), cmp.Compare(x.GetValue(), y.GetValue()))
	})
}

// label is a name as the value of a label. One that is not UTF-8, that has control
// characters in it or that begins with a quote is quoted as Go does it: no two names are
// the same label.
func label(name string) string {
	if !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) || strings.HasPrefix(name, `"`) {
		return strconv.Quote(name)
	}
	return name
}

// seconds is an instant in Unix seconds, to the millisecond.
func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
