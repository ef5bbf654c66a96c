package reconcile

import "time"

// Grants are the capabilities that a module gives to a provider, in the
// author's words. The zero value grants nothing.
type Grants struct {
	// Read and Write are files or directories, relative to the module's
	// directory or absolute. Write implies read.
	Read  []string    `json:"read,omitempty"`
	Write []string    `json:"write,omitempty"`
	HTTP  []HTTPGrant `json:"http,omitempty"`
	TCP   []TCPGrant  `json:"tcp,omitempty"`
	// Env names environment variables whose values the provider may read.
	Env []string `json:"env,omitempty"`
}

// HTTPGrant allows requests to one origin.
type HTTPGrant struct {
	// Origin is scheme, host and port: https://api.example.org:8443.
	Origin string `json:"origin"`
	// Methods allowed; empty allows GET and HEAD only.
	Methods []string `json:"methods,omitempty"`
	// Paths are prefixes of the allowed paths; empty allows all.
	Paths []string `json:"paths,omitempty"`
	// ReadRoutes are "METHOD /path" routes that only read though their method
	// is not GET or HEAD; they are permitted while planning.
	ReadRoutes []string `json:"read_routes,omitempty"`
	// Private permits loopback, link-local and private addresses.
	Private bool `json:"private,omitempty"`
	// Credential names the credential block whose secret the host adds.
	Credential string `json:"credential,omitempty"`
	// CA is the file, in PEM, with the authorities that vouch for the server in
	// place of the system's.
	CA string `json:"ca,omitempty"`
}

// TCPGrant allows connections to one host and port. What goes over them is
// opaque: nobody can tell a read from a write.
type TCPGrant struct {
	// Address is host:port.
	Address string `json:"address"`
	// Private permits loopback, link-local and private addresses.
	Private    bool   `json:"private,omitempty"`
	Credential string `json:"credential,omitempty"`
	// Read permits connections while a plan is made: the author of the module
	// says that the provider only reads there.
	Read bool `json:"read,omitempty"`
	// ReadCredential is used in place of Credential while a plan is made.
	ReadCredential string `json:"read_credential,omitempty"`
	// TLS has the host speak TLS with the server; the provider speaks none.
	TLS bool `json:"tls,omitempty"`
	// CA is the file, in PEM, with the authorities that vouch for the server in
	// place of the system's.
	CA string `json:"ca,omitempty"`
}

// Limits bound what a provider may use. Zero means the default of the runtime.
type Limits struct {
	// Memory of one instance, in bytes.
	Memory int64 `json:"memory,omitempty"`
	// Timeout of one call into the provider.
	Timeout time.Duration `json:"timeout,omitempty"`
	// Run is the longest time a provider may take in one run, all calls together.
	Run time.Duration `json:"run,omitempty"`
	// Output is the largest answer of one call, in bytes.
	Output int64 `json:"output,omitempty"`
	// Log is the most a provider may log in one run, in bytes.
	Log int64 `json:"log,omitempty"`
	// Requests is the largest number of HTTP requests in one run.
	Requests int64 `json:"requests,omitempty"`
	// Rate is how many HTTP requests a second go to one origin; zero holds none up.
	Rate int64 `json:"rate,omitempty"`
	// Response is the largest HTTP response body, in bytes.
	Response int64 `json:"response,omitempty"`
	// Connections is the largest number of TCP connections in one run.
	Connections int64 `json:"connections,omitempty"`
	// Traffic is the most that may go over TCP in one run, both ways, in bytes.
	Traffic int64 `json:"traffic,omitempty"`
	// CPU is the processor time of the worker process in one run.
	CPU time.Duration `json:"cpu,omitempty"`
}

// ProviderInfo identifies the provider that serves a resource.
type ProviderInfo struct {
	// Name is the module's name for it: the label of its provider block.
	Name string `json:"name"`
	// Source is where it comes from, in the author's words.
	Source  string `json:"source"`
	Version string `json:"version,omitempty"`
	// Digest is "sha256:" and the hex digest of the wasm module; empty for a
	// native provider.
	Digest string `json:"digest,omitempty"`
	Grants Grants `json:"grants"`
	Limits Limits `json:"limits"`
	// Trust is "grant" where the module accepts effects that are bounded by the
	// grant alone.
	Trust string `json:"trust,omitempty"`
}

// Capability is one thing a provider asks for, and why. Grants answer it.
type Capability struct {
	// Kind is http, tcp, read, write or env.
	Kind string `json:"kind"`
	// Detail names what: an origin, an address, a path, a name; it may be empty
	// where only the configuration knows.
	Detail   string `json:"detail,omitempty"`
	Reason   string `json:"reason,omitempty"`
	Optional bool   `json:"optional,omitempty"`
}

// Description is what a provider says of itself. During describe it has no
// capability at all.
type Description struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Doc     string `json:"doc,omitempty"`
	Schema  Schema `json:"schema"`
	// Capabilities that the provider asks for.
	Capabilities []Capability `json:"capabilities,omitempty"`
	// Plans says that the provider implements ComputePlan itself; otherwise the
	// host compares objects.
	Plans bool `json:"plans,omitempty"`
}

// Effect is one thing that applying an action will do to the world. While the
// action is applied the sandbox permits its effects and nothing else.
type Effect struct {
	// Capability is http, tcp or file; see the Capability constants.
	Capability string `json:"capability"`
	// Operation is an HTTP method, or one of write, delete, mkdir, rmdir, chmod
	// for files, or connect for TCP.
	Operation string `json:"operation"`
	// Target is a URL, an address or a path in the words of the grant. It may
	// hold {placeholders} for an ID that is not known yet.
	Target string `json:"target"`
}

// The capabilities of an effect.
const (
	CapabilityFile = "file"
	CapabilityHTTP = "http"
	CapabilityTCP  = "tcp"
	// CapabilityUnbounded stands for a provider that declares no effects: the
	// action is bounded by the grant alone.
	CapabilityUnbounded = "unbounded"
)

// String is the effect as plans show it: "http PUT https://api/x",
// "write out/index.html", "tcp connect db:5432".
func (e Effect) String() string {
	switch e.Capability {
	case CapabilityFile:
		return e.Operation + " " + e.Target
	case CapabilityUnbounded:
		return "unbounded within its grant"
	default:
		return e.Capability + " " + e.Operation + " " + e.Target
	}
}
