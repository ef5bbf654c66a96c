package main

import "fmt"

// recorded is what a peer took on another day, on two cores: real files need
// the provider hashicorp/local, which is not to be had everywhere, and OpenTofu
// is not on every machine. Seconds of processor time and wall, in the order of
// plan, apply, plan with nothing to do and destroy; 0 is not recorded.
type recorded struct {
	tool  string
	kinds []kind
	n     int
	cpu   [4]float64
	wall  [4]float64
	rss   float64
}

//nolint:gochecknoglobals // a constant table
var records = []recorded{
	{
		tool: "tofu 1.12 local_file *", kinds: []kind{kindOne, kindEach, kindTree}, n: 1000,
		cpu: [4]float64{6.6, 13.4, 9.0, 12.2}, wall: [4]float64{3.8, 7.6, 5.0, 6.9}, rss: 180,
	},
	{
		tool: "terraform 1.11 local_file *", kinds: []kind{kindOne, kindEach, kindTree}, n: 1000,
		cpu: [4]float64{8.0, 58, 10.8, 76}, wall: [4]float64{4.5, 41, 6.0, 58},
	},
	{
		tool: "tofu 1.12 local_file *", kinds: []kind{kindOne, kindEach, kindTree}, n: 5000,
		cpu: [4]float64{34, 69, 45, 61}, rss: 736,
	},
	{
		tool: "tofu 1.12 data *", kinds: []kind{kindChain}, n: 1000,
		cpu: [4]float64{8.7, 16, 39, 81}, rss: 975,
	},
}

// recordedRows are the rows of a case that were recorded, marked with a star.
func recordedRows(c testCase) []row {
	var rows []row
	for _, r := range records {
		for _, k := range r.kinds {
			if k != c.kind || r.n != c.n {
				continue
			}
			for i, op := range []operation{opPlan, opApply, opNoop, opRemove} {
				rows = append(rows, row{
					Case: fmt.Sprintf("%s-%d", k, r.n), Tool: r.tool, Op: op,
					Samples: []sample{{CPU: r.cpu[i], Wall: r.wall[i], RSS: r.rss}},
				})
			}
		}
	}
	return rows
}
