package render

// records writes what an apply does to the records alone: moves, what is
// forgotten, what is adopted.
func (p *printer) records(lines []string) {
	if len(lines) == 0 {
		return
	}
	p.line()
	p.line(p.style.bold("Records"))
	for _, line := range lines {
		p.marked(sgrCyan, ">", line)
	}
}
