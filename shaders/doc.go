// Package shaders holds the WGSL sources of the kernels, one file an operation
// or variant, embedded. It imports nothing else of this module.
//
// A file names its tunables as plain lines, "const WG: u32 = 64u;", which Source
// rewrites; nothing else is rewritten. Helpers that several files use lie in
// common/ and are put before a file by the list in fragments.go.
//
// Every file keeps to what old and new front ends both accept: no override, no
// f16, no subgroups, no infinite constants, barriers in uniform flow only,
// parentheses where operators mix.
package shaders
