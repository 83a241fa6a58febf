// Package cases has all cases, in the order of the list. They are data in the packages
// below, with one file for each RFC section: opening (the opening handshake), frames and
// deflate. These packages import only package spec. They import it with a dot, because a
// file of cases is text in that small language, and a qualifier before each word would
// hide the text.
package cases
