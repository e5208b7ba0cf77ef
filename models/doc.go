// Package models embeds the default model and nothing else: a small sentiment
// classifier (sentiment-bert-mini, its card lies beside it), so that the command
// does something true on a machine with nothing to download. Only the command
// imports it; the build tag nomodel leaves it out.
package models
