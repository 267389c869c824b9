// Command pfsense is the HTTPS half of the lab's pfSense: its REST API as far as
// bkplan asks it, which is for config.xml. The other half is an ordinary sshd.
//
// The configuration and the key are read anew for each request, so that a scenario
// may change them at any time. Start at main; serveConfig is the only handler.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

func main() {
	address := flag.String("listen", "127.0.0.1:443", "where to serve; loopback only")
	config := flag.String("config", "config.xml", "the configuration")
	key := flag.String("key", "api-key", "file of the key that a client must show")
	trust := flag.String("certificate", "ca.pem", "file to write the server's certificate to, for the client to trust")
	flag.Parse()
	log.Fatal(serve(*address, *config, *key, *trust))
}

func serve(address, config, key, trust string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("parse address: %w", err)
	}
	certificate, err := selfSigned(host)
	if err != nil {
		return err
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]})
	if err := os.WriteFile(trust, block, 0o644); err != nil {
		return fmt.Errorf("write certificate: %w", err)
	}
	server := http.Server{
		Addr: address, Handler: serveConfig(config, key), ReadHeaderTimeout: 10 * time.Second,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}},
	}
	return server.ListenAndServeTLS("", "")
}

// serveConfig answers a GET of any path with config.xml, base64 in JSON, when the
// client shows the key.
func serveConfig(config, key string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			answer(w, http.StatusMethodNotAllowed, nil)
			return
		}
		want, err := os.ReadFile(key)
		if err != nil || !shown(r, strings.TrimSpace(string(want))) {
			answer(w, http.StatusUnauthorized, nil)
			return
		}
		content, err := os.ReadFile(config)
		if err != nil {
			answer(w, http.StatusInternalServerError, nil)
			return
		}
		answer(w, http.StatusOK, content)
	})
}

// shown says whether the request carries the key, as a key of the API's second
// version or as a token of its first.
func shown(r *http.Request, key string) bool {
	for _, value := range []string{r.Header.Get("X-API-Key"), r.Header.Get("Authorization")} {
		if key != "" && subtle.ConstantTimeCompare([]byte(value), []byte(key)) == 1 {
			return true
		}
	}
	return false
}

// reply is what the API wraps its answers in. A []byte is base64 in JSON.
type reply struct {
	Status  string `json:"status"`
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    struct {
		Config []byte `json:"config,omitempty"`
	} `json:"data"`
}

func answer(w http.ResponseWriter, code int, config []byte) {
	body := reply{Status: strings.ToLower(http.StatusText(code)), Code: code, Message: http.StatusText(code)}
	body.Data.Config = config
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		log.Print(err)
	}
}

// selfSigned makes a certificate for an address, good for many years around now:
// the lab's clock moves.
func selfSigned(host string) (tls.Certificate, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make key: %w", err)
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "pfSense of the lab"},
		NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if address := net.ParseIP(host); address != nil {
		template.IPAddresses = []net.IP{address}
	} else {
		template.DNSNames = []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, private.Public(), private)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("parse certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private, Leaf: leaf}, nil
}
