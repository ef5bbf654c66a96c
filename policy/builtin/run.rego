# METADATA
# title: The default policy about all plans of a run together
package cogplan.builtin.run

# METADATA
# title: A run deletes only a small share
# description: >-
#   As cogplan.builtin.deny_mass_delete, over everything that the run looks at:
#   many small deletes are one large one.
# custom:
#   parameters:
#     share: 0.1
#     floor: 50
deny_mass_delete contains finding if {
	input.run.command != "destroy"
	input.counts.delete > data.cogplan.parameters["cogplan.builtin.run.deny_mass_delete"].floor
	limit := data.cogplan.parameters["cogplan.builtin.run.deny_mass_delete"].share * input.counts.managed
	input.counts.delete > limit
	finding := {
		"msg": sprintf("the run would delete %d of %d managed objects, more than the share of %v that is allowed", [
			input.counts.delete, input.counts.managed,
			data.cogplan.parameters["cogplan.builtin.run.deny_mass_delete"].share,
		]),
		"remedy": concat("", [
			"if all of them must go, raise the limit: ",
			"share = 1 in the parameters of policy \"cogplan.builtin.run.deny_mass_delete\"; or delete them in several runs",
		]),
	}
}
