// Package archtest executes the rules that hold for the tree as a whole: which
// package may import which, how long a file may be, which names say nothing.
//
// It has no code outside its tests and nothing imports it. It refuses to know
// anything about what the packages do; rules about behaviour stand beside the
// behaviour.
package archtest
