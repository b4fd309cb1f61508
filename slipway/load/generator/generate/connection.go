package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"
)

const (
	readBytes = 4096
	mostBytes = 16 << 20 // of an answer's body
	// A socket's deadline is set this much later than it has to be, so that it is not set anew for every request.
	slack = 100 * time.Millisecond
)

// connection sends one request at a time, and keeps its socket open between them.
type connection struct {
	load    *load
	work    chan int
	socket  net.Conn
	reader  *bufio.Reader
	answer  fasthttp.Response
	compact []byte
	isUsed  bool          // before: the server may have closed it meanwhile
	until   time.Duration // of the socket's deadline
}

func newConnection(of *load, socket net.Conn) *connection {
	return &connection{load: of, work: make(chan int, 1), socket: socket, reader: bufio.NewReaderSize(socket, readBytes)}
}

func (c *connection) serve() {
	for i := range c.work {
		for i >= 0 {
			c.request(i)
			i = c.load.next(c)
		}
	}
}

func (c *connection) request(i int) {
	result := &c.load.results[i]
	until := c.load.plan.requests[i].due + c.load.plan.timeout
	if c.load.clock.now() >= until {
		result.outcome, result.done = late, c.load.clock.now()
		return
	}
	err := c.exchange(i, result, until)
	if err != nil && c.isUsed && isClosed(err) {
		// The server closed an idle connection just as it was used: every client tries another one then.
		c.close()
		err = c.exchange(i, result, until)
	}
	result.done = c.load.clock.now()
	switch {
	case err == nil:
		result.outcome = c.judge(i, result)
		c.isUsed = true
		if c.answer.ConnectionClose() {
			c.close()
		}
		return
	case c.load.stopped.Load():
		result.outcome = unsent
	case isTimeout(err):
		result.outcome = late
	default:
		result.outcome = broken
	}
	c.close()
}

func (c *connection) exchange(i int, result *result, until time.Duration) error {
	if c.socket == nil {
		socket, err := (&net.Dialer{Deadline: c.load.clock.start.Add(until)}).Dial("tcp", c.load.plan.Address)
		if err != nil {
			return err
		}
		c.socket, c.isUsed, c.until = socket, false, 0
		c.reader.Reset(socket)
	}
	if c.until < until {
		c.until = until + slack
		if err := c.socket.SetDeadline(c.load.clock.start.Add(c.until)); err != nil {
			return err
		}
	}
	result.sent = c.load.clock.now()
	if _, err := c.socket.Write(c.load.plan.wire(i)); err != nil {
		return err
	}
	return c.answer.ReadLimitBody(c.reader, mostBytes)
}

func (c *connection) judge(i int, result *result) uint8 {
	body := c.answer.Body()
	result.status = uint16(c.answer.StatusCode())
	result.bytes = uint32(len(body))
	if result.status != fasthttp.StatusOK {
		return refused
	}
	expected := c.load.plan.expected[c.load.plan.requests[i].payload]
	if bytes.Contains(body, expected) {
		return correct
	}
	c.compact = c.compact[:0]
	for _, each := range body {
		if each != ' ' && each != '\n' && each != '\t' && each != '\r' {
			c.compact = append(c.compact, each)
		}
	}
	if bytes.Contains(c.compact, expected) {
		return correct
	}
	return wrong
}

func isTimeout(err error) bool {
	var timed interface{ Timeout() bool } // fasthttp's own is no net.Error
	return errors.As(err, &timed) && timed.Timeout()
}

func isClosed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}

func (c *connection) close() {
	if c.socket != nil {
		_ = c.socket.Close()
		c.socket = nil
	}
}
