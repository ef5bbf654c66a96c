package reconcile

import (
	"os"
	"strings"
)

// ConfigureProvider gives a provider that is [Tokenable] its token; see
// [ResolveToken]. Where there is no token the provider is not called.
func ConfigureProvider(provider Reconcilable, resourceType, flagToken string) {
	tokenable, ok := As[Tokenable](provider)
	if !ok {
		return
	}
	if token := ResolveToken(resourceType, flagToken); token != "" {
		tokenable.SetToken(token)
	}
}

// ResolveToken returns the token for a resource type: the flag's, or the first
// that is set of the environment's {TYPE}_BOT_TOKEN, {TYPE}_TOKEN and
// {TYPE}_API_TOKEN, or nothing. In the variable's name the type stands in upper
// case, and what cannot stand in such a name is "_".
func ResolveToken(resourceType, flagToken string) string {
	if flagToken != "" {
		return flagToken
	}
	prefix := environmentName(resourceType)
	if prefix == "" {
		return ""
	}
	for _, suffix := range []string{"_BOT_TOKEN", "_TOKEN", "_API_TOKEN"} {
		if token := os.Getenv(prefix + suffix); token != "" {
			return token
		}
	}
	return ""
}

// environmentName keeps ASCII letters and digits, and makes everything else,
// and a leading digit, "_".
func environmentName(resourceType string) string {
	var name strings.Builder
	for i, c := range resourceType {
		switch {
		case c >= 'a' && c <= 'z':
			name.WriteRune(c - 'a' + 'A')
		case c >= 'A' && c <= 'Z', c == '_':
			name.WriteRune(c)
		case c >= '0' && c <= '9':
			if i == 0 {
				name.WriteByte('_')
			}
			name.WriteRune(c)
		default:
			name.WriteByte('_')
		}
	}
	return name.String()
}
