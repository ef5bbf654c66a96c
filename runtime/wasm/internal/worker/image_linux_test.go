package worker

import (
	"bytes"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cogplan/cogplan/runtime/wasm/internal/image"
)

// TestInitialMemory holds that each memory begins with the image and nothing
// else, that none sees what another wrote, and that the image cannot be changed.
func TestInitialMemory(t *testing.T) {
	start, err := newInitial(image.Image{Offset: 70_001, Bytes: []byte("image")})
	if err != nil {
		t.Fatal(err)
	}
	defer start.close()
	want := make([]byte, 3*pageSize)
	copy(want[70_001:], "image")
	for range 2 {
		m := &linearMemory{limit: 4 * pageSize, initial: start}
		m.Allocate(0, 0)
		t.Cleanup(m.Free)
		data := m.Reallocate(2 * pageSize)
		if !bytes.Equal(data, want[:2*pageSize]) {
			t.Fatal("the memory does not begin with the image")
		}
		copy(data[70_001:], "IMAGE")
		data = m.Reallocate(3 * pageSize)
		if !bytes.Equal(data[70_001:70_006], []byte("IMAGE")) || !bytes.Equal(data[2*pageSize:], want[2*pageSize:]) {
			t.Error("growing changed what was there, or gave more than zeros")
		}
	}
	if _, err := unix.Pwrite(start.fd, []byte("x"), 0); err == nil {
		t.Error("the image was changed")
	}
}

// TestInitialMemoryTooSmall holds that a memory below its image is refused.
func TestInitialMemoryTooSmall(t *testing.T) {
	start, err := newInitial(image.Image{Offset: 2 * pageSize, Bytes: []byte("image")})
	if err != nil {
		t.Fatal(err)
	}
	defer start.close()
	m := &linearMemory{limit: 4 * pageSize, initial: start}
	m.Allocate(0, 0)
	defer m.Free()
	if m.Reallocate(pageSize) != nil || !m.refused {
		t.Error("it was given")
	}
}
