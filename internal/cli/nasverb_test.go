package cli_test

import (
	"os"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bkplan/bkplan/test/nas"
)

// machines are those that scripts have started, by the script's folder.
var machines sync.Map

// nas start: from here on ssh knows a machine "nas", which needs [nas]. It lies in the
// folder nas, and the destination in it is nas/volume1/Back up. More of what can
// become of it is in nasFates.
func verbNAS(ts *testscript.TestScript, _ bool, args []string) {
	if args[0] == "start" {
		startNAS(ts)
		return
	}
	machine, started := machines.Load(ts.MkAbs("."))
	fate, known := nasFates[args[0]]
	if !started || !known {
		ts.Fatalf("nas %q: no such thing, or not started", args)
	}
	ts.Check(fate(machine.(*nas.NAS), append(args[1:], "")[0]))
}

// nasFates are what can become of a NAS, with the word that follows.
var nasFates = map[string]func(n *nas.NAS, word string) error{
	"away":     func(n *nas.NAS, _ string) error { return n.Close() },
	"back":     func(n *nas.NAS, _ string) error { return n.Listen() },
	"greets":   (*nas.NAS).Greet,  // with a text; without one not any more
	"lacks":    (*nas.NAS).Remove, // a program
	"has":      (*nas.NAS).Restore,
	"new-key":  (*nas.NAS).NewKey, // of its folder, that nobody knows
	"is-known": func(n *nas.NAS, key string) error { return n.Know(key + ".pub") },
	"unknown":  func(n *nas.NAS, _ string) error { return n.Know("") },
	"lets-in":  func(n *nas.NAS, key string) error { return n.Accept(key + ".pub") },
	"clock":    func(n *nas.NAS, at string) error { return n.Replace("date", "exec /bin/date -d '"+at+"' \"$@\"") },
}

func startNAS(ts *testscript.TestScript) {
	folder := ts.MkAbs("nas")
	ts.Check(os.MkdirAll(folder, 0o755))
	machine, err := nas.Start(folder, "")
	ts.Defer(func() {
		machines.Delete(ts.MkAbs("."))
		_ = machine.Close() // the script has its result
	})
	ts.Check(err)
	machines.Store(ts.MkAbs("."), machine)
	ts.Check(os.Symlink(machine.At("bin/ssh"), ts.MkAbs(".bin/ssh")))
	ts.Check(nasFates["clock"](machine, ts.Getenv("BKPLAN_TEST_NOW")))
}

// now TIME is what time it is from here on, over there too.
func verbNow(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv("BKPLAN_TEST_NOW", args[0])
	if machine, started := machines.Load(ts.MkAbs(".")); started {
		ts.Check(nasFates["clock"](machine.(*nas.NAS), args[0]))
	}
}
