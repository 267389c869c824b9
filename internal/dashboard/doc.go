// Package dashboard makes a Grafana dashboard of bkplan's metrics. It is pure: of
// the policy it takes how old the copies of each layer may be. Start at Build; what
// Encode writes is imported in Grafana, which asks for the Prometheus.
package dashboard
