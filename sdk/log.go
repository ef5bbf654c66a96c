package sdk

import "github.com/cogplan/cogplan/runtime/wasm/abi"

// LogLevel is the level of a log line.
type LogLevel = abi.LogLevel

// The log levels.
const (
	LogDebug = abi.LogDebug
	LogInfo  = abi.LogInfo
	LogWarn  = abi.LogWarn
	LogError = abi.LogError
)

// Log writes a line to the host's log; outside of a sandbox there is none.
func Log(level LogLevel, line string) { hostLogLine(level, line) }
