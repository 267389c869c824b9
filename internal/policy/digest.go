package policy

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"github.com/bkplan/bkplan/internal/plan"
)

// digest identifies what a policy says. Blocks are taken in the order of their
// names: neither layout, nor order, nor how it is spread over files matters.
func digest(p plan.Policy) string {
	p.Protections = sorted(p.Protections, func(p plan.Protection) string { return p.Name })
	p.Sources = sorted(p.Sources, func(s plan.Source) string { return s.Kind + "." + s.Name })
	p.Destinations = sorted(p.Destinations, func(d plan.Destination) string { return d.Name })
	p.Excludes = sorted(p.Excludes, func(x plan.Exclude) string { return x.Name })
	p.Layers = sorted(p.Layers, func(l plan.Layer) string { return l.Name })
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // every value was parsed from the text that it is written as
	}
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func sorted[T any](list []T, key func(T) string) []T {
	return slices.SortedStableFunc(slices.Values(list), func(a, b T) int { return cmp.Compare(key(a), key(b)) })
}
