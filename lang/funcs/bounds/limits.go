// Package bounds keeps a hostile module from taking memory and time without
// bound while its source is parsed and its expressions are evaluated.
//
// [Source] refuses text that would overflow the parser. [Budget.Guard] makes an
// expression count what it builds, and refuses numbers whose digits would fill
// memory. Functions charge their results to the same budget. What goes past a
// limit is an error that names the limit; nothing is cut short in silence.
package bounds

// Limits bound what evaluation may build. A zero field means its default.
type Limits struct {
	// Value is the size of the largest single value, in bytes: 64 MiB.
	Value int64
	// Total is the sum of everything that is built, in bytes: 1 GiB.
	Total int64
	// File is the largest file a function reads, in bytes: 16 MiB.
	File int64
	// Items is the largest number of elements one function makes: 1,000,000.
	Items int64
	// Steps is the number of times that loops go round: 1,000,000, which take
	// about two seconds. A round through a long body counts as several.
	Steps int64
}

const (
	kib = 1 << 10
	mib = 1 << 20
)

func (l Limits) orDefault() Limits {
	def := Limits{Value: 64 * mib, Total: 1024 * mib, File: 16 * mib, Items: 1_000_000, Steps: 1_000_000}
	if l.Value > 0 {
		def.Value = l.Value
	}
	if l.Total > 0 {
		def.Total = l.Total
	}
	if l.File > 0 {
		def.File = l.File
	}
	if l.Items > 0 {
		def.Items = l.Items
	}
	if l.Steps > 0 {
		def.Steps = l.Steps
	}
	return def
}
