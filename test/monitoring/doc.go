// Package monitoring holds no code: its tests run a real Pushgateway and a real
// Prometheus on loopback, with the rules that bkplan makes of a policy.
package monitoring
