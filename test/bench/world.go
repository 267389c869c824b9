package main

import (
	"crypto/md5"
	"fmt"
	"os"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/planfile"
)

const policyText = `
policy "all" {
  max_age = "26h"
}
source "lvm_thin" "pvcs" {
  volume_group = "pve"
  thin_pool    = "data"
  match        = "vm-*-pvc-*"
  media        = "hdd"
  kubernetes { kubeconfig = "/root/.kube/config" }
}
exclude "dbaas" {
  namespaces = ["ns7"]
  layers     = [layer.snapshots]
  reason     = "dumps"
}
layer "snapshot" "snapshots" {
  from     = source.pvcs
  schedule = "*-*-* 03:00"
  retention { keep_within = "7d" }
}
`

// generate writes a policy and the observation of a pool with n volumes and
// eight nightly snapshots of each, half of them tagged by bkplan and half left
// by older scripts. All volumes are due, and one version of each goes.
func generate(policy, observation string, n int) error {
	if err := os.WriteFile(policy, []byte(policyText), 0o600); err != nil {
		return err
	}
	now := time.Date(2026, 11, 24, 3, 0, 5, 0, time.UTC)
	data, metadata := 41.5, 12.25
	pool := plan.Pool{
		VolumeGroup: "pve", VolumeGroupUUID: uuid("group"), Name: "data", UUID: uuid("pool"),
		Size: 100 << 40, MetadataSize: 15 << 30, DataPercent: &data, MetadataPercent: &metadata,
	}
	cluster := plan.Cluster{Kubeconfig: "/root/.kube/config", Server: "https://10.0.0.1:6443", Seen: now, Namespaces: []string{"kube-system"}}
	for i := range 50 {
		cluster.Namespaces = append(cluster.Namespaces, fmt.Sprintf("ns%d", i))
	}
	for i := range n {
		addVolume(&pool, &cluster, i, now)
	}
	return planfile.WriteObservation(observation, plan.Observation{
		Time: now, Host: "pve", Pools: []plan.Pool{pool}, Clusters: []plan.Cluster{cluster},
	})
}

func addVolume(pool *plan.Pool, cluster *plan.Cluster, i int, now time.Time) {
	lv := fmt.Sprintf("vm-9999-pvc-%s", uuid(fmt.Sprint("volume", i)))
	namespace, claim := fmt.Sprintf("ns%d", i%50), fmt.Sprintf("data-%05d", i)
	live := plan.LogicalVolume{
		Name: lv, UUID: uuid(lv), Size: 10 << 30, ThinID: int64(i * 9), Active: true, Open: true, Created: now.AddDate(0, -3, 0),
	}
	pool.Volumes = append(pool.Volumes, live)
	for day := 1; day <= 8; day++ {
		at := now.AddDate(0, 0, -day)
		snapshot := plan.LogicalVolume{
			Name: lv + "_snap_" + at.Format("20060102_1504"), Origin: lv, OriginUUID: live.UUID, Size: live.Size,
			ThinID: int64(i*9 + day), SkipActivation: true, Created: at,
		}
		snapshot.UUID = uuid(snapshot.Name)
		if day <= 4 {
			stamp := at.Format("20060102T150405Z")
			snapshot.Tags = []string{
				"bkplan.layer=snapshots", "bkplan.origin=" + lv, "bkplan.volume=" + namespace + "/" + claim,
				"bkplan.time=" + stamp, "bkplan.slot=" + stamp,
			}
		}
		pool.Volumes = append(pool.Volumes, snapshot)
	}
	cluster.Volumes = append(cluster.Volumes, plan.PersistentVolume{
		Name: "pvc-" + uuid(lv)[:8], Driver: "csi.proxmox.sinextra.dev", Handle: "homelab/pve/local-lvm/" + lv,
		Phase: "Bound", Namespace: namespace, Claim: claim, StorageClass: "proxmox-lvm", Bytes: live.Size,
	})
	cluster.Claims = append(cluster.Claims, plan.Claim{Namespace: namespace, Name: claim, Volume: "pvc-" + uuid(lv)[:8], Phase: "Bound"})
}

// uuid has the form and the uniqueness of one and is always the same for a
// seed.
func uuid(seed string) string {
	d := md5.Sum([]byte(seed))
	return fmt.Sprintf("%x-%x-%x-%x-%x", d[0:4], d[4:6], d[6:8], d[8:10], d[10:16])
}
