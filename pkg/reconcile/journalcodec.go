package reconcile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
)

// A record of a journal is a line: its CRC32C in eight hex digits, a space, and
// the record as JSON.
const journalSum = 8

//nolint:gochecknoglobals // a table that is computed once
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendRecord appends the line of a record.
func appendRecord(to []byte, record *JournalRecord) ([]byte, error) {
	text, err := json.Marshal(record)
	if err != nil {
		return to, err
	}
	return append(append(append(append(to, lineSum(text)...), ' '), text...), '\n'), nil
}

func lineSum(text []byte) string {
	sum := strconv.FormatUint(uint64(crc32.Checksum(text, castagnoli)), 16)
	return "00000000"[len(sum):] + sum
}

// decodeJournal reads a journal. What cannot be read at its end was being
// written when its run ended; in its middle it is damage.
func decodeJournal(data []byte) ([]JournalRecord, error) {
	var records []JournalRecord
	broken, line := 0, 0
	var why error
	for len(data) > 0 {
		line++
		text, rest, whole := bytes.Cut(data, []byte("\n"))
		data = rest
		record, err := decodeRecord(text)
		if err == nil && !whole {
			// It is all there but its end: nothing relied on it.
			break
		}
		switch {
		case err != nil && errors.Is(err, errForeignRecord):
			return nil, fmt.Errorf("line %d: %w", line, err)
		case err != nil && broken == 0:
			broken, why = line, err
		case err == nil && broken > 0:
			return nil, fmt.Errorf("line %d is damaged: %w", broken, why)
		case err == nil:
			records = append(records, record)
		}
	}
	return records, checkRecords(records)
}

// errForeignRecord is for a record that was written well and is not understood.
var errForeignRecord = errors.New("it was written by another version of this program")

func decodeRecord(line []byte) (JournalRecord, error) {
	var record JournalRecord
	if len(line) <= journalSum || line[journalSum] != ' ' {
		return record, errors.New("it has no checksum")
	}
	text := line[journalSum+1:]
	if string(line[:journalSum]) != lineSum(text) {
		return record, errors.New("its checksum is wrong")
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&record); err != nil {
		return record, fmt.Errorf("%w: %s", errForeignRecord, describeJSON(err, text).Error())
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return record, errForeignRecord
	}
	return record, nil
}

// checkRecords refuses records that no run writes in this order.
func checkRecords(records []JournalRecord) error {
	resources := 0
	for i := range records {
		r := &records[i]
		known := i > 0 && r.Resource >= 1 && r.Resource <= resources && r.Seq > 0
		switch r.Op {
		case JournalBegin:
			if r.Version != journalVersion {
				return fmt.Errorf("its format is version %d, and this program knows version %d", r.Version, journalVersion)
			}
			known = i == 0 && r.Run != ""
		case JournalResource:
			resources++
			known = i > 0 && r.Resource == resources && r.Serial >= 0
		case JournalIntent, JournalDone, JournalFail:
		default:
			known = false
		}
		if !known {
			return fmt.Errorf("record %d (%q) is not in its place", i+1, r.Op)
		}
	}
	return nil
}
