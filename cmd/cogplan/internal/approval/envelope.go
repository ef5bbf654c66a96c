package approval

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
)

// kind is a kind of statement that people sign. One kind never passes for
// another: the signature covers the payload type.
type kind struct {
	noun        string
	payloadType string
	// right is what a key has to have in the trust file.
	right right
}

// seal puts a statement into a signed envelope.
func (k kind) seal(ctx context.Context, statement any, key *Key) ([]byte, error) {
	payload, err := json.Marshal(statement)
	if err != nil {
		return nil, fmt.Errorf("sign the %s: %w", k.noun, err)
	}
	signer, err := dsse.NewEnvelopeSigner(key)
	if err != nil {
		return nil, fmt.Errorf("sign the %s: %w", k.noun, err)
	}
	envelope, err := signer.SignPayload(ctx, k.payloadType, payload)
	if err != nil {
		return nil, fmt.Errorf("sign the %s: %w", k.noun, err)
	}
	data, err := json.MarshalIndent(envelope, "", "  ")
	return append(data, '\n'), err
}

// open decodes what is signed in an envelope, and names whose key signed it.
func (k kind) open(ctx context.Context, data []byte, trust *Trust, into any) (signer string, err error) {
	envelope := &dsse.Envelope{}
	if err := strictly(data, envelope); err != nil {
		return "", fmt.Errorf("it is no %s: %w", k.noun, err)
	}
	switch {
	case envelope.PayloadType != k.payloadType:
		return "", fmt.Errorf("it is no %s, but %q", k.noun, envelope.PayloadType)
	case len(envelope.Signatures) != 1:
		return "", fmt.Errorf("it has %d signatures, and an %s has one", len(envelope.Signatures), k.noun)
	}
	verifiers := trust.verifiers(k.right)
	if len(verifiers) == 0 {
		return "", trust.explain(envelope.Signatures[0].KeyID, k.right)
	}
	verifier, err := dsse.NewEnvelopeVerifier(verifiers...)
	if err != nil {
		return "", err
	}
	accepted, payload, err := verifier.VerifyAndDecode(ctx, envelope)
	if err != nil || len(accepted) != 1 {
		return "", trust.explain(envelope.Signatures[0].KeyID, k.right)
	}
	if err := strictly(payload, into); err != nil {
		return "", fmt.Errorf("what is signed is no %s: %w", k.noun, err)
	}
	return trust.names[accepted[0].KeyID], nil
}

// read verifies the statement in a file.
func read[T any](ctx context.Context, path string, trust *Trust, k kind, verify func(context.Context, []byte, *Trust) (T, error)) (T, error) {
	var none T
	data, err := readFile(path)
	if err != nil {
		return none, fmt.Errorf("read the %s: %w", k.noun, err)
	}
	statement, err := verify(ctx, data, trust)
	if err != nil {
		return none, fmt.Errorf("the %s %s does not count: %w", k.noun, path, err)
	}
	return statement, nil
}

// maxBytes bounds an envelope and the files of keys.
const maxBytes = 1 << 20

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
