package cli

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/quantity"
	"github.com/bkplan/bkplan/internal/retention"
	"github.com/bkplan/bkplan/internal/view"
)

type retentionOptions struct {
	rules     retention.Rules
	now, zone string
	json      bool
}

func newRetention(app *App) *cobra.Command {
	var o retentionOptions
	cmd := &cobra.Command{
		Use:   "retention [FILE|-]",
		Short: "Say which versions a retention rule keeps, and why",
		Long: `Read the times of versions, one RFC 3339 time a line, from a file or standard
input, and say of each whether it stays and why, newest first. So a rule can be
tried before it stands in a policy.

  printf '2026-11-%02dT03:00:00Z\n' $(seq 1 20) | bkplan retention --keep-within 7d

Spans count back from the newest version, so a host that slept loses nothing.
With --now, a version in the future stops all pruning, as it does in a plan.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return app.retention(append(args, "-")[0], o)
		},
	}
	o.flags(cmd)
	return exitCodes(cmd, "printed", "")
}

func (o *retentionOptions) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	counts := []struct {
		name string
		n    *int
		what string
	}{
		{"last", &o.rules.Last, "newest versions"},
		{"hourly", &o.rules.Hourly, "newest hours that have a version"},
		{"daily", &o.rules.Daily, "newest days that have a version"},
		{"weekly", &o.rules.Weekly, "newest ISO weeks that have a version"},
		{"monthly", &o.rules.Monthly, "newest months that have a version"},
		{"yearly", &o.rules.Yearly, "newest years that have a version"},
	}
	for _, c := range counts {
		flags.Var((*countFlag)(c.n), "keep-"+c.name, "keep the `N` "+c.what)
	}
	spans := []struct {
		name string
		d    *quantity.Duration
		what string
	}{
		{"within", &o.rules.Within, "every version"},
		{"within-hourly", &o.rules.WithinHourly, "one version an hour"},
		{"within-daily", &o.rules.WithinDaily, "one version a day"},
		{"within-weekly", &o.rules.WithinWeekly, "one version a week"},
		{"within-monthly", &o.rules.WithinMonthly, "one version a month"},
		{"within-yearly", &o.rules.WithinYearly, "one version a year"},
	}
	for _, s := range spans {
		flags.Var((*spanFlag)(s.d), "keep-"+s.name, "keep "+s.what+" within a `span` such as 7d of the newest")
	}
	flags.StringVar(&o.now, "now", "", "`time` at which the rule is tried (default: that of the newest version)")
	flags.StringVar(&o.zone, "timezone", "UTC", "time `zone` of days and weeks, such as Europe/Sofia")
	flags.BoolVar(&o.json, "json", false, "print JSON (schema: retention)")
}

// countFlag is a number of versions to keep, 1 or more, as in the policy.
type countFlag int

func (c *countFlag) Type() string { return "N" }
func (c *countFlag) String() string {
	if *c == 0 {
		return ""
	}
	return fmt.Sprint(int(*c))
}

func (c *countFlag) Set(text string) error {
	var n int
	if _, err := fmt.Sscanf(text+"\n", "%d\n", &n); err != nil || n < 0 || fmt.Sprint(n) != text {
		return fmt.Errorf("%q is not a number of versions, 0 or more", text)
	}
	*c = countFlag(n)
	return nil
}

// spanFlag is a duration of the policy language.
type spanFlag quantity.Duration

func (s *spanFlag) Type() string   { return "span" }
func (s *spanFlag) String() string { return quantity.Duration(*s).String() }

func (s *spanFlag) Set(text string) error {
	d, err := quantity.ParseDuration(text)
	*s = spanFlag(d)
	return err
}

// versionKept is one line of the answer.
type versionKept struct {
	Text    string    `json:"time"` // as it was read
	Time    time.Time `json:"-"`
	Keep    bool      `json:"keep"`
	Reasons []string  `json:"reasons"`
}

func (a *App) retention(path string, o retentionOptions) error {
	zone, err := plan.ParseZone(o.zone)
	if err != nil {
		return err
	}
	versions, err := a.readVersions(path)
	if err != nil {
		return err
	}
	kept, err := o.decide(versions, zone.Location())
	if err != nil {
		return err
	}
	if o.json {
		return view.JSON(a.Stdout, map[string][]versionKept{"versions": kept})
	}
	for _, v := range kept {
		word := "remove"
		if v.Keep {
			word = "keep  "
		}
		fmt.Fprintf(a.Stdout, "%s  %s  %s\n", word, v.Time.In(zone.Location()).Format("Mon 2006-01-02 15:04:05 -07:00"), strings.Join(v.Reasons, "; "))
	}
	return nil
}

func (o retentionOptions) decide(versions []retention.Version, zone *time.Location) ([]versionKept, error) {
	rules, future := o.rules, ""
	if o.now != "" {
		now, err := parseTime(o.now, zone)
		if err != nil {
			return nil, err
		}
		for _, v := range versions {
			if plan.InFuture(v.Time, now) {
				rules = retention.Rules{}
				future = "a version lies in the future, so the clock cannot be right: nothing is pruned"
			}
		}
	}
	kept := []versionKept{}
	for _, d := range retention.Select(versions, rules, time.Time{}, zone) {
		v := versionKept{Text: d.Version.ID[lineDigits:], Time: d.Version.Time, Keep: d.Keep}
		for _, r := range d.Reasons {
			v.Reasons = append(v.Reasons, strings.TrimPrefix(r.Rule+": "+r.Detail, ": "))
		}
		if future != "" {
			v.Reasons = []string{future}
		}
		kept = append(kept, v)
	}
	return kept, nil
}

func (a *App) readVersions(path string) ([]retention.Version, error) {
	input := a.Stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("read versions: %w", err)
		}
		defer file.Close()
		input = file
	}
	return parseVersions(input)
}

// lineDigits begin a version's ID, the number of its line; its text follows.
const lineDigits = 9

func parseVersions(r io.Reader) ([]retention.Version, error) {
	var versions []retention.Version
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" {
			continue
		}
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return nil, fail("write one time a line, as 2026-11-24T03:00:00+02:00", "line %d: %q is no RFC 3339 time", n, text)
		}
		versions = append(versions, retention.Version{Time: t, ID: fmt.Sprintf("%0*d%s", lineDigits, n, text)})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read versions: %w", err)
	}
	return versions, nil
}
