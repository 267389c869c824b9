package alert_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bkplan/bkplan/test/monitoring"
)

// promise is what the owner of the reference homelab is told, and when.
type promise struct {
	alert string
	about string // labels of the alert
	// series are there from the beginning, %d is the age of a success that reaches
	// the limit after a minute.
	series []string
	limit  time.Duration
	wait   time.Duration // after the limit
}

const (
	hour = time.Hour
	day  = 24 * hour
)

func stale(name, layer string, limit, wait time.Duration) promise {
	about := fmt.Sprintf(`layer=%q,severity="warning",channel="backup"`, layer)
	return promise{name, about, []string{fmt.Sprintf(`bkplan_layer_last_success_timestamp_seconds{layer=%q}`, layer) + " %d"}, limit, wait}
}

func failing(name, layer string) promise {
	about := fmt.Sprintf(`layer=%q,severity="warning",channel="backup"`, layer)
	return promise{name, about, []string{fmt.Sprintf(`bkplan_layer_last_run_success{layer=%q} 0`, layer)}, 0, 0}
}

const ofVaultwarden = `layer="vaultwarden",severity="critical",channel="vaultwarden"`

var promises = []promise{
	stale("PostgreSQLBackupStale", "postgresql", 36*hour, 0),
	stale("PostgreSQLBackupStale", "postgresql_per_database", 36*hour, 0),
	stale("MySQLBackupStale", "mysql", 36*hour, 0),
	stale("MySQLBackupStale", "mysql_per_database", 36*hour, 0),
	stale("EtcdBackupStale", "etcd", 8*day, 0),
	stale("VaultBackupStale", "vault", 8*day, 0),
	stale("VaultwardenBackupStale", "vaultwarden", 8*day, 0),
	stale("RedisBackupStale", "redis", 8*day, 0),
	stale("WeeklyBackupStale", "weekly", 8*day, 0),
	stale("PfsenseBackupStale", "pfsense", 8*day, 0),
	stale("OffsiteBackupSyncStale", "offsite", 8*day, 0),
	stale("OffsiteBackupSyncStale", "nfs", 8*day, 0),
	stale("OffsiteBackupSyncStale", "nfs_ssd", 8*day, 0),
	stale("LVMSnapshotStale", "snapshots", 30*hour, 30*time.Minute),
	{alert: "LVMSnapshotNeverRun", about: `layer="snapshots"`, wait: 48 * hour},
	failing("LVMSnapshotFailing", "snapshots"),
	failing("WeeklyBackupFailing", "weekly"),
	failing("OffsiteBackupSyncFailing", "offsite"),
	{"LVMThinPoolLow", `resource="data",pool="pve/data"`, []string{`bkplan_pool_data_used_ratio{pool="pve/data"} 0.851`}, 0, 15 * time.Minute},
	{"BackupDiskFull", `destination="sda"`, []string{
		`bkplan_destination_size_bytes{destination="sda"} 1000`, `bkplan_destination_free_bytes{destination="sda"} 149`,
	}, 0, 15 * time.Minute},
	{"VaultwardenIntegrityFail", ofVaultwarden, []string{`bkplan_layer_integrity_ok{layer="vaultwarden"} 0`}, 0, 0},
	{"VaultwardenIntegrityFail", ofVaultwarden, []string{`vaultwarden_sqlite_integrity_ok 0`}, 0, 0},
}

// calm are series about which nothing is said: alerts by name.
var calm = map[string][]string{
	"LVMThinPoolLow":           {`bkplan_pool_data_used_ratio{pool="pve/data"} 0.849`, `bkplan_pool_metadata_used_ratio{pool="pve/data"} 0.849`},
	"BackupDiskFull":           {`bkplan_destination_size_bytes{destination="sda"} 1000`, `bkplan_destination_free_bytes{destination="sda"} 151`},
	"LVMSnapshotFailing":       {`bkplan_layer_last_run_success{layer="snapshots"} 1`, `bkplan_layer_last_run_success{layer="weekly"} 0`},
	"VaultwardenIntegrityFail": {`vaultwarden_sqlite_integrity_ok 1`, `bkplan_layer_integrity_ok{layer="vaultwarden"} 1`},
	"LVMSnapshotStale":         {`bkplan_layer_last_success_timestamp_seconds{layer="weekly"} -9999999`},
}

// TestHomelabPromises holds the rules of the example against the homelab's own table
// of alerts, to the minute: just before, nothing is said; then the alert fires.
func TestHomelabPromises(t *testing.T) {
	monitoring.Require(t, "promtool")
	const header = "rule_files: [bkplan.yml]\nevaluation_interval: %s\ntests:\n"
	var tests, long strings.Builder
	fmt.Fprintf(&tests, header, "1m")
	fmt.Fprintf(&long, header, "30m") // two days by minutes take promtool as long as all the rest
	for _, p := range promises {
		if p.wait > hour {
			p.write(&long)
			continue
		}
		p.write(&tests)
	}
	for name, series := range calm {
		begin(&tests, series, hour)
		look(&tests, name, "", hour, 0)
	}
	dir := install(t, load(t, examplePolicy))
	write(t, dir, "promises.yml", []byte(tests.String()))
	write(t, dir, "long.yml", []byte(long.String()))
	mustPass(t, dir, "test", "rules", "promises.yml", "long.yml")
}

// write adds the test of one promise. The clock of a test begins at 0, so that an old
// success has a time before that.
func (p promise) write(out *strings.Builder) {
	var series []string
	fires := p.wait
	for _, s := range p.series {
		if p.limit > 0 {
			fires = p.wait + 2*time.Minute
			s = fmt.Sprintf(s, -(p.limit-time.Minute)/time.Second)
		}
		series = append(series, s)
	}
	begin(out, series, fires+10*time.Minute)
	if fires > 0 {
		look(out, p.alert, p.about, fires-time.Minute, 0)
	}
	look(out, p.alert, p.about, fires, 1)
}

func begin(out *strings.Builder, series []string, end time.Duration) {
	out.WriteString("  - interval: 1m\n    input_series:\n")
	for _, s := range series {
		name, value, _ := strings.Cut(s, " ")
		fmt.Fprintf(out, "      - {series: '%s', values: '%s+0x%d'}\n", name, value, end/time.Minute)
	}
	out.WriteString("    promql_expr_test:\n")
}

// look wants so many alerts to fire at a time.
func look(out *strings.Builder, name, about string, at time.Duration, firing int) {
	fmt.Fprintf(out, "      - expr: 'count(ALERTS{alertname=%q,alertstate=\"firing\",%s})'\n        eval_time: %dm\n", name, about, at/time.Minute)
	if firing > 0 {
		fmt.Fprintf(out, "        exp_samples: [{labels: '{}', value: %d}]\n", firing)
	}
}
