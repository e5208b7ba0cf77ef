package cpuref

import "github.com/cephalo-ml/cephalo/tensor"

// The loops in assembly; s is vecAVX2 or vecAVX512, slices hold whole chunks.

func (s vecSet) maxChunks(x []float32) float32 {
	if s == vecAVX512 {
		return vecMaxAVX512(x)
	}
	return vecMaxAVX2(x)
}

func (s vecSet) dotChunks(x, y []float32) float32 {
	if s == vecAVX512 {
		return vecDotAVX512(x, y)
	}
	return vecDotAVX2(x, y)
}

func (s vecSet) expSumChunks(dst, x []float32, scale, shift float32) float32 {
	if s == vecAVX512 {
		return vecExpSumAVX512(dst, x, scale, shift)
	}
	return vecExpSumAVX2(dst, x, scale, shift)
}

func (s vecSet) scaleChunks(dst, x []float32, f float32) {
	if s == vecAVX512 {
		vecScaleAVX512(dst, x, f)
	} else {
		vecScaleAVX2(dst, x, f)
	}
}

func (s vecSet) addScaledChunks(dst, x []float32, f float32) {
	if s == vecAVX512 {
		vecAddScaledAVX512(dst, x, f)
	} else {
		vecAddScaledAVX2(dst, x, f)
	}
}

func (s vecSet) addChunks(dst, a, b []float32) {
	if s == vecAVX512 {
		vecAddAVX512(dst, a, b)
	} else {
		vecAddAVX2(dst, a, b)
	}
}

func (s vecSet) mulChunks(dst, a, b []float32) {
	if s == vecAVX512 {
		vecMulAVX512(dst, a, b)
	} else {
		vecMulAVX2(dst, a, b)
	}
}

func (s vecSet) sumChunks(x []float32) float64 {
	if s == vecAVX512 {
		return vecSumAVX512(x)
	}
	return vecSumAVX2(x)
}

func (s vecSet) squaresChunks(x []float32, mean float64) float64 {
	if s == vecAVX512 {
		return vecSquaresAVX512(x, mean)
	}
	return vecSquaresAVX2(x, mean)
}

func (s vecSet) normalizeChunks(dst, x, weight, bias []float32, mean, rstd float64) {
	if s == vecAVX512 {
		vecNormalizeAVX512(dst, x, weight, bias, mean, rstd)
	} else {
		vecNormalizeAVX2(dst, x, weight, bias, mean, rstd)
	}
}

func (s vecSet) activateChunks(act tensor.Act, dst, x []float32) {
	wide := s == vecAVX512
	switch act {
	case tensor.ActGelu:
		if wide {
			vecGeluAVX512(dst, x)
		} else {
			vecGeluAVX2(dst, x)
		}
	case tensor.ActGeluTanh:
		if wide {
			vecGeluTanhAVX512(dst, x)
		} else {
			vecGeluTanhAVX2(dst, x)
		}
	case tensor.ActSilu:
		if wide {
			vecSiluAVX512(dst, x)
		} else {
			vecSiluAVX2(dst, x)
		}
	case tensor.ActRelu:
		if wide {
			vecReluAVX512(dst, x)
		} else {
			vecReluAVX2(dst, x)
		}
	case tensor.ActTanh:
		if wide {
			vecTanhAVX512(dst, x)
		} else {
			vecTanhAVX2(dst, x)
		}
	case tensor.ActSigmoid:
		if wide {
			vecSigmoidAVX512(dst, x)
		} else {
			vecSigmoidAVX2(dst, x)
		}
	case tensor.ActMish:
		if wide {
			vecMishAVX512(dst, x)
		} else {
			vecMishAVX2(dst, x)
		}
	case tensor.ActAbs:
		if wide {
			vecAbsAVX512(dst, x)
		} else {
			vecAbsAVX2(dst, x)
		}
	}
}

func (s vecSet) slopeChunks(act tensor.Act, dst, x []float32) {
	wide := s == vecAVX512
	switch act {
	case tensor.ActGelu:
		if wide {
			vecGeluSlopeAVX512(dst, x)
		} else {
			vecGeluSlopeAVX2(dst, x)
		}
	case tensor.ActGeluTanh:
		if wide {
			vecGeluTanhSlopeAVX512(dst, x)
		} else {
			vecGeluTanhSlopeAVX2(dst, x)
		}
	case tensor.ActSilu:
		if wide {
			vecSiluSlopeAVX512(dst, x)
		} else {
			vecSiluSlopeAVX2(dst, x)
		}
	case tensor.ActRelu:
		if wide {
			vecReluSlopeAVX512(dst, x)
		} else {
			vecReluSlopeAVX2(dst, x)
		}
	case tensor.ActTanh:
		if wide {
			vecTanhSlopeAVX512(dst, x)
		} else {
			vecTanhSlopeAVX2(dst, x)
		}
	case tensor.ActSigmoid:
		if wide {
			vecSigmoidSlopeAVX512(dst, x)
		} else {
			vecSigmoidSlopeAVX2(dst, x)
		}
	case tensor.ActMish:
		if wide {
			vecMishSlopeAVX512(dst, x)
		} else {
			vecMishSlopeAVX2(dst, x)
		}
	case tensor.ActAbs:
		if wide {
			vecAbsSlopeAVX512(dst, x)
		} else {
			vecAbsSlopeAVX2(dst, x)
		}
	}
}
