package main_test

import data.main

plan(role) := {"plan": {"actions": [{"action": "create", "name": "ann", "details": {"after": {"name": "ann", "role": role}}}]}}

test_administrators_are_denied if {
	count(main.deny) == 1 with input as plan("admin")
}

test_readers_pass if {
	count(main.deny) == 0 with input as plan("reader")
}
