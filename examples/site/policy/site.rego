# What we ask of a change to the web site, beside the default policy. Rules are
# named as in conftest: deny… stops the resource, warn… is shown.
package main

# Nobody but us writes what the web server shows.
deny_writable_by_all contains {"msg": msg} if {
	some action in changes
	regex.match(`[2367]$`, object.get(action.details.after, "mode", ""))
	msg := sprintf("%s would be writable by everybody (mode %s); take the last digit down to 4", [
		action.name,
		action.details.after.mode,
	])
}

# A page without a name looks broken in every list of tabs.
warn_without_title contains {"msg": msg} if {
	some action in changes
	action.resource_type == "file"
	endswith(action.name, ".html")
	content := object.get(action.details.after, "content", "")
	content != ""
	not regex.match(`<title>[^<]+</title>`, content)
	msg := sprintf("%s has no title", [action.name])
}

changes contains action if {
	some action in input.plan.actions
	action.action in {"create", "update"}
}
