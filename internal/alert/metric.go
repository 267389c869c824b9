package alert

// The metrics that rules and dashboard are about; docs/metrics.md explains them.
const (
	BuildInfo  = "bkplan_build_info"
	LastRun    = "bkplan_last_run_timestamp_seconds"
	RunSuccess = "bkplan_last_run_success"

	LayerLastSuccess     = "bkplan_layer_last_success_timestamp_seconds"
	LayerLastRun         = "bkplan_layer_last_run_timestamp_seconds"
	LayerLastRunSuccess  = "bkplan_layer_last_run_success"
	LayerLastRunDuration = "bkplan_layer_last_run_duration_seconds"
	LayerVolumes         = "bkplan_layer_volumes"
	LayerVersions        = "bkplan_layer_versions"
	LayerBlocked         = "bkplan_layer_blocked_actions"
	LayerSuspect         = "bkplan_layer_suspect_versions"
	LayerLastDrill       = "bkplan_layer_last_drill_timestamp_seconds"
	LayerLastDrillGood   = "bkplan_layer_last_drill_success"
	// LayerIntegrity is 1 while the live databases of a Vaultwarden are sound. It
	// comes with layers of that kind.
	LayerIntegrity = "bkplan_layer_integrity_ok"
	// OldIntegrity is what the script says that checked them before bkplan.
	OldIntegrity = "vaultwarden_sqlite_integrity_ok"

	VolumeLastSuccess = "bkplan_volume_last_success_timestamp_seconds"
	VolumeVersions    = "bkplan_volume_versions"
	VolumeFiles       = "bkplan_volume_files"
	VolumeBytes       = "bkplan_volume_bytes"

	PoolDataUsed     = "bkplan_pool_data_used_ratio"
	PoolMetadataUsed = "bkplan_pool_metadata_used_ratio"
	PoolObserved     = "bkplan_pool_observed"

	DestinationSize       = "bkplan_destination_size_bytes"
	DestinationFree       = "bkplan_destination_free_bytes"
	DestinationInodes     = "bkplan_destination_inodes"
	DestinationFreeInodes = "bkplan_destination_free_inodes"
	DestinationFull       = "bkplan_destination_full_timestamp_seconds"
	DestinationObserved   = "bkplan_destination_observed"

	Drift = "bkplan_drift"
)
