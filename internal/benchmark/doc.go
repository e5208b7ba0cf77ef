// Package benchmark times operations and encoders on every backend that it is
// handed, each result checked against the reference before it is timed. Cases,
// timing and printing lie apart. It imports what it times (tensor, encoders, nn);
// only bench and the command import it.
package benchmark
