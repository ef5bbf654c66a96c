// Package generate writes HCL: of values that a provider tells it makes the
// arguments and blocks that declare them, and puts them into a block of a module.
//
// It writes what reads back as the same value, or not at all: a text that HCL
// would change, and a value that is sensitive, are left out and named. It edits
// nothing but the block that it is told, and reads and writes no files.
package generate
