package ssh

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/bkplan/bkplan/internal/execx"
	machines "github.com/bkplan/bkplan/test/nas"
)

const (
	keeper   = machines.Keeper
	keeperID = machines.KeeperID
)

// nas is a machine that ends with its test.
type nas struct {
	*machines.NAS
	t        *testing.T
	share    string // the path of the destination
	user     string
	address  string
	identity string
	inside   string // the command that runs ssh elsewhere; empty is here
}

// newNAS starts it for whoever runs the tests.
func newNAS(t *testing.T) *nas { t.Helper(); return startNAS(t, "") }

// newKeptNAS starts it for a user who is not root.
func newKeptNAS(t *testing.T) *nas { t.Helper(); return startNAS(t, keeper) }

func startNAS(t *testing.T, name string) *nas {
	t.Helper()
	if missing := machines.Missing(name); missing != "" {
		t.Skip(missing)
	}
	t.Parallel()
	m, err := machines.Start(openFolder(t), name)
	t.Cleanup(func() { _ = m.Close() }) // the test has its result
	if err != nil {
		t.Fatal(err)
	}
	return &nas{NAS: m, t: t, share: m.Share, user: m.User, address: m.Address, identity: m.Identity}
}

// openFolder is a folder that every user may enter.
func openFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "nas")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	return folder
}

func (n *nas) check(err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatal(err)
	}
}

func (n *nas) at(name string) string { return n.At(name) }

func (n *nas) write(name, content string, mode os.FileMode) {
	n.t.Helper()
	n.check(os.WriteFile(n.At(name), []byte(content), mode))
}

func (n *nas) read(name string) string {
	n.t.Helper()
	content, err := os.ReadFile(n.At(name))
	n.check(err)
	return string(content)
}

func (n *nas) dash()                       { n.t.Helper(); n.check(n.Dash()) }
func (n *nas) replace(name, script string) { n.t.Helper(); n.check(n.Replace(name, script)) }
func (n *nas) newKey(name string) string   { n.t.Helper(); n.check(n.NewKey(name)); return n.At(name) }

// knowHost makes ssh know the machine, where it is now, by a public key.
func (n *nas) knowHost(public string) {
	n.t.Helper()
	n.Address, n.Inside = n.address, n.inside
	n.check(n.Know(public))
}

// Run makes a NAS the Runner by which it is reached.
func (n *nas) Run(ctx context.Context, c execx.Command) (execx.Output, error) {
	c.Env = append(c.Env, "PATH="+n.at("bin")+":/usr/bin:/bin")
	output, err := execx.New().Run(ctx, c)
	if failure := (*execx.Error)(nil); testing.Verbose() && errors.As(err, &failure) {
		n.t.Logf("%q: %s", failure.Argv, failure.Stderr)
	}
	return output, err
}
