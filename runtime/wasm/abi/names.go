package abi

// Version is the major version of the protocol: the number that the export
// [ExportVersion] returns, and part of its name. Revision counts compatible
// additions inside a version; describe agrees on the lower one of both sides.
const (
	Version  = 1
	Revision = 0
)

// The names that a guest exports.
const (
	ExportMemory     = "memory"
	ExportInitialize = "_initialize"
	// ExportVersion is func() i32 and returns [Version].
	ExportVersion = "cogplan_abi_v1"
	// ExportCall is func(op i32, size i32) i32: a request of size bytes waits
	// to be taken. It returns [StatusAnswer] or [StatusError].
	ExportCall = "cogplan_call"
)

// The names that a guest may import, beside those of wasi_snapshot_preview1.
const (
	ImportModule = "cogplan_v1"
	// ImportTake is func(ptr i32, len i32) i32: copies what waits (a request,
	// or the answer to a host call) into the guest's memory, which must have
	// room for exactly that length. It returns the length or a [HostError].
	ImportTake = "take"
	// ImportReply is func(ptr i32, len i32) i32: gives the answer or the error
	// message of the running call; once for each call. It returns 0 or a
	// [HostError].
	ImportReply = "reply"
	// ImportLog is func(level i32, ptr i32, len i32).
	ImportLog = "log"
	// ImportHostCall is func(op i32, ptr i32, len i32) i64: asks the host. It
	// returns the length of an answer to take, or a [HostError].
	ImportHostCall = "host_call"
)

// The results of [ExportCall].
const (
	// StatusAnswer says that the reply is the answer of the operation.
	StatusAnswer int32 = 0
	// StatusError says that the reply is an [Error].
	StatusError int32 = 1
)

// HostError is a negative result of an import.
type HostError int32

// The host's refusals.
const (
	// HostUnknownOp: the host has no such host call.
	HostUnknownOp HostError = -1
	// HostDenied: the phase or the grants do not permit it.
	HostDenied HostError = -2
	// HostBadMemory: the pointer and length do not lie in the guest's memory.
	HostBadMemory HostError = -3
	// HostBadLength: nothing waits, or the length is not the one that waits.
	HostBadLength HostError = -4
	// HostTooLarge: more bytes than the limit.
	HostTooLarge HostError = -5
	// HostRepeated: a second reply to one call, or a reply outside of one.
	HostRepeated HostError = -6
	// HostBadRequest: the bytes of the host call are not what it expects.
	HostBadRequest HostError = -7
	// HostNotYet: there is nothing to take yet; wait for it.
	HostNotYet HostError = -8
	// HostBroken: the body of the response broke off; the head says why.
	HostBroken HostError = -9
)

// Error names the refusal.
func (e HostError) Error() string {
	switch e {
	case HostUnknownOp:
		return "the host has no such call"
	case HostDenied:
		return "not permitted in this phase or by the grants"
	case HostBadMemory:
		return "pointer or length outside of the memory"
	case HostBadLength:
		return "nothing of that length waits"
	case HostTooLarge:
		return "larger than the limit"
	case HostRepeated:
		return "replied more than once"
	case HostBadRequest:
		return "malformed host call"
	case HostNotYet:
		return "nothing is there yet"
	case HostBroken:
		return "the response broke off"
	default:
		return "unknown host error"
	}
}

// Op is an operation that the host asks a guest for.
type Op int32

// The operations.
const (
	OpDescribe   Op = 1
	OpOpen       Op = 2
	OpClose      Op = 3
	OpKnown      Op = 4
	OpLoadConfig Op = 5
	OpFetchLive  Op = 6
	OpNext       Op = 7
	OpEffects    Op = 8
	OpPlan       Op = 9
	OpApply      Op = 10
	OpBuildState Op = 11
	OpHealth     Op = 12
	OpFind       Op = 13
	OpExport     Op = 14
)

var opNames = [...]string{
	OpDescribe: "describe", OpOpen: "open", OpClose: "close", OpKnown: "known",
	OpLoadConfig: "load_config", OpFetchLive: "fetch_live", OpNext: "next",
	OpEffects: "effects", OpPlan: "plan", OpApply: "apply",
	OpBuildState: "build_state", OpHealth: "health", OpFind: "find", OpExport: "export",
}

// String is the operation's name in the specification.
func (o Op) String() string {
	if o < 1 || int(o) >= len(opNames) {
		return "unknown operation"
	}
	return opNames[o]
}

// HostOp is a host call that a guest asks the host for.
type HostOp int32

