// Package render writes what people and programs read of cogplan: plans,
// results, diagnostics and progress as text, and each of them as one JSON
// document.
//
// Text is made for a terminal that cannot be trusted with what providers say:
// names, values and messages from outside are escaped, so that none of them can
// move the cursor, change a colour or begin a line. Structure is plain ASCII, so
// that it is readable in every locale and by a screen reader; colour repeats
// what the words say and never says more.
//
// The package decides nothing. It refuses to read files, the environment or the
// clock: sources, widths and times are handed to it.
package render
