//go:build !amd64

package cpuref

import "github.com/cephalo-ml/cephalo/tensor"

// There is no assembly here: vecOf gives vecGeneric, whose split leaves nothing
// to these.

func (s vecSet) maxChunks([]float32) float32                        { panic(noChunks) }
func (s vecSet) dotChunks(_, _ []float32) float32                   { panic(noChunks) }
func (s vecSet) expSumChunks(_, _ []float32, _, _ float32) float32  { panic(noChunks) }
func (s vecSet) scaleChunks(_, _ []float32, _ float32)              { panic(noChunks) }
func (s vecSet) addScaledChunks(_, _ []float32, _ float32)          { panic(noChunks) }
func (s vecSet) addChunks(_, _, _ []float32)                        { panic(noChunks) }
func (s vecSet) mulChunks(_, _, _ []float32)                        { panic(noChunks) }
func (s vecSet) sumChunks([]float32) float64                        { panic(noChunks) }
func (s vecSet) squaresChunks([]float32, float64) float64           { panic(noChunks) }
func (s vecSet) normalizeChunks(_, _, _, _ []float32, _, _ float64) { panic(noChunks) }
func (s vecSet) slopeChunks(tensor.Act, []float32, []float32)       { panic(noChunks) }
func (s vecSet) activateChunks(tensor.Act, []float32, []float32)    { panic(noChunks) }

const noChunks = "cpuref: no vector loops for this processor"
