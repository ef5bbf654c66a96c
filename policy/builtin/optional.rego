# What stands here is asked where the module sets its parameters, and is silent
# without. A parameter that cannot be understood denies.
package cogplan.builtin

# METADATA
# title: Objects that are never deleted
# description: >-
#   `names` are patterns of object names: `*` stands for anything but a slash,
#   `**` for anything.
# custom:
#   parameters:
#     names: []
deny_protected_names contains finding if {
	some pattern in data.cogplan.parameters["cogplan.builtin.deny_protected_names"].names
	some action in input.actions_by_kind.delete
	glob.match(pattern, ["/"], action.name)
	finding := {
		"msg": sprintf("%s would delete %s %q, whose name is protected by %q", [
			input.resource.address, action.resource_type, action.name, pattern,
		]),
		"object": action.name,
		"remedy": "put the object back, or take the pattern out of policy \"cogplan.builtin.deny_protected_names\"",
	}
}

# METADATA
# title: Resources carry tags
# custom:
#   parameters:
#     required: []
deny_tags contains finding if {
	some name in data.cogplan.parameters["cogplan.builtin.deny_tags"].required
	object.get(input.resource.tags, name, "") == ""
	finding := {
		"msg": sprintf("%s has no tag %q", [input.resource.address, name]),
		"remedy": sprintf("add the tag to resource %s", [input.resource.address]),
	}
}

# METADATA
# title: Providers talk to known origins
# custom:
#   parameters:
#     allowed: []
deny_origins contains finding if {
	allowed := data.cogplan.parameters["cogplan.builtin.deny_origins"].allowed
	count(allowed) > 0
	some grant in input.provider.grants.http
	not grant.origin in allowed
	finding := {
		"msg": sprintf("provider %s may talk to %s, which is not among the allowed origins", [input.provider.name, grant.origin]),
		"remedy": sprintf("take the origin out of the allow block of provider %q, or add it to policy \"cogplan.builtin.deny_origins\"", [input.provider.name]),
	}
}

# METADATA
# title: Nothing changes in a freeze
# description: >-
#   `windows` are objects with `days` (Monday…), `from` and `to` (15:04) and
#   `zone` (Europe/Berlin). A window whose end is before its begin goes on into
#   the next day; `days` are those on which it begins.
# custom:
#   parameters:
#     windows: []
deny_freeze contains finding if {
	input.counts.changes > 0
	some window in data.cogplan.parameters["cogplan.builtin.deny_freeze"].windows
	understood(window)
	frozen(window)
	finding := {
		"msg": sprintf("nothing changes on %s from %s to %s %s", [concat(", ", window.days), window.from, window.to, window.zone]),
		"remedy": "apply the plan after the freeze",
	}
}

deny_freeze contains finding if {
	some window in data.cogplan.parameters["cogplan.builtin.deny_freeze"].windows
	not understood(window)
	finding := {
		"msg": sprintf("the freeze window %v cannot be understood", [window]),
		"remedy": "give it days, from, to and zone: { days = [\"Friday\"], from = \"16:00\", to = \"23:59\", zone = \"Europe/Berlin\" }",
	}
}

understood(window) if {
	is_object(window)
	object.keys(window) == {"days", "from", "to", "zone"}
	is_string(window.zone)
	window.zone != ""
	count(window.days) > 0
	every day in window.days {
		day in {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}
	}
	every time_of_day in [window.from, window.to] {
		is_string(time_of_day)
		regex.match(`^([01][0-9]|2[0-3]):[0-5][0-9]$`, time_of_day)
	}
}

now_in(zone) := sprintf("%02d:%02d", array.slice(time.clock([time.now_ns(), zone]), 0, 2))

# The window of today.
frozen(window) if {
	time.weekday([time.now_ns(), window.zone]) in window.days
	window.from <= now_in(window.zone)
	until_end(window)
}

# The window of yesterday, which goes on.
frozen(window) if {
	window.to < window.from
	yesterday := time.add_date(time.now_ns(), 0, 0, -1)
	time.weekday([yesterday, window.zone]) in window.days
	now_in(window.zone) <= window.to
}

until_end(window) if now_in(window.zone) <= window.to

until_end(window) if window.to < window.from
