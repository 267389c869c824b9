package alert_test

import (
	"testing"

	"github.com/bkplan/bkplan/test/monitoring"
)

// TestRareLayerIsNotRushed: a volume that is new on a Monday, in a layer that comes on
// Sundays, has no version for six days, and nothing is wrong.
func TestRareLayerIsNotRushed(t *testing.T) {
	monitoring.Require(t, "promtool")
	dir := install(t, load(t, examplePolicy))
	write(t, dir, "rare.yml", []byte(`rule_files: [bkplan.yml]
evaluation_interval: 1h
tests:
  - interval: 1h
    input_series:
      - {series: 'bkplan_volume_versions{layer="pfsense_files",volume="gateway"}', values: '0x250'}
      - {series: 'bkplan_volume_versions{layer="weekly",volume="web/data"}', values: '0x250'}
    promql_expr_test:
      - expr: 'count by (layer) (ALERTS{alertstate="firing",alertname="BackupVolumeWithoutVersion"})'
        eval_time: 150h
        exp_samples: [{labels: '{layer="weekly"}', value: 1}]
      - expr: 'count(ALERTS{alertstate="firing",alertname="BackupVolumeWithoutVersion"})'
        eval_time: 194h
        exp_samples: [{labels: '{}', value: 2}]
`))
	mustPass(t, dir, "test", "rules", "rare.yml")
}
