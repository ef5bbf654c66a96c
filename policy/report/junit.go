package report

import (
	"encoding/xml"
	"io"
)

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Skipped  int         `xml:"skipped,attr"`
	File     string      `xml:"file,attr,omitempty"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	Failure *junitMessage `xml:"failure,omitempty"`
	Skipped *junitMessage `xml:"skipped,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
}

// writeJUnit makes a suite of each resource and a case of each finding; a
// resource without findings is one case that passes.
func writeJUnit(w io.Writer, items []Item) error {
	var all junitSuites
	for _, item := range items {
		suite := junitSuiteOf(item)
		all.Tests += suite.Tests
		all.Failures += suite.Failures
		all.Suites = append(all.Suites, suite)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func junitSuiteOf(item Item) junitSuite {
	suite := junitSuite{Name: clean(item.Address), File: clean(item.Source.Filename)}
	for _, f := range findings(item) {
		c := junitCase{Name: clean(f.Rule), Class: suite.Name}
		if severity(f) == "error" {
			suite.Failures++
			c.Failure = &junitMessage{sentence(f)}
		} else {
			suite.Skipped++
			c.Skipped = &junitMessage{sentence(f)}
		}
		suite.Cases = append(suite.Cases, c)
	}
	if len(suite.Cases) == 0 {
		suite.Cases = []junitCase{{Name: "policy", Class: suite.Name}}
	}
	suite.Tests = len(suite.Cases)
	return suite
}
