package safetensors

import "testing"

// Whatever the bytes: no panic, no read outside the file, and a file that opens
// is read whole and written again with the same tensors.
func FuzzOpen(f *testing.F) {
	f.Add(oneTensor)
	f.Add(fileOf(`{"__metadata__":{"a":"b"},"x":{"dtype":"F16","shape":[1,2],"data_offsets":[0,4]},"y":{"dtype":"F64","shape":[],"data_offsets":[4,12]},"z":{"dtype":"I8","shape":[0,1,1,1,1],"data_offsets":[12,12]}}`, make([]byte, 12)))
	f.Add(fileOf(`{"t":{"dtype":"F32","shape":[1000,1000],"data_offsets":[0,4]}}`, make([]byte, 4)))
	f.Add(fileOf(`{"t":{"dtype":"F32","shape":[2147483647,2147483647,2147483647],"data_offsets":[-4,0,8]}}`, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := openBytes(t, b)
		if err != nil {
			return
		}
		var tensors []Named
		total := int64(0)
		for _, name := range file.Names() {
			if file.Dims(name) == nil {
				t.Fatalf("%q has no shape", name)
			}
			sp, ok := file.Spec(name)
			h, err := file.Read(name)
			if ok != (err == nil) || h.Spec != sp || int64(len(h.Data)) != sp.Bytes() {
				t.Fatalf("%q: %v %v, but read %v with %d bytes, %v", name, sp, ok, h.Spec, len(h.Data), err)
			}
			if !ok {
				continue
			}
			total += int64(len(h.Data))
			tensors = append(tensors, Named{Name: name, Host: h})
			n := int64(0)
			if err := file.ReadFloat32(name, func(off int64, v []float32) error { n += int64(len(v)); return nil }); err == nil && n != sp.Elems() {
				t.Fatalf("%q: %d elements of %v", name, n, sp)
			}
		}
		if total > int64(len(b)) {
			t.Fatalf("%d bytes of tensors in %d", total, len(b))
		}
		again, err := openBytes(t, written(t, tensors, file.Metadata()))
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range tensors {
			h, err := again.Read(n.Name)
			if err != nil || h.Spec != n.Spec || string(h.Data) != string(n.Data) {
				t.Fatalf("%q: %v after writing, want %v; %v", n.Name, h, n.Host, err)
			}
		}
		if again.data%8 != 0 {
			t.Fatalf("data at %d, want a multiple of 8", again.data)
		}
	})
}
