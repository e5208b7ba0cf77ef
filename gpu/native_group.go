//go:build !cpuref && cgo && (linux || darwin || windows) && (amd64 || arm64)

package gpu

import (
	"slices"

	"github.com/cogentcore/webgpu/wgpu"
)

// maxGroups is how many bind groups are kept; as many again may be older ones
// that were not used since.
const maxGroups = 4096

// bindGroup is a cached bind group of a layout over binds and, where the layout
// has one, the buffer of parameters.
type bindGroup struct {
	group  *wgpu.BindGroup // nil once released
	key    uint64
	layout *nativeLayout
	binds  []bind
}

// groupCache finds bind groups by what they bind. Groups are released only
// between submissions: an open pass knows them by number alone.
type groupCache struct {
	ids        uint64
	young, old map[uint64]*bindGroup
	extra      []*bindGroup // whose keys collide; for one submission
}

// nextID numbers layouts and memory, never twice.
func (c *groupCache) nextID() uint64 { c.ids++; return c.ids }

func groupKey(l *nativeLayout, binds []bind) uint64 {
	h := l.id
	mix := func(v uint64) {
		h = (h ^ v) * 0x9e3779b97f4a7c15
		h ^= h >> 29
	}
	for _, b := range binds {
		mix(b.mem.(*nativeMemory).id)
		mix(uint64(b.off))
		mix(uint64(b.size))
	}
	return h
}

func (g *bindGroup) is(l *nativeLayout, binds []bind) bool {
	return g.group != nil && g.layout == l && slices.Equal(g.binds, binds)
}

// age makes room before a submission.
func (c *groupCache) age() {
	for _, g := range c.extra {
		c.drop(g)
	}
	c.extra = c.extra[:0]
	if c.young == nil || len(c.young) > maxGroups {
		for _, g := range c.old {
			c.drop(g)
		}
		c.old, c.young = c.young, map[uint64]*bindGroup{}
	}
}

// drop releases g.
func (c *groupCache) drop(g *bindGroup) {
	if g.group == nil {
		return
	}
	g.group.Release()
	g.group = nil
	for _, m := range []map[uint64]*bindGroup{c.young, c.old} {
		if m[g.key] == g {
			delete(m, g.key)
		}
	}
}

func (c *groupCache) dropAll() {
	for _, m := range []map[uint64]*bindGroup{c.young, c.old} {
		for _, g := range m {
			c.drop(g)
		}
	}
	for _, g := range c.extra {
		c.drop(g)
	}
	c.extra = c.extra[:0]
}

// bindGroup is the bind group of l over binds, made at need.
func (n *nativeDevice) bindGroup(l *nativeLayout, binds []bind) (*wgpu.BindGroup, error) {
	c := &n.groups
	key := groupKey(l, binds)
	g := c.young[key]
	if g == nil {
		if g = c.old[key]; g != nil {
			delete(c.old, key)
			c.young[key] = g
		}
	}
	if g != nil && g.is(l, binds) {
		return g.group, nil
	}
	made, err := n.makeGroup(l, binds)
	if err != nil {
		return nil, err
	}
	made.key = key
	if g != nil {
		c.extra = append(c.extra, made)
	} else {
		c.young[key] = made
	}
	return made.group, nil
}

func (n *nativeDevice) makeGroup(l *nativeLayout, binds []bind) (*bindGroup, error) {
	entries := make([]wgpu.BindGroupEntry, 0, len(binds)+1)
	for i, b := range binds {
		entries = append(entries, wgpu.BindGroupEntry{
			Binding: uint32(i), Buffer: b.mem.(*nativeMemory).buf, Offset: uint64(b.off), Size: uint64(b.size),
		})
	}
	if l.param > 0 {
		entries = append(entries, wgpu.BindGroupEntry{Binding: uint32(len(binds)), Buffer: n.params, Size: uint64(l.param)})
	}
	group, err := n.dev.CreateBindGroup(&wgpu.BindGroupDescriptor{Layout: l.group, Entries: entries})
	if err != nil {
		return nil, n.failed(err)
	}
	g := &bindGroup{group: group, layout: l, binds: slices.Clone(binds)}
	for _, b := range binds {
		mem := b.mem.(*nativeMemory)
		if len(mem.groups) == cap(mem.groups) {
			mem.groups = slices.DeleteFunc(mem.groups, func(g *bindGroup) bool { return g.group == nil })
		}
		mem.groups = append(mem.groups, g)
	}
	return g, nil
}
