// Package report writes decisions for other programs to read: JSON, JUnit,
// SARIF, annotations of GitHub, and Markdown.
//
// Names and messages come from policies and providers, so nothing of them is
// taken for markup: control characters are shown and not sent, and what a format
// or a workflow runner would obey is escaped.
package report
