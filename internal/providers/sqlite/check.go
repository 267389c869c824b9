package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// check holds a database against SQLite's integrity_check: a corruption when
// that finds something. Tables whose collations or functions only their own
// application has cannot be checked like that: they are read through, and noted.
func check(ctx context.Context, file, mode string) (notes []string, err error) {
	err = use(ctx, file, mode, func(connection *sql.Conn) error {
		err := integrity(ctx, connection, fmt.Sprintf("PRAGMA integrity_check(%d)", maxFindings))
		if isUnknown(err) && !isForeign(err) {
			notes, err = checkTables(ctx, connection)
		}
		return err
	})
	return notes, err
}

// integrity runs one check. On what it finds it may stumble itself; what it told
// before that counts.
func integrity(ctx context.Context, connection *sql.Conn, pragma string) error {
	lines, err := texts(ctx, connection, pragma)
	if err != nil && (len(lines) == 0 || ctx.Err() != nil) {
		return fmt.Errorf("check integrity: %w", err)
	}
	if err == nil && len(lines) == 1 && lines[0] == "ok" {
		return nil
	}
	var findings []string
	for _, line := range strings.Split(strings.Join(lines, "\n"), "\n") {
		if !strings.HasPrefix(line, "***") && len(findings) < maxFindings {
			findings = append(findings, printable(line))
		}
	}
	return &corruption{findings}
}

// checkTables checks table by table. What is in no table is not looked at: lost
// pages, the list of free ones.
func checkTables(ctx context.Context, connection *sql.Conn) (notes []string, err error) {
	tables, err := texts(ctx, connection, "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 ORDER BY name")
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	for _, table := range tables {
		name := `"` + strings.ReplaceAll(table, `"`, `""`) + `"`
		err := integrity(ctx, connection, "PRAGMA integrity_check("+name+")")
		if !isUnknown(err) {
			if err != nil {
				return nil, err
			}
			continue
		}
		note := fmt.Sprintf("table %s was read but not checked: %v", printable(table), err)
		if _, err := texts(ctx, connection, "SELECT count(*) FROM "+name+" NOT INDEXED"); err != nil {
			return nil, fmt.Errorf("read table %s: %w", printable(table), err)
		}
		notes = append(notes, note)
	}
	return notes, nil
}

// texts are the values of a query's only column, as many as came before an
// error.
func texts(ctx context.Context, connection *sql.Conn, query string) ([]string, error) {
	rows, err := connection.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	var values []string
	for err == nil && rows.Next() {
		var value string
		if err = rows.Scan(&value); err == nil {
			values = append(values, value)
		}
	}
	return values, cmp.Or(err, rows.Err(), rows.Close())
}
