// Package cli is the command line of cogplan: one file for each command, and
// the wiring of language, providers, policy and engine in session.go. It is the
// only package that knows them all.
//
// It decides what is run and in which order, asks people, and turns what comes
// out into text, JSON and one exit code (exit.go). It refuses to apply without
// an answer or -auto-approve, to apply anything when part of the plan is denied
// or failed, and to print what is not escaped.
package cli
