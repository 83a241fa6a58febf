// Package deflate has the cases about permessage-deflate: RFC 7692 §7.1 and §7.2.
// It imports package spec with a dot, so that a case names Send and Fails without a
// prefix.
package deflate
