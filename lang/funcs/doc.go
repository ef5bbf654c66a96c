// Package funcs holds every function that expressions in a module can call.
//
// Names and results are those of Terraform; docs/functions.md lists each
// function, where it differs, and which are left out and why. A test compares
// hundreds of expressions with what terraform answers.
//
// The functions refuse to read the clock, the network, randomness or the
// process environment, and to read any file outside the module's directory
// tree. They refuse to build values without bound: what would need more than
// [bounds.Limits] allow is an error. Sensitive marks travel through every
// function, and an unknown argument gives an unknown result.
package funcs
