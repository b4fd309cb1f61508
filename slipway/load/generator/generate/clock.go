package main

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// clock sleeps to the microsecond. Go's own timers are rounded up to a millisecond where a process has nothing else to
// do (runtime/netpoll_epoll.go); a timerfd is one more file that the runtime's poller waits for.
type clock struct {
	timer int
	file  *os.File
	start time.Time
	ticks [8]byte
}

func newClock() (*clock, error) {
	timer, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	return &clock{timer: timer, file: os.NewFile(uintptr(timer), "timerfd"), start: time.Now()}, nil
}

// begin makes this moment the one that requests are due after.
func (c *clock) begin() { c.start = time.Now() }

func (c *clock) now() time.Duration { return time.Since(c.start) }

// sleep waits at least for the time given, and lets answers that have come be read.
func (c *clock) sleep(wait time.Duration) {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(max(1, wait.Nanoseconds()))}
	if err := unix.TimerfdSettime(c.timer, 0, &spec, nil); err != nil {
		time.Sleep(wait)
		return
	}
	_, _ = c.file.Read(c.ticks[:])
}
