package cogplan.builtin.run_test

import data.cogplan.builtin.run

mass(deleted, managed, command) := found if {
	found := run.deny_mass_delete with input as {
		"counts": {"delete": deleted, "managed": managed},
		"run": {"command": command},
	}
		with data.cogplan.parameters as {"cogplan.builtin.run.deny_mass_delete": {"share": 0.1, "floor": 50}}
}

test_denies if {
	some f in mass(101, 1000, "apply")
	f.msg == "the run would delete 101 of 1000 managed objects, more than the share of 0.1 that is allowed"
	contains(f.remedy, `share = 1 in the parameters of policy "cogplan.builtin.run.deny_mass_delete"`)
}

test_permits_the_share if count(mass(100, 1000, "apply")) == 0

test_permits_the_floor if count(mass(50, 60, "apply")) == 0

test_denies_above_the_floor if count(mass(51, 60, "apply")) == 1

test_does_not_ask_destroy if count(mass(1000, 1000, "destroy")) == 0
