package approval

import (
	"context"
	"errors"
	"fmt"
)

// OverridePayloadType is the type of a signed override.
const OverridePayloadType = "application/vnd.cogplan.override.v1+json"

// overrides are signed by whoever may override.
var overrides = kind{noun: "override", payloadType: OverridePayloadType, right: rightOverride} //nolint:gochecknoglobals // constant

// Override is one person's word that what one rule found about one resource of
// one plan does not stand in the way of that plan, until a time. All fields are
// required.
type Override struct {
	Statement
	// Rule is the policy rule: main.deny_size.
	Rule string `json:"rule"`
	// Resource is the address that the findings name, or "run" where they are about
	// the run as a whole.
	Resource string `json:"resource"`
}

func (o *Override) check() error {
	switch {
	case o.Rule == "":
		return errors.New("it names no rule")
	case o.Resource == "":
		return errors.New("it names no resource")
	}
	return o.Statement.check()
}

// SignOverride puts an override into a signed envelope.
func SignOverride(ctx context.Context, override Override, key *Key) ([]byte, error) {
	if err := override.check(); err != nil {
		return nil, fmt.Errorf("sign the override: %w", err)
	}
	return overrides.seal(ctx, override, key)
}

// VerifyOverride reads an envelope and returns what is signed in it. Its Actor is
// the name that the trust file has for the key.
func VerifyOverride(ctx context.Context, data []byte, trust *Trust) (Override, error) {
	var override Override
	name, err := overrides.open(ctx, data, trust, &override)
	if err != nil {
		return Override{}, err
	}
	if err := override.check(); err != nil {
		return Override{}, err
	}
	if override.Actor != name {
		return Override{}, fmt.Errorf("it says that %q overrides, and it is signed with the key of %q", override.Actor, name)
	}
	return override, nil
}

// ReadOverride verifies the override in a file.
func ReadOverride(ctx context.Context, path string, trust *Trust) (Override, error) {
	return read(ctx, path, trust, overrides, VerifyOverride)
}
