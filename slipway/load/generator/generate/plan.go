package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const requestBytes = 16

// plan is what slipway/load/plan.py writes: plan.json, and schedule.bin with 16 bytes for each request, little-endian:
// int64 nanoseconds after the start, uint32 index of the payload, uint32 index of the headers.
type plan struct {
	Address     string      `json:"address"`     // host:port
	Path        string      `json:"path"`        // of every request, all of which are POSTs
	Timeout     float64     `json:"timeout"`     // seconds after it was due, from which on nobody waits for an answer
	Connections int         `json:"connections"` // most that are open at once
	Open        int         `json:"open"`        // of them, opened before the first request is due
	Payloads    []payload   `json:"payloads"`
	Headers     [][2]string `json:"headers"` // of each set, name and value; an empty name is no header

	timeout  time.Duration
	wires    [][]byte // each request as it goes over the wire, by headers, then payload
	expected [][]byte // by payload
	requests []request
}

type payload struct {
	Body     string `json:"body"`
	Expected string `json:"expected"` // what the answer's body contains, once its white space is removed
}

type request struct {
	due     time.Duration
	payload uint32
	headers uint32
}

func readPlan(folder string) (*plan, error) {
	text, err := os.ReadFile(filepath.Join(folder, "plan.json"))
	if err != nil {
		return nil, err
	}
	read := &plan{}
	if err := json.Unmarshal(text, read); err != nil {
		return nil, fmt.Errorf("%s/plan.json: %w", folder, err)
	}
	read.timeout = time.Duration(read.Timeout * float64(time.Second))
	for _, each := range read.Payloads {
		read.expected = append(read.expected, []byte(each.Expected))
	}
	for _, header := range read.Headers {
		for _, each := range read.Payloads {
			read.wires = append(read.wires, wire(read, header, each.Body))
		}
	}
	schedule, err := os.ReadFile(filepath.Join(folder, "schedule.bin"))
	if err != nil {
		return nil, err
	}
	read.requests = make([]request, len(schedule)/requestBytes)
	for i := range read.requests {
		record := schedule[i*requestBytes:]
		each := request{
			due:     time.Duration(binary.LittleEndian.Uint64(record)),
			payload: binary.LittleEndian.Uint32(record[8:]),
			headers: binary.LittleEndian.Uint32(record[12:]),
		}
		if int(each.payload) >= len(read.Payloads) || int(each.headers) >= len(read.Headers) {
			return nil, fmt.Errorf("%s/schedule.bin: request %d has a payload or headers that plan.json lacks", folder, i)
		}
		read.requests[i] = each
	}
	return read, nil
}

func (p *plan) wire(i int) []byte {
	each := p.requests[i]
	return p.wires[int(each.headers)*len(p.Payloads)+int(each.payload)]
}

func wire(p *plan, header [2]string, body string) []byte {
	var text strings.Builder
	fmt.Fprintf(&text, "POST %s HTTP/1.1\r\nhost: %s\r\ncontent-type: application/json\r\n", p.Path, p.Address)
	if header[0] != "" {
		fmt.Fprintf(&text, "%s: %s\r\n", header[0], header[1])
	}
	fmt.Fprintf(&text, "content-length: %d\r\n\r\n%s", len(body), body)
	return []byte(text.String())
}
