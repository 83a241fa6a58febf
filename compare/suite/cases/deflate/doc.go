// Package deflate has the cases about permessage-deflate: RFC 7692 §7.1 and §7.2.
// The words are those of package spec, imported with a dot so that a case reads as
// text in that language.
package deflate
