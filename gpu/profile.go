package gpu

import (
	"context"
	"fmt"
	"math"
	"time"
)

// Time is how long one dispatch took on the device.
type Time struct {
	Name     string // of the kernel
	Duration time.Duration
}

// calibration is the time between two timestamps that tell the length of a tick,
// which the driver does not.
const calibration = 50 * time.Millisecond

// nearNanosecond is how far from 1 ns a measured tick may lie to be taken as one.
const nearNanosecond = 0.05

// Profile switches the timing of every dispatch on or off, for lists that are
// read afterwards. It costs time: each dispatch gets a pass of its own. Where
// Caps.Timestamps is false the error says so.
func (d *Device) Profile(on bool) error {
	if on && !d.can.Timestamps {
		return fmt.Errorf("profile: %s has no timestamps", d.info.Name)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.ready(); err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	if on && d.tick == 0 {
		if err := d.calibrate(); err != nil {
			return fmt.Errorf("profile: %w", err)
		}
	}
	d.profile = on
	return nil
}

// Times are the dispatches of the last Read in their order, if the device was
// profiled.
func (l *List) Times() []Time { return l.times }

func (l *List) addTimes(ticks []uint64) {
	for i := range l.rec.cmds {
		if c := &l.rec.cmds[i]; c.op == opDispatch && len(ticks) >= 2 {
			n := float64(ticks[1]-ticks[0]) * l.d.tick
			l.times = append(l.times, Time{c.name, time.Duration(math.Round(n))})
			ticks = ticks[2:]
		}
	}
}

// calibrate measures a tick by the host's clock. The caller holds mu.
func (d *Device) calibrate() error {
	firstTick, firstTime, err := d.stamp()
	if err != nil {
		return err
	}
	d.mu.Unlock()
	time.Sleep(calibration)
	d.mu.Lock()
	lastTick, lastTime, err := d.stamp()
	if err != nil {
		return err
	}
	if lastTick <= firstTick {
		return fmt.Errorf("timestamps do not advance: %d, then %d", firstTick, lastTick)
	}
	d.tick = float64(lastTime.Sub(firstTime)) / float64(lastTick-firstTick)
	if math.Abs(d.tick-1) < nearNanosecond {
		d.tick = 1
	}
	return nil
}

// stamp is the device's clock and the host's at nearly one moment. The caller
// holds mu.
func (d *Device) stamp() (uint64, time.Time, error) {
	s, err := d.start(&program{profile: true, stamps: true})
	if err != nil {
		return 0, time.Time{}, err
	}
	now := time.Now()
	d.mu.Unlock()
	err = d.wait(context.Background(), s)
	d.mu.Lock()
	if err != nil {
		return 0, time.Time{}, err
	}
	ticks, err := s.ticks()
	d.finishTicket(s)
	if err == nil && len(ticks) == 0 {
		err = fmt.Errorf("no timestamps came back")
	}
	if err != nil {
		return 0, time.Time{}, err
	}
	return ticks[0], now, nil
}
