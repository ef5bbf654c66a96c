package main_test

import data.main

plan(name) := {"plan": {"actions": [{"action": "create", "resource_type": "file", "name": name}]}}

test_capitals_are_denied if {
	count(main.deny) == 1 with input as plan("Hello.txt")
}

test_small_letters_pass if {
	count(main.deny) == 0 with input as plan("hello.txt")
}
