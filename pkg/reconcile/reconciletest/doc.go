// Package reconciletest holds what tests of reconcilers share: the suites that
// every provider and every state store has to pass, a provider over a world in
// memory, and a store in memory.
//
// It is for tests only; nothing in cogplan imports it.
package reconciletest
