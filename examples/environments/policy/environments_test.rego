package main_test

import data.main

of(address, n) := {"resource": {"address": address}, "counts": {"create": 0, "update": n, "delete": 0}}

test_production_changes_a_little if {
	count(main.deny) == 0 with input as of("module.production.file.pages", 5)
	count(main.deny) == 1 with input as of("module.production.file.pages", 6)
}

test_staging_changes_as_it_likes if {
	count(main.deny) == 0 with input as of("module.staging.file.pages", 60)
}
