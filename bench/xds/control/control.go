// Package control is how the harness talks with the programs of the benchmark: one JSON object a line on stdin and
// stdout, and one clock that all of them read.
package control

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Command is what the harness says. One of its fields is set.
type Command struct {
	// Connect starts all proxies of the load generator.
	Connect bool `json:"connect,omitempty"`
	// Expect tells the load generator to report when these proxies got the marker.
	Expect *Change `json:"expect,omitempty"`
	// Change tells a server to publish the marker to these proxies.
	Change *Change `json:"change,omitempty"`
}

// Change is a marker in the endpoints of some proxies.
type Change struct {
	Marker string `json:"marker"`
	// Proxies by number; empty means all.
	Proxies []int `json:"proxies"`
}

// Now gives nanoseconds of CLOCK_MONOTONIC, the clock that process.hrtime.bigint() reads in Node.
func Now() int64 {
	var time unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &time); err != nil {
		Fail(err)
	}
	return time.Nano()
}

var output sync.Mutex

// Tell writes one line to the harness.
func Tell(event any) {
	line, err := json.Marshal(event)
	if err != nil {
		Fail(err)
	}
	output.Lock()
	defer output.Unlock()
	if _, err := os.Stdout.Write(append(line, '\n')); err != nil {
		Fail(err)
	}
}

// Listen calls handle with each command, until the harness closes stdin.
func Listen(handle func(Command)) {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var command Command
		if err := json.Unmarshal(lines.Bytes(), &command); err != nil {
			Fail(err)
		}
		handle(command)
	}
}

// Fail ends the process: a benchmark in which something failed has no figures.
func Fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
