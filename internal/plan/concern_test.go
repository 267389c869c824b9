package plan

import (
	"slices"
	"testing"
)

// TestRunOfOneLayerFailsForItsOwnAlone: with a timer for each layer, a NAS that is
// away must not make the snapshots' run a failure.
func TestRunOfOneLayerFailsForItsOwnAlone(t *testing.T) {
	cluster := KubernetesSource{Kubeconfig: "/root/.kube/config"}
	disk, nas := Ref{"destination", DestinationDisk, "sda"}, Ref{"destination", DestinationSSH, "nas"}
	p := Policy{
		Sources: []Source{
			{Kind: SourceLVMThin, Name: "pvcs", LVMThin: &LVMThinSource{VolumeGroup: "pve", ThinPool: "data", Kubernetes: &cluster}},
			{Kind: SourceDirectory, Name: "nfs", Directory: &DirectorySource{Path: "/srv/nfs"}},
			{Kind: SourcePaths, Name: "host", Paths: []string{"/etc/pve", "/usr/local/bin"}},
		},
		Destinations: []Destination{{Kind: disk.Kind, Name: disk.Name, Path: "/mnt/backup"}, {Kind: nas.Kind, Name: nas.Name, Address: "nas", Path: "/volume1"}},
		Layers: []Layer{
			{Kind: LayerSnapshot, Name: "snapshots", From: Ref{"source", SourceLVMThin, "pvcs"}},
			{Kind: LayerFiles, Name: "weekly", From: Ref{"layer", LayerSnapshot, "snapshots"}, To: disk},
			{Kind: LayerSync, Name: "host", From: Ref{"source", SourcePaths, "host"}, To: disk},
			{Kind: LayerSync, Name: "offsite", From: disk, To: nas},
			{Kind: LayerSync, Name: "nfs", From: Ref{"source", SourceDirectory, "nfs"}, To: nas},
		},
	}
	const pool, names, tree, local, remote = "pool pve/data", "cluster of /root/.kube/config", "tree /srv/nfs", "disk /mnt/backup", "disk nas:/volume1"
	all := []string{pool, names, tree, "tree /etc/pve", "tree /usr/local/bin", local, remote, "pool other/pool"}
	for filter, want := range map[string][]string{
		"":          all,
		"snapshots": {pool, names},
		"weekly":    {pool, names, local},
		"host":      {"tree /etc/pve", "tree /usr/local/bin", local},
		"offsite":   {local, remote},
		"n*":        {tree, remote},
		"*":         all[:7],
	} {
		var o Observation
		for _, address := range all {
			o.Unknown = append(o.Unknown, Unknown{Address: address})
		}
		f := Filter{}
		if filter != "" {
			f.Layers = []string{filter}
		}
		var got []string
		for _, u := range o.Concerning(p, f).Unknown {
			got = append(got, u.Address)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", filter, got, want)
		}
		if len(o.Unknown) != len(all) {
			t.Error("the observation has changed")
		}
	}
}
