// Generate sends requests at the times a schedule gives, whatever becomes of those before (an open loop), and writes
// down when each was due, sent and answered. Latency is counted from when a request was due, so a server that stalls
// cannot hide how many it kept waiting ("coordinated omission", https://www.scylladb.com/2021/04/22/on-coordinated-omission/).
//
// It decides nothing: what is sent, and when, is in a plan that slipway/load/plan.py writes.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"
)

func main() {
	folder := flag.String("plan", "", "folder with plan.json and schedule.bin; results.bin is written there")
	progress := flag.Duration("progress", 0, "how often to say on standard error how far it is; never if 0")
	flag.Parse()
	if err := work(*folder, *progress); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func work(folder string, progress time.Duration) error {
	// Nearly nothing is allocated while requests are sent; a collection would only make some of them late.
	debug.SetGCPercent(1000)
	plan, err := readPlan(folder)
	if err != nil {
		return err
	}
	clock, err := newClock()
	if err != nil {
		return err
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, syscall.SIGINT, syscall.SIGTERM)
	load := newLoad(plan, clock)
	if err := load.open(plan.Open); err != nil {
		return err
	}
	if progress > 0 {
		go load.tell(progress)
	}
	load.run(interrupted)
	return writeResults(folder, load)
}
