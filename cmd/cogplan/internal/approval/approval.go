// Package approval signs and verifies what people answer for: one person's word, in
// a DSSE envelope with an Ed25519 signature, that one plan may be applied until a
// time (an approval), or that one finding about it does not stand in its way (an
// override).
//
// It refuses to guess who somebody is: only keys of a trust file count, for what
// the file says they may do, and the name that it has for a key is the signer's.
// Whether that is enough is for the policies to say.
package approval

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// PayloadType is the type of what is signed.
const PayloadType = "application/vnd.cogplan.approval.v1+json"

// approvals are signed by whoever may approve.
var approvals = kind{noun: "approval", payloadType: PayloadType, right: rightApprove} //nolint:gochecknoglobals // constant

// Longest is how long an approval or override may be good for: one that never ends is
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
	return approvals.seal(ctx, statement, key)
}

// Verify reads an envelope and returns what is signed in it. Its Actor is the
// name that the trust file has for the key.
func Verify(ctx context.Context, data []byte, trust *Trust) (Statement, error) {
	var statement Statement
	name, err := approvals.open(ctx, data, trust, &statement)
	if err != nil {
		return Statement{}, err
	}
	if err := statement.check(); err != nil {
		return Statement{}, err
	}
	if statement.Actor != name {
		return Statement{}, fmt.Errorf("it says that %q approves, and it is signed with the key of %q", statement.Actor, name)
	}
	return statement, nil
}

// Read verifies the approval in a file.
func Read(ctx context.Context, path string, trust *Trust) (Statement, error) {
	return read(ctx, path, trust, approvals, Verify)
}
