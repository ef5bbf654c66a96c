//go:build windows

package funcs_test

func makePipe(string) error { return nil }
