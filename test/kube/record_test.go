package kube

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	v1 "k8s.io/api/core/v1"
)

var update = flag.Bool("update", false, "record the API's answers for the provider's own tests")

// TestRecord writes what a real API says about a small cluster. Run it alone
// (-run TestRecord -update): other tests' objects would be in the answers.
func TestRecord(t *testing.T) {
	if !*update {
		t.Skip("records only with -update")
	}
	createNamespace(t, "dbaas")
	createNamespace(t, "vaultwarden")
	pvc := func(n string) string { return "vm-9999-pvc-" + n + "-0c5e-4d5b-9a77-0d6f3a0f8a11" }
	createVolume(t, "pvc-1a000000", proxmox("homelab/pve/local-lvm/"+pvc("1a000000")), claimRef("vaultwarden", "vaultwarden-data"), v1.VolumeBound)
	createVolume(t, "pvc-2b000000", proxmox("local-lvm:"+pvc("2b000000")), claimRef("dbaas", "data-postgresql-0"), v1.VolumeBound)
	createVolume(t, "pvc-3c000000", proxmox("homelab/pve/local-lvm/"+pvc("3c000000")), claimRef("dbaas", "retired"), v1.VolumeReleased)
	createVolume(t, "pvc-4d000000", proxmox("homelab/pve/local-lvm/"+pvc("4d000000")), nil, v1.VolumeAvailable)
	createVolume(t, "media", v1.PersistentVolumeSource{NFS: &v1.NFSVolumeSource{Server: "192.168.1.127", Path: "/srv/nfs/media"}}, nil, v1.VolumeFailed)
	createClaim(t, "vaultwarden", "vaultwarden-data", "pvc-1a000000", v1.ClaimBound)
	createClaim(t, "dbaas", "data-postgresql-0", "pvc-2b000000", v1.ClaimBound)
	createClaim(t, "dbaas", "waiting", "", v1.ClaimPending)

	record(t, "namespaces.json", adminToken, "/api/v1/namespaces")
	record(t, "claims.json", adminToken, "/api/v1/persistentvolumeclaims")
	first := record(t, "volumes-1.json", adminToken, "/api/v1/persistentvolumes?limit=3")
	next := "/api/v1/persistentvolumes?limit=3&continue=" + url.QueryEscape(continueToken(t, first))
	record(t, "volumes-2.json", adminToken, next)
	forget(t)
	record(t, "expired.json", adminToken, next)
	record(t, "unauthorized.json", "wrong-token", "/api/v1/namespaces")
	record(t, "forbidden-namespaces.json", strangerToken, "/api/v1/namespaces")
	record(t, "forbidden-volumes.json", strangerToken, "/api/v1/persistentvolumes")
	record(t, "forbidden-claims.json", strangerToken, "/api/v1/persistentvolumeclaims")
}

// record keeps the body of an answer, whatever its status, and returns it.
func record(t *testing.T, name, token, path string) []byte {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, cluster.Server+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Accept", "application/json")
	roots := x509.NewCertPool()
	roots.AddCert(cluster.Authority.certificate)
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, body, "", "  "); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("..", "..", "internal", "providers", "kube", "testdata", name)
	if err := os.WriteFile(file, append(bytes.TrimSpace(pretty.Bytes()), '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
	return body
}

func continueToken(t *testing.T, page []byte) string {
	t.Helper()
	var list struct {
		Metadata struct {
			Continue string `json:"continue"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(page, &list); err != nil {
		t.Fatal(err)
	}
	return list.Metadata.Continue
}
