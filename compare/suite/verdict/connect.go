package verdict

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"wslab/compare/suite/transcript"
	"wslab/compare/tap"
)

// Untrusted begins the Reason of a Report where TLS fails for the certificate.
const Untrusted = "Its certificate is not to be trusted"

// cannotConnect says in a plain sentence why there is no connection.
func cannotConnect(err error) string {
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &certificate):
		// What Go tried besides, in brackets, is about Go.
		why, _, _ := strings.Cut(strings.TrimPrefix(certificate.Err.Error(), "x509: "), " (")
		return Untrusted + ": " + why + "."
	case errors.As(err, &record):
		return "It does not speak TLS there."
	case errors.Is(err, syscall.ECONNREFUSED):
		return "Nothing listens there: the connection was refused."
	case errors.As(err, &dns):
		return fmt.Sprintf("There is no host called %q.", dns.Name)
	case errors.Is(err, transcript.ErrTLS) && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)):
		return "It accepted the connection and did not answer to TLS in time."
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, syscall.ETIMEDOUT):
		return "It cannot be reached: the connection was not made in time."
	case errors.Is(err, context.Canceled):
		return "The run was stopped."
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "It cannot be reached: there is no way to this host."
	}
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
		return "It closed the connection before TLS was agreed on."
	}
	return "There is no connection: " + tap.Plain(err) + "."
}
