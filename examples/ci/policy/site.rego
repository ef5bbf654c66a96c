# What holds for the site, beside the default policy.
package main

# Whatever changes the site is looked at by somebody else than its author.
require_approval contains {"msg": "somebody else looks at what changes", "not_author": true} if {
	changes > 0
}

# Search engines are told where they may go.
deny contains {"msg": "robots.txt would be deleted", "remedy": "keep robots.txt in site/"} if {
	some action in input.plan.actions
	action.action == "delete"
	action.name == "robots.txt"
}

changes := (input.counts.create + input.counts.update) + input.counts.delete
