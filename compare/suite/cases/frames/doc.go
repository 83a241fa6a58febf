// Package frames has the cases about frames, messages and the end of a connection:
// RFC 6455 §5, §7 and §8, and how TCP cuts a stream. The words are those of package
// spec, imported with a dot so that a case reads as text in that language.
package frames
