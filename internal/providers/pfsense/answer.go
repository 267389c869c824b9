package pfsense

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bkplan/bkplan/internal/execx"
)

// decodeAnswer finds the base64 of a file of XML in the JSON of an answer: it
// is data itself, or the one member of data that is.
func decodeAnswer(body []byte, key apiKey) ([]byte, error) {
	var answer struct {
		Data json.RawMessage `json:"data"`
	}
	switch err := json.Unmarshal(body, &answer); {
	case err != nil && bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")):
		return nil, errors.New("the answer is a web page and no JSON, perhaps to log in: " + key.excerpt(string(body)))
	case err != nil:
		return nil, errors.New("the answer is no JSON object: " + key.excerpt(err.Error()))
	case len(answer.Data) == 0 || bytes.Equal(answer.Data, []byte("null")):
		return nil, errors.New("the answer has no data")
	}
	var text string
	if json.Unmarshal(answer.Data, &text) == nil {
		return decodeBase64(text)
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(answer.Data, &members) != nil {
		return nil, errors.New("data in the answer is neither a text nor an object" + otherWay)
	}
	return decodeMember(members, key)
}

// otherWay ends the errors about an API that has no file to give.
const otherWay = "; give the URL of an endpoint that answers with the base64 of config.xml, or leave the api out to fetch it by ssh"

// decodeMember finds the one member that is base64 of XML.
func decodeMember(members map[string]json.RawMessage, key apiKey) ([]byte, error) {
	var (
		found []byte
		names []string
	)
	for _, name := range slices.Sorted(maps.Keys(members)) {
		var text string
		if json.Unmarshal(members[name], &text) != nil {
			continue
		}
		if file, err := decodeBase64(text); err == nil {
			names, found = append(names, execx.Escape(name)), file
		}
	}
	switch len(names) {
	case 1:
		return found, nil
	case 0:
		return nil, fmt.Errorf("data in the answer has no base64 of XML, only: %s%s", key.excerpt(strings.Join(slices.Sorted(maps.Keys(members)), ", ")), otherWay)
	}
	return nil, fmt.Errorf("data in the answer has more than one file: %s", key.excerpt(strings.Join(names, ", ")))
}

// decodeBase64 decodes a text, in lines or not, to something that begins as XML
// does. Its errors hold nothing of the text.
func decodeBase64(text string) ([]byte, error) {
	file, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil {
		return nil, errors.New("data in the answer is not base64")
	}
	if !bytes.HasPrefix(bytes.TrimSpace(file), []byte("<")) {
		return nil, errors.New("data in the answer is base64, but not of XML")
	}
	return file, nil
}
