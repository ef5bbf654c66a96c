// Package approval signs and verifies approvals of plans: one person's word, in a
// DSSE envelope with an Ed25519 signature, that one plan may be applied until a
// time.
//
// It refuses to guess who somebody is: only keys of a trust file count, and the
// name that the trust file has for a key is the approver's. Whether an approval
// is enough is for the policies to say.
package approval

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
)

// PayloadType is the type of what is signed.
const PayloadType = "application/vnd.cogplan.approval.v1+json"

// Longest is how long an approval may be good for: one that never ends is
// forgotten, and not taken back.
const Longest = 30 * 24 * time.Hour

// Statement is what somebody signs.
type Statement struct {
	// Digest of the plan as a whole, as `plan` shows it.
	Digest  string    `json:"digest"`
	Actor   string    `json:"actor"`
	Reason  string    `json:"reason"`
	Expires time.Time `json:"expires"`
}

func (s *Statement) check() error {
	switch {
	case !strings.HasPrefix(s.Digest, "sha256:"):
		return errors.New("it names no plan")
	case s.Actor == "":
		return errors.New("it names nobody who approves")
	case strings.TrimSpace(s.Reason) == "":
		return errors.New("it gives no reason")
	case s.Expires.IsZero():
		return errors.New("it has no end")
	}
	return nil
}

// Sign puts a statement into a signed envelope.
func Sign(ctx context.Context, statement Statement, key *Key) ([]byte, error) {
	if err := statement.check(); err != nil {
		return nil, fmt.Errorf("sign the approval: %w", err)
	}
	payload, err := json.Marshal(statement)
	if err != nil {
		return nil, fmt.Errorf("sign the approval: %w", err)
	}
	signer, err := dsse.NewEnvelopeSigner(key)
	if err != nil {
		return nil, fmt.Errorf("sign the approval: %w", err)
	}
	envelope, err := signer.SignPayload(ctx, PayloadType, payload)
	if err != nil {
		return nil, fmt.Errorf("sign the approval: %w", err)
	}
	data, err := json.MarshalIndent(envelope, "", "  ")
	return append(data, '\n'), err
}

// maxBytes bounds an envelope and the files of keys.
const maxBytes = 1 << 20

// Verify reads an envelope and returns what is signed in it. Its Actor is the
// name that the trust file has for the key.
func Verify(ctx context.Context, data []byte, trust *Trust) (Statement, error) {
	envelope := &dsse.Envelope{}
	if err := strictly(data, envelope); err != nil {
		return Statement{}, fmt.Errorf("it is no approval: %w", err)
	}
	switch {
	case envelope.PayloadType != PayloadType:
		return Statement{}, fmt.Errorf("it is no approval, but %q", envelope.PayloadType)
	case len(envelope.Signatures) != 1:
		return Statement{}, fmt.Errorf("it has %d signatures, and an approval has one", len(envelope.Signatures))
	}
	verifier, err := dsse.NewEnvelopeVerifier(trust.verifiers()...)
	if err != nil {
		return Statement{}, err
	}
	accepted, payload, err := verifier.VerifyAndDecode(ctx, envelope)
	if err != nil || len(accepted) != 1 {
		return Statement{}, trust.explain(envelope.Signatures[0].KeyID)
	}
	var statement Statement
	if err := strictly(payload, &statement); err != nil {
		return Statement{}, fmt.Errorf("what is signed is no approval: %w", err)
	}
	if err := statement.check(); err != nil {
		return Statement{}, err
	}
	if name := trust.names[accepted[0].KeyID]; statement.Actor != name {
		return Statement{}, fmt.Errorf("it says that %q approves, and it is signed with the key of %q", statement.Actor, name)
	}
	return statement, nil
}

// Read verifies the approval in a file.
func Read(ctx context.Context, path string, trust *Trust) (Statement, error) {
	data, err := readFile(path)
	if err != nil {
		return Statement{}, fmt.Errorf("read the approval: %w", err)
	}
	statement, err := Verify(ctx, data, trust)
	if err != nil {
		return Statement{}, fmt.Errorf("the approval %s does not count: %w", path, err)
	}
	return statement, nil
}

func readFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	data, err := io.ReadAll(io.LimitReader(file, maxBytes+1))
	if err == nil && len(data) > maxBytes {
		err = fmt.Errorf("%s is too large", path)
	}
	return data, err
}

// strictly decodes one JSON value without unknown fields.
func strictly(data []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("data follows its end")
	}
	return nil
}
