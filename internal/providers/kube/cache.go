package kube

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"github.com/bkplan/bkplan/internal/plan"
)

var (
	// ErrCache means that the last good answer is there but cannot be used. It must
	// never be taken for a cluster without volumes.
	ErrCache = errors.New("last good answer of the cluster cannot be used")
	// ErrOtherCluster means that the last good answer came from another server than
	// the one that the kubeconfig names now.
	ErrOtherCluster = errors.New("last good answer is of another cluster")
)

// cacheFormat numbers the file's form; a reader knows exactly one.
const cacheFormat = 1

type cacheFile struct {
	Format  int          `json:"format"`
	Cluster plan.Cluster `json:"cluster"`
}

// cachePath is where the answer of a cluster is kept below the state
// directory.
func cachePath(stateDir, kubeconfig, context string) string {
	sum := sha256.Sum256([]byte(kubeconfig + "\x00" + context))
	return filepath.Join(stateDir, "kube", fmt.Sprintf("%x.json", sum[:8]))
}

// Save keeps a live answer as the last good one, in place of the one before.
// A reader sees the old file or the new one, whole. Only what changes things
// may call it: observe and apply, not plan.
func Save(stateDir string, cluster plan.Cluster) error {
	data, err := json.MarshalIndent(cacheFile{Format: cacheFormat, Cluster: cluster}, "", "  ")
	if err != nil {
		return fmt.Errorf("encode last good answer: %w", err)
	}
	path := cachePath(stateDir, cluster.Kubeconfig, cluster.Context)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("keep last good answer: %w", err)
	}
	if err := renameio.WriteFile(path, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("keep last good answer: %w", err)
	}
	return nil
}

// Load gives the last good answer of the source's cluster, and false when
// there is none yet. Its Seen says how old it is. An answer that is damaged,
// of a newer format (ErrCache) or of another server (ErrOtherCluster) is an
// error, and so is a kubeconfig that does not tell the server (ErrCache).
func Load(stateDir string, source plan.KubernetesSource) (plan.Cluster, bool, error) {
	path := cachePath(stateDir, source.Kubeconfig, source.Context)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return plan.Cluster{}, false, nil
	}
	if err != nil {
		return plan.Cluster{}, false, fmt.Errorf("%w: %w", ErrCache, err)
	}
	cluster, err := decodeCache(data)
	if err != nil {
		return plan.Cluster{}, false, fmt.Errorf("%w: %s: %w; remove it and run observe while the API answers", ErrCache, path, err)
	}
	config, err := loadConfig(source)
	if err != nil {
		return plan.Cluster{}, false, fmt.Errorf("%w: %s: without the kubeconfig nobody knows whether it is of this cluster", ErrCache, path)
	}
	if server := serverOf(config); server != cluster.Server {
		return plan.Cluster{}, false, fmt.Errorf("%w: %s is from %s, %s names %s; correct the kubeconfig, or remove the file if that is right",
			ErrOtherCluster, path, cluster.Server, nameOf(source), server)
	}
	return cluster, true, nil
}

func decodeCache(data []byte) (plan.Cluster, error) {
	var head struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return plan.Cluster{}, fmt.Errorf("damaged: %w", err)
	}
	if head.Format != cacheFormat {
		return plan.Cluster{}, fmt.Errorf("format %d, this version reads %d", head.Format, cacheFormat)
	}
	var file cacheFile
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&file); err != nil {
		return plan.Cluster{}, fmt.Errorf("damaged: %w", err)
	}
	if c := file.Cluster; c.Seen.IsZero() || c.Server == "" || len(c.Namespaces) == 0 {
		return plan.Cluster{}, errors.New("damaged: it lacks the server, the time or the namespaces")
	}
	return file.Cluster, nil
}
