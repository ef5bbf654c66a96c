package main_test

import data.main

one(kind, name) := {
	"counts": object.union({"create": 0, "update": 0, "delete": 0}, {kind: 1}),
	"plan": {"actions": [{"action": kind, "resource_type": "file", "name": name}]},
}

none := {"counts": {"create": 0, "update": 0, "delete": 0}, "plan": {"actions": []}}

test_a_change_needs_approval if {
	count(main.require_approval) == 1 with input as one("update", "index.html")
}

test_nothing_needs_none if {
	count(main.require_approval) == 0 with input as none
}

test_robots_stay if {
	count(main.deny) == 1 with input as one("delete", "robots.txt")
}

test_others_may_go if {
	count(main.deny) == 0 with input as one("delete", "old.html")
}
