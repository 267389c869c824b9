package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bkplan/bkplan/internal/providers"
)

var _ providers.Inspector = Producer{}

// Inspect checks every database of a version. It opens them as files that never
// change, so that nothing is written beside them.
func (Producer) Inspect(ctx context.Context, folder string) ([]string, error) {
	found, err := search(ctx, folder)
	if err != nil {
		return nil, err
	}
	var findings []string
	tell := func(d Damage) {
		findings = append(findings, fmt.Sprintf("%s: %s", printable(d.Path), strings.Join(d.Findings, ", ")))
	}
	for _, d := range found.damages {
		tell(d)
	}
	for _, c := range found.candidates {
		err := guard(func() error {
			_, err := check(ctx, filepath.Join(folder, c.path), readOnly)
			return err
		})
		if stop := context.Cause(ctx); stop != nil {
			return nil, stop
		}
		if err != nil {
			tell(newDamage(c.path, err))
		}
	}
	slices.Sort(findings)
	return findings, nil
}
