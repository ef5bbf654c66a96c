package policy

import (
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// refusal says why policies may not call a builtin; empty for one they may.
func refusal(name string) string {
	switch name {
	case "http.send", "net.lookup_ip_addr":
		return "it would let a policy reach the network"
	case "json.verify_schema", "json.match_schema":
		return "a reference in a schema would let a policy reach the network and files"
	case "opa.runtime":
		return "it would show a policy the environment of the process"
	case "rand.intn", "uuid.rfc4122", "uuid.parse":
		return "it gives another answer each time, and a decision must not"
	case "bits.lsh":
		return "it can use all memory with one call"
	case "net.cidr_expand":
		return "it can use all memory with one call; use net.cidr_contains"
	case "trace":
		return "it is for tests; use print"
	}
	for prefix, reason := range map[string]string{
		"graph.":         "it cannot be stopped when its time is up",
		"graphql.":       "it cannot be stopped when its time is up",
		"io.jwt.":        "policies hold no keys and verify none",
		"crypto.x509.":   "policies hold no keys and verify none",
		"crypto.parse_":  "policies hold no keys and verify none",
		"providers.aws.": "policies hold no keys and verify none",
	} {
		if strings.HasPrefix(name, prefix) {
			return reason
		}
	}
	return ""
}

// gateCapabilities are the builtins that policies may call at the gate, and no
// network for anybody. Tests may also trace.
func gateCapabilities(tests bool) *ast.Capabilities {
	all := ast.CapabilitiesForThisVersion()
	builtins := make([]*ast.Builtin, 0, len(all.Builtins))
	for _, b := range all.Builtins {
		if refusal(b.Name) == "" || tests && b.Name == "trace" {
			builtins = append(builtins, b)
		}
	}
	all.Builtins = builtins
	all.AllowNet = []string{}
	return all
}
