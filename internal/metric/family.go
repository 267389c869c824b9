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

// one adds a sample; labels are names and values by turns.
func (f families) one(name, help string, value float64, labels ...string) {
	family := f[name]
	if family == nil {
		family = &dto.MetricFamily{Name: &name, Help: &help, Type: dto.MetricType_GAUGE.Enum()}
		f[name] = family
	}
	pairs := make([]*dto.LabelPair, 0, len(labels)/2)
	for i := 0; i+1 < len(labels); i += 2 {
		pairs = append(pairs, &dto.LabelPair{Name: &labels[i], Value: &labels[i+1]})
	}
	slices.SortFunc(pairs, func(a, b *dto.LabelPair) int { return cmp.Compare(a.GetName(), b.GetName()) })
	family.Metric = append(family.Metric, &dto.Metric{Label: pairs, Gauge: &dto.Gauge{Value: &value}})
}

// list is in order of names and labels, so that the same facts give the same text.
func (f families) list() []*dto.MetricFamily {
	var list []*dto.MetricFamily
	for _, name := range slices.Sorted(maps.Keys(f)) {
		slices.SortFunc(f[name].Metric, byLabels)
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
