// Package seccomp takes from a process the system calls that no worker needs and
// that whoever breaks out of the WebAssembly sandbox would begin with: to start
// programs and processes, to open sockets, to look into other processes, to
// change what is mounted, to load code into the kernel.
//
// It forbids by a list instead of permitting by one: which calls Go's runtime and
// the compiler make changes with their versions, and a worker that dies of an
// upgrade protects nobody. Files are Landlock's, which permits by a list. It
// refuses nothing to the parent process, and cannot be undone.
package seccomp
