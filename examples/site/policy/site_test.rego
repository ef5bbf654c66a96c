package main

change(name, after) := {"plan": {"actions": [{
	"action": "create",
	"resource_type": "file",
	"name": name,
	"details": {"after": after},
}]}}

test_a_file_that_everybody_may_write_is_denied if {
	count(deny_writable_by_all) == 1 with input as change("page.html", {"mode": "0666"})
	count(deny_writable_by_all) == 1 with input as change("page.html", {"mode": "0622"})
}

test_other_modes_are_fine if {
	count(deny_writable_by_all) == 0 with input as change("page.html", {"mode": "0644"})
	count(deny_writable_by_all) == 0 with input as change("page.html", {})
}

test_a_delete_has_no_mode if {
	plan := {"plan": {"actions": [{
		"action": "delete",
		"resource_type": "file",
		"name": "page.html",
		"details": {"after": {}},
	}]}}
	count(deny_writable_by_all) == 0 with input as plan
}

test_a_page_without_title_is_pointed_out if {
	count(warn_without_title) == 1 with input as change("page.html", {"content": "<h1>Hello</h1>"})
	count(warn_without_title) == 0 with input as change("page.html", {"content": "<title>Hello</title>"})
	count(warn_without_title) == 0 with input as change("style.css", {"content": "body {}"})
}
