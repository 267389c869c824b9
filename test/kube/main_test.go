package kube

import (
	"fmt"
	"os"
	"runtime"
	"testing"
)

// cluster is the one that all tests share. A test tells its objects from
// those of others by their names.
var cluster *Cluster

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	binary := os.Getenv("BKPLAN_KUBE_APISERVER")
	if binary == "" {
		const why = "BKPLAN_KUBE_APISERVER is not set: BKPLAN_KUBE_APISERVER=$(./build) go test ./..."
		if os.Getenv("BKPLAN_KUBE") == "1" {
			fmt.Fprintln(os.Stderr, "FAIL: BKPLAN_KUBE=1, but", why)
			return 1
		}
		fmt.Fprintln(os.Stderr, "SKIP: all tests of a real Kubernetes API:", why)
		return 0
	}
	// The servers die with the thread that started them, should the tests
	// end without stopping them.
	runtime.LockOSThread()
	dir, err := os.MkdirTemp("", "bkplan-kube-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	cluster, err = StartCluster(binary, dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, "start cluster:", err)
		return 1
	}
	defer cluster.Stop()
	return m.Run()
}
