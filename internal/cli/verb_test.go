package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/bkplan/bkplan/internal/planfile"
	"github.com/bkplan/bkplan/schema"
)

type verb = func(ts *testscript.TestScript, neg bool, args []string)

// verbs are what scripts can say beside testscript's own words.
var verbs = map[string]verb{
	"pool":        verbPool,
	"observation": verbObservation,
	"schema":      verbSchema,
	"mode":        verbMode,
	"await":       verbAwait,
	"replace":     verbReplace,
	"cut":         verbCut,
	"broken-pipe": verbBrokenPipe,
	"tmpfs":       verbTmpfs,
	"fill":        verbFill,
	"listed":      verbListed,
	"exitcode":    verbExitCode,
	"linked":      verbLinked,
	"terminal":    verbTerminal,
	"expand":      verbExpand,
	"same":        verbSame,
	"hostile":     verbHostile,
	"copied":      verbCopied,
	"database":    verbDatabase,
	"rows":        verbRows,
	"damage":      verbDamage,
	"bind":        verbBind,
	"pmxcfs":      verbPmxcfs,
	"hang":        verbHang,
	"continue":    verbContinue,
	"nas":         verbNAS,
	"now":         verbNow,
	"journal":     verbJournal,
	"journaled":   verbJournaled,
	"past-runs":   verbPastRuns,
	"gateway":     verbGateway,
	"scrape":      verbScrape,
}

// pool: from here on there is LVM, with the pool of newPool.
func verbPool(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(savePool(ts.Getenv("POOL"), newPool()))
	for _, name := range []string{"vgs", "lvs", "lvcreate", "lvremove"} {
		program, err := findProgram("bkplan")
		ts.Check(err)
		ts.Check(os.Symlink(filepath.Join(filepath.Dir(program), name), ts.MkAbs("lvm/"+name)))
	}
}

// observation FILE writes the observation of newWorld.
func verbObservation(ts *testscript.TestScript, _ bool, args []string) {
	var text bytes.Buffer
	ts.Check(planfile.EncodeObservation(&text, newWorld()))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), text.Bytes(), 0o600))
}

// schema NAME FILE holds JSON against a schema.
func verbSchema(ts *testscript.TestScript, neg bool, args []string) {
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	for _, name := range schema.Names() {
		text, _ := schema.Get(name)
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		ts.Check(err)
		ts.Check(compiler.AddResource(schema.ID(name), document))
	}
	compiled, err := compiler.Compile(schema.ID(args[0]))
	ts.Check(err)
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(ts.ReadFile(args[1])))
	ts.Check(err)
	if err := compiled.Validate(value); (err == nil) == neg {
		ts.Fatalf("%s against schema %s: %v", args[1], args[0], err)
	}
}

// mode PERM PATH.
func verbMode(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[0] {
		ts.Fatalf("%s has mode %s", args[1], got)
	}
}

// await FILE TEXT waits until a file has a text: what runs in the background
// has come so far.
func verbAwait(ts *testscript.TestScript, _ bool, args []string) {
	for range 1000 {
		if text, err := os.ReadFile(ts.MkAbs(args[0])); err == nil && strings.Contains(string(text), args[1]) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Fatalf("%s has no %q after 10 s", args[0], args[1])
}

// replace FILE OLD NEW replaces a text that must be there.
func verbReplace(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s has no %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Replace(text, args[1], args[2], 1)), 0o600))
}

// cut FILE TEXT cuts a file off in the middle of a text that must be there.
func verbCut(ts *testscript.TestScript, _ bool, args []string) {
	before, _, found := strings.Cut(ts.ReadFile(args[0]), args[1])
	if !found {
		ts.Fatalf("%s has no %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(before+args[1][:len(args[1])/2]), 0o600))
}

// broken-pipe PROGRAM ARG… runs a program whose stdout nobody reads, and shows
// its stderr. Its end is shown on stdout.
func verbBrokenPipe(ts *testscript.TestScript, _ bool, args []string) {
	reader, writer, err := os.Pipe()
	ts.Check(err)
	ts.Check(reader.Close())
	defer writer.Close()
	cmd := command(ts, args)
	cmd.Stdout, cmd.Stderr = writer, ts.Stderr()
	fmt.Fprintln(ts.Stdout(), "end:", cmd.Run())
}

// command is a program of the script, without streams.
func command(ts *testscript.TestScript, args []string) *exec.Cmd {
	cmd := exec.Command(ts.MkAbs(".bin/"+args[0]), args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "POOL", "BKPLAN_TEST_NOW", "BKPLAN_TEST_HOST", "BKPLAN_TEST_JOURNAL", "LVM_FAIL", "TERM", "NO_COLOR"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	return cmd
}

// tmpfs DIR SIZE mounts a small file system; that needs [root].
func verbTmpfs(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o700))
	ts.Check(syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+args[1]))
	ts.Defer(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
}

// fill FILE writes until the file system is full.
func verbFill(ts *testscript.TestScript, _ bool, args []string) {
	file, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	defer file.Close()
	for _, size := range []int{4096, 1} {
		for err = nil; err == nil; {
			_, err = file.Write(make([]byte, size))
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		ts.Fatalf("fill %s: %v", args[0], err)
	}
}

// listed DIR NAME… says that a folder has just these files, at any depth.
func verbListed(ts *testscript.TestScript, _ bool, args []string) {
	var names []string
	root := ts.MkAbs(args[0])
	ts.Check(filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			name, relErr := filepath.Rel(root, path)
			names, err = append(names, name), relErr
		}
		return err
	}))
	if got, want := strings.Join(names, " "), strings.Join(args[1:], " "); got != want {
		ts.Fatalf("%s has %q, want %q", args[0], got, want)
	}
}

// exitcode N PROGRAM ARG… runs a program that must end with just this code:
// `! exec` lets any but 0 pass.
func verbExitCode(ts *testscript.TestScript, _ bool, args []string) {
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit := (*exec.ExitError)(nil)
		if !errors.As(err, &exit) {
			ts.Check(err)
		}
		got = exit.ExitCode()
	}
	if fmt.Sprint(got) != args[0] {
		ts.Fatalf("exit code %d, want %s", got, args[0])
	}
}

// linked PATH says that a path is a symbolic link.
func verbLinked(ts *testscript.TestScript, _ bool, args []string) {
	if _, err := os.Readlink(ts.MkAbs(args[0])); err != nil {
		ts.Fatalf("%v", err)
	}
}

// past-runs FOLDER DAY N makes the records of N runs in which nothing was to be done, one
// a minute of a day such as 20250101.
func verbPastRuns(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	ts.Check(os.MkdirAll(ts.MkAbs(args[0]), 0o700))
	for i := range n {
		id := fmt.Sprintf("%sT%02d%02d00Z", args[1], i/60, i%60)
		text := fmt.Sprintf("{\"begin\":{\"format\":\"bkplan.run\",\"version\":1,\"id\":%q}}\n{\"end\":{\"ended\":\"2025-01-01T00:00:00Z\",\"outcome\":\"succeeded\"}}\n", id)
		ts.Check(os.WriteFile(ts.MkAbs(args[0]+"/"+id+".jsonl"), []byte(text), 0o600))
	}
}
