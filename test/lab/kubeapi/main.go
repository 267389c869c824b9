// Command kubeapi is the lab's Kubernetes API: the three lists that bkplan asks
// for, read-only, on loopback, without TLS or authentication.
//
// It answers from one JSON file (see cluster), which it reads anew for each
// request, so that a scenario may change the cluster at any time. Start at main;
// list is the only handler.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func main() {
	address := flag.String("listen", "127.0.0.1:8001", "where to serve; loopback only")
	file := flag.String("cluster", "cluster.json", "the cluster's volumes and namespaces")
	flag.Parse()
	log.Fatal(http.ListenAndServe(*address, newHandler(*file)))
}

func newHandler(file string) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /api/v1/namespaces", list(file, cluster.namespaceList))
	mux.Handle("GET /api/v1/persistentvolumes", list(file, cluster.volumeList))
	mux.Handle("GET /api/v1/persistentvolumeclaims", list(file, cluster.claimList))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, metav1.StatusReasonNotFound, "the lab does not serve "+r.URL.Path)
	})
	return mux
}

// list serves one list of the cluster, in pages where the client asks for a limit.
func list(file string, build func(cluster, page) any) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		wanted, err := parsePage(r.URL.Query().Get("limit"), r.URL.Query().Get("continue"))
		if err != nil {
			refuse(w, http.StatusBadRequest, metav1.StatusReasonBadRequest, err.Error())
			return
		}
		world, err := readCluster(file)
		if err != nil {
			refuse(w, http.StatusInternalServerError, metav1.StatusReasonInternalError, err.Error())
			return
		}
		answer(w, http.StatusOK, build(world, wanted))
	})
}

func readCluster(file string) (cluster, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return cluster{}, fmt.Errorf("read cluster: %w", err)
	}
	var world cluster
	if err := json.Unmarshal(data, &world); err != nil {
		return cluster{}, fmt.Errorf("decode cluster: %w", err)
	}
	return world, nil
}

// A page is the part of a list that one answer carries. A limit of zero means
// all that is left.
type page struct{ start, limit int }

func parsePage(limit, token string) (page, error) {
	var wanted page
	var err error
	if limit != "" {
		if wanted.limit, err = strconv.Atoi(limit); err != nil || wanted.limit < 0 {
			return page{}, fmt.Errorf("parse limit: %q is not a count", limit)
		}
	}
	if token != "" {
		if wanted.start, err = strconv.Atoi(token); err != nil || wanted.start < 0 {
			return page{}, fmt.Errorf("parse continue: %q is not a token of this server", token)
		}
	}
	return wanted, nil
}

// cut returns the page of items and the metadata that says whether more follow.
func cut[T any](items []T, wanted page) ([]T, metav1.ListMeta) {
	meta := metav1.ListMeta{ResourceVersion: "1"}
	items = items[min(wanted.start, len(items)):]
	if wanted.limit > 0 && wanted.limit < len(items) {
		left := int64(len(items) - wanted.limit)
		meta.Continue = strconv.Itoa(wanted.start + wanted.limit)
		meta.RemainingItemCount = &left
		items = items[:wanted.limit]
	}
	return items, meta
}

func refuse(w http.ResponseWriter, code int, reason metav1.StatusReason, message string) {
	answer(w, code, metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
		Status:   metav1.StatusFailure,
		Message:  message,
		Reason:   reason,
		Code:     int32(code),
	})
}

func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		log.Print(err)
	}
}
