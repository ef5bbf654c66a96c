# METADATA
# title: The default policy of cogplan
# description: >-
#   It rules on every plan, beside the policies of the module, which can neither
#   change nor switch off what stands here. The module sets levels and
#   parameters in HCL; rules marked as fixed keep their level.
# custom:
#   batch: true
package cogplan.builtin

# METADATA
# title: Deletes need prune
# description: >-
#   The command destroy is not asked: whoever gives it means the deletes.
# custom:
#   fixed: true
deny_prune contains finding if {
	input.run.command != "destroy"
	not input.resource.prune
	some action in input.actions_by_kind.delete
	finding := {
		"msg": sprintf("%s would %s %s %q, and prune is not set", [
			input.resource.address, {true: "replace", false: "delete"}[action.details.replace],
			action.resource_type, action.name,
		]),
		"object": action.name,
		"remedy": sprintf("add prune = true to resource %s, or %s", [
			input.resource.address, {true: "undo the change", false: "put the object back"}[action.details.replace],
		]),
	}
}

# METADATA
# title: Protected resources keep their objects
deny_protected contains finding if {
	input.resource.protect
	some action in input.actions_by_kind.delete
	finding := {
		"msg": sprintf("%s is protected, and %s %q would be %s", [
			input.resource.address, action.resource_type, action.name,
			{true: "replaced", false: "deleted"}[action.details.replace],
		]),
		"object": action.name,
		"remedy": sprintf("undo the change, or take protect = true out of resource %s", [input.resource.address]),
	}
}

# METADATA
# title: A plan deletes only a small share
# description: >-
#   A plan that deletes more than `share` of what is managed, and more than
#   `floor` objects, is denied. Replaced objects count. The command destroy is
#   not asked: whoever gives it means everything.
# custom:
#   parameters:
#     share: 0.1
#     floor: 10
deny_mass_delete contains finding if {
	input.run.command != "destroy"
	input.counts.delete > data.cogplan.parameters["cogplan.builtin.deny_mass_delete"].floor
	limit := data.cogplan.parameters["cogplan.builtin.deny_mass_delete"].share * input.counts.managed
	input.counts.delete > limit
	finding := {
		"msg": sprintf("%s would delete %d of %d managed objects, more than the share of %v that is allowed", [
			input.resource.address, input.counts.delete, input.counts.managed,
			data.cogplan.parameters["cogplan.builtin.deny_mass_delete"].share,
		]),
		"remedy": concat("", [
			"if all of them must go, raise the limit: ",
			"share = 1 in the parameters of policy \"cogplan.builtin.deny_mass_delete\"; or delete them in several steps",
		]),
	}
}

# METADATA
# title: Effects stay inside the grant
# custom:
#   fixed: true
deny_effects contains finding if {
	input.counts.ungranted > 0
	some action in input.plan.actions
	some effect in action.details.effects
	not effect.granted
	finding := {
		"msg": sprintf("%s %s %q would do what provider %s is not granted: %s %s %s", [
			action.action, action.resource_type, action.name, input.provider.name,
			effect.capability, effect.operation, effect.target,
		]),
		"object": action.name,
		"remedy": sprintf("if it should, widen the allow block of provider %q", [input.provider.name]),
	}
}

# METADATA
# title: Effects are listed, or the module trusts the grant
deny_unbounded contains finding if {
	input.provider.trust != "grant"
	input.counts.unbounded > 0
	some action in input.plan.actions
	some effect in action.details.effects
	effect.capability == "unbounded"
	finding := {
		"msg": sprintf("%s %s %q: provider %s does not say what it will do", [
			action.action, action.resource_type, action.name, input.provider.name,
		]),
		"object": action.name,
		"remedy": sprintf("write trust = \"grant\" into provider %q to accept anything that its allow block permits", [input.provider.name]),
	}
}

# METADATA
# title: Connections that nobody can look into are named
# description: >-
#   What goes over a tcp connection cannot be judged, so a tcp grant has to be
#   accepted by its address: `allowed` are addresses as in the grant. A grant
#   that permits connections while a plan is made is asked for in each plan.
# custom:
#   parameters:
#     allowed: []
deny_opaque contains finding if {
	some grant in input.provider.grants.tcp
	used(grant)
	not grant.address in data.cogplan.parameters["cogplan.builtin.deny_opaque"].allowed
	finding := {
		"msg": sprintf("provider %s may connect to %s, and what it does there is opaque: nobody can tell a read from a write", [
			input.provider.name, grant.address,
		]),
		"remedy": sprintf("if you trust it with that, name the address: allowed = [%q] in the parameters of policy \"cogplan.builtin.deny_opaque\"", [grant.address]),
	}
}

used(grant) if grant.read

used(_) if input.counts.changes > 0

# METADATA
# title: A plan says what it does
# custom:
#   fixed: true
deny_summary contains finding if {
	not input.counts.bare
	told := [input.plan.summary.creates, input.plan.summary.updates, input.plan.summary.deletes, input.plan.summary.skipped]
	counted := [input.counts.create, input.counts.update, input.counts.delete, input.counts.skip]
	told != counted
	finding := {
		"msg": sprintf("the plan of %s counts %v creates, updates, deletes and skips, and lists %v", [input.resource.address, told, counted]),
		"remedy": "this is a mistake of the provider; report it to its author",
	}
}

deny_summary contains finding if {
	input.counts.bare
	finding := {
		"msg": sprintf("the plan of %s counts changes and lists none of them, so nobody can rule on them", [input.resource.address]),
		"remedy": "use a provider that lists its actions",
	}
}

# METADATA
# title: Only the four kinds of action
# custom:
#   fixed: true
deny_unknown_kind contains finding if {
	input.counts.unknown > 0
	some action in input.plan.actions
	not action.action in {"create", "update", "delete", "skip"}
	finding := {
		"msg": sprintf("%s %q has the unknown action %q", [action.resource_type, action.name, action.action]),
		"object": action.name,
		"remedy": "this is a mistake of the provider; report it to its author",
	}
}
