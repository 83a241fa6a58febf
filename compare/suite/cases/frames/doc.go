// Package frames has the cases about frames, messages and the end of a connection:
// RFC 6455 §5, §7 and §8, and the ways in which TCP cuts a stream. It imports package
// spec with a dot, so that a case names Send and Fails without a prefix.
package frames
