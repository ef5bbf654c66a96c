// Package abi is the boundary between cogplan and a provider: the numbers and
// names of the calls, the messages that cross it, and the codec that turns them
// into bytes. Host and guest use the same package, so that neither can drift
// from the other; docs/protocol.md is its specification.
//
// Every message is one MessagePack map with string keys. The decoder trusts
// nothing: it never allocates from a claimed count, and it refuses unknown and
// duplicate keys, extension types, invalid UTF-8, numbers that JSON cannot hold,
// values nested too deeply, too many values, and trailing bytes. The package
// uses neither reflection nor encoding/json nor fmt, because all of that would
// be linked into every guest.
package abi
