package kube

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
	"unicode"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"github.com/bkplan/bkplan/internal/plan"
)

// What can be wrong with a cluster, for errors.Is. The text after each says
// what was seen and how to mend it.
var (
	// ErrKubeconfig: the configuration is missing, unreadable or incomplete.
	ErrKubeconfig = errors.New("kubeconfig cannot be used")
	// ErrUnreachable: no API answers, or it says that it is not ready.
	ErrUnreachable = errors.New("Kubernetes API does not answer") //nolint:staticcheck // a proper noun
	// ErrCertificate: the server's certificate or the client's is not valid.
	ErrCertificate = errors.New("certificate of the Kubernetes API connection is not valid")
	// ErrUnauthorized: the API does not accept the credentials (401).
	ErrUnauthorized = errors.New("Kubernetes API does not accept the credentials") //nolint:staticcheck // a proper noun
	// ErrForbidden: the API knows the user, who may not list (403).
	ErrForbidden = errors.New("Kubernetes API does not permit the question") //nolint:staticcheck // a proper noun
	// ErrAnswer: something answers, but not as a Kubernetes API does.
	ErrAnswer = errors.New("answer is not one of a Kubernetes API")
)

// question is what was asked, as far as an explanation needs it.
type question struct {
	source plan.KubernetesSource
	config *rest.Config
	now    time.Time
}

// explain turns what client-go reports into an error a person can act on.
func explain(err error, q question) error {
	var (
		refused refusals
		invalid *tls.CertificateVerificationError
	)
	where, seen := nameOf(q.source), clean(err, q.config)
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("ask %s: %w", serverOf(q.config), context.Canceled)
	case errors.As(err, &refused):
		return q.fail(ErrForbidden, clean(refused[0].err, q.config), fmt.Sprintf(
			"grant that user the verb list on %s with a ClusterRole", strings.Join(refused.resources(), ", ")))
	case apierrors.IsUnauthorized(err), isTLSRejection(err):
		return rejected(q)
	case strings.HasPrefix(seen, credentialPlugin):
		return q.fail(ErrUnauthorized, seen, "make the credential command in "+where+" work for this user")
	case errors.As(err, &invalid):
		return untrusted(invalid.Err, q)
	case os.IsTimeout(err) || errors.Is(err, context.DeadlineExceeded):
		return q.fail(ErrUnreachable, "nothing within the time limit", "check the API server and the network to it")
	case isPassing(err):
		return q.fail(ErrUnreachable, seen, "check the API server and the network to it")
	}
	return q.fail(ErrAnswer, seen, "check the server URL in "+where)
}

// credentialPlugin begins client-go's untyped error about a command that
// should have printed credentials.
const credentialPlugin = "getting credentials: "

// fail is the form all explanations have.
func (q question) fail(kind error, seen, mend string) error {
	return fmt.Errorf("%w: %s: %s; %s", kind, serverOf(q.config), seen, mend)
}

// isPassing reports whether the same question may well be answered later: the
// network failed, the API is overloaded, or it forgets faster than it tells.
func isPassing(err error) bool {
	var (
		request *url.Error
		network net.Error
		status  apierrors.APIStatus
	)
	if errors.As(err, &status) {
		code := status.Status().Code
		return code == http.StatusTooManyRequests || code == http.StatusGone || code >= http.StatusInternalServerError
	}
	return errors.As(err, &request) || errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF)
}

// isTLSRejection reports whether the server broke the handshake off, as one
// does that insists on a valid client certificate.
func isTLSRejection(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

// rejected says why credentials may not have been accepted. An API server
// answers an expired client certificate with a plain 401, so the certificate
// is looked at here.
func rejected(q question) error {
	where := nameOf(q.source)
	certificate := clientCertificate(q.config)
	switch {
	case certificate != nil && q.now.After(certificate.NotAfter):
		return q.fail(ErrCertificate, fmt.Sprintf("the client certificate of %q expired at %s",
			certificate.Subject.CommonName, certificate.NotAfter.UTC().Format(time.RFC3339)),
			"renew it and copy the new kubeconfig to "+where)
	case certificate != nil && q.now.Before(certificate.NotBefore):
		return q.fail(ErrCertificate, fmt.Sprintf("the client certificate of %q is valid only from %s",
			certificate.Subject.CommonName, certificate.NotBefore.UTC().Format(time.RFC3339)),
			"set the clock of this host right")
	case certificate != nil:
		return q.fail(ErrUnauthorized, fmt.Sprintf("it rejects the client certificate of %q", certificate.Subject.CommonName),
			where+" may be of another cluster; copy it anew")
	case q.config.BearerToken != "":
		return q.fail(ErrUnauthorized, "it rejects the token", "put a valid one into "+where)
	}
	return q.fail(ErrUnauthorized, "it asks for credentials", "put valid ones into "+where)
}

// clientCertificate is the certificate with which bkplan presents itself, nil
// when it has none that can be read.
func clientCertificate(config *rest.Config) *x509.Certificate {
	data := config.CertData
	if len(data) == 0 && config.CertFile != "" {
		data, _ = os.ReadFile(config.CertFile)
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil
	}
	return certificate
}

// untrusted says why the server's certificate does not pass.
func untrusted(err error, q question) error {
	where := nameOf(q.source)
	var (
		authority x509.UnknownAuthorityError
		invalid   x509.CertificateInvalidError
		host      x509.HostnameError
	)
	switch {
	case errors.As(err, &authority):
		return q.fail(ErrCertificate, "the server's certificate is not signed by the authority in "+where,
			"the server may be another cluster; copy the kubeconfig anew")
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return q.fail(ErrCertificate, "the server's certificate has expired or is not valid yet: "+clean(invalid, q.config),
			"renew it on the cluster, or set the clock of this host right")
	case errors.As(err, &host):
		return q.fail(ErrCertificate, "the server's certificate is for another name: "+clean(host, q.config),
			"correct the server URL in "+where)
	}
	return q.fail(ErrCertificate, clean(err, q.config), "renew the server's certificate")
}

// maxDetail bounds, in bytes, what is repeated of somebody else's words.
const maxDetail = 300

// clean makes one printable line of an error, without the URL that client-go
// puts in front and without the credentials of config, which may be nil.
func clean(err error, config *rest.Config) string {
	var urlErr *url.Error
	if errors.As(err, &urlErr) {
		err = urlErr.Err
	}
	text := err.Error()
	if config != nil {
		for _, secret := range []string{config.BearerToken, config.Password, string(config.KeyData)} {
			if secret != "" {
				text = strings.ReplaceAll(text, secret, "<removed>")
			}
		}
	}
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxDetail {
		text = strings.ToValidUTF8(text[:maxDetail], "") + "…"
	}
	return text
}
