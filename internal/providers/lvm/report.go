package lvm

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// volumeColumns are the columns of lvs that a volumeRow has.
const volumeColumns = "lv_name,lv_uuid,lv_layout,pool_lv,origin,origin_uuid,lv_size,lv_metadata_size," +
	"lv_active,lv_device_open,lv_skip_activation,lv_tags,lv_time,thin_id,data_percent,metadata_percent,lv_health_status"

// volumeRow is a logical volume as lvs prints it.
type volumeRow struct {
	Name            string `json:"lv_name"`
	UUID            string `json:"lv_uuid"`
	Layout          string `json:"lv_layout"`
	Pool            string `json:"pool_lv"`
	Origin          string `json:"origin"`
	OriginUUID      string `json:"origin_uuid"`
	Size            string `json:"lv_size"`
	MetadataSize    string `json:"lv_metadata_size"`
	Active          string `json:"lv_active"`
	Open            string `json:"lv_device_open"`
	SkipActivation  string `json:"lv_skip_activation"`
	Tags            string `json:"lv_tags"`
	Time            string `json:"lv_time"`
	ThinID          string `json:"thin_id"`
	DataPercent     string `json:"data_percent"`
	MetadataPercent string `json:"metadata_percent"`
	Health          string `json:"lv_health_status"`
}

// groupRow is a volume group as vgs prints it.
type groupRow struct {
	Name string `json:"vg_name"`
	UUID string `json:"vg_uuid"`
}

// readVolumes takes the report of lvs apart. Columns it does not know are
// passed over.
func readVolumes(stdout []byte) ([]volumeRow, error) {
	var document struct {
		Report []struct {
			Rows []volumeRow `json:"lv"`
		} `json:"report"`
	}
	if err := readReport(stdout, &document); err != nil {
		return nil, err
	}
	if len(document.Report) != 1 || document.Report[0].Rows == nil {
		return nil, fmt.Errorf("it has no list of logical volumes: %s", excerpt(stdout))
	}
	return document.Report[0].Rows, nil
}

// readGroups takes the report of vgs apart.
func readGroups(stdout []byte) ([]groupRow, error) {
	var document struct {
		Report []struct {
			Rows []groupRow `json:"vg"`
		} `json:"report"`
	}
	if err := readReport(stdout, &document); err != nil {
		return nil, err
	}
	if len(document.Report) != 1 || document.Report[0].Rows == nil {
		return nil, fmt.Errorf("it has no list of volume groups: %s", excerpt(stdout))
	}
	return document.Report[0].Rows, nil
}

func readReport(stdout []byte, into any) error {
	if len(stdout) == 0 {
		return errors.New("nothing was printed")
	}
	err := json.Unmarshal(stdout, into)
	if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
		return fmt.Errorf("at byte %d, %w: %s", syntax.Offset, err, excerpt(stdout[max(0, min(int(syntax.Offset), len(stdout))-40):]))
	}
	if err != nil {
		return fmt.Errorf("%w: %s", err, excerpt(stdout))
	}
	return nil
}

// excerpt is the beginning of what a program printed, safe to print.
func excerpt(text []byte) string {
	const most = 80
	if len(text) > most {
		return strconv.Quote(string(text[:most])) + "…"
	}
	return strconv.Quote(string(text))
}
