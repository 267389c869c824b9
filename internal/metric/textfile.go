package metric

import (
	"fmt"
	"os"

	"github.com/google/renameio/v2"
	dto "github.com/prometheus/client_model/go"
)

// WriteTextfile replaces a file that node_exporter reads: a temporary sibling is written,
// synced and renamed, so that nobody ever reads half of it. Its folder must be there.
func WriteTextfile(path string, list []*dto.MetricFamily) error {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("write metrics: %q is not a regular file", path)
	}
	pending, err := renameio.NewPendingFile(path, renameio.WithStaticPermissions(0o644))
	if err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	defer pending.Cleanup()
	if err := Write(pending, list); err != nil {
		return fmt.Errorf("write metrics to %q: %w", path, err)
	}
	if err := pending.CloseAtomicallyReplace(); err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	return nil
}
