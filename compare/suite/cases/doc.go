// Package cases has all cases, in the order of the list. They are data in the
// packages below: opening (the opening handshake), frames and deflate, one file for
// each RFC section. These import the words of package spec and nothing else. They do
// so with a dot: a file of cases is text in that small language, and a qualifier
// before each word would hide it.
package cases
