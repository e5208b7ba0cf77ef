package gpu

// Caps is what a device can do: numbers, not versions. Variants of a kernel are
// chosen by it.
type Caps struct {
	F16         bool // kernels may use the type f16
	SubgroupMin int  // invocations of a subgroup; 0: kernels cannot use subgroups
	SubgroupMax int
	Timestamps  bool // Profile works
	// Trusted says that kernels run without the bounds checks of the driver.
	Trusted bool
	// ZeroedBuffers says that the driver zeroes new memory by itself.
	ZeroedBuffers bool

	MaxBuffer      int64  // bytes of one buffer
	MaxBinding     int64  // bytes of one storage binding
	StorageBuffers int    // storage bindings of one kernel
	StorageAlign   int    // a storage binding starts at a multiple of it, in bytes
	UniformAlign   int    // stride of the parameters of dispatches, in bytes
	ParamBytes     int    // bytes of the parameters of one dispatch
	WorkgroupBytes int    // bytes of workgroup memory
	Invocations    int    // invocations of one workgroup
	WorkgroupSize  [3]int // invocations along each axis
	GroupsPerDim   int    // workgroups along each axis of a dispatch
}

// Stats counts what a device or a list did.
type Stats struct {
	Dispatches int64 // kernels launched
	Submits    int64 // submissions to the queue
	Maps       int64 // read-backs mapped
	Allocs     int64 // allocations of device memory; recycled memory is none
	Writes     int64 // uploads
	Pipelines  int64 // kernels compiled
	Bytes      int64 // device memory held now, the idle pool included
	PeakBytes  int64 // most bytes of buffers handed out at one time
}
