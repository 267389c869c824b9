package alert_test

import (
	"testing"

	"github.com/bkplan/bkplan/test/monitoring"
)

// TestGatewayThatForgets: a Pushgateway restarted and lost what is pushed once a day,
// and alerts fired for a healthy backup; or one that fired was cleared by it. It is
// silence only when the next run brings nothing either.
func TestGatewayThatForgets(t *testing.T) {
	monitoring.Require(t, "promtool")
	dir := install(t, load(t, examplePolicy))
	write(t, dir, "gateway.yml", []byte(`rule_files: [bkplan.yml]
evaluation_interval: 30m
tests:
  - interval: 30m
    input_series:
      - {series: 'bkplan_last_run_timestamp_seconds{instance="pve"}', values: '0+0x2 _x200'}
      - {series: 'bkplan_layer_last_success_timestamp_seconds{layer="snapshots",instance="pve"}', values: '0+0x2 _x200'}
      - {series: 'bkplan_layer_last_run_success{layer="snapshots",instance="pve"}', values: '1+0x2 _x200'}
      - {series: 'bkplan_layer_last_run_success{layer="weekly",instance="pve"}', values: '0+0x2 _x200'}
    promql_expr_test:
      - {expr: 'count(ALERTS{alertstate="firing",layer="snapshots"} or ALERTS{alertstate="firing",alertname="BkplanSilent"})', eval_time: 24h}
      - expr: 'count(ALERTS{alertstate="firing",alertname="WeeklyBackupFailing"})'
        eval_time: 24h
        exp_samples: [{labels: '{}', value: 1}]
      - expr: 'count(ALERTS{alertstate="firing",alertname="BkplanSilent"})'
        eval_time: 32h
        exp_samples: [{labels: '{}', value: 1}]
      - expr: 'count(ALERTS{alertstate="firing",alertname="LVMSnapshotNeverRun"})'
        eval_time: 50h
        exp_samples: [{labels: '{}', value: 1}]
`))
	mustPass(t, dir, "test", "rules", "gateway.yml")
}
