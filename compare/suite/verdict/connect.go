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

// Untrusted is the beginning of the Reason of a Report if the certificate is not valid.
const Untrusted = "Its certificate is not trusted"

// cannotConnect returns err as a sentence. err is the reason why there is no connection.
func cannotConnect(err error) string {
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &certificate):
		// Cut the rest, in brackets: it is about Go.
		why, _, _ := strings.Cut(strings.TrimPrefix(certificate.Err.Error(), "x509: "), " (")
		return Untrusted + ": " + why + "."
	case errors.As(err, &record):
		return "It does not speak TLS on this port."
	case errors.Is(err, syscall.ECONNREFUSED):
		return "The connection was refused, so no server listens there."
	case errors.As(err, &dns):
		return fmt.Sprintf("The host %q does not exist.", dns.Name)
	case errors.Is(err, transcript.ErrTLS) && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)):
		return "It accepted the connection, but did not answer the TLS handshake in time."
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, syscall.ETIMEDOUT):
		return "It cannot be reached. The connection timed out."
	case errors.Is(err, context.Canceled):
		return "The run was stopped."
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "It cannot be reached. There is no route to this host."
	}
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
		return "It closed the connection during the TLS handshake."
	}
	return "The connection failed: " + tap.Plain(err) + "."
}
