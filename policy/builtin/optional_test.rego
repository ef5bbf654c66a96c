package cogplan.builtin_test

import data.cogplan.builtin

names(patterns, name) := found if {
	found := builtin.deny_protected_names with input as input_of([object.union(removal, {"name": name})])
		with data.cogplan.parameters as {"cogplan.builtin.deny_protected_names": {"names": patterns}}
}

test_protected_names_deny if {
	messages(names(["*.pem"], "ca.pem")) == {`file.site would delete file "ca.pem", whose name is protected by "*.pem"`}
}

test_protected_names_keep_to_their_folder if count(names(["*.pem"], "tls/ca.pem")) == 0

test_protected_names_reach_all_folders if count(names(["**.pem"], "tls/ca.pem")) == 1

test_protected_names_are_silent_without if count(names([], "ca.pem")) == 0

tags(required, tags) := found if {
	found := builtin.deny_tags with input as {"resource": {"address": "file.site", "tags": tags}}
		with data.cogplan.parameters as {"cogplan.builtin.deny_tags": {"required": required}}
}

test_tags_deny if messages(tags(["team", "cost"], {"team": "web"})) == {`file.site has no tag "cost"`}

test_tags_deny_empty_ones if count(tags(["team"], {"team": ""})) == 1

test_tags_are_silent_without if count(tags([], {})) == 0

origins(allowed, origin) := found if {
	found := builtin.deny_origins with input as {"provider": {"name": "dns", "grants": {"http": [{"origin": origin}]}}}
		with data.cogplan.parameters as {"cogplan.builtin.deny_origins": {"allowed": allowed}}
}

test_origins_deny if {
	messages(origins(["https://a"], "https://b")) == {"provider dns may talk to https://b, which is not among the allowed origins"}
}

test_origins_permit if count(origins(["https://a"], "https://a")) == 0

test_origins_are_silent_without if count(origins([], "https://b")) == 0

# 2026-03-06 is a Friday. Berlin is an hour ahead.
freeze(window, changes, when) := found if {
	found := builtin.deny_freeze with input as {"counts": {"changes": changes}}
		with data.cogplan.parameters as {"cogplan.builtin.deny_freeze": {"windows": [window]}}
		with time.now_ns as time.parse_rfc3339_ns(when)
}

evening := {"days": ["Friday"], "from": "16:00", "to": "23:59", "zone": "Europe/Berlin"}

night := {"days": ["Friday"], "from": "22:00", "to": "06:00", "zone": "Europe/Berlin"}

test_freeze_denies if {
	messages(freeze(evening, 1, "2026-03-06T15:00:00Z")) == {"nothing changes on Friday from 16:00 to 23:59 Europe/Berlin"}
}

test_freeze_permits_before if count(freeze(evening, 1, "2026-03-06T14:59:00Z")) == 0

test_freeze_permits_after if count(freeze(object.union(evening, {"to": "17:00"}), 1, "2026-03-06T16:01:00Z")) == 0

test_freeze_permits_on_other_days if count(freeze(evening, 1, "2026-03-05T15:00:00Z")) == 0

test_freeze_permits_what_changes_nothing if count(freeze(evening, 0, "2026-03-06T15:00:00Z")) == 0

test_freeze_goes_on_into_the_night if {
	count(freeze(night, 1, "2026-03-06T22:30:00Z")) == 1
	count(freeze(night, 1, "2026-03-07T04:30:00Z")) == 1
	count(freeze(night, 1, "2026-03-07T05:30:00Z")) == 0
	count(freeze(night, 1, "2026-03-06T04:30:00Z")) == 0
}

test_freeze_denies_what_it_does_not_understand if {
	every odd in [
		{}, "Friday", object.remove(evening, ["zone"]), object.union(evening, {"zone": ""}),
		object.union(evening, {"from": "4pm"}), object.union(evening, {"days": ["friday"]}),
		object.union(evening, {"days": []}), object.union(evening, {"day": "Friday"}),
	] {
		some f in freeze(odd, 0, "2026-03-05T15:00:00Z")
		contains(f.msg, "cannot be understood")
	}
}
