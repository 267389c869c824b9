// Command bench times whole runs of bin/bkplan on generated homelabs of 10,000
// and 20,000 volumes with eight snapshots each, and prints a table for
// docs/benchmarks.md. Run it by `make bench`.
package main

import (
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

const runs = 7

func main() {
	log.SetFlags(0)
	bkplan := "bin/bkplan"
	if len(os.Args) > 1 {
		bkplan = os.Args[1]
	}
	dir, err := os.MkdirTemp("", "bkplan-bench")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	fmt.Println("| command | volumes | file | median | slowest | peak memory |")
	fmt.Println("|---|---|---|---|---|---|")
	row(bkplan, "", "version")
	for _, n := range []int{10_000, 20_000} {
		policy, observation := filepath.Join(dir, "bkplan.hcl"), filepath.Join(dir, fmt.Sprintf("%d.json", n))
		if err := generate(policy, observation, n); err != nil {
			log.Fatal(err)
		}
		for _, form := range []string{"", "--markdown", "--json"} {
			args := []string{"plan", "-f", policy, "--observed", observation}
			if form != "" {
				args = append(args, form)
			}
			row(bkplan, observation, args...)
		}
		row(bkplan, observation, "drift", "-f", policy, "--observed", observation)
	}
}

// row runs a command several times and prints a line of the table.
func row(bkplan, observation string, args ...string) {
	var took []time.Duration
	var memory int64
	for range runs {
		cmd := exec.Command(bkplan, args...)
		cmd.Stdout = io.Discard
		cmd.Stderr = os.Stderr
		began := time.Now()
		if err := cmd.Run(); err != nil && cmd.ProcessState.ExitCode() != 2 {
			log.Fatalf("%v: %v", cmd.Args, err)
		}
		took = append(took, time.Since(began))
		memory = max(memory, cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
	}
	slices.Sort(took)
	volumes, size := "", ""
	if info, err := os.Stat(observation); err == nil {
		fmt.Sscanf(filepath.Base(observation), "%s", &volumes)
		volumes = volumes[:len(volumes)-len(".json")]
		size = fmt.Sprintf("%d MB", info.Size()/1e6)
	}
	name := "bkplan " + args[0]
	if last := args[len(args)-1]; last[0] == '-' {
		name += " " + last
	}
	fmt.Printf("| `%s` | %s | %s | %d ms | %d ms | %d MB |\n", name, volumes, size,
		took[runs/2].Milliseconds(), took[runs-1].Milliseconds(), memory/1024)
}
