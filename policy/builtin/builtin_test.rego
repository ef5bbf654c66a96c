package cogplan.builtin_test

import data.cogplan.builtin

counts := {
	"create": 0, "update": 0, "delete": 0, "skip": 0, "replace": 0, "changes": 0, "total": 0,
	"managed": 1000, "unchanged": 0, "ungranted": 0, "unbounded": 0, "opaque": 0, "unknown": 0, "bare": false,
}

resource := {"address": "file.site", "prune": false, "protect": false}

provider := {"name": "file", "trust": ""}

removal := {"action": "delete", "resource_type": "file", "name": "a", "details": {"replace": false, "effects": []}}

replacement := {"action": "delete", "resource_type": "file", "name": "a", "details": {"replace": true, "effects": []}}

with_effect(effect) := {
	"action": "create", "resource_type": "file", "name": "a",
	"details": {"replace": false, "effects": [effect]},
}

plan(actions) := {
	"actions": actions,
	"summary": {"creates": 0, "updates": 0, "deletes": 0, "skipped": 0},
}

input_of(actions) := {
	"plan": plan(actions),
	"actions_by_kind": {"delete": [a | some a in actions; a.action == "delete"]},
	"resource": resource, "provider": provider, "counts": counts, "run": {"command": "plan"},
}

parameters := {"cogplan.builtin.deny_mass_delete": {"share": 0.1, "floor": 10}}

remedies(findings) := {f.remedy | some f in findings}

messages(findings) := {f.msg | some f in findings}

test_prune_denies_a_delete if {
	found := builtin.deny_prune with input as input_of([removal])
	messages(found) == {`file.site would delete file "a", and prune is not set`}
	remedies(found) == {"add prune = true to resource file.site, or put the object back"}
}

test_prune_denies_a_replacement if {
	found := builtin.deny_prune with input as input_of([replacement])
	messages(found) == {`file.site would replace file "a", and prune is not set`}
	remedies(found) == {"add prune = true to resource file.site, or undo the change"}
}

test_prune_permits if {
	count(builtin.deny_prune) == 0 with input as input_of([removal])
		with input.resource.prune as true
}

test_prune_does_not_ask_destroy if {
	count(builtin.deny_prune) == 0 with input as input_of([removal])
		with input.run.command as "destroy"
}

test_protected_holds_for_destroy if {
	count(builtin.deny_protected) == 1 with input as input_of([removal])
		with input.resource.protect as true
		with input.run.command as "destroy"
}

test_prune_looks_at_deletes_only if {
	count(builtin.deny_prune) == 0 with input as input_of([with_effect({})])
}

test_protected_denies if {
	found := builtin.deny_protected with input as input_of([removal])
		with input.resource.protect as true
	messages(found) == {`file.site is protected, and file "a" would be deleted`}
	remedies(found) == {"undo the change, or take protect = true out of resource file.site"}
}

test_protected_denies_a_replacement if {
	found := builtin.deny_protected with input as input_of([replacement])
		with input.resource.protect as true
	messages(found) == {`file.site is protected, and file "a" would be replaced`}
}

test_protected_is_asked_for if {
	count(builtin.deny_protected) == 0 with input as input_of([removal])
}

mass(deleted, managed, command) := found if {
	found := builtin.deny_mass_delete with input as input_of([])
		with input.counts as object.union(counts, {"delete": deleted, "managed": managed})
		with input.run.command as command
		with data.cogplan.parameters as parameters
}

test_mass_delete_denies if {
	found := mass(101, 1000, "apply")
	messages(found) == {"file.site would delete 101 of 1000 managed objects, more than the share of 0.1 that is allowed"}
	some f in found
	contains(f.remedy, `share = 1 in the parameters of policy "cogplan.builtin.deny_mass_delete"`)
}

test_mass_delete_permits_the_share if count(mass(100, 1000, "apply")) == 0

test_mass_delete_permits_the_floor if count(mass(10, 12, "apply")) == 0

test_mass_delete_denies_above_the_floor if count(mass(11, 12, "apply")) == 1

test_mass_delete_denies_where_nothing_is_recorded if count(mass(11, 0, "apply")) == 1

test_mass_delete_does_not_ask_destroy if count(mass(1000, 1000, "destroy")) == 0

outside := {"capability": "file", "operation": "write", "target": "/etc/passwd", "granted": false}

test_effects_deny_what_is_not_granted if {
	found := builtin.deny_effects with input as input_of([with_effect(outside)])
		with input.counts.ungranted as 1
	messages(found) == {`create file "a" would do what provider file is not granted: file write /etc/passwd`}
	remedies(found) == {`if it should, widen the allow block of provider "file"`}
}

test_effects_permit_what_is_granted if {
	count(builtin.deny_effects) == 0 with input as input_of([with_effect(object.union(outside, {"granted": true}))])
		with input.counts.ungranted as 1
}

unbounded := {"capability": "unbounded", "operation": "", "target": "", "granted": true, "opaque": false}

test_unbounded_denies if {
	found := builtin.deny_unbounded with input as input_of([with_effect(unbounded)])
		with input.counts.unbounded as 1
	messages(found) == {`create file "a": provider file does not say what it will do`}
	some f in found
	contains(f.remedy, `write trust = "grant" into provider "file"`)
}

test_unbounded_permits_with_trust if {
	count(builtin.deny_unbounded) == 0 with input as input_of([with_effect(unbounded)])
		with input.counts.unbounded as 1
		with input.provider.trust as "grant"
}

test_summary_denies_a_difference if {
	found := builtin.deny_summary with input as input_of([])
		with input.counts as object.union(counts, {"delete": 2})
	messages(found) == {"the plan of file.site counts [0, 0, 0, 0] creates, updates, deletes and skips, and lists [0, 0, 2, 0]"}
}

test_summary_denies_a_bare_one if {
	found := builtin.deny_summary with input as input_of([])
		with input.counts.bare as true
	messages(found) == {"the plan of file.site counts changes and lists none of them, so nobody can rule on them"}
}

test_summary_permits if count(builtin.deny_summary) == 0 with input as input_of([])

test_unknown_kind_denies if {
	found := builtin.deny_unknown_kind with input as input_of([object.union(removal, {"action": "destroy"})])
		with input.counts.unknown as 1
	messages(found) == {`file "a" has the unknown action "destroy"`}
}

test_unknown_kind_permits if {
	count(builtin.deny_unknown_kind) == 0 with input as input_of([removal])
		with input.counts.unknown as 1
}

connects(changes, read, allowed) := found if {
	found := builtin.deny_opaque with input as {
		"counts": object.union(counts, {"changes": changes}),
		"provider": {"name": "pg", "grants": {"tcp": [{"address": "db:5432", "read": read}]}},
	}
		with data.cogplan.parameters as {"cogplan.builtin.deny_opaque": {"allowed": allowed}}
}

test_opaque_denies_changes if {
	some finding in connects(1, false, [])
	finding.msg == "provider pg may connect to db:5432, and what it does there is opaque: nobody can tell a read from a write"
	contains(finding.remedy, `allowed = ["db:5432"] in the parameters of policy "cogplan.builtin.deny_opaque"`)
}

test_opaque_denies_connections_while_planning if count(connects(0, true, [])) == 1

test_opaque_denies_another_address if count(connects(1, true, ["db:5433", "db"])) == 1

test_opaque_permits_what_is_named if count(connects(1, true, ["db:5432"])) == 0

test_opaque_is_silent_where_nothing_connects if count(connects(0, false, [])) == 0
