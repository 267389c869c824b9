package cli_test

import (
	"os"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bkplan/bkplan/test/pmxcfs"
)

// daemons are those of the mounts that scripts have made, by where they are.
var daemons sync.Map

// pmxcfs DIR AT [FILE] shows DIR at another place as Proxmox shows /etc/pve; that
// needs [fuse]. After the first time that FILE is closed, the mount hangs.
func verbPmxcfs(ts *testscript.TestScript, _ bool, args []string) {
	m := pmxcfs.Mount{Content: ts.MkAbs(args[0]), At: ts.MkAbs(args[1])}
	if len(args) > 2 {
		m.StopAfter = args[2]
	}
	if before, mounted := daemons.LoadAndDelete(m.At); mounted {
		ts.Check(before.(*pmxcfs.Daemon).Close())
	}
	ts.Check(os.MkdirAll(m.At, 0o700))
	daemon, err := m.Start()
	ts.Check(err)
	daemons.Store(m.At, daemon)
	ts.Defer(func() {
		if _, mounted := daemons.LoadAndDelete(m.At); mounted {
			_ = daemon.Close() // the script has its result
		}
	})
}

// hang AT makes such a mount hang, and continue AT lets it answer.
func verbHang(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(daemonAt(ts, args[0]).Stop())
}

func verbContinue(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(daemonAt(ts, args[0]).Continue())
}

func daemonAt(ts *testscript.TestScript, at string) *pmxcfs.Daemon {
	daemon, mounted := daemons.Load(ts.MkAbs(at))
	if !mounted {
		ts.Fatalf("nothing is mounted at %s", at)
	}
	return daemon.(*pmxcfs.Daemon)
}
