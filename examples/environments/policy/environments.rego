# Beside the default policy: production changes a little at a time.
package main

deny contains {"msg": msg, "remedy": "apply the change in parts, with -target"} if {
	startswith(input.resource.address, "module.production.")
	changes > 5
	msg := sprintf("%d changes of production at once", [changes])
}

changes := (input.counts.create + input.counts.update) + input.counts.delete
