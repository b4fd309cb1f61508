package main

import (
	"encoding/binary"
	"os"
	"path/filepath"
)

const resultBytes = 24

// writeResults writes 24 bytes for each request of the plan, little-endian: int64 nanoseconds after the start at which it
// was sent, int64 at which it was finished, uint32 bytes of the answer's body, uint16 status, uint8 outcome, uint8 waited.
func writeResults(folder string, l *load) error {
	written := make([]byte, 0, len(l.results)*resultBytes)
	for i := range l.results {
		each := &l.results[i]
		written = binary.LittleEndian.AppendUint64(written, uint64(each.sent))
		written = binary.LittleEndian.AppendUint64(written, uint64(each.done))
		written = binary.LittleEndian.AppendUint32(written, each.bytes)
		written = binary.LittleEndian.AppendUint16(written, each.status)
		waited := uint8(0)
		if each.waited {
			waited = 1
		}
		written = append(written, each.outcome, waited)
	}
	return os.WriteFile(filepath.Join(folder, "results.bin"), written, 0o644)
}
