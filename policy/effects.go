package policy

import (
	"fmt"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// effectsOf reads the effects of an action as the host writes them. Anything
// else is refused: an effect that nobody understands is an effect nobody sees.
func effectsOf(value any) ([]reconcile.Effect, error) {
	switch list := value.(type) {
	case nil:
		return nil, nil
	case []reconcile.Effect:
		return list, nil
	case []any:
		effects := make([]reconcile.Effect, len(list))
		for i, item := range list {
			effect, err := effectOf(item)
			if err != nil {
				return nil, fmt.Errorf("effect %d: %w", i+1, err)
			}
			effects[i] = effect
		}
		return effects, nil
	default:
		return nil, fmt.Errorf("effects are a list, not a %T", value)
	}
}

func effectOf(item any) (reconcile.Effect, error) {
	if effect, ok := item.(reconcile.Effect); ok {
		return effect, nil
	}
	members, ok := item.(map[string]any)
	if !ok {
		return reconcile.Effect{}, fmt.Errorf("an effect is an object, not a %T", item)
	}
	var effect reconcile.Effect
	for name, value := range members {
		text, ok := value.(string)
		if !ok {
			return effect, fmt.Errorf("%q is a string, not a %T", name, value)
		}
		switch name {
		case "capability":
			effect.Capability = text
		case "operation":
			effect.Operation = text
		case "target":
			effect.Target = text
		default:
			return effect, fmt.Errorf("%q is no part of an effect", name)
		}
	}
	if effect.Capability == "" {
		return effect, fmt.Errorf("it has no capability")
	}
	return effect, nil
}
