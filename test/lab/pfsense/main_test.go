package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

func TestConfigIsServedToWhoShowsTheKey(t *testing.T) {
	folder := t.TempDir()
	config, key := filepath.Join(folder, "config.xml"), filepath.Join(folder, "key")
	for file, content := range map[string]string{config: "<pfsense/>", key: "open sesame\n"} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	handler := serveConfig(config, key)
	for _, c := range []struct {
		method, header, value string
		code                  int
		config                string
	}{
		{http.MethodGet, "X-API-Key", "open sesame", http.StatusOK, "<pfsense/>"},
		{http.MethodGet, "Authorization", "open sesame", http.StatusOK, "<pfsense/>"},
		{http.MethodGet, "X-API-Key", "open", http.StatusUnauthorized, ""},
		{http.MethodGet, "X-API-Key", "", http.StatusUnauthorized, ""},
		{http.MethodPost, "X-API-Key", "open sesame", http.StatusMethodNotAllowed, ""},
	} {
		request := httptest.NewRequest(c.method, "/api/v2/config", nil)
		request.Header.Set(c.header, c.value)
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, request)
		var got reply
		if err := json.Unmarshal(recorder.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if recorder.Code != c.code || got.Code != c.code || string(got.Data.Config) != c.config {
			t.Errorf("%s with %s %q: %d %+v, want %d %q", c.method, c.header, c.value, recorder.Code, got, c.code, c.config)
		}
	}
}

func TestNobodyWithoutAKey(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config.xml")
	if err := os.WriteFile(config, []byte("<pfsense/>"), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{empty, empty + ".missing"} {
		recorder := httptest.NewRecorder()
		serveConfig(config, key).ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/", nil))
		if recorder.Code != http.StatusUnauthorized {
			t.Errorf("status %d, want %d", recorder.Code, http.StatusUnauthorized)
		}
	}
}

func TestCertificateNamesTheAddress(t *testing.T) {
	for _, host := range []string{"10.0.20.1", "pfsense.lan"} {
		certificate, err := selfSigned(host)
		if err != nil {
			t.Fatal(err)
		}
		if err := certificate.Leaf.VerifyHostname(host); err != nil {
			t.Error(err)
		}
	}
}