// The host calls. Those for SHA-256 take and give raw bytes, the others
// messages.
const (
	// HostSHA256Sum adds the bytes to the instance's running digest, answers
	// the 32 bytes of SHA-256, and begins anew.
	HostSHA256Sum HostOp = 1
	// HostSHA256Add adds the bytes to the running digest; the answer is empty
	// (length 0) and is not taken.
	HostSHA256Add HostOp = 2
	// HostFileStat looks at files: a [FileStatRequest], a [FileStatAnswer].
	// WASI knows no modes, and hashing on the host is ten times faster.
	HostFileStat HostOp = 3
	// HostFileChmod sets the mode of a file or directory: a
	// [FileChmodRequest], a [FileChmodAnswer]. It is a change of the world and
	// needs the effect chmod.
	HostFileChmod HostOp = 4
	// HostHTTPStart begins a request: an [HTTPStartRequest], an
	// [HTTPStartAnswer]. It waits for nothing.
	HostHTTPStart HostOp = 5
	// HostHTTPWrite gives a piece of a request's body: a handle and raw bytes;
	// returns how many of them it took, which may be none. No bytes end a body
	// whose size was not told.
	HostHTTPWrite HostOp = 6
	// HostHTTPWait waits for answers, for bytes and for room: an
	// [HTTPWaitRequest], an [HTTPWaitAnswer].
	HostHTTPWait HostOp = 7
	// HostHTTPHead asks for status and headers of an answered request: a raw
	// handle, an [HTTPHead].
	HostHTTPHead HostOp = 8
	// HostHTTPRead takes the next piece of a response's body: a raw handle and
	// as many bytes as there is room for, raw; the answer is the raw piece, and
	// nothing (length 0) at the end. Where there is nothing yet it is
	// [HostNotYet], and where the body broke off [HostBroken].
	HostHTTPRead HostOp = 9
	// HostHTTPClose forgets a request: a raw handle; returns 0.
	HostHTTPClose HostOp = 10
	// HostTCPConnect begins a connection: a [TCPConnectRequest], a
	// [TCPConnectAnswer]. It waits for nothing.
	HostTCPConnect HostOp = 11
	// HostTCPState asks what is known of a connection: a raw handle, a
	// [TCPState].
	HostTCPState HostOp = 12
	// HostTCPWrite gives bytes to a connection: a raw handle and raw bytes;
	// returns how many of them it took, which may be none.
	HostTCPWrite HostOp = 13
	// HostTCPRead takes bytes from a connection: a raw handle and as many bytes
	// as there is room for, raw; the answer is the raw bytes, and nothing (length
	// 0) at the end. Where there is nothing yet it is [HostNotYet].
	HostTCPRead HostOp = 14
	// HostTCPShut says that no more bytes will be given: a raw handle; returns 0.
	HostTCPShut HostOp = 15
	// HostTCPClose ends a connection: a raw handle; returns 0. What was given is
	// sent.
	HostTCPClose HostOp = 16
)

// The features that a host may offer in describe and open.
const (
	// FeatureSHA256: the host calls for SHA-256.
	FeatureSHA256 = "sha256"
	// FeatureFiles: the host calls for files.
	FeatureFiles = "files"
	// FeatureHTTP: the host calls for HTTP.
	FeatureHTTP = "http"
	// FeatureTCP: the host calls for TCP.
	FeatureTCP = "tcp"
)

// LogLevel is the level of a log line.
type LogLevel int32

// The log levels.
const (
	LogDebug LogLevel = 0
	LogInfo  LogLevel = 1
	LogWarn  LogLevel = 2
	LogError LogLevel = 3
)

// Ability is something that a provider can do beyond what each one must.
type Ability string

// The abilities that describe may name. The host asks for nothing else.
const (
	// AbilityEffects: answers effects. Without it each action is shown as
	// unbounded within the grant.
	AbilityEffects Ability = "effects"
	AbilityHealth  Ability = "health"
	AbilityFind    Ability = "find"
	AbilityExport  Ability = "export"
	// AbilityReopen: may be opened again after close, as if it were new. The host
	// then saves the start of an instance for each resource that is read.
	AbilityReopen Ability = "reopen"
)

// Kind says what a session is for.
type Kind string

// The kinds of sessions.
const (
	KindResource Kind = "resource"
	KindData     Kind = "data"
)

// Phase says what a session may do.
type Phase string

// The phases. An instance is in one phase for all of its life.
const (
	// PhaseRead reads and plans; the host stops every change of the world.
	PhaseRead Phase = "read"
	// PhaseWrite applies; the host permits the effects of the running action.
	PhaseWrite Phase = "write"
)

// ErrorKind classifies an [Error].
type ErrorKind string

// The kinds of errors.
const (
	// KindError is any failure.
	KindError ErrorKind = "error"
	// KindTemporary may succeed when tried again.
	KindTemporary ErrorKind = "temporary"
	// KindConfig blames an argument of the declaration; Path says which.
	KindConfig ErrorKind = "config"
	// KindStale says that the object is not any more what the plan saw.
	KindStale ErrorKind = "stale"
	// KindUnsupported says that the provider does not have the operation.
	KindUnsupported ErrorKind = "unsupported"
)

// Limits bound what a decoder accepts.
type Limits struct {
	// Bytes is the largest message.
	Bytes int
	// Depth is how deep maps and arrays may be nested, the message itself
	// counted as one.
	Depth int
	// Values is the largest number of values in one message, keys not counted.
	Values int
}

// MaxBatch is the largest number of objects or actions in one message.
const MaxBatch = 1000

// DefaultLimits are the limits where nothing else is said. They fit a batch of
// a thousand objects with a thousand values each.
func DefaultLimits() Limits {
	return Limits{Bytes: 64 << 20, Depth: 64, Values: 1 << 20}
}
