package tree

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Verify compares a tree with its manifest, and that with its digest. Findings are for
// people, one a line, and MaxFindings at most; a manifest that is none is one as well.
func Verify(ctx context.Context, root, digest string, manifest io.ReadSeeker, o CheckOptions) ([]string, error) {
	report, err := Check(ctx, root, manifest, o)
	if errors.Is(err, ErrManifest) {
		return []string{fmt.Sprintf("its manifest is damaged: %v", err)}, nil
	}
	if err != nil {
		return nil, err
	}
	findings := make([]string, 0, len(report.Findings))
	for _, f := range report.Findings {
		findings = append(findings, f.String())
	}
	if report.Truncated() {
		findings = append(findings, fmt.Sprintf("and %d more", report.Total-int64(len(report.Findings))))
	}
	if read, err := digestOf(manifest); err != nil || read != digest {
		findings = append(findings, "its manifest is not the one that the receipt names")
	}
	return findings, nil
}

func (f Finding) String() string {
	switch {
	case f.Kind == Changed:
		return fmt.Sprintf("%q: its %s changed", f.Path, strings.Join(f.Changed, ", "))
	case f.Err != nil:
		return fmt.Sprintf("%q is %s: %v", f.Path, f.Kind, f.Err)
	}
	return fmt.Sprintf("%q is %s", f.Path, f.Kind)
}

// digestOf reads a manifest again, to its end.
func digestOf(manifest io.ReadSeeker) (string, error) {
	if _, err := manifest.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	m, err := NewReader(manifest)
	for err == nil {
		_, err = m.Next()
	}
	if !isEnd(err) {
		return "", err
	}
	return m.Digest(), nil
}
