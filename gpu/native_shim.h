// What the native driver needs of the WebGPU library beside the Go binding.
//
// The binding leaves memory that it hands to the library unset (the flags of an
// instance, a limit of a device), which ends the process now and then; it keeps
// callbacks in memory that the Go collector may reuse; and it offers no way to
// hear of a lost device or of an error outside of its calls, where the library
// ends the process by default. So instances and devices are made here, and maps
// and the end of work are watched here, by callbacks that write to C memory.
//
// The types follow the public headers of the library's version in go.mod.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
	success = 0,
	pending = -1,
	map_read = 1,
	instance_extras = 0x00030006,
};

typedef struct chained {
	struct chained const *next;
	uint32_t type;
} chained;

typedef struct {
	chained chain;
	uint32_t backends, flags, dx12_compiler, gles3_minor;
	char const *dxil_path, *dxc_path;
} instance_options;

typedef struct { chained const *next; } instance_descriptor;

typedef struct {
	uint32_t texture_1d, texture_2d, texture_3d, texture_layers;
	uint32_t bind_groups, bind_groups_and_vertex_buffers, bindings_per_group;
	uint32_t dynamic_uniforms, dynamic_storages;
	uint32_t sampled_textures, samplers, storage_buffers, storage_textures, uniform_buffers;
	uint64_t uniform_binding, storage_binding;
	uint32_t uniform_align, storage_align;
	uint32_t vertex_buffers;
	uint64_t buffer;
	uint32_t vertex_attributes, vertex_stride;
	uint32_t stage_components, stage_variables, color_attachments, color_bytes;
	uint32_t workgroup_storage, workgroup_invocations;
	uint32_t workgroup_x, workgroup_y, workgroup_z, workgroups_per_dimension;
} limits;

typedef struct { chained const *next; limits limits; } required_limits;

typedef void (*status_callback)(int status, void *userdata);
typedef void (*message_callback)(int kind, char const *message, void *userdata);
typedef void (*device_callback)(int status, void *device, char const *message, void *userdata);

typedef struct {
	chained const *next;
	char const *label;
	size_t feature_count;
	uint32_t const *features;
	required_limits const *limits;
	struct { chained const *next; char const *label; } queue;
	message_callback lost;
	void *lost_userdata;
	struct { chained const *next; message_callback callback; void *userdata; } uncaptured;
} device_descriptor;

// Weak, because the link that cgo does of this package alone lacks the library.
#define LATE extern __attribute__((weak))
LATE void *wgpuCreateInstance(instance_descriptor const *descriptor);
LATE void wgpuAdapterRequestDevice(void *adapter, device_descriptor const *descriptor, device_callback callback, void *userdata);
LATE void wgpuBufferMapAsync(void *buffer, uint32_t mode, size_t offset, size_t size, status_callback callback, void *userdata);
LATE void wgpuQueueOnSubmittedWorkDone(void *queue, status_callback callback, void *userdata);

static void *new_instance(uint32_t backends) {
	instance_options options = {.chain = {NULL, instance_extras}, .backends = backends};
	instance_descriptor descriptor = {&options.chain};
	return wgpuCreateInstance(&descriptor);
}

// An alarm takes what the library says of a device outside of the calls of the
// binding. The first message stays.
typedef struct {
	int lost, failed;
	char message[1024];
} alarm_box;

static void note(alarm_box *a, int *flag, char const *message) {
	if (!a->lost && !a->failed && message) strncpy(a->message, message, sizeof a->message - 1);
	*flag = 1;
}

static void on_lost(int reason, char const *message, void *userdata) {
	(void)reason;
	note(userdata, &((alarm_box *)userdata)->lost, message);
}

static void on_uncaptured(int type, char const *message, void *userdata) {
	(void)type;
	note(userdata, &((alarm_box *)userdata)->failed, message);
}

typedef struct {
	void *device;
	alarm_box *box;
} device_request;

static void on_device(int status, void *device, char const *message, void *userdata) {
	device_request *r = userdata;
	if (status == success) r->device = device;
	else if (message) strncpy(r->box->message, message, sizeof r->box->message - 1);
}

static limits undefined_limits(void) {
	limits l;
	memset(&l, 0xff, sizeof l); // the library's mark of a limit not asked for
	return l;
}

// new_device is NULL where the adapter refuses, and box then says why. box must
// live as long as the device.
static void *new_device(void *adapter, limits l, uint32_t const *features, size_t feature_count, alarm_box *box) {
	required_limits required = {NULL, l};
	device_descriptor descriptor = {
		.label = "cephalo", .feature_count = feature_count, .features = features, .limits = &required,
		.lost = on_lost, .lost_userdata = box,
		.uncaptured = {NULL, on_uncaptured, box},
	};
	device_request request = {NULL, box};
	memset(box, 0, sizeof *box);
	wgpuAdapterRequestDevice(adapter, &descriptor, on_device, &request);
	return request.device;
}

// A fence is what the callback of a map, or of the end of work, sets.
typedef struct { int status; } fence;

static void on_status(int status, void *userdata) { ((fence *)userdata)->status = status; }

static fence *new_fence(void) {
	fence *f = malloc(sizeof *f);
	if (f) f->status = pending;
	return f;
}

static void fence_map(fence *f, void *buffer, size_t size) {
	wgpuBufferMapAsync(buffer, map_read, 0, size, on_status, f);
}

static void fence_queue(fence *f, void *queue) {
	wgpuQueueOnSubmittedWorkDone(queue, on_status, f);
}
