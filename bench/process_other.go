//go:build !linux

package main

import "os"

func adoptOrphans() {}

func reapOrphans() int { return 0 }

func maxRSS(*os.ProcessState) float64 { return 0 }

func treeMemory(int) float64 { return 0 }
