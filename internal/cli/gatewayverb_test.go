package cli_test

import (
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bkplan/bkplan/test/monitoring"
)

// gateway starts a Pushgateway that knows nothing; its URL is the policy's variable
// gateway from here on.
func verbGateway(ts *testscript.TestScript, _ bool, _ []string) {
	url, stop, err := monitoring.Start()
	ts.Check(err)
	ts.Defer(stop)
	ts.Setenv("BKPLAN_VAR_gateway", url)
}

// scrape FILE writes what Prometheus would read of the gateway, instances left out.
func verbScrape(ts *testscript.TestScript, _ bool, args []string) {
	response, err := http.Get(ts.Getenv("BKPLAN_VAR_gateway") + "/metrics")
	ts.Check(err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	ts.Check(err)
	ours := strings.NewReplacer(`instance="pve",job="bkplan",`, "", `{instance="pve",job="bkplan"}`, "").Replace(string(text))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(ours), 0o600))
}
