package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/policy"
)

// policyOptions say which policy, and with which variables.
type policyOptions struct {
	path     string
	vars     []string
	varFiles []string
}

func (o *policyOptions) flags(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&o.path, "file", "f", "", "policy: a file, or a folder of *.hcl")
	cmd.Flags().StringArrayVar(&o.vars, "var", nil, "set a variable, `name=value`; repeatable")
	cmd.Flags().StringArrayVar(&o.varFiles, "var-file", nil, "set variables from a `file`; repeatable")
}

// defaultPolicies are tried in order.
var defaultPolicies = []string{"bkplan.hcl", "/etc/bkplan/bkplan.hcl"}

func (a *App) policyPath(o policyOptions) (string, error) {
	if o.path != "" {
		return o.path, nil
	}
	if path := a.getenv("BKPLAN_POLICY"); path != "" {
		return path, nil
	}
	for _, path := range defaultPolicies {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return path, nil
		}
	}
	return "", fail("name one with -f FILE or $BKPLAN_POLICY; examples/homelab.hcl is one to start from",
		"there is no policy: none of %s exists", strings.Join(defaultPolicies, ", "))
}

// load reads the policy, or says all that is wrong with it.
func (a *App) load(o policyOptions) (plan.Policy, error) {
	p, diagnostics, err := a.diagnose(o)
	if err != nil {
		return plan.Policy{}, err
	}
	if len(diagnostics) > 0 {
		fmt.Fprint(a.Stderr, diagnostics.Text(width(a.Stderr)))
	}
	if diagnostics.HasErrors() {
		return plan.Policy{}, errShown
	}
	return p, nil
}

func (a *App) diagnose(o policyOptions) (plan.Policy, policy.Diagnostics, error) {
	path, err := a.policyPath(o)
	if err != nil {
		return plan.Policy{}, nil, err
	}
	vars := map[string]string{}
	for _, assignment := range o.vars {
		name, value, found := strings.Cut(assignment, "=")
		if !found || name == "" {
			return plan.Policy{}, nil, fail("write --var name=value", "variable %q has no value", assignment)
		}
		vars[name] = value
	}
	p, diagnostics := policy.Load(path, policy.Options{
		Version: releaseVersion(), Vars: vars, VarFiles: o.varFiles, Environ: a.Environ,
	})
	return p, diagnostics, nil
}

// timeLayouts are the forms in which a person gives an instant; those without
// a zone are in the policy's.
var timeLayouts = []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02"}

func parseTime(text string, zone *time.Location) (time.Time, error) {
	for _, layout := range timeLayouts {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fail("write 2026-11-24T03:00:00+02:00 or \"2026-11-24 03:00\"", "%q is no time", text)
}
