package cephalo

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestStopper ends a text before a stop and holds back what might be one.
func TestStopper(t *testing.T) {
	s := &stopper{stop: []string{"END", "stop"}}
	var got []string
	for _, p := range []string{"a E", "N", "x sto", "p y"} {
		piece, done := s.add(p, false)
		got = append(got, piece)
		if done {
			break
		}
	}
	require.Equal(t, []string{"a ", "", "ENx ", ""}, got)
	require.Equal(t, "a ENx ", s.text())
}
