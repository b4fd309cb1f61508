package main

import (
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// A wait below this is not worth the three system calls it takes.
	shortest = 10 * time.Microsecond
	// Requests that are released in a row before answers are read again.
	row = 16
)

// Outcomes of a request, as slipway/load/results.py reads them.
const (
	unsent uint8 = iota
	correct
	wrong   // answered with 200, and not with what was expected
	refused // answered with another status
	late    // not answered before its time-out
	broken  // the connection ended
)

type result struct {
	sent    time.Duration
	done    time.Duration
	bytes   uint32
	status  uint16
	outcome uint8
	waited  bool // for a connection, as the most that may be were busy: no fault of the generator's
}

// load releases requests to connections.
type load struct {
	plan     *plan
	clock    *clock
	results  []result
	lock     sync.Mutex    // of what follows
	idle     []*connection // the one used last is used next, so that few stay in use
	opened   int
	waiting  []int // requests for which no connection was left
	finished int
	released int
	ended    chan struct{}
	stopped  atomic.Bool // nobody waits for answers any more
}

func newLoad(p *plan, c *clock) *load {
	return &load{plan: p, clock: c, results: make([]result, len(p.requests)), ended: make(chan struct{})}
}

// open connects before the clock starts, so that the first requests do not pay for it.
func (l *load) open(number int) error {
	for range min(number, l.plan.Connections) {
		socket, err := net.Dial("tcp", l.plan.Address)
		if err != nil {
			return fmt.Errorf("nobody listens at %s: %w", l.plan.Address, err)
		}
		l.idle = append(l.idle, l.connect(socket))
	}
	return nil
}

func (l *load) connect(socket net.Conn) *connection {
	l.opened++
	made := newConnection(l, socket)
	go made.serve()
	return made
}

func (l *load) run(interrupted <-chan os.Signal) {
	stopped := make(chan struct{})
	go func() {
		<-interrupted
		l.stopped.Store(true)
		close(stopped)
	}()
	l.clock.begin()
	for i := range l.plan.requests {
		if wait := l.plan.requests[i].due - l.clock.now(); wait > shortest {
			l.clock.sleep(wait)
		} else if i%row == row-1 {
			l.clock.sleep(0)
		}
		if l.stopped.Load() {
			return
		}
		l.release(i)
	}
	if len(l.plan.requests) == 0 {
		return
	}
	select {
	case <-l.ended:
	case <-stopped:
	}
}

func (l *load) release(i int) {
	l.lock.Lock()
	defer l.lock.Unlock()
	l.released = i + 1
	switch {
	case len(l.idle) > 0:
		last := len(l.idle) - 1
		chosen := l.idle[last]
		l.idle = l.idle[:last]
		chosen.work <- i
	case l.opened < l.plan.Connections:
		l.connect(nil).work <- i
	default:
		l.results[i].waited = true
		l.waiting = append(l.waiting, i)
	}
}

// next is what a connection does once a request is finished: the one that waits longest, or -1.
func (l *load) next(by *connection) int {
	l.lock.Lock()
	defer l.lock.Unlock()
	l.finished++
	if l.finished == len(l.plan.requests) {
		close(l.ended)
	}
	if len(l.waiting) == 0 {
		l.idle = append(l.idle, by)
		return -1
	}
	i := l.waiting[0]
	l.waiting = l.waiting[1:]
	return i
}

func (l *load) tell(every time.Duration) {
	for range time.Tick(every) {
		l.lock.Lock()
		fmt.Fprintf(os.Stderr, "%.0f s: %d of %d sent, %d finished, %d connections\n",
			l.clock.now().Seconds(), l.released, len(l.plan.requests), l.finished, l.opened)
		l.lock.Unlock()
	}
}
