// Package lang turns the HCL files of a directory into a checked [Module] and
// evaluates it: which resources there are, in which order, and what each
// provider is given.
//
// Everything that can be known without the world is checked before anything
// runs, and as many mistakes as there are are reported at once, each with the
// place in the source and with what to do about it.
//
// The package reads the module's files and nothing else. It refuses to read
// the process environment, the clock or the network; variables arrive as
// values. It never runs a provider: schemas are handed to it. Every expression
// is evaluated once, and once more only where a value it reads became known.
package lang
