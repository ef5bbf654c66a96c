package wasm

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// Sealer encrypts what is recorded and has to be known again. It is safe for
// concurrent use.
type Sealer interface {
	// Seal encrypts; two seals of the same differ.
	Seal(plain []byte) (string, error)
	// Open decrypts what Seal made, also with another recipient, as long as the key
	// is there.
	Open(sealed string) ([]byte, error)
}

// metadataSealed is where a state keeps sealed values: by the address of the object
// and the name of the attribute.
const metadataSealed = "sealed"

// errNoSealer says that a value would be lost.
var errNoSealer = errors.New("the provider needs values of sensitive attributes back, and the state is not encrypted: " +
	"write state \"file\" { recipients = [\"age1…\"] } into the cogplan block, and say where the identity is; see docs/state.md")

// recallOf is the attribute if its value is kept for the provider.
func (r *Resource) recallOf(kind, name string) bool {
	a := r.provider.answer.Description.Schema.ObjectType(kind).Attribute(name)
	return a != nil && a.Sensitive && a.Recall
}

// sealedIn are the sealed values of a state.
func sealedIn(state *reconcile.State) map[string]any {
	if state == nil {
		return nil
	}
	sealed, _ := state.Metadata[metadataSealed].(map[string]any)
	return sealed
}

// unseal puts the values that are kept for the provider into what it is told of the
// record, and makes them secrets of the resource.
func (r *Resource) unseal(state *reconcile.State) (*reconcile.State, error) {
	sealed := sealedIn(state)
	if len(sealed) == 0 {
		return state, nil
	}
	if r.spec.Sealer == nil {
		return nil, r.fail(fmt.Errorf("%s: %w", r.Type(), errNoSealer))
	}
	out := *state
	out.Resources = append([]reconcile.Resource(nil), state.Resources...)
	var secrets []string
	for i := range out.Resources {
		object := &out.Resources[i]
		kept, _ := sealed[object.Address].(map[string]any)
		if len(kept) == 0 {
			continue
		}
		attributes := make(map[string]any, len(object.Attributes))
		maps.Copy(attributes, object.Attributes)
		for name, text := range kept {
			value, err := r.unsealOne(text)
			if err != nil {
				return nil, r.fail(fmt.Errorf("%s: the recorded value of %s cannot be decrypted: %w", object.Address, name, err))
			}
			if applied := r.appliedValue(object, name); applied != nil {
				value = applied
			}
			attributes[name] = value
			secrets = textsIn(secrets, value)
		}
		object.Attributes = attributes
	}
	r.recalled = secrets
	r.redactor = newRedactor(r.provider.config.Secrets, r.config.body.Secrets, r.secrets, secrets)
	r.hangUp() // what is open does not know yet what it must not say
	return &out, nil
}

// appliedValue is the value that an apply in this run has given an attribute; nil for
// none. It is what a provider would find in the next record.
func (r *Resource) appliedValue(object *reconcile.Resource, name string) any {
	desired := r.config.index[objectKey{object.Type, object.Name}]
	if !r.applied || desired == nil {
		return nil
	}
	for i := range r.results {
		if r.results[i].Name == object.Name && r.results[i].Status != reconcile.ApplySucceeded {
			return nil
		}
	}
	return desired.Attributes[name]
}

func (r *Resource) unsealOne(text any) (any, error) {
	sealed, ok := text.(string)
	if !ok {
		return nil, errors.New("it is no text")
	}
	plain, err := r.spec.Sealer.Open(sealed)
	if err != nil {
		return nil, err
	}
	var value any
	return value, json.Unmarshal(plain, &value)
}

// textsIn adds the texts in a value.
func textsIn(list []string, value any) []string {
	switch v := value.(type) {
	case string:
		return append(list, v)
	case []any:
		for _, item := range v {
			list = textsIn(list, item)
		}
	case map[string]any:
		for _, item := range v {
			list = textsIn(list, item)
		}
	}
	return list
}

// checkSealer refuses a plan whose values could not be kept, before anything is
// made that needs them.
func (r *Resource) checkSealer() error {
	if r.spec.Sealer != nil || r.isData() {
		return nil
	}
	for _, list := range [][]reconcile.Resource{r.config.desired, r.live.objects} {
		for i := range list {
			for name, value := range list[i].Attributes {
				if value != nil && r.recallOf(list[i].Type, name) {
					return r.fail(fmt.Errorf("%s: %w", r.Type(), errNoSealer))
				}
			}
		}
	}
	return nil
}

// seal records the values that are kept for the provider: what is live, or else what
// was declared, or else what was kept before. What has not changed stays sealed as
// it is.
func (r *Resource) seal(state, existing *reconcile.State) error {
	before, now := sealedIn(existing), map[string]any{}
	for i := range state.Resources {
		object := &state.Resources[i]
		kept, _ := before[object.Address].(map[string]any)
		sealed := map[string]any{}
		for name := range object.Attributes {
			if !r.recallOf(object.Type, name) {
				continue
			}
			text, err := r.sealOne(r.valueOf(object, name), kept[name])
			if err != nil {
				return fmt.Errorf("%s: encrypt %s: %w", object.Address, name, err)
			}
			if text != nil {
				sealed[name] = text
			}
		}
		if len(sealed) > 0 {
			now[object.Address] = sealed
		}
	}
	if len(now) == 0 && len(before) == 0 {
		return nil
	}
	metadata := map[string]any{}
	maps.Copy(metadata, state.Metadata)
	if delete(metadata, metadataSealed); len(now) > 0 {
		metadata[metadataSealed] = now
	}
	state.Metadata = metadata
	return nil
}

func (r *Resource) sealOne(value, kept any) (any, error) {
	if value == nil {
		return kept, nil
	}
	if r.spec.Sealer == nil {
		return nil, errNoSealer
	}
	plain, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	if text, ok := kept.(string); ok {
		if old, err := r.spec.Sealer.Open(text); err == nil && string(old) == string(plain) {
			return kept, nil
		}
	}
	return r.spec.Sealer.Seal(plain)
}

// valueOf is the value of an attribute as far as it is known in this run.
func (r *Resource) valueOf(object *reconcile.Resource, name string) any {
	key := objectKey{object.Type, object.Name}
	if live := r.live.index[key]; live != nil && live.Attributes[name] != nil {
		return live.Attributes[name]
	}
	if desired := r.config.index[key]; desired != nil {
		return desired.Attributes[name]
	}
	return nil
}
